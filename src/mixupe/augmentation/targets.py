"""Checks of y, and of the logits beside it. Values are read on the CPU only, as in `checks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixupe.augmentation.checks import check_tensor, readable

if TYPE_CHECKING:
    from torch import Tensor


def checked_targets(y: Tensor) -> Tensor:
    """y, (B,) class indices as int64 or (B, K) probabilities as they are: all that can be said before K is known.

    Raises:
        ValueError: y is neither.
    """
    import torch

    check_tensor("y", y)
    if y.dim() == 2 and y.shape[1] == 1:
        raise ValueError(
            f"y: has shape {tuple(y.shape)}; class indices must have shape (B,), which y.squeeze(1) gives,"
            " and probabilities (B, K) a column for each class"
        )
    if y.dim() == 1:
        if y.dtype.is_floating_point or y.dtype.is_complex or y.dtype == torch.bool:
            raise ValueError(f"y: of shape (B,) must hold class indices in an integer dtype, got {y.dtype}")
        y = y.long()
    elif y.dim() == 2:
        if not y.dtype.is_floating_point:
            raise ValueError(f"y: of shape (B, K) must hold probabilities in a floating dtype, got {y.dtype}")
    else:
        raise ValueError(f"y: must be (B,) class indices or (B, K) probabilities, got shape {tuple(y.shape)}")
    if len(y) == 0:
        raise ValueError("y: the batch is empty")
    return y


def check_targets_fit(y: Tensor, logits: Tensor) -> None:
    """Does y (checked) speak of the classes of the logits (B, K)?"""
    import torch

    classes = logits.shape[1]
    if y.dim() == 2 and y.shape[1] != classes:
        raise ValueError(f"y: has {y.shape[1]} columns, the model returns {classes} logits")
    if not readable(y):
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
