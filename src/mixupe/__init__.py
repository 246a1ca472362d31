"""MixupE in your own training loop; needs torch and nothing else.

>>> from mixupe import MixupE
>>> mixupe = MixupE(alpha=1.0, eta=0.001)
>>> loss = mixupe(model, x, y).loss  # doctest: +SKIP

The experiment framework (Hydra, W&B, data sets) lives in subpackages that are imported only when asked for. So are the names
below, for the framework checks a command line without importing torch. `MixupEClassifier` needs scikit-learn too, `compare`,
`run` and `load_run` the framework (`mixupe.runs`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixupe.augmentation.erm_penalty import ERMPenalty, erm_penalty_loss
    from mixupe.augmentation.generator import Generator
    from mixupe.augmentation.loss import CrossEntropy, MixedLoss
    from mixupe.augmentation.manifold_mixup import ManifoldMixup
    from mixupe.augmentation.mixup import Mixup, mixup_loss
    from mixupe.augmentation.mixupe import MixupE
    from mixupe.augmentation.mixupe_loss import mixupe_loss
    from mixupe.runs.notebook import compare as compare
    from mixupe.runs.notebook import run as run
    from mixupe.runs.trained import load_run as load_run
    from mixupe.sklearn import MixupEClassifier

__all__ = [
    "CrossEntropy",
    "ERMPenalty",
    "Generator",
    "ManifoldMixup",
    "MixedLoss",
    "Mixup",
    "MixupE",
    "MixupEClassifier",
    "erm_penalty_loss",
    "mixup_loss",
    "mixupe_loss",
]

_MODULES = {
    "CrossEntropy": "augmentation.loss",
    "ERMPenalty": "augmentation.erm_penalty",
    "Generator": "augmentation.generator",
    "ManifoldMixup": "augmentation.manifold_mixup",
    "MixedLoss": "augmentation.loss",
    "Mixup": "augmentation.mixup",
    "MixupE": "augmentation.mixupe",
    "MixupEClassifier": "sklearn",
    "compare": "runs.notebook",
    "erm_penalty_loss": "augmentation.erm_penalty",
    "load_run": "runs.trained",
    "mixup_loss": "augmentation.mixup",
    "mixupe_loss": "augmentation.mixupe_loss",
    "run": "runs.notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"mixupe.{_MODULES[name]}"), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
