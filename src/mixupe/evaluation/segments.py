"""What a model says of the interpolations between pairs of test examples, which mixup trains it to be linear on.

As in Figure 2 of the mixup paper (Zhang et al., ICLR 2018), a prediction is a miss if it is the class of neither.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.augmentation.mix_layer import MixLayer
from mixupe.data.base import Split
from mixupe.preemption import check

LAMS = tuple(step / 10 for step in range(11))


@torch.no_grad()
def along_segments(
    model: nn.Module, split: Split, batches: Sequence[Tensor], mix_at: str, lams: Sequence[float] = LAMS
) -> list[dict[str, float]]:
    """For each lam its `level`, `error`, `neither` and `loss`; means over the pairs, in percent and nats.

    error: the prediction is not the class of the example with the greater share (at one half of either). neither: it is no
    class of the pair. loss: lam cross-entropy to the one class and 1 - lam to the other.

    Args:
        model: put in evaluation mode.
        split: of the examples.
        batches: (B,) int64 each, which examples; each is interpolated with the one before it, the first with the last.
        mix_at: where, as for mixup.
    """
    model.eval()
    found: list[list[Tensor]] = [[] for _ in lams]
    for x, y in split.batches(batches):
        check()
        perm = torch.arange(len(y), device=y.device).roll(1)
        for rows, lam in zip(found, lams, strict=True):
            rows.append(_of_pairs(model, x, y, perm, mix_at, lam).cpu())
    means = [torch.cat(rows).mean(dim=0).tolist() for rows in found]
    return [
        {"level": lam, "error": 100 * error, "neither": 100 * neither, "loss": loss}
        for lam, (error, neither, loss) in zip(lams, means, strict=True)
    ]


def _of_pairs(model: nn.Module, x: Any, y: Tensor, perm: Tensor, mix_at: str, lam: float) -> Tensor:
    """(B, 3) float64: whether it is an error, whether a miss, and the loss."""
    logits = MixLayer(model, mix_at).mixed_logits(x, torch.tensor(lam, device=y.device), perm)
    predicted = logits.argmax(dim=1)
    own, other = predicted == y, predicted == y[perm]
    right = own | other if lam == 0.5 else (own if lam > 0.5 else other)
    own_loss, other_loss = (F.cross_entropy(logits, labels, reduction="none") for labels in (y, y[perm]))
    loss = lam * own_loss + (1 - lam) * other_loss
    return torch.stack([(~right).double(), (~(own | other)).double(), loss.double()], dim=1)
