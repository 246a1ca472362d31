"""What torch.vmap would compute otherwise than a single run does: in another order of sums, or with other draws.

Here it is computed of the tensors of all S runs, whose first axis are the runs, so that each has what it would have alone,
bit for bit where the linear algebra library rounds a batch of products as it does single ones.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial, wraps
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from mixupe.augmentation import loss
from mixupe.augmentation.over_runs import is_batched, over_runs
from mixupe.models.dropout import Dropout

Replacements = Mapping[type[nn.Module], Callable[[Any], nn.Module]]


def vmappable(model: nn.Module, others: Replacements = {}) -> nn.Module:  # noqa: B006 - it is not changed
    """A copy for torch.vmap. Its dropouts draw from the generators given with `set_generators`.

    Args:
        model: a network.
        others: what stands for further types of its layers.
    """
    copy = deepcopy(model)
    for name, module in list(copy.named_modules()):
        if isinstance(module, nn.Linear):
            copy.set_submodule(name, _Linear(module))
        elif isinstance(module, Dropout) and module.p > 0:
            copy.set_submodule(name, _Dropout(module.p))
        elif type(module) in others:
            copy.set_submodule(name, others[type(module)](module))
    return copy


def set_generators(model: nn.Module, generators: Sequence[torch.Generator]) -> None:
    """From which the dropouts of a `vmappable` model draw in passes to come, one a run."""
    for module in model.modules():
        if isinstance(module, _Dropout):
            module.generators = generators


@wraps(loss.cross_entropy)
def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Of each run, (), of logits (B, K) and classes (B,) or probabilities (B, K)."""
    if logits.device.type != "cpu":
        return F.cross_entropy(logits, y)
    if y.dim() == 2:
        return over_runs(_one_by_one, logits, y)
    return over_runs(_MeanNLL.apply, logits.log_softmax(dim=1), y)


def _one_by_one(logits: Tensor, probabilities: Tensor) -> Tensor:
    runs = zip(logits.unbind(), probabilities.unbind(), strict=True)
    return torch.stack([F.cross_entropy(of_run, target) for of_run, target in runs])


class _Linear(nn.Module):
    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        if not is_batched(x):  # (N, in), the same of all runs
            return over_runs(partial(_products_of_one, x), self.weight, self.bias)
        return over_runs(_Products.apply, x, self.weight, self.bias)


def _products_of_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(S, N, out), in memory (N, S, out)."""
    product = F.linear(x, weight.flatten(0, 1), None if bias is None else bias.flatten())
    return product.reshape(len(x), *weight.shape[:2]).transpose(0, 1)


class _Products(torch.autograd.Function):
    """x (S, B, in), weight (S, out, in), bias (S, out) or None -> (S, B, out), in the operation that a single run takes.

    What comes as (B, S, in) in memory leaves as (B, S, out). Autograd's own gradient of a transposed weight comes
    transposed, and would be copied into order in each step.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        out = _room_for(x, weight.shape[1])
        if bias is None:
            return torch.bmm(x, weight.transpose(1, 2), out=out)
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2), out=out)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, Tensor, Tensor | None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        return (
            torch.bmm(gradient, weight, out=_room_for(gradient, x.shape[2])) if ctx.needs_input_grad[0] else None,
            torch.bmm(gradient.transpose(1, 2), x),
            gradient.sum(dim=1) if ctx.needs_input_grad[2] else None,
        )


def _room_for(x: Tensor, features: int) -> Tensor | None:
    """(S, B, features), in memory (B, S, features) if x (S, B, any) lies so; None for what torch makes by itself."""
    if x.is_contiguous() or not x.transpose(0, 1).is_contiguous():
        return None
    return x.new_empty(x.shape[1], x.shape[0], features).transpose(0, 1)


class _Dropout(nn.Module):
    """Each run draws the mask that it would draw alone, on the CPU as mixupe.models.dropout does."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generators: Sequence[torch.Generator] = ()

    def forward(self, x: Tensor) -> Tensor:
        return over_runs(self._dropped, x) if self.training else x

    def _dropped(self, x: Tensor) -> Tensor:
        masks = torch.empty(x.shape)
        for mask, generator in zip(masks.unbind(), self.generators, strict=True):
            mask.bernoulli_(1 - self.p, generator=generator)
        return x * masks.div_(1 - self.p).to(x.device, non_blocking=True)


class _MeanNLL(torch.autograd.Function):
    """F.nll_loss of each run, (S,), of log-probabilities (S, B, K) and classes (S, B): the mean in the order of its sum."""

    @staticmethod
    def forward(ctx: Any, log_p: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        ctx.shape = log_p.shape
        return torch.stack([F.nll_loss(*of_run) for of_run in zip(log_p.unbind(), y.unbind(), strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        each = -(gradients[0] / y.shape[1]).view(-1, 1, 1).expand(*y.shape, 1)
        return each.new_zeros(ctx.shape).scatter_(2, y.unsqueeze(2), each), None
