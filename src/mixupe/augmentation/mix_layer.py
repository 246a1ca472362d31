"""Where two examples are interpolated: the model's input, or the input of any of its modules.

One mechanism for all domains. The model knows nothing of it: a forward pre-hook on the named module interpolates what flows
into it. Graphs, which have no common shape, are interpolated at the classifier head, whose input is the readout.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from mixupe.augmentation.call import Call
from mixupe.augmentation.call import Model as Model
from mixupe.augmentation.checks import check_batch_dim, check_mix_at
from mixupe.augmentation.flow import Flow, run
from mixupe.augmentation.output import logits_of
from mixupe.augmentation.place import INPUT as INPUT
from mixupe.augmentation.place import Place, find
from mixupe.augmentation.second_order import differentiable_by, twice_differentiable_kernels


def interpolate(x: Tensor, lam: Tensor, perm: Tensor) -> Tensor:
    """lam x + (1 - lam) x[perm] for x of shape (B, ...) and lam 0-d or (B,), in x's dtype."""
    lam = lam.to(x.dtype)
    return torch.lerp(x[perm], x, lam if lam.dim() == 0 else lam.reshape(-1, *[1] * (x.dim() - 1)))


class MixLayer:
    """The mixed and the clean pass of one batch through `model`, interpolated at `name`.

    Args:
        model: maps inputs to logits (B, K); a Call where it is called in a way of its own. Must be an nn.Module unless
            name is `input`.
        name: `input` or the dotted name of a module; what flows into that module is interpolated.
        batch_dim: axis of examples in what is interpolated. None is the first; at a module it is refused where the batch has
            as many examples as steps and parts of the model have batch_first=False.
        of_classes: whether the model returns (B, K), or anything of B rows.

    Raises:
        ValueError: there is no such module (the message names some that exist), or torch.compile would not see the hook.
    """

    def __init__(self, model: Model, name: str = INPUT, batch_dim: int | None = None, of_classes: bool = True) -> None:
        check_mix_at(name)
        check_batch_dim(batch_dim)
        self.call = Call.of(model)
        self.name = name
        self._axis = batch_dim or 0
        self._of_classes = of_classes
        self._place: Place | None = None
        self._mixed: Flow | None = None
        if name != INPUT:
            self._place = find(self.call.model, name, batch_dim)

    def mixed_logits(
        self, x: Any, lam: Tensor, perm: Tensor, after: Callable[[Tensor], Tensor] = lambda h: h
    ) -> Tensor:
        """Logits (B, K) of the interpolated batch; `after` is what happens to what has been interpolated, (B, ...)."""
        batch = len(perm)
        interpolated = self._along(lambda h: after(interpolate(h, lam, perm)))
        merged = self.call.merged(x, perm)
        if self._place is None:
            output = self.call(interpolated(self._checked_input(merged, batch)))
        else:
            # A model may change its input in place, or take parts out of it, and a clean pass follow.
            own = tree_map_only(Tensor, Tensor.clone, merged)
            allow_others = self.call.merge is not None
            output, self._mixed = run(lambda: self.call(own), self._place, batch, interpolated, allow_others)
        return logits_of(output, batch, self._of_classes)

    def clean_pass(self, x: Any, batch: int, differentiable: bool) -> tuple[Tensor, Tensor]:
        """Logits (B, K) of the batch as it is, and what flowed into the mix layer, (B, ...).

        Where the named module is the model's last one (a classifier head), the representation of the mixed pass is
        reused and only the head runs again, unless its weights are there only while a module around it runs (FSDP).
        `differentiable`: the logits can be differentiated by that flow, twice, which costs a backward pass through the
        first layer.
        """
        seen: list[Tensor] = []

        def start(h: Tensor) -> Tensor:
            seen.append(_origin(h, differentiable))
            return seen[0].clone() if differentiable else h  # which the model may change in place

        started = self._along(start)
        with _kernels(differentiable):
            if self._place is None:
                output = self.call.again(started(self._checked_input(x, batch)))
            elif self._mixed is not None and self._mixed.is_last and self.call.merge is None and self._place.runs_alone:
                args, named = self._mixed.arguments(started(self._mixed.h))
                output = self._place.module(*args, **named)
            else:
                output, _ = run(lambda: self.call.again(x), self._place, batch, started, allow_others=True)
        return logits_of(output, batch, self._of_classes), seen[0]

    def joint_pass(self, x: Any, lam: Tensor, perm: Tensor, differentiable: bool) -> tuple[Tensor, Tensor, Tensor]:
        """One pass over the interpolated batch followed by the batch as it is: logits (B, K) of each, and the latter's flow.

        For mixing at the input alone; `differentiable` as in `clean_pass`.
        """
        assert self._place is None
        examples = self._checked_input(x, len(perm)).movedim(self._axis, 0)
        h = _origin(examples, differentiable)
        with _kernels(differentiable):
            output = self.call(torch.cat([interpolate(examples, lam, perm), h]).movedim(0, self._axis))
        interpolated, clean = logits_of(output, 2 * len(perm), self._of_classes).tensor_split(2)
        return interpolated, clean, h

    def _along(self, change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A change of (B, ...), of what has its examples along another axis."""
        axis = self._axis
        return change if axis == 0 else lambda h: change(h.movedim(axis, 0)).movedim(0, axis)

    def _checked_input(self, x: Any, batch: int) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"x: must be a floating-point tensor to be mixed at the input, got {type(x).__name__}; others can be mixed"
                " at a module named with mix_at (graphs: the classifier head; tokens: after the embedding), and of a dict"
                " forward can be given the rest: forward=lambda model, v: model(**{**rest, 'pixel_values': v})"
            )
        if not x.is_floating_point():
            raise ValueError(
                f"x: must be a floating-point tensor to be mixed, got {x.dtype}; tokens can be mixed after the embedding,"
                " at a module named with mix_at"
            )
        if x.dim() <= self._axis or x.shape[self._axis] != batch:
            axis = "first axis" if self._axis == 0 else f"axis {self._axis}"
            raise ValueError(f"x: must hold {batch} examples along its {axis} as y does, got shape {tuple(x.shape)}")
        return x


def logits_mixed_at(model: Model, x: Any, lams: Mapping[str, Tensor], perm: Tensor) -> Tensor:
    """Logits (B, K) of a batch interpolated at several mix layers, at each with the lam, 0-d or (B,), given for it."""
    with ExitStack() as passes:
        for name, lam in lams.items():
            if name == INPUT:
                x = interpolate(x, lam, perm)
            else:
                interpolating = partial(_interpolated_arguments, lam=lam, perm=perm)
                module = find(model, name, batch_dim=None).module
                passes.callback(module.register_forward_pre_hook(interpolating).remove)
        return logits_of(model(x), len(perm))


def _interpolated_arguments(_module: nn.Module, args: tuple[Any, ...], lam: Tensor, perm: Tensor) -> tuple[Any, ...]:
    return interpolate(args[0], lam, perm), *args[1:]


def _origin(h: Tensor, differentiable: bool) -> Tensor:
    return differentiable_by(h) if differentiable else h


def _kernels(differentiable: bool) -> AbstractContextManager[object]:
    return twice_differentiable_kernels() if differentiable else nullcontext()
