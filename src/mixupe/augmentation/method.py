"""What a method is: one class, whose file says all that the framework must know of it (docs/extend.md)."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor, nn

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Forward, Merge, Model
from mixupe.augmentation.draw import draw_of, lam_of
from mixupe.augmentation.generator import of_this_process
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.targets import checked_targets


@dataclass(frozen=True)
class Style:
    """How a method, or a value of a setting, is drawn: told apart by the marker where there is no color."""

    color: str
    marker: str
    line: Literal["-", "--", "-.", ":"]


@dataclass(frozen=True)
class StackPlan:
    """A method's `loss` in two parts, for several runs at once (`mixupe.training.vmapped`).

    Attributes:
        loss: (model, x, y, *drawn, *constants) -> the loss of one run. torch.vmap has it stand for several, so it reads no
            value of a tensor and draws nothing.
        draw: (B, generator) -> all that `loss` draws for a batch, in its order: tensors of any shape on the CPU.
        constants: tensors of what may differ between runs: made of alpha, eta (0-d) and x_mean.
    """

    loss: Callable[..., MixedLoss]
    draw: Callable[[int, torch.Generator | None], tuple[Tensor, ...]] = lambda _batch, _generator: ()
    constants: tuple[Tensor, ...] = ()


def mix_plan(alpha: float, loss: Callable[..., MixedLoss], *constants: Tensor) -> StackPlan:
    """Of a method that draws a 0-d lam ~ Beta(alpha, alpha) and perm (B,): loss(call, x, y, lam, perm, *constants)."""

    def of_run(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
        uniform, gamma, perm, own_alpha, *others = drawn
        return loss(Call.of(model), x, y, lam_of(uniform, gamma, own_alpha), perm, *others)

    return StackPlan(of_run, draw_of(alpha), (torch.tensor(alpha, dtype=torch.float64), *constants))


class Method(nn.Module, ABC):
    """The loss of one batch, and what goes with it.

    A module: what it keeps from batch to batch is in its `state_dict`, and so in that of a module that it is part of. It
    keeps nothing elsewhere, so that threads with a method each do not meet.

    The arguments of `__init__` are the keys of the method's config, checked by their type hints and by what `__init__`
    raises; but for `criterion`, `x_mean` (the training-set mean input) and `batch_dim`, which come from elsewhere. Each is
    kept as an attribute of its name. A mix layer is an argument `mix_at: str`, several are `mix_at: Sequence[str]`; both
    may be `auto` in a config. Values of an argument `variant` compete for a best setting of their own in a search.

    A method that gives `stack_plan(self) -> StackPlan` is trained with others at once. What a class inherits of that, and
    of `name` and `style`, does not count: it need not hold for what the class has changed.

    Attributes:
        name: of the config and in tables; only the methods of this package have one.
        style: how it is drawn; None where figures choose.
        domains: of the data that it takes.
        later: arguments that came later than records that count; their default stands for what was done before them, and
            is no part of a run's identity.
        draws: whether it draws anything.
        of_classes: whether it takes class indices and probabilities alone, whatever the criterion takes.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """

    name: ClassVar[str]
    style: ClassVar[Style | None] = None
    domains: ClassVar[tuple[str, ...]] = ("images", "tabular", "speech", "graphs")
    later: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[bool] = True
    of_classes: ClassVar[bool] = False

    def __init__(self, criterion: Criterion = cross_entropy) -> None:
        super().__init__()
        checks.check_criterion(criterion)
        self.criterion = criterion

    def __call__(
        self,
        model: Model,
        x: Any,
        y: Tensor,
        *,
        generator: torch.Generator | None = None,
        forward: Forward | None = None,
        merge: Merge | None = None,
    ) -> MixedLoss:
        """The loss of one batch.

        Args:
            model: maps x to logits (B, K), or to an output that holds them.
            x: (B, ...) float, or anything else the model takes (graphs).
            y: (B,) int64 class indices or (B, K) probabilities; what else the criterion takes.
            generator: where all that is drawn comes from; on the CPU. None takes torch's global one, and in several
                processes (torch.distributed) one for each (`mixupe.augmentation.generator`).
            forward: (model, x) -> output, where the model is not called as model(x) (`lambda model, x: model(**x)`).
            merge: (x, perm) -> what the mixed pass gets in place of x, for what belongs to both partners, such as a mask;
                without effect where nothing is mixed.

        Raises:
            ValueError: an argument is wrong; the message names it.
        """
        checks.check_generator(generator)
        call = Call.of(model, forward, merge)
        y = checked_targets(y, cross_entropy if self.of_classes else self.criterion)
        return self.loss(call, x, y, of_this_process(generator) if self.draws else generator)

    @abstractmethod
    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        """What the method does: `__call__` with the model as it is to be called, call(x) -> (B, K), and with y checked."""

    def learn(self, train: Any, spec: Any) -> None:
        """Look at the training part (a `Split`) and what a model is told of the data (a `DataSpec`), before training."""

    @property
    def mix_layers(self) -> tuple[str, ...]:
        """Every mix layer it may use; none for training without mixing."""
        mix_at = getattr(self, "mix_at", ())
        return (mix_at,) if isinstance(mix_at, str) else tuple(mix_at)

    def obstacle(self, to: Literal["stack", "compile", "processes"]) -> str | None:  # noqa: ARG002 - most have none
        """Why a run of this method, as it is set, cannot be trained with others at once, with trainer.compile=true, or by
        several processes; None where it can. The end of a line for the user, which names the key.
        """
        return None

    def pass_over(self, batches: int) -> None:
        """Take so many batches as called, which another process is at."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's signature
        """The arguments that make a method like this one, as scikit-learn's `clone` and searches ask for them."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **changed: Any) -> Self:
        """Change arguments by name, all or none; what the method keeps from batch to batch stays.

        Raises:
            ValueError: there is no such argument, or its value is wrong.
        """
        params = self.get_params()
        unknown = next((name for name in changed if name not in params), None)
        if unknown is not None:
            raise ValueError(f"{unknown}: is no argument of {type(self).__name__}, allowed are {', '.join(params)}")
        checked = type(self)(**{**params, **changed})
        for name in changed:
            if isinstance(getattr(self, name), nn.Module):
                delattr(self, name)  # torch puts nothing but a module in a module's place
            setattr(self, name, getattr(checked, name))
        return self

    def extra_repr(self) -> str:
        """The arguments; nn.Module shows a criterion that is a module itself."""
        shown = {name: value for name, value in self.get_params().items() if not isinstance(value, nn.Module)}
        return ", ".join(f"{name}={_shown(value)}" for name, value in shown.items())

    def _not_at_default(self, *names: str) -> str | None:
        """Why not to stack, for the first of these arguments that has another value than its default."""
        defaults = inspect.signature(type(self)).parameters
        name = next((name for name in names if getattr(self, name) != defaults[name].default), None)
        return None if name is None else f"augmentation.{name} is not at its default"


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"tensor{tuple(value.shape)}"
    return getattr(value, "__name__", repr(value)) if callable(value) else repr(value)


def stack_plan(method: object) -> StackPlan | None:
    """Its plan, or None where its class gives none: what a class derived from another changes, a stack would not follow."""
    plan = vars(type(method)).get("stack_plan")
    return None if plan is None else cast(Callable[[object], StackPlan], plan)(method)
