"""What every method returns, and the criteria they can share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class MixedLoss:
    """The loss of one batch and the parts it is made of.

    Attributes:
        loss: 0-d tensor to call `backward()` on.
        logits: (B, K) logits of the mixed pass (of the only pass, where nothing is mixed); float32 or wider.
        mixup_loss: 0-d tensor, the part without penalty (L_mix).
        penalty: 0-d tensor, MixupE's R before eta and c; 0 for the other methods.
    """

    loss: Tensor
    logits: Tensor
    mixup_loss: Tensor
    penalty: Tensor


def loss_dtype(dtype: torch.dtype) -> torch.dtype:
    """One that is safe for softmax and sums: float32 for half and bfloat16."""
    import torch

    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def in_loss_precision(values: Tensor) -> Tensor:
    return values.to(loss_dtype(values.dtype))


def logits_of(output: Any, rows: int) -> Tensor:
    """What a model returned for `rows` examples as logits (rows, K), float32 or wider.

    Raises:
        ValueError: it is something else; the message names the model.
    """
    import torch

    if not isinstance(output, torch.Tensor):
        raise ValueError(
            f"model: must return a tensor, logits of shape (B, K), got {type(output).__name__}; wrap it in a Module that"
            " returns the logits alone (model(x)[0], model(x).logits)"
        )
    if output.dim() != 2 or len(output) != rows:
        raise ValueError(
            f"model: must return logits of shape (B, K) with B = {rows} as in its input, got {tuple(output.shape)}"
        )
    if not output.is_floating_point():
        raise ValueError(f"model: must return logits in a floating dtype, got {output.dtype}")
    return in_loss_precision(output)


# (logits (B, K), y (B,) class indices or (B, K) probabilities) -> 0-d loss, linear in the probabilities.
Criterion: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, the criterion of every method unless another is asked for; a 0-d tensor.

    Args:
        logits: (B, K), float.
        y: (B,) class indices or (B, K) probabilities.
    """
    import torch.nn.functional as F

    return F.cross_entropy(logits, y if y.dim() == 1 else y.to(logits.dtype))


def bce_softmax(logits: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy on the softmax, the mean over classes and examples; a 0-d tensor, arguments as above.

    The authors' public code trains its vanilla, cutout and hidden-mixup baselines with it, but mixup and MixupE with
    cross-entropy. Its gradient shrinks with the number of classes.
    """
    import torch
    import torch.nn.functional as F

    probabilities = logits.softmax(dim=1)
    with torch.autocast(logits.device.type, enabled=False):  # autocast refuses it, though logits are float32 already
        return F.binary_cross_entropy(probabilities, as_probabilities(y, logits))


CRITERIA: dict[str, Criterion] = {"cross_entropy": cross_entropy, "bce_softmax": bce_softmax}


def as_probabilities(y: Tensor, logits: Tensor) -> Tensor:
    """y, (..., B) class indices or (..., B, K) probabilities, as probabilities (..., B, K) in the dtype of the logits."""
    import torch

    if y.dim() == logits.dim():
        return y.to(logits.dtype)
    # F.one_hot would read the labels to check their range, which has been done.
    return torch.zeros_like(logits).scatter(-1, y.unsqueeze(-1), 1.0)


def mixed_criterion(logits: Tensor, y: Tensor, lam: Tensor, perm: Tensor, criterion: Criterion) -> Tensor:
    """lam criterion(logits, y) + (1 - lam) criterion(logits, y[perm]), a 0-d tensor."""
    return lam * criterion(logits, y) + (1 - lam) * criterion(logits, y[perm])
