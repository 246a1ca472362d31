"""From an augmentation config to a method. This and `registry` need pydantic, so `import mixupe` leaves them out."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from types import GenericAlias
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin, get_type_hints

import torch
from pydantic import Field, PydanticUserError, create_model
from torch import Tensor

from mixupe.augmentation.loss import CRITERIA, Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method
from mixupe.augmentation.mix_layer import INPUT, Model
from mixupe.augmentation.registry import method_class
from mixupe.augmentation.settings import AugmentationSettings
from mixupe.errors import UserError, first_line, one_line

AUTO = "auto"
# Arguments of a method that no config gives.
_GIVEN = ("criterion", "x_mean", "batch_dim")


class Augmentation(Protocol):
    """What the training loop calls."""

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss: ...
    def pass_over(self, batches: int) -> None: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state: dict[str, Tensor]) -> None: ...


@functools.cache
def settings_class(method: type[Method], name: str, target: str | None = None) -> type[AugmentationSettings]:
    """The settings of a method: a required key for each argument of its class, whatever the argument's default.

    Args:
        method: the class.
        name: in the config.
        target: import path of a class from outside this package, which is then a key too.

    Raises:
        UserError: an argument cannot be a key.
    """
    fields: dict[str, Any] = {"name": (Literal[name], ...)}
    if target is not None:
        fields["target"] = (str, ...)
    hints = get_type_hints(method.__init__)
    for key, argument in inspect.signature(method).parameters.items():
        if key in _GIVEN:
            continue
        named = argument.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if not named or key not in hints or key in fields or hasattr(AugmentationSettings, key):
            raise UserError(
                f"augmentation: {name}'s argument {key!r} cannot be a key; it needs a type and another name"
            )
        later = key in method.later
        extra: dict[str, Any] = {"json_schema_extra": {"identity_default": argument.default}} if later else {}
        fields[key] = (_strict(hints[key]), Field(argument.default if later else ..., **extra))
    try:
        settings = create_model(f"{method.__name__}Settings", __base__=AugmentationSettings, **fields)
    except PydanticUserError as error:
        raise UserError(f"augmentation: {name}'s arguments cannot be keys: {first_line(error)}") from error
    settings.method_class = method
    return settings


def _strict(hint: Any) -> Any:
    """A whole number must be written as one, and a sequence is kept as a tuple."""
    if hint is int:
        return Annotated[int, Field(strict=True)]
    return GenericAlias(tuple, (*get_args(hint), ...)) if get_origin(hint) is Sequence else hint


def augmentation_settings(values: Mapping[str, Any], domain: str, mix_layers: tuple[str, ...]) -> AugmentationSettings:
    """The `augmentation` part of a config with `mix_at: auto` resolved.

    `auto` is for a method that mixes at one point the input, for graphs the classifier head (whose input is the readout);
    for one that chooses among several, the model's stages.

    Raises:
        pydantic.ValidationError: a key is unknown or missing, or of the wrong type.
        UserError: a value is wrong, or values do not go together.
    """
    name, target = values.get("name"), values.get("target")
    method = method_class(name, target)
    checked_class = settings_class(method, str(name), None if target is None else str(target))
    if values.get("mix_at") == AUTO and "mix_at" in checked_class.model_fields:
        mix_layer = "head" if domain == "graphs" else INPUT
        several = checked_class.model_fields["mix_at"].annotation is not str
        values = {**values, "mix_at": mix_layers if several else mix_layer}
    settings = checked_class.model_validate(values)
    try:
        prototype(settings)
    except ValueError as error:
        key, colon, _ = str(error).partition(":")
        joint = "." if colon and key in checked_class.model_fields else ": "
        raise UserError(f"augmentation{joint}{one_line(error)}") from error
    return settings


def prototype(settings: AugmentationSettings) -> Method:
    """The method without its data, for what it says of itself; its x_mean is a placeholder."""
    return _made(settings, {"x_mean": torch.zeros(())})


def build_augmentation(
    settings: AugmentationSettings,
    x_mean: Tensor | None,
    criterion: str | Criterion = cross_entropy,
    data: Any = None,
) -> Method:
    """The method.

    Args:
        settings: checked.
        x_mean: training-set mean input, for a method that takes it and mixes at the input.
        criterion: of the run, or a name in CRITERIA.
        data: a `DataBundle` that the method may learn from; None where there is none.
    """
    function = CRITERIA[criterion] if isinstance(criterion, str) else criterion
    method = _made(settings, {"x_mean": x_mean, "criterion": function})
    if data is not None:
        method.learn(data.train, data.spec)
    return method


def _made(settings: AugmentationSettings, given: dict[str, Any]) -> Method:
    if getattr(settings, "mix_at", INPUT) != INPUT:
        given = {**given, "x_mean": None}
    arguments = inspect.signature(settings.method_class).parameters
    own = {key: value for key, value in settings if key in arguments}
    return settings.method_class(**own, **{key: value for key, value in given.items() if key in arguments})
