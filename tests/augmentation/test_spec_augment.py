"""SpecAugment: stretches of 0 to the widest, anywhere within the row; labels stay."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.augmentation.spec_augment import SpecAugment, stretches
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised


def test_stretches() -> None:
    uniform = torch.tensor([[[0.99, 0.0], [0.5, 0.99]], [[0.0, 0.5], [0.4, 0.5]]])
    # Widths 3 of 3 at 0 and 2 at 6 of 8; 0 and 1 at floor(0.5 * 8).
    assert stretches(uniform, 3, 8).int().tolist() == [[1, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 0, 0, 0]]
    assert stretches(torch.full((1, 1, 2), 0.999), 50, 4).all()
    assert not stretches(torch.rand(3, 0, 2), 5, 4).any()


def test_every_width_is_as_likely_and_every_place_is_reached() -> None:
    found = stretches(torch.rand(8000, 1, 2, generator=torch.Generator().manual_seed(0)), 3, 10)
    widths = found.sum(dim=1).bincount(minlength=4) / 8000
    assert widths.tolist() == pytest.approx([0.25] * 4, abs=0.02)
    assert found.any(dim=0).all()


def test_the_loss_is_of_the_masked_spectrograms() -> None:
    x, y = torch.randn(5, 1, 6, 9, dtype=torch.float64), torch.arange(5) % 3
    seen: list[Tensor] = []

    def model(spectrograms: Tensor) -> Tensor:
        seen.append(spectrograms)
        return spectrograms.flatten(1)[:, :3]

    result = SpecAugment(2, 2, 1, 4)(model, x, y, generator=torch.Generator().manual_seed(0))
    uniform = torch.rand(5, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    bands, frames = stretches(uniform[:, :2], 2, 6), stretches(uniform[:, 2:], 4, 9)
    masked = bands[:, None, :, None] | frames[:, None, None, :]
    assert masked.any()
    assert torch.equal(seen[0], x * ~masked)
    torch.testing.assert_close(result.loss, F.cross_entropy((x * ~masked).flatten(1)[:, :3], y))


@pytest.mark.parametrize("key", ["frequency_masks", "frequency_width", "time_masks", "time_width"])
def test_a_wrong_number_is_named(key: str) -> None:
    for value in (-1, 1.5, True):
        with pytest.raises(ValueError, match=f"^{key}: must be an integer >= 0, got"):
            SpecAugment(**{key: value})  # type: ignore[arg-type]


def test_it_is_for_spectrograms() -> None:
    with pytest.raises(ValueError, match=r"^x: must be 2 spectrograms"):
        SpecAugment()(lambda x: x, torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
    with (
        hydra_initialised(),
        pytest.raises(UserError, match=r"^augmentation: spec_augment takes speech, the data set holds images$"),
    ):
        compose_settings(["dataset=digits", "augmentation=spec_augment"])
