"""What every method returns, and the criterion all of them share."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
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


def in_loss_precision(logits: Tensor) -> Tensor:
    """Logits in a dtype that is safe for softmax and sums: half and bfloat16 become float32."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def criterion(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, the one criterion of every method.

    The authors' code uses binary cross-entropy on the softmax for some baselines and cross-entropy for mixup and
    MixupE, which makes its methods incomparable.

    Args:
        logits: (B, K), float.
        y: (B,) class indices or (B, K) probabilities.
    """
    return F.cross_entropy(logits, y if y.dim() == 1 else y.to(logits.dtype))


def mixed_criterion(logits: Tensor, y: Tensor, lam: Tensor, perm: Tensor) -> Tensor:
    """lam CE(logits, y) + (1 - lam) CE(logits, y[perm]), a 0-d tensor."""
    return lam * criterion(logits, y) + (1 - lam) * criterion(logits, y[perm])
