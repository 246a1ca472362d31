"""What every model module offers."""

from mixupe.settings import Settings


class ModelSettings(Settings):
    """Keys every model has; each model module adds its own in a subclass named `Config`.

    Attributes:
        name: shown in tables; part of a run's identity, so that it stays.
        builder: key of mixupe.models.registry.BUILDERS, or the import path of a module from elsewhere.
        stages: mix layers that Manifold Mixup draws from: `input` and dotted module names. Only configs know of mixing,
            never a model's code.
    """

    name: str
    builder: str
    stages: tuple[str, ...]
