"""Checks of y, and of the logits beside it. Values are read on the CPU only, as in `checks`."""

import torch
from torch import Tensor, nn

from mixupe.augmentation.checks import check_tensor, readable
from mixupe.augmentation.loss import Criterion, CrossEntropy, cross_entropy, is_own


def is_of_classes(criterion: Criterion) -> bool:
    """Whether it compares logits (B, K) with class indices or probabilities. What others take, only they know."""
    return is_own(criterion) or isinstance(criterion, CrossEntropy | nn.CrossEntropyLoss)


def checked_targets(y: Tensor, criterion: Criterion = cross_entropy) -> Tensor:
    """y with class indices as int64: all that can be said before K is known.

    Args:
        y: (B,) class indices or (B, K) probabilities; for a criterion of another kind also multi-hot, (B,) or (B, ...)
            values, anything that it takes.
        criterion: whose targets they are.

    Raises:
        ValueError: y is something else.
    """
    check_tensor("y", y)
    if not is_of_classes(criterion):
        if y.dim() == 0 or len(y) == 0:
            raise ValueError(f"y: must hold a target for each example, got shape {tuple(y.shape)}")
        is_indices = y.dim() == 1 and not y.is_floating_point() and y.dtype != torch.bool
        return _as_int64(y) if is_indices else y
    if y.dim() == 2 and y.shape[1] == 1:
        raise ValueError(
            f"y: has shape {tuple(y.shape)}; class indices must have shape (B,), which y.squeeze(1) gives,"
            " and probabilities (B, K) a column for each class"
        )
    if y.dim() == 1:
        if y.dtype.is_floating_point or y.dtype.is_complex or y.dtype == torch.bool:
            raise ValueError(f"y: of shape (B,) must hold class indices in an integer dtype, got {y.dtype}")
        y = _as_int64(y)
    elif y.dim() == 2:
        if not y.dtype.is_floating_point:
            raise ValueError(f"y: of shape (B, K) must hold probabilities in a floating dtype, got {y.dtype}")
    else:
        raise ValueError(f"y: must be (B,) class indices or (B, K) probabilities, got shape {tuple(y.shape)}")
    if len(y) == 0:
        raise ValueError("y: the batch is empty")
    return y


def _as_int64(y: Tensor) -> Tensor:
    return (
        y if y.dtype == torch.int64 else y.long()
    )  # even without effect it would be a compiled step's graph of its own


def known_targets(y: Tensor, logits: Tensor, criterion: Criterion) -> Tensor | None:
    """y (checked) where it is known to be class indices (B,) or probabilities (B, K) of the logits (B, K), else None.

    Raises:
        ValueError: it does not speak of the classes of the logits.
    """
    if is_of_classes(criterion):
        check_targets_fit(y, logits)
        return y
    return y if y.dtype == torch.int64 and y.dim() == 1 and logits.dim() == 2 else None


def check_targets_fit(y: Tensor, logits: Tensor) -> None:
    """ValueError unless y (checked), (B,) or (B, K), speaks of the classes of the logits (B, K), K >= 2."""
    classes = logits.shape[1]
    if classes == 1:
        raise ValueError(
            "model: returns one logit for each example, whose softmax is always 1; classes need a logit each, so two of them"
            " (B, 2)"
        )
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
