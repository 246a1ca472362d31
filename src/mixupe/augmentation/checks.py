"""Argument checks of the public functions: each error names the argument, what is wrong and what is allowed.

Values of tensors are read only on the CPU. On an accelerator reading them would stall the training step; there, torch's
own index checks catch labels and permutations that are out of range.
"""

import math
from typing import Any

import torch
from torch import Tensor


def _readable(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def check_alpha(alpha: float) -> None:
    if not (alpha > 0 and math.isfinite(alpha)):
        raise ValueError(f"alpha: must be a finite number > 0, got {alpha!r}")


def check_eta(eta: float) -> None:
    if not (eta >= 0 and math.isfinite(eta)):
        raise ValueError(f"eta: must be a finite number >= 0, got {eta!r}")


def check_lam(lam: float | Tensor) -> None:
    if isinstance(lam, Tensor):
        if lam.dim() != 0:
            raise ValueError(
                f"lam: must be one number per batch (a float or a 0-d tensor), got shape {tuple(lam.shape)}"
            )
        if not _readable(lam):
            return
    if not 0 <= float(lam) <= 1:
        raise ValueError(f"lam: must lie in [0, 1], got {float(lam)!r}")


def check_targets(y: Tensor) -> None:
    """What can be said of y before the number of classes is known."""
    if y.dim() == 1:
        if y.dtype.is_floating_point or y.dtype.is_complex or y.dtype == torch.bool:
            raise ValueError(f"y: of shape (B,) must hold class indices in an integer dtype, got {y.dtype}")
    elif y.dim() == 2:
        if not y.dtype.is_floating_point:
            raise ValueError(f"y: of shape (B, K) must hold probabilities in a floating dtype, got {y.dtype}")
    else:
        raise ValueError(f"y: must be (B,) class indices or (B, K) probabilities, got shape {tuple(y.shape)}")
    if len(y) == 0:
        raise ValueError("y: the batch is empty")


def check_targets_fit(y: Tensor, logits: Tensor) -> None:
    """Do y and the logits (B, K) speak of the same batch and classes?"""
    if logits.dim() != 2 or logits.shape[0] != y.shape[0]:
        raise ValueError(
            f"model: must return logits of shape (B, K) with B = {y.shape[0]} as in y, got {tuple(logits.shape)}"
        )
    classes = logits.shape[1]
    if y.dim() == 2 and y.shape[1] != classes:
        raise ValueError(f"y: has {y.shape[1]} columns, the model returns {classes} logits")
    if not _readable(y):
        return
    if y.dim() == 1:
        low, high = (int(end) for end in torch.aminmax(y))
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise ValueError(f"y: class index {wrong} is out of range, allowed are 0 to {classes - 1}")
    else:
        tolerance = 1e-3 if y.dtype in (torch.float16, torch.bfloat16) else 1e-4
        sums = y.sum(dim=1)
        if not bool(((y >= -tolerance) & (y <= 1 + tolerance)).all()) or not bool(((sums - 1).abs() < 1e-2).all()):
            raise ValueError("y: rows must be probabilities (each in [0, 1], summing to 1)")


def check_batch(x: Any, y: Tensor) -> None:
    """y by itself, and x beside it; x may be anything a model takes, such as a batch of graphs."""
    check_targets(y)
    if isinstance(x, Tensor) and x.shape[:1] != y.shape[:1]:
        raise ValueError(f"x: must hold {len(y)} examples along its first axis as y does, got shape {tuple(x.shape)}")


def check_draws(lam: float | Tensor, perm: Tensor, batch: int) -> None:
    check_lam(lam)
    check_perm(perm, batch)


def check_perm(perm: Tensor, batch: int) -> None:
    if perm.dtype != torch.int64 or perm.shape != (batch,):
        raise ValueError(
            f"perm: must be an int64 tensor of shape ({batch},), got {perm.dtype} of shape {tuple(perm.shape)}"
        )
    if _readable(perm) and not torch.equal(perm.sort().values, torch.arange(batch)):
        raise ValueError(f"perm: is not a permutation of 0 to {batch - 1}")


def check_penalty_every(penalty_every: int) -> None:
    if not isinstance(penalty_every, int) or isinstance(penalty_every, bool) or penalty_every < 1:
        raise ValueError(f"penalty_every: must be an integer >= 1, got {penalty_every!r}")


def check_x_mean(x_mean: Tensor | None, variant: str) -> None:
    if x_mean is None:
        raise ValueError(f"x_mean: variant {variant} needs the training-set mean of whatever is mixed, got None")
