"""The first-order term q of each example, and the approximation q_hat that the paper's default penalty takes for it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.analysis.segment import along, derivatives
from mixupe.augmentation.loss import as_probabilities


@dataclass(frozen=True)
class FirstOrder:
    """Of n examples, (n,) float64 each.

    Attributes:
        q: (p - y) . J (x_mean - x), equation 4.
        q_hat: (y - p) . f, equation 5; it is entropy - cross_entropy.
        entropy: of p.
        cross_entropy: of p with the label.
        bend: |f - J x| / |f|, 0 where f is linear from the origin on.
        shift: |J x_mean| / |f|, 0 where inputs are centred. q - q_hat = (p - y) . (J x_mean + f - J x), so where bend and
            shift are 0, q is q_hat.
    """

    q: Tensor
    q_hat: Tensor
    entropy: Tensor
    cross_entropy: Tensor
    bend: Tensor
    shift: Tensor

    @property
    def correlation(self) -> float:
        """Pearson's, of q and q_hat; nan where one of them does not vary."""
        return float(torch.corrcoef(torch.stack([self.q, self.q_hat]))[0, 1])

    @property
    def same_sign(self) -> float:
        """Share of the examples on which q and q_hat have one sign."""
        return float((self.q.sign() == self.q_hat.sign()).double().mean())


def first_order(f: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, x_mean: Tensor) -> FirstOrder:
    """q and q_hat of each example.

    Args:
        f: maps (n, ...) to logits (n, K), each row by itself; of plain operations, in evaluation mode.
        x: (n, ...) float64.
        y: (n,) class indices.
        x_mean: shape of one example.
    """
    with torch.no_grad():
        logits, slope = derivatives(along(f, x, x_mean - x), 1)
        _, radial = derivatives(along(f, x, x), 1)
    residual = logits.softmax(dim=1) - as_probabilities(y, logits)
    log_p = logits.log_softmax(dim=1)
    return FirstOrder(
        q=(residual * slope).sum(dim=1),
        q_hat=-(residual * logits).sum(dim=1),
        entropy=-(log_p.exp() * log_p).sum(dim=1),
        cross_entropy=F.nll_loss(log_p, y, reduction="none"),
        bend=(logits - radial).norm(dim=1) / logits.norm(dim=1),
        shift=(slope + radial).norm(dim=1) / logits.norm(dim=1),
    )
