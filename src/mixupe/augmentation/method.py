"""What a method is: one class, whose file says all that the framework must know of it (docs/extend.md)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

from mixupe.augmentation import checks
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Name of the mix point that is the model's input.
INPUT = "input"

Model: TypeAlias = "Callable[[Any], Tensor]"


@dataclass(frozen=True)
class Style:
    """How a method, or a value of a setting, is drawn: told apart by the marker where there is no colour."""

    colour: str
    marker: str
    line: Literal["-", "--", "-.", ":"]


@dataclass(frozen=True)
class StackPlan:
    """A method's loss in the terms in which several runs are computed at once (`mixupe.training.stacked_loss`).

    Attributes:
        alpha: of Beta(alpha, alpha); None where nothing is mixed.
        mix_at: mix points among which each batch chooses one.
        passes: of a step through the network, in order: whether it is a mixed one.
        joint: whether the mixed pass goes over the blended batch followed by the batch as it is.
        weight: of MixupE's penalty, eta c; None for a loss without it.
        variant, threshold, x_mean: of that penalty.
        beside: weight of the mixed loss beside the plain loss of the clean pass; None where the mixed loss stands alone.
        nearer_label: whether the target is the label of the example with the greater share, instead of both.
        smoothing: share of each target that goes to all classes alike.
    """

    alpha: float | None = None
    mix_at: tuple[str, ...] = ()
    passes: tuple[bool, ...] = (False,)
    joint: bool = False
    weight: float | None = None
    variant: str = "approximate"
    threshold: float = 0.0
    x_mean: Tensor | None = None
    beside: float | None = None
    nearer_label: bool = False
    smoothing: float = 0.0


class Method(ABC):
    """The loss of one batch, and what goes with it.

    The arguments of `__init__` are the keys of the method's config, checked by their type hints and by what `__init__`
    raises; but for `criterion` and `x_mean` (the training-set mean input), which come from elsewhere. A mix point is an
    argument `mix_at: str`, several are `mix_at: Sequence[str]`; both may be `auto` in a config. Values of an argument
    `variant` compete for a best setting of their own in a search.

    A method that gives `stack_plan(self) -> StackPlan` is trained with others at once. What a class inherits of that, and
    of `name` and `style`, does not count: it need not hold for what the class has changed.

    Attributes:
        name: of the config and in tables; only the methods of this package have one.
        style: how it is drawn; None where figures choose.
        domains: of the data that it takes.
        later: arguments that came later than records that count; their default stands for what was done before them, and
            is no part of a run's identity.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """

    name: ClassVar[str]
    style: ClassVar[Style | None] = None
    domains: ClassVar[tuple[str, ...]] = ("images", "tabular", "speech", "graphs")
    later: ClassVar[tuple[str, ...]] = ()

    def __init__(self, criterion: Criterion = cross_entropy) -> None:
        checks.check_criterion(criterion)
        self.criterion = criterion

    @abstractmethod
    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        """The loss of one batch.

        Args:
            model: maps x to logits (B, K).
            x: (B, ...) float, or anything else the model takes (graphs).
            y: (B,) int64 class indices or (B, K) probabilities.
            generator: where all that is drawn comes from; on the CPU. None takes torch's global one.
        """

    def learn(self, train: Any, spec: Any) -> None:  # noqa: B027 - most need not
        """Look at the training part (a `Split`) and what a model is told of the data (a `DataSpec`), before training."""

    @property
    def mix_points(self) -> tuple[str, ...]:
        """Every mix point it may use; none for training without mixing."""
        mix_at = getattr(self, "mix_at", ())
        return (mix_at,) if isinstance(mix_at, str) else tuple(mix_at)

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:  # noqa: ARG002 - most have none
        """Why a run of this method, as it is set, cannot be trained with others at once, with trainer.compile=true, or by
        several processes; None where it can. The end of a line for the user, which names the key.
        """
        return None

    def pass_over(self, batches: int) -> None:  # noqa: B027 - most do not count
        """Take so many batches as called, which another process is at."""

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run must know."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:  # noqa: B027 - most have none
        """Go on from there."""


def stack_plan(method: object) -> StackPlan | None:
    """Its plan, or None where its class gives none: what a class derived from another changes, a stack would not follow."""
    plan = vars(type(method)).get("stack_plan")
    return None if plan is None else cast(Callable[[object], StackPlan], plan)(method)
