"""A method is one class: found by its name or its import path, its arguments are its config's keys."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from mixupe import MixedLoss
from mixupe.augmentation.call import Call
from mixupe.augmentation.config import augmentation_settings, build_augmentation, prototype, settings_class
from mixupe.augmentation.loss import cross_entropy
from mixupe.augmentation.method import Method, Style
from mixupe.augmentation.mixup import Mixup
from mixupe.augmentation.none import ERM
from mixupe.augmentation.registry import own_methods, style_of
from mixupe.errors import UserError
from mixupe.places import CONFIGS
from mixupe.training.trainer import Trainer

HERE = "tests.augmentation.test_registry"


class Smoothed(Method):
    """Label smoothing, as somebody else would write it."""

    style = Style("#CC79A7", "v", ":")
    domains = ("images", "tabular")
    later = ("power",)

    def __init__(self, share: float, classes: Sequence[str] = (), power: int = 1) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share: must lie in [0, 1], got {share}")
        if power < 0:
            raise ValueError("smoothing must not be undone")
        super().__init__()
        self.share, self.classes, self.power = share, classes, power

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        logits = call(x)
        loss = (1 - self.share) * cross_entropy(logits, y) - self.share * logits.log_softmax(1).mean()
        return MixedLoss(loss=loss, logits=logits, mixup_loss=loss, penalty=loss.new_zeros(()))


class Unfinished(Method):
    """Without a loss."""


class Untyped(Smoothed):
    def __init__(self, share) -> None:  # type: ignore[no-untyped-def]
        super().__init__(share)


class Packed(Smoothed):
    def __init__(self, **values: float) -> None:
        super().__init__(**values)  # type: ignore[arg-type]


class Copied(Smoothed):
    def __init__(self, copy: float) -> None:
        super().__init__(copy)


class Wrapped(Smoothed):
    def __init__(self, share: Trainer) -> None: ...


class Renamed(Mixup):
    """What it inherits says how mixup is drawn and stacked."""


def smoothed(**changed: Any) -> dict[str, Any]:
    return {"name": "smoothed", "target": f"{HERE}.Smoothed", "share": 0.1, "classes": ["a"], **changed}


def test_every_method_has_its_config_and_no_name_twice() -> None:
    files = {path.stem: yaml.safe_load(path.read_text())["name"] for path in (CONFIGS / "augmentation").glob("*.yaml")}
    assert files == {name: name for name in own_methods()}
    assert {"none", "mixup", "manifold_mixup", "mixupe", "erm_penalty"} <= set(files)
    classes = {cls for cls in Method.__subclasses__() if "name" in vars(cls)}
    assert len(own_methods()) == len({cls for cls in classes if cls.__module__.startswith("mixupe.")})


def test_arguments_are_keys() -> None:
    settings = augmentation_settings(smoothed(share=1), "tabular", ())
    assert settings.model_dump() == {**smoothed(share=1.0), "classes": ("a",), "power": 1}
    assert type(settings).model_fields["power"].json_schema_extra == {"identity_default": 1}
    method = build_augmentation(settings, torch.zeros(3))
    assert isinstance(method, Smoothed)
    assert (method.share, method.classes, method.mix_layers) == (1.0, ("a",), ())


def test_the_way_from_a_path_knows_the_style() -> None:
    augmentation_settings(smoothed(), "tabular", ())
    assert style_of("smoothed") == Smoothed.style
    assert style_of("mixup eta=1") is None
    augmentation_settings({"name": "renamed", "target": f"{HERE}.Renamed", "alpha": 1, "mix_at": "auto"}, "images", ())
    assert style_of("renamed") is None, "it would be drawn as mixup is"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "mixupp"}, "augmentation.name: 'mixupp' is unknown, allowed are "),
        ({}, "augmentation.name: None is unknown"),
        (smoothed(name="mixup"), f"augmentation.name: must be a name of its own for {HERE}.Smoothed, got 'mixup'"),
        (smoothed(name=""), "augmentation.name: must be a name of its own"),
        (
            smoothed(target="nowhere.Mine"),
            "augmentation.target: 'nowhere.Mine' cannot be imported (ModuleNotFoundError",
        ),
        (smoothed(target="Mine"), "augmentation.target: 'Mine' cannot be imported (ModuleNotFoundError"),
        (smoothed(target=f"{HERE}.Mine"), f"augmentation.target: '{HERE}.Mine' cannot be imported (AttributeError"),
        (smoothed(target=f"{HERE}.smoothed"), f"augmentation.target: {HERE}.smoothed is not a class derived from"),
        (smoothed(target=f"{HERE}.Unfinished"), f"augmentation.target: {HERE}.Unfinished is not a class derived from"),
        (smoothed(target=f"{HERE}.Untyped"), "augmentation: smoothed's argument 'share' cannot be a key"),
        (smoothed(target=f"{HERE}.Packed"), "augmentation: smoothed's argument 'values' cannot be a key"),
        (smoothed(target=f"{HERE}.Copied"), "augmentation: smoothed's argument 'copy' cannot be a key"),
        (smoothed(target=f"{HERE}.Wrapped"), "augmentation: smoothed's arguments cannot be keys"),
        (smoothed(share=2), "augmentation.share: must lie in [0, 1], got 2.0"),
        (smoothed(power=-1), "augmentation: smoothing must not be undone"),
    ],
)
def test_what_is_wrong_is_one_line(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        augmentation_settings(values, "tabular", ())
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("mix_at", "variant", "gets"), [("input", "exact", True), ("head", "exact", False)])
def test_the_mean_input_is_for_mixing_at_the_input(mix_at: str, variant: str, gets: bool) -> None:
    values = {"name": "mixupe", "alpha": 1, "eta": 0, "threshold": 1, "variant": variant, "mix_at": mix_at}
    settings = augmentation_settings(values, "tabular", ())
    mean = torch.ones(3)
    assert (build_augmentation(settings, mean).x_mean is mean) is gets
    assert prototype(settings).mix_layers == (mix_at,)


def test_a_class_has_one_settings_class() -> None:
    assert settings_class(ERM, "none") is settings_class(ERM, "none")
