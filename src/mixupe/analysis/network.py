"""A trained network as the analysis wants it: a function of what is mixed, frozen, in float64."""

from collections.abc import Iterable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.output import unwrapped

# Rows that go through the network at once; bounds the memory that differentiating takes.
_ROWS = 128


class Frozen(nn.Module):
    """(n, ...) float64, what flows into the mix layer -> logits (n, K); evaluation mode, on the CPU.

    Args:
        model: maps inputs to logits; stays as it is.
        mix_at: `input`, or the module whose output are the logits, such as the head of a graph network.

    Raises:
        ValueError: there is no such module.
    """

    def __init__(self, model: nn.Module, mix_at: str = INPUT) -> None:
        super().__init__()
        model = deepcopy(model).cpu().eval()
        MixLayer(model, mix_at)  # raises where there is no such module
        self.mix_at = mix_at
        self.part = deepcopy(model if mix_at == INPUT else model.get_submodule(mix_at)).double()
        for module in self.part.modules():
            if isinstance(module, nn.LayerNorm):
                module.forward = partial(_layer_norm, module)  # type: ignore[method-assign]
        # In the dtype of what it is given. In a tuple: it is no part of what is differentiated.
        self._whole = (model,)

    def forward(self, h: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):  # fused attention has no forward-mode derivative
            return torch.cat([unwrapped(self.part(rows), len(rows)) for rows in torch.split(h, _ROWS)])

    def representations(self, batches: Iterable[tuple[Any, Tensor]]) -> Tensor:
        """What flows into the mix layer, (n, ...) float64, of batches of inputs and labels.

        Raises:
            ValueError: the mix layer's output are not the logits, so that they are no function of what flows into it.
        """
        if self.mix_at == INPUT:
            return torch.cat([inputs.cpu() for inputs, _ in batches]).double()
        found = []
        with torch.no_grad():
            for inputs, labels in batches:
                point = MixLayer(self._whole[0], self.mix_at)
                logits, h = point.clean_pass(inputs, len(labels), differentiable=False)
                found.append(h.double())
                again = self(found[-1])
                if again.shape != logits.shape or not torch.allclose(again, logits.double(), rtol=1e-3, atol=1e-3):
                    raise ValueError(
                        f"mix_at: the logits are not the output of {self.mix_at!r}; the analysis takes input, or the"
                        " model's last module"
                    )
        return torch.cat(found)


def _layer_norm(module: nn.LayerNorm, h: Tensor) -> Tensor:
    """In plain operations: torch's own has wrong second derivatives in nested forward mode, and does not say so."""
    axes = tuple(range(-len(module.normalized_shape), 0))
    centred = h - h.mean(axes, keepdim=True)
    normal = centred * (centred.square().mean(axes, keepdim=True) + module.eps).rsqrt()
    if module.weight is not None:
        normal = normal * module.weight
    return normal if module.bias is None else normal + module.bias
