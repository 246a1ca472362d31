"""The settings of a method, apart from the methods, which import torch."""

from typing import TYPE_CHECKING, Any, ClassVar

from mixupe.settings import Settings

if TYPE_CHECKING:
    from mixupe.augmentation.method import Method


class AugmentationSettings(Settings):
    """Keys every method has; the others are the arguments of its class, in a subclass that `settings_class` makes.

    Attributes:
        name: shown in tables.
        method_class: the class.
    """

    method_class: ClassVar["type[Method]"]
    name: str

    if TYPE_CHECKING:  # the method's own keys, whose types only its class knows

        def __getattr__(self, key: str) -> Any: ...
