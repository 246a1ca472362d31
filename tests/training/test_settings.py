"""The trainer's keys: checked, documented, listed in every config file."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from mixupe.augmentation.config import settings_class
from mixupe.augmentation.registry import own_methods
from mixupe.augmentation.settings import AugmentationSettings
from mixupe.places import CONFIGS
from mixupe.training.settings import TrainerSettings

FILES: dict[Path, type[BaseModel]] = {
    **dict.fromkeys(sorted((CONFIGS / "trainer").glob("*.yaml")), TrainerSettings),
    **{CONFIGS / "augmentation" / f"{name}.yaml": settings_class(cls, name) for name, cls in own_methods().items()},
}
# What their names say.
PLAIN = {"name", "epochs", "batch_size", "checkpoint_every", "alpha", "eta", "threshold"}


def values(**changed: Any) -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((CONFIGS / "trainer" / "tabular.yaml").read_text())
    return {**file, **changed}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_is_listed_with_a_comment(path: Path) -> None:
    settings = FILES[path]
    lines = dict(re.findall(r"^(\w+): (.*)$", path.read_text(), re.MULTILINE))
    assert set(lines) == set(settings.model_fields)
    assert [key for key, value in lines.items() if key not in PLAIN and "# " not in value] == []


@pytest.mark.parametrize("settings", dict.fromkeys(FILES.values()), ids=lambda settings: settings.__name__)
def test_every_key_is_in_the_docstring(settings: type[BaseModel]) -> None:
    text = inspect.cleandoc((inspect.getdoc(settings) or "").partition("Attributes:\n")[2])
    from_elsewhere = set()
    if issubclass(settings, AugmentationSettings):
        arguments = (inspect.getdoc(settings.method_class) or "").partition("Args:\n")[2].partition("Raises:")[0]
        text, from_elsewhere = inspect.cleandoc(arguments), {"criterion", "x_mean", "batch_dim"}
    documented = re.findall(r"^([\w, ]+): ", text, re.MULTILINE)
    keys = {key for line in documented for key in line.split(", ")}
    assert set(settings.model_fields) - {"name"} == keys - from_elsewhere


def test_a_config_from_before_a_later_key_means_its_default() -> None:
    older = values()
    for key in ("accumulate", "ema", "class_weights", "label_smoothing", "clip_grad_norm"):
        del older[key]
    assert TrainerSettings(**older) == TrainerSettings(**values())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"accumulate": 17}, "must be at most 16 with batch_size 32"),
        ({"accumulate": 0}, "greater than 0"),
        ({"ema": 1.0}, "less than 1"),
        ({"ema": 0}, "greater than 0"),
        ({"class_weights": (0, 0.0)}, "must not all be 0"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TrainerSettings(**values(**changed))
    assert TrainerSettings(**values(accumulate=16, ema=0.999, class_weights=(0, 1))).accumulate == 16
