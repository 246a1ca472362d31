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
    """A method's `__call__` in two parts, for several runs at once (`mixupe.training.vmapped`).

    Attributes:
        loss: (model, x, y, *drawn, *constants) -> the loss of one run. torch.vmap has it stand for several, so it reads no
            value of a tensor and draws nothing.
        draw: (B, generator) -> all that `__call__` draws for a batch, in its order: tensors on the CPU.
        constants: tensors of what may differ between runs: made of alpha, eta and x_mean.
    """

    loss: Callable[..., MixedLoss]
    draw: Callable[[int, torch.Generator | None], tuple[Tensor, ...]] = lambda _batch, _generator: ()
    constants: tuple[Tensor, ...] = ()


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
