"""Networks of one architecture as one: their weights stacked along a first axis, their passes one batched pass."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from mixupe.augmentation.loss import in_loss_precision
from mixupe.augmentation.mix_point import INPUT, blend
from mixupe.models.dropout import Dropout
from mixupe.models.mlp import MLP, BlockEmbedding

# What a network may be made of: layers that work on the last dimension, whatever stands before it.
LAYERS = (MLP, BlockEmbedding, nn.Sequential, nn.ModuleList, nn.Linear, nn.ReLU, Dropout)

# lam, perm and index of the mix point; empty where nothing is mixed.
Mixing = tuple[Tensor, Tensor, Tensor] | tuple[()]
_blend = torch.vmap(blend)


class StackedNetwork:
    """S networks of one architecture, made of LAYERS.

    Args:
        models: the S networks; their weights are copied.
        mix_at: mix points among which each pass of each network chooses one; empty where nothing is mixed.
        joint: a mixed pass goes over the blended batch followed by the batch as it is, in one.

    Attributes:
        parameters: name -> (S, ...).
    """

    def __init__(self, models: Sequence[nn.Module], mix_at: tuple[str, ...], joint: bool) -> None:
        self._mix_at = mix_at
        self._joint = joint
        self._now = _Pass()
        self._model = _stacked(models, self._now)
        self.parameters = dict(self._model.named_parameters())
        for index, name in enumerate(mix_at):
            if name != INPUT:
                self._model.get_submodule(name).register_forward_pre_hook(self._blending(index))

    def __call__(
        self, x: Tensor, mixing: Mixing = (), masks: Sequence[Tensor] = (), members: Tensor | None = None
    ) -> Tensor:
        """Logits (S, B, K), or (S, 2B, K) of a joint mixed pass.

        Args:
            x: (S, B, ...) inputs.
            mixing: lam (S,), perm (S, B) and index of the mix point (S,); empty for a pass without mixing.
            masks: for each dropout in order (S, rows, ...), 0 or 1 / (1 - p); empty for a pass without dropout.
            members: (S,) int64 where x is for some of the networks only.
        """
        self._now.members, self._now.mixing, self._now.masks = members, mixing, iter(masks) if masks else None
        if mixing:
            mixed = self._blended(x, self._mix_at.index(INPUT)) if INPUT in self._mix_at else x
            x = torch.cat([mixed, x], dim=1) if self._joint else mixed
        return in_loss_precision(self._model(x))

    @torch.no_grad()
    def dropouts(self, example: Tensor) -> list[tuple[float, torch.Size]]:
        """Of each dropout in the order of a pass: its p, and the shape of what one example drops from.

        `example` is (D,), an input.
        """
        self._now.dropouts.clear()
        size = len(next(iter(self.parameters.values())))
        self(example.expand(size, 1, -1))
        return list(self._now.dropouts)

    def _blending(self, index: int) -> Any:
        def enter(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            return (self._blended(args[0], index), *args[1:]) if self._now.mixing else args

        return enter

    def _blended(self, h: Tensor, index: int) -> Tensor:
        """h (S, B, ...) blended in the networks whose mix point this is; with lam 1, in the others, it is h itself."""
        assert self._now.mixing
        lam, perm, chosen = self._now.mixing
        if len(self._mix_at) > 1:
            lam = torch.where(chosen == index, lam, 1.0)
        blended: Tensor = _blend(h, lam, perm)
        return blended


@dataclass
class _Pass:
    """What the layers of a stacked network must know of the pass they are in.

    Attributes:
        members: which networks, (S,); None for all.
        mixing: as given to the network.
        masks: of the dropouts to come; None for a pass without dropout.
        dropouts: p and shape for one example of each dropout that was passed without masks.
    """

    members: Tensor | None = None
    mixing: Mixing = ()
    masks: Iterator[Tensor] | None = None
    dropouts: list[tuple[float, torch.Size]] = field(default_factory=list)


class _Linear(torch.autograd.Function):
    """x (S, B, in), weight (S, out, in), bias (S, out) or None -> (S, B, out).

    Autograd's own gradient of a transposed weight comes transposed, and would be copied into order in each step.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return torch.bmm(x, weight.transpose(1, 2))
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, Tensor, Tensor | None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        return (
            torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None,
            torch.bmm(gradient.transpose(1, 2), x),
            gradient.sum(dim=1) if ctx.needs_input_grad[2] else None,
        )


class _StackedLinear(nn.Module):
    def __init__(self, layers: Sequence[nn.Linear], now: _Pass) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        has_bias = layers[0].bias is not None
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])) if has_bias else None
        self._now = now

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        members = self._now.members
        if members is not None:
            weight, bias = weight[members], None if bias is None else bias[members]
        y: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return y


class _Masked(nn.Module):
    """In the place of a dropout: its mask is given."""

    def __init__(self, p: float, now: _Pass) -> None:
        super().__init__()
        self.p = p
        self._now = now

    def forward(self, x: Tensor) -> Tensor:
        if self._now.masks is None:
            self._now.dropouts.append((self.p, x.shape[2:]))
            return x
        return x * next(self._now.masks)


def _stacked(models: Sequence[nn.Module], now: _Pass) -> nn.Module:
    stacked = deepcopy(models[0])
    for name, module in list(stacked.named_modules()):
        if isinstance(module, nn.Linear):
            stacked.set_submodule(name, _StackedLinear([_linear(model, name) for model in models], now))
        elif isinstance(module, Dropout) and module.p > 0:
            stacked.set_submodule(name, _Masked(module.p, now))
    return stacked


def _linear(model: nn.Module, name: str) -> nn.Linear:
    layer = model.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    return layer
