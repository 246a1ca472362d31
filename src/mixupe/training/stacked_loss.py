"""The losses of several runs of one method at once, made of the same functions as the losses of one run."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.manifold_mixup import ManifoldMixup
from mixupe.augmentation.mixup import ERM, Mixup
from mixupe.augmentation.mixupe import MixupE, combine, expected_distance, penalty

# The methods that can be stacked; a class derived from one of these is another method.
METHODS = (ERM, Mixup, ManifoldMixup, MixupE)


class StackedLoss:
    """One method, with an alpha and an eta for each of S runs.

    Args:
        methods: of the S runs, each of exactly one of METHODS; they differ in alpha and eta at most.
        device: of the losses.

    Attributes:
        alphas: of Beta(alpha, alpha), one a run; empty where nothing is mixed.
        mix_at: mix points among which each batch of each run chooses one.
        passes: of a step through the network, in order: whether it is a mixed one.
        joint: whether the mixed pass goes over the blended batch followed by the batch as it is.
    """

    def __init__(self, methods: Sequence[Augmentation], device: torch.device) -> None:
        self.alphas: list[float] = []
        self.mix_at: tuple[str, ...] = ()
        self.passes: tuple[bool, ...] = (False,)
        self.joint = False
        for method in methods:
            if type(method) not in METHODS:
                raise TypeError(f"a stack does not know the method {type(method).__name__}")
            match method:
                case MixupE():
                    self.mix_at = (method.mix_at,)
                    self.joint = method.clean_pass == "joint"
                    self.passes = (True,) if self.joint else (True, False)
                case Mixup():
                    self.mix_at, self.passes = (method.mix_at,), (True,)
                case ManifoldMixup():
                    self.mix_at, self.passes = method.mix_at, (True,)
                case _:
                    continue
            self.alphas.append(method.alpha)
        mixupes = [method for method in methods if isinstance(method, MixupE)]
        self._weight = torch.tensor([one.eta * expected_distance(one.alpha) for one in mixupes], device=device)
        if mixupes:
            variant, threshold = mixupes[0].variant, mixupes[0].threshold
            self._penalties = torch.vmap(lambda logits, y: penalty(logits, logits, y, variant, threshold, None))

    def __call__(
        self, passes: Sequence[Tensor], y: Tensor, lam: Tensor, perm: Tensor, members: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Losses (S,) and penalties (S,).

        Args:
            passes: logits of each of `self.passes`: (S, B, K), or (S, 2B, K) of a joint pass.
            y: (S, B) class indices.
            lam, perm: (S,) and (S, B); not read where nothing is mixed.
            members: (S,) int64 where these are some of the runs only.
        """
        mixed, clean = passes[0].tensor_split(2, dim=1) if self.joint else (passes[0], passes[-1])
        losses = _criteria(mixed, y)
        if self.mix_at:
            losses = lam * losses + (1 - lam) * _criteria(mixed, y.gather(1, perm))
        if not len(self._weight):
            return losses, losses.new_zeros(len(losses))
        # As probabilities, because penalty's own way to them has no batching rule.
        targets = torch.zeros_like(clean).scatter_(2, y.unsqueeze(2), 1.0)
        penalties = self._penalties(clean, targets)
        weight = self._weight if members is None else self._weight[members]
        return combine(losses, penalties, weight), penalties.detach()


def _criteria(logits: Tensor, y: Tensor) -> Tensor:
    """`criterion` of each run, (S,), of logits (S, B, K) and classes (S, B)."""
    log_p = logits.log_softmax(dim=2)
    if log_p.device.type == "cpu":
        # Run by run: the mean over a batch adds up in an order of its own, which is that of a single run here.
        return torch.stack([F.nll_loss(*one) for one in zip(log_p.unbind(), y.unbind(), strict=True)])
    return F.nll_loss(log_p.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(dim=1)
