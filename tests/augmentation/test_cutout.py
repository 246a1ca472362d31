"""Cutout: squares where they were drawn, cut off at the border; labels stay."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation import cutout
from mixupe.augmentation.cutout import Cutout, squares
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised


def test_squares() -> None:
    found = squares(torch.tensor([[0.5, 0.5], [0.0, 0.99]]), 4, 8, 6)
    assert found[0].nonzero()[[0, -1]].tolist() == [[2, 1], [5, 4]]
    assert found[0].sum() == 16
    assert found[1].nonzero().tolist() == [[0, 3], [0, 4], [0, 5], [1, 3], [1, 4], [1, 5]]
    assert squares(torch.tensor([[0.5, 0.5]]), 3, 8, 8)[0].sum() == 9


def test_the_loss_is_of_the_cut_images(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(4, 2, 8, 8, dtype=torch.float64), torch.arange(4) % 3
    seen: list[Tensor] = []

    def model(images: Tensor) -> Tensor:
        seen.append(images)
        return images.flatten(1)[:, :3]

    result = Cutout(0.5)(model, x, y, generator=torch.Generator().manual_seed(0))
    places = torch.rand(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cut = squares(places, 4, 8, 8).unsqueeze(1)
    assert torch.equal(seen[0], x * ~cut)
    torch.testing.assert_close(result.loss, F.cross_entropy((x * ~cut).flatten(1)[:, :3], y))
    assert len(torch.unique(places, dim=0)) == 4


@pytest.mark.parametrize("side", [0.0, 1.1, float("nan")])
def test_a_wrong_side_is_named(side: float) -> None:
    with pytest.raises(ValueError, match=r"^side: must lie in \(0, 1\], got"):
        cutout.Cutout(side)


def test_it_is_for_images() -> None:
    with pytest.raises(ValueError, match=r"^x: must be 2 images"):
        Cutout()(lambda x: x, torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
    with (
        hydra_initialised(),
        pytest.raises(UserError, match=r"^augmentation: cutout takes images, the data set holds tabular$"),
    ):
        compose_settings(["dataset=tabular/wine", "augmentation=cutout"])
