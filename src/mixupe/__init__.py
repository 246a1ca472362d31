"""MixupE in your own training loop; needs torch and nothing else.

>>> from mixupe import MixupE
>>> mixupe = MixupE(alpha=1.0, eta=0.001)
>>> loss = mixupe(model, x, y).loss  # doctest: +SKIP

The experiment framework (Hydra, W&B, data sets) lives in subpackages that are imported only when asked for, as are
`compare`, `run` and `load_run`, which need it (`mixupe.runs`).
"""

from typing import TYPE_CHECKING, Any

from mixupe.augmentation.erm_penalty import ERMPenalty, erm_penalty_loss
from mixupe.augmentation.loss import MixedLoss
from mixupe.augmentation.manifold_mixup import ManifoldMixup
from mixupe.augmentation.mixup import Mixup, mixup_loss
from mixupe.augmentation.mixupe import MixupE, mixupe_loss

if TYPE_CHECKING:
    from mixupe.runs.notebook import compare as compare
    from mixupe.runs.notebook import run as run
    from mixupe.runs.trained import load_run as load_run

__all__ = [
    "ERMPenalty",
    "ManifoldMixup",
    "MixedLoss",
    "Mixup",
    "MixupE",
    "erm_penalty_loss",
    "mixup_loss",
    "mixupe_loss",
]


def __getattr__(name: str) -> Any:
    """What needs the framework, when it is asked for."""
    if name in ("compare", "run"):
        from mixupe.runs import notebook

        return getattr(notebook, name)
    if name == "load_run":
        from mixupe.runs.trained import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
