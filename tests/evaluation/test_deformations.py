"""Deformed images by value: against torchvision, by hand, and at the end of a run."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import rotate

from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from mixupe.evaluation.deformations import DEFORMATIONS, Deformation, affine, deformed, matrices
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.run import request_run
from mixupe.rng import generator


def images(count: int = 4, height: int = 9, width: int = 13) -> TensorImages:
    pixels = torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator(0, "test-pixels"))
    return TensorImages(pixels, torch.arange(count), torch.full((3,), 0.5), torch.full((3,), 0.25))


def seen(kind: str, size: float, pixels: Tensor) -> Tensor:
    """As `deformed` shows it with the greatest angle of the range."""
    drawn = Deformation(kind, size)  # type: ignore[arg-type]
    theta = matrices(drawn, len(pixels), pixels.shape[-2:], generator(0, "deformation"))
    return affine(pixels, theta)


def angles(count: int, size: float) -> Tensor:
    return (2 * torch.rand(count, generator=generator(0, "deformation")) - 1) * size


def test_a_rotation_is_torchvisions_each_image_by_its_own_angle() -> None:
    pixels = images().pixels
    turned = seen("rotation", 40.0, pixels)
    for found, image, angle in zip(turned, pixels, angles(4, 40.0).tolist(), strict=True):
        expected = rotate(image.float(), -angle, InterpolationMode.BILINEAR)
        inverse = rotate(image.float(), angle, InterpolationMode.BILINEAR)
        errors = [(found.float() - other).abs().max().item() for other in (expected, inverse)]
        assert min(errors) <= 0.5 + 1e-3, "up to rounding"
    assert not torch.equal(turned[0], turned[1])


def test_zoom_in_shows_the_middle_and_zoom_out_the_whole_smaller() -> None:
    pixels = torch.zeros(1, 1, 10, 10, dtype=torch.uint8)
    pixels[..., 3:7, 3:7] = 200  # the middle 40%
    assert bool((seen("zoom", 0.4, pixels)[..., 1:-1, 1:-1] == 200).all())
    full = torch.full((1, 1, 10, 10), 200, dtype=torch.uint8)
    out = seen("zoom", 1.4, full)[0, 0]
    assert bool((out[2:8, 2:8] == 200).all()), "1/1.4 of each side"
    assert bool((out[0] == 0).all()), "black outside"
    assert bool((seen("zoom", 1.0, pixels) == pixels).all())


def test_a_shear_moves_rows_by_their_distance_from_the_middle() -> None:
    pixels = torch.zeros(1, 1, 41, 41, dtype=torch.uint8)
    pixels[..., 20] = 255  # an upright line
    (angle,) = angles(1, 57.3).tolist()
    sheared = seen("shear", 57.3, pixels)[0, 0].double()
    columns = torch.arange(41, dtype=torch.float64)
    for row in (10, 20, 30):
        centre = (sheared[row] * columns).sum() / sheared[row].sum()
        # What is seen at x was at x - sin(a) y: the line, at 0, is seen at sin(a) y.
        assert centre.item() - 20 == pytest.approx(math.sin(math.radians(angle)) * (row - 20), abs=0.02)


def test_the_same_seed_deforms_alike_and_labels_and_statistics_stay() -> None:
    split = images()
    turned, again, other = (
        deformed(split, DEFORMATIONS["rotation_20"], generator(seed, "deformation", 0)) for seed in (0, 0, 1)
    )
    assert torch.equal(turned.pixels, again.pixels)
    assert not torch.equal(turned.pixels, other.pixels)
    assert torch.equal(turned.targets, split.targets)
    assert turned.pixels.dtype == torch.uint8
    assert len(DEFORMATIONS) == 8


def test_a_run_can_be_tested_on_them(tmp_path: Path) -> None:
    options = ["dataset=digits", "model.width=4", "trainer.epochs=1", "dataset.train_size=60", "logger=none"]
    with hydra_initialised():
        plain = compose_settings([*options, f"output_root={tmp_path}"])
        settings = compose_settings([*options, f"output_root={tmp_path}", "trainer.deformations=true"])
    assert run_id(plain) != run_id(settings)
    metrics = (request_run(settings).record or {})["metrics"]
    names = {f"test_error_{name}" for name in DEFORMATIONS}
    assert names <= set(metrics)
    assert all(0 <= metrics[name] <= 100 for name in names)
    without = (request_run(plain).record or {})["metrics"]
    assert without == {name: value for name, value in metrics.items() if name not in names}, "nothing else changes"


def test_what_is_not_held_in_memory_is_refused(tmp_path: Path) -> None:
    options = ["dataset=tabular/iris", "trainer=images", "trainer.deformations=true", "logger=none"]
    with hydra_initialised():
        settings = compose_settings([*options, f"output_root={tmp_path}"])
    with pytest.raises(UserError, match=r"trainer\.deformations: true needs images held in memory"):
        request_run(settings)
