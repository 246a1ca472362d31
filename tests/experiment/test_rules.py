"""What does not go together is refused in one line, before data is loaded where that can be told."""

import pytest
import torch
from torch import nn

from mixupe.augmentation.config import augmentation_settings
from mixupe.augmentation.none import ERM
from mixupe.errors import UserError
from mixupe.experiment.rules import check_average, check_method, check_settings
from tests.experiment.conftest import Compose


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model=preactresnet18"], "model: preactresnet18 takes images, the data set holds tabular"),
        (["dataset=digits", "model=mlp"], "model: mlp takes tabular, the data set holds images"),
        (["augmentation=cutout"], "augmentation: cutout takes images, the data set holds tabular"),
    ],
)
def test_settings_that_do_not_go_together(compose: Compose, overrides: list[str], says: str) -> None:
    with pytest.raises(UserError) as raised:
        compose(*overrides)
    assert str(raised.value) == says


@pytest.mark.parametrize(
    "override", ["trainer.criterion=bce_softmax", "trainer.label_smoothing=0.1", "trainer.class_weights=balanced"]
)
def test_a_method_with_a_criterion_of_its_own(compose: Compose, override: str) -> None:
    named = {"name": "smoothed", "target": "tests.augmentation.test_registry.Smoothed", "share": 0.1, "classes": []}
    method = augmentation_settings(named, "tabular", ())
    check_settings(compose().model_copy(update={"augmentation": method}))
    key = override.split("=")[0]
    with pytest.raises(UserError, match=f"^{key}: augmentation smoothed has a criterion of its own$"):
        check_settings(compose(override).model_copy(update={"augmentation": method}))


def test_a_method_with_weights_of_its_own_is_refused_as_they_would_not_be_trained(compose: Compose) -> None:
    method = ERM()
    check_method(compose(), method)
    method.scale = nn.Parameter(torch.ones(()), requires_grad=False)
    check_method(compose(), method)
    method.scale = nn.Parameter(torch.ones(()))
    with pytest.raises(
        UserError, match=r"^augmentation: none has a parameter 'scale', but only the model's are trained"
    ):
        check_method(compose("augmentation=none"), method)


def test_a_moving_average_refuses_shared_weights_and_infinities() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    check_average(model)
    model.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
    with pytest.raises(UserError, match=r"^trainer\.ema: mask holds infinities"):
        check_average(model)
    del model.mask
    model[2].weight = model[0].weight
    with pytest.raises(UserError, match=r"^trainer\.ema: 0\.weight and 2\.weight are one tensor"):
        check_average(model)
