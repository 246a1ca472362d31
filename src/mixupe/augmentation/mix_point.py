"""Where two examples are blended: the model's input, or the input of any of its modules.

One mechanism for all domains. The model knows nothing of it: a forward pre-hook on the named module blends what flows
into it. Graphs, which have no common shape, are blended at the classifier head, whose input is the readout.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.checks import check_mix_at
from mixupe.augmentation.compiler import is_compiled, is_compiled_in_place, refuse_in_compiled
from mixupe.augmentation.flow import Flow, run
from mixupe.augmentation.loss import logits_of
from mixupe.augmentation.method import INPUT, Model
from mixupe.augmentation.second_order import differentiable_by, twice_differentiable_kernels

__all__ = ["INPUT", "MixPoint", "Model", "blend", "mixable_modules"]


def blend(x: Tensor, lam: Tensor, perm: Tensor) -> Tensor:
    """lam x + (1 - lam) x[perm] for x of shape (B, ...), in x's dtype."""
    return torch.lerp(x[perm], x, lam.to(x.dtype))


def mixable_modules(model: nn.Module) -> list[str]:
    """Names that `mix_at` can take, `input` first."""
    return [INPUT, *(name for name, _ in model.named_modules() if name)]


class MixPoint:
    """The mixed and the clean pass of one batch through `model`, blended at `name`.

    Args:
        model: maps inputs to logits (B, K). Must be an nn.Module unless name is `input`.
        name: `input` or the dotted name of a module; what flows into that module is blended.

    Raises:
        ValueError: there is no such module (the message lists those that exist), or torch.compile would not see the hook.
    """

    def __init__(self, model: Model, name: str = INPUT) -> None:
        check_mix_at(name)
        self.model = model
        self.name = name
        self._module: nn.Module | None = None
        self._mixed: Flow | None = None
        if name != INPUT:
            self._module = _module_at(model, name)

    def mixed_logits(self, x: Any, lam: Tensor, perm: Tensor) -> Tensor:
        """Logits (B, K) of the blended batch."""
        if self._module is None:
            _check_input(x, len(perm))
            return logits_of(self.model(blend(x, lam, perm)), len(perm))
        own = (
            x.clone() if isinstance(x, Tensor) else x
        )  # a model may change its input in place, and a clean pass follow
        output, self._mixed = self._run(own, lambda h: blend(h, lam, perm), len(perm))
        return logits_of(output, len(perm))

    def clean_pass(self, x: Any, batch: int, differentiable: bool) -> tuple[Tensor, Tensor]:
        """Logits (B, K) of the batch as it is, and what flowed into the mix point, (B, ...).

        Where the named module is the model's last one (a classifier head), the representation of the mixed pass is
        reused and only the head runs again. `differentiable`: the logits can be differentiated by that flow, twice,
        which costs a backward pass through the first layer.
        """
        seen: list[Tensor] = []

        def start(h: Tensor) -> Tensor:
            seen.append(_origin(h, differentiable))
            return seen[0].clone() if differentiable else h  # which the model may change in place

        with _kernels(differentiable):
            if self._module is None:
                _check_input(x, batch)
                output = self.model(start(x))
            elif self._mixed is not None and self._mixed.is_last:
                output = self._module(start(self._mixed.h), *self._mixed.others, **self._mixed.named)
            else:
                output, _ = self._run(x, start, batch)
        return logits_of(output, batch), seen[0]

    def joint_pass(self, x: Any, lam: Tensor, perm: Tensor, differentiable: bool) -> tuple[Tensor, Tensor, Tensor]:
        """One pass over the blended batch followed by the batch as it is: logits (B, K) of each, and the latter's flow.

        For mixing at the input alone; `differentiable` as in `clean_pass`.
        """
        assert self._module is None
        _check_input(x, len(perm))
        h = _origin(x, differentiable)
        with _kernels(differentiable):
            output = self.model(torch.cat([blend(x, lam, perm), h]))
        blended, clean = logits_of(output, 2 * len(perm)).tensor_split(2)
        return blended, clean, h

    def _run(self, x: Any, change: Callable[[Tensor], Tensor], batch: int) -> tuple[Any, Flow]:
        assert isinstance(self.model, nn.Module)
        return run(self.model, x, self.name, batch, change)


def logits_mixed_at(model: Model, x: Any, lams: Mapping[str, Tensor], perm: Tensor) -> Tensor:
    """Logits (B, K) of a batch blended at several mix points, at each with the lam given for it."""
    with ExitStack() as passes:
        for name, lam in lams.items():
            if name == INPUT:
                x = blend(x, lam, perm)
            else:
                module = _module_at(model, name)
                blending = partial(_blended_arguments, lam=lam, perm=perm)
                passes.callback(module.register_forward_pre_hook(blending).remove)
        return logits_of(model(x), len(perm))


def _blended_arguments(_module: nn.Module, args: tuple[Any, ...], lam: Tensor, perm: Tensor) -> tuple[Any, ...]:
    return blend(args[0], lam, perm), *args[1:]


def _module_at(model: Model, name: str) -> nn.Module:
    if torch.compiler.is_compiling():
        refuse_in_compiled(_NOT_COMPILED.format(name))
    if not isinstance(model, nn.Module):
        raise ValueError(f"mix_at: {name!r} needs a torch.nn.Module, got {type(model).__name__}")
    module = model
    for part in name.split("."):
        if is_compiled(module):
            raise ValueError(_NOT_COMPILED.format(name))
        child = module._modules.get(part)
        if child is None:
            raise ValueError(f"mix_at: there is no module {name!r}, allowed are {', '.join(mixable_modules(model))}")
        module = child
    if is_compiled_in_place(module):
        raise ValueError(_NOT_COMPILED.format(name))
    return module


_NOT_COMPILED = (
    "mix_at: {!r} lies inside what torch.compile compiles, which does not see that the hook that mixes comes and goes; mix"
    " at input, or compile modules beside the mix point instead of the whole"
)


def _origin(h: Tensor, differentiable: bool) -> Tensor:
    return differentiable_by(h) if differentiable else h


def _kernels(differentiable: bool) -> AbstractContextManager[object]:
    return twice_differentiable_kernels() if differentiable else nullcontext()


def _check_input(x: Any, batch: int) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(
            f"x: must be a floating-point tensor to be mixed at the input, got {type(x).__name__}; others can be mixed at a"
            " module named with mix_at (graphs: the classifier head)"
        )
    if not x.is_floating_point():
        raise ValueError(f"x: must be a floating-point tensor to be mixed, got {x.dtype}")
    if x.shape[:1] != (batch,):
        raise ValueError(f"x: must hold {batch} examples along its first axis as y does, got shape {tuple(x.shape)}")
