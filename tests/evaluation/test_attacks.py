"""Attacks stay in their ball and raise the loss; of a linear model both are what algebra says."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.data.images.tensor_images import TensorImages
from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.attacks import Ball, attacked, ball_of
from mixupe.rng import generator

FREE = Ball(torch.ones(()), torch.tensor(-float("inf")), torch.tensor(float("inf")), (0.1,))


def losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(model(x), y, reduction="none")


def test_of_a_linear_model_of_two_classes_both_go_to_the_corner() -> None:
    torch.manual_seed(0)
    model, x, y = nn.Linear(5, 2), torch.randn(20, 5), torch.arange(20) % 2
    towards = model.weight[1 - y] - model.weight[y]
    corner = (x + 0.1 * towards.sign()).detach()
    torch.testing.assert_close(attacked(model, x, y, FREE, 0.1, "fgsm"), corner)
    torch.testing.assert_close(attacked(model, x, y, FREE, 0.1, "pgd", generator(0, "start")), corner)


def test_pgd_is_stronger_and_neither_leaves_ball_or_range() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(27, 40), nn.Tanh(), nn.Linear(40, 3)).eval()
    pixels = torch.randint(256, (30, 3, 3, 3), dtype=torch.uint8)
    split = TensorImages(pixels, torch.arange(30) % 3, torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3]))
    ((x, y),) = split.batches([torch.arange(30)])
    ball = ball_of(split, "images")
    assert ball.radii[-1] == 8 / 255
    before = losses(model, x, y)
    means = [before.mean()]
    for kind in ("fgsm", "pgd"):
        moved = attacked(model, x, y, ball, 8 / 255, kind, generator(0, "start"))
        as_pixels = moved * split.std[:, None, None] + split.mean[:, None, None]
        assert (as_pixels - pixels / 255).abs().max() <= 8 / 255 + 1e-6
        assert as_pixels.min() >= -1e-6
        assert as_pixels.max() <= 1 + 1e-6
        means.append(losses(model, moved, y).mean())
    assert means[0] < means[1] <= means[2] + 1e-4
    assert not any(parameter.grad is not None for parameter in model.parameters())


def test_radius_0_and_the_start_change_nothing_that_they_should_not() -> None:
    torch.manual_seed(0)
    model, x, y = nn.Linear(4, 3), torch.randn(6, 4), torch.arange(6) % 3
    for kind in ("fgsm", "pgd"):
        assert torch.equal(attacked(model, x, y, FREE, 0.0, kind, generator(0, "start")), x)
    first, second = (attacked(model, x, y, FREE, 0.1, "pgd", generator(0, "start")) for _ in range(2))
    assert torch.equal(first, second)


def test_other_data_than_images_are_unbounded_in_units_of_their_scale() -> None:
    ball = ball_of(TensorSplit(torch.zeros(2, 3), torch.zeros(2).long()), "tabular")
    assert ball.unit.item() == 1
    assert ball.radii == pytest.approx((0.01, 0.03, 0.1, 0.3))
    assert ball.high.item() == -ball.low.item() == float("inf")
