"""Where each penalty pushes a network: cosines between the gradients of all six, of clean cross-entropy and of entropy."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mixupe.augmentation.loss import cross_entropy
from mixupe.augmentation.penalty import VARIANTS, penalty

QUANTITIES = (*VARIANTS, "cross-entropy", "entropy")


def gradients(model: nn.Module, x: Tensor, y: Tensor, x_mean: Tensor, threshold: float = 1.0) -> dict[str, Tensor]:
    """Gradient of each of QUANTITIES with respect to all parameters, flat: (N,) of N numbers.

    Args:
        model: in evaluation mode; maps x to logits (n, K).
        x: (n, ...) floating point.
        y: (n,) class indices.
        x_mean: shape of one example.
        threshold: of v1 and v3.
    """

    h = x.detach().requires_grad_()
    logits = model(h)
    values: dict[str, Tensor] = {name: penalty(logits, h, y, name, threshold, x_mean) for name in VARIANTS}
    values["cross-entropy"] = cross_entropy(logits, y)
    values["entropy"] = -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1).mean()
    parameters = list(model.parameters())
    return {name: _flat(values[name], parameters) for name in QUANTITIES}


def _flat(value: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    found = torch.autograd.grad(value, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])


def cosines(of: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """Cosine of each pair of (N,); nan where one is 0, as that of v1 and v3 is if no term lies below their threshold."""
    unit = torch.stack([gradient / gradient.norm() for gradient in of.values()])
    matrix = (unit @ unit.T).tolist()
    return {name: dict(zip(of, row, strict=True)) for name, row in zip(of, matrix, strict=True)}
