"""CutMix equals torchvision's with the same lam, box and partners; it is for images and spectrograms."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from mixupe.augmentation import cutmix
from mixupe.augmentation.cutmix import CutMix, box
from mixupe.augmentation.loss import Criterion, bce_softmax, cross_entropy
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised

B, K, HEIGHT, WIDTH = 5, 3, 9, 14


def images() -> tuple[Tensor, Tensor]:
    return torch.randn(B, 2, HEIGHT, WIDTH, dtype=torch.float64), torch.arange(B) % K


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(K)).double()


def torchvisions(
    lam: float, centre: tuple[int, int], x: Tensor, y: Tensor, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tensor, Tensor]:
    """Images and label probabilities of its CutMix; partners are one place further on."""
    transform = v2.CutMix()
    monkeypatch.setattr(transform._dist, "sample", lambda _: torch.tensor([lam], dtype=torch.float64))
    with monkeypatch.context() as patch:
        drawn = {HEIGHT: centre[0], WIDTH: centre[1]}
        patch.setattr(torch, "randint", lambda high, size: torch.full(size, drawn[high]))
        cut, labels = transform(x, y)
    return cut, labels


@pytest.mark.parametrize("criterion", [cross_entropy, bce_softmax])
@pytest.mark.parametrize("lam", [0.0, 0.02, 0.3, 0.5, 0.77, 0.999, 1.0])
@pytest.mark.parametrize("centre", [(0, 0), (4, 7), (8, 13), (2, 12)])
def test_it_is_torchvisions(
    centre: tuple[int, int], lam: float, criterion: Criterion, monkeypatch: pytest.MonkeyPatch
) -> None:
    (x, y), model = images(), network()
    cut, labels = torchvisions(lam, centre, x, nn.functional.one_hot(y, K).double(), monkeypatch)
    expected = criterion(model(cut), labels)
    place = torch.tensor([(centre[0] + 0.5) / HEIGHT, (centre[1] + 0.5) / WIDTH, 0.0], dtype=torch.float64)
    monkeypatch.setattr(cutmix, "draw_lam", lambda *_: torch.tensor(lam, dtype=torch.float64))
    monkeypatch.setattr(cutmix, "draw_perm", lambda *_: torch.arange(B).roll(1))
    monkeypatch.setattr(torch, "rand", lambda *_, **__: place)
    seen: list[Tensor] = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    result = CutMix(criterion=criterion)(model, x, y)
    assert torch.equal(seen[0], cut)
    torch.testing.assert_close(result.loss, expected, rtol=1e-12, atol=1e-12)
    assert result.penalty.item() == 0


def test_the_box_has_its_area_and_lies_anywhere() -> None:
    lam = torch.tensor(0.75, dtype=torch.float64)
    assert box(lam, torch.tensor([0.5, 0.5]), 32, 32).sum() == 16 * 16
    assert box(lam, torch.tensor([0.0, 0.0]), 32, 32).nonzero().tolist() == [[i, j] for i in range(8) for j in range(8)]


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (0.5, 60, 140), (1.0, 170, 200)])
def test_a_share_of_the_batches_is_cut(probability: float, low: int, high: int) -> None:
    x, y = images()
    seen: list[Tensor] = []

    def model(inputs: Tensor) -> Tensor:
        seen.append(inputs)
        return inputs.flatten(1)[:, :K]

    method = CutMix(probability=probability)
    losses = [method(model, x, y, generator=torch.Generator().manual_seed(seed)).loss for seed in range(200)]
    whole = [i for i, inputs in enumerate(seen) if torch.equal(inputs, x)]
    assert low <= 200 - len(whole) <= high
    for i in whole:
        torch.testing.assert_close(losses[i], cross_entropy(model(x), y), rtol=1e-12, atol=0.0)


def test_the_same_generator_draws_the_same() -> None:
    (x, y), model = images(), network()
    losses = [CutMix()(model, x, y, generator=torch.Generator().manual_seed(seed)).loss.item() for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("arguments", "x", "says"),
    [
        ({"alpha": 0.0}, None, "alpha: must be a finite number > 0, got 0.0"),
        ({"probability": 1.5}, None, r"probability: must lie in \[0, 1\], got 1.5"),
        ({}, torch.zeros(B, 7), r"x: must be 5 images or spectrograms, \(B, C, H, W\)"),
        ({}, torch.zeros(B + 1, 1, 4, 4), "x: must be 5 images"),
        ({}, torch.zeros(B, 1, 4, 4, dtype=torch.uint8), r"x: .*, got torch.uint8 of shape \(5, 1, 4, 4\)"),
        ({}, ["a graph"], "x: must be 5 images"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, float], x: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        CutMix(**arguments)(network(), x, images()[1])  # type: ignore[arg-type]


def test_other_data_than_images_is_refused_by_its_config() -> None:
    with hydra_initialised():
        settings = compose_settings(["dataset=digits", "augmentation=cutmix"])
        assert settings.augmentation.probability == 1.0
        with pytest.raises(
            UserError, match=r"^augmentation: cutmix takes images or speech, the data set holds tabular$"
        ):
            compose_settings(["dataset=tabular/wine", "augmentation=cutmix"])
        with pytest.raises(UserError, match=r"^augmentation.alpha: must be a finite number > 0, got -1.0$"):
            compose_settings(["dataset=digits", "augmentation=cutmix", "augmentation.alpha=-1"])
