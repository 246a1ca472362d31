"""From an augmentation config to a method; the only part of this package that the light `import mixupe` leaves out."""

from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field, TypeAdapter
from torch import Tensor

from mixupe.augmentation.erm_penalty import ERMPenalty
from mixupe.augmentation.loss import CRITERIA, MixedLoss
from mixupe.augmentation.manifold_mixup import ManifoldMixup
from mixupe.augmentation.mix_point import Model
from mixupe.augmentation.mixup import ERM, Mixup
from mixupe.augmentation.mixupe import CleanPass, MixupE, check_clean_pass
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, Variant
from mixupe.settings import NonNegativeFloat, PositiveFloat, PositiveInt, Settings, UserError

AUTO = "auto"


class Augmentation(Protocol):
    """What the training loop calls."""

    def __call__(self, model: Model, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss: ...
    def pass_over(self, batches: int) -> None: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state: dict[str, Tensor]) -> None: ...


class NoneSettings(Settings):
    name: Literal["none"]


class MixupSettings(Settings):
    """Attributes:
    alpha: of Beta(alpha, alpha).
    mix_at: a mix point; `auto` is the input, for graphs the classifier head (whose input is the readout).
    """

    name: Literal["mixup"]
    alpha: PositiveFloat
    mix_at: str


class ManifoldMixupSettings(Settings):
    """Attributes:
    alpha: of Beta(alpha, alpha).
    mix_at: mix points to draw from; `auto` are the model's `stages`.
    """

    name: Literal["manifold_mixup"]
    alpha: PositiveFloat
    mix_at: tuple[str, ...] | Literal["auto"]


class MixupESettings(Settings):
    """Attributes:
    alpha: of Beta(alpha, alpha).
    eta: weight of the penalty.
    threshold: v1 and v3 keep the samples whose term is below it.
    variant: approximate or exact (the paper's), v1 to v4 (the public code's); exact, v1 and v2 take a double backward pass.
    mix_at: a mix point; `auto` is the input, for graphs the classifier head (whose input is the readout).
    clean_pass: separate runs the mixed and then the clean batch; joint runs both as one batch, at the input only.
    penalty_every: k: the first of every k batches has the penalty, weighted k eta; the others are plain mixup.
    """

    name: Literal["mixupe"]
    alpha: PositiveFloat
    eta: NonNegativeFloat
    threshold: float
    variant: Variant
    mix_at: str
    clean_pass: Annotated[CleanPass, Field(json_schema_extra={"identity_default": "separate"})] = "separate"
    penalty_every: Annotated[PositiveInt, Field(json_schema_extra={"identity_default": 1})] = 1


class ERMPenaltySettings(Settings):
    """Attributes:
    alpha: scales the penalty as in MixupE with that alpha; nothing is mixed.
    eta: weight of the penalty.
    """

    name: Literal["erm_penalty"]
    alpha: PositiveFloat
    eta: NonNegativeFloat


AugmentationSettings = Annotated[
    NoneSettings | MixupSettings | ManifoldMixupSettings | MixupESettings | ERMPenaltySettings,
    Field(discriminator="name"),
]
_ADAPTER: TypeAdapter[AugmentationSettings] = TypeAdapter(AugmentationSettings)


def augmentation_settings(values: Any, domain: str, stages: tuple[str, ...]) -> AugmentationSettings:
    """The `augmentation` part of a config with `mix_at: auto` resolved.

    Raises:
        pydantic.ValidationError: a value is wrong.
        UserError: values do not go together.
    """
    settings = _ADAPTER.validate_python(values)
    if isinstance(settings, ManifoldMixupSettings) and settings.mix_at == AUTO:
        return settings.model_copy(update={"mix_at": stages})
    if isinstance(settings, MixupSettings | MixupESettings) and settings.mix_at == AUTO:
        settings = settings.model_copy(update={"mix_at": "head" if domain == "graphs" else "input"})
    if isinstance(settings, MixupESettings):
        try:
            check_clean_pass(settings.clean_pass, settings.mix_at)
        except ValueError as error:
            raise UserError(f"augmentation.{error}") from error
    return settings


def mix_points(settings: AugmentationSettings) -> tuple[str, ...]:
    """Every mix point the method may use; none for training without mixing."""
    match settings:
        case NoneSettings() | ERMPenaltySettings():
            return ()
        case ManifoldMixupSettings():
            return tuple(settings.mix_at)
        case MixupSettings() | MixupESettings():
            return (settings.mix_at,)


def build_augmentation(
    settings: AugmentationSettings, x_mean: Tensor | None, criterion: str = "cross_entropy"
) -> Augmentation:
    """The method.

    Args:
        settings: checked.
        x_mean: training-set mean input, which MixupE's exact, v1 and v2 need where they mix at the input.
        criterion: a name in CRITERIA.
    """
    of_batch = CRITERIA[criterion]
    match settings:
        case NoneSettings():
            return ERM(of_batch)
        case ERMPenaltySettings():
            return ERMPenalty(settings.alpha, settings.eta, of_batch)
        case MixupSettings():
            return Mixup(settings.alpha, settings.mix_at, of_batch)
        case ManifoldMixupSettings():
            return ManifoldMixup(settings.alpha, settings.mix_at, of_batch)
        case MixupESettings():
            mean = x_mean if settings.mix_at == "input" and settings.variant in GRADIENT_VARIANTS else None
            return MixupE(
                alpha=settings.alpha,
                eta=settings.eta,
                variant=settings.variant,
                threshold=settings.threshold,
                x_mean=mean,
                mix_at=settings.mix_at,
                clean_pass=settings.clean_pass,
                penalty_every=settings.penalty_every,
                criterion=of_batch,
            )
