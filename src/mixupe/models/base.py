"""What every model module offers."""

from mixupe.settings import Settings


class ModelSettings(Settings):
    """Keys every model has; each model module adds its own in a subclass named `Config`.

    Attributes:
        name: shown in tables.
        builder: module below mixupe.models that builds it, or the import path of one from elsewhere.
        stages: mix points that Manifold Mixup draws from: `input` and dotted module names. Only configs know of mixing,
            never a model's code.
    """

    name: str
    builder: str
    stages: tuple[str, ...]
