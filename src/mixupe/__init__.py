"""MixupE in your own training loop; needs torch and nothing else.

>>> from mixupe import MixupE
>>> mixupe = MixupE(alpha=1.0, eta=0.001)
>>> loss = mixupe(model, x, y).loss  # doctest: +SKIP

The experiment framework (Hydra, W&B, data sets) lives in subpackages that are imported only when asked for.
"""

from mixupe.augmentation.erm_penalty import ERMPenalty, erm_penalty_loss
from mixupe.augmentation.generator import Generator
from mixupe.augmentation.loss import CrossEntropy, MixedLoss
from mixupe.augmentation.manifold_mixup import ManifoldMixup
from mixupe.augmentation.mixup import Mixup, mixup_loss
from mixupe.augmentation.mixupe import MixupE
from mixupe.augmentation.mixupe_loss import mixupe_loss

__all__ = [
    "CrossEntropy",
    "ERMPenalty",
    "Generator",
    "ManifoldMixup",
    "MixedLoss",
    "Mixup",
    "MixupE",
    "erm_penalty_loss",
    "mixup_loss",
    "mixupe_loss",
]
