"""Along a segment, by hand: a model that says which of two numbers is nearer."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.segments import along_segments


class Nearest(nn.Module):
    """Logits of three classes, whose examples lie at 0, 1 and 2."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(-10 * (x - torch.arange(3.0)).square())
        return logits


def test_a_class_between_two_others_is_a_miss() -> None:
    split = TensorSplit(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 2]))
    rows = along_segments(Nearest(), split, [torch.arange(2)], "input", (0.0, 0.4, 0.5, 0.9, 1.0))
    assert [row["level"] for row in rows] == [0.0, 0.4, 0.5, 0.9, 1.0]
    assert [row["neither"] for row in rows] == [0.0, 100.0, 100.0, 0.0, 0.0]
    assert [row["error"] for row in rows] == [0.0, 100.0, 100.0, 0.0, 0.0]
    middle = -10 * torch.tensor([[1.0, 0.0, 1.0]])
    assert rows[2]["loss"] == pytest.approx(F.cross_entropy(middle, torch.tensor([0])).item(), rel=1e-6)


def test_the_nearer_class_is_asked_for_and_at_one_half_either() -> None:
    split = TensorSplit(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    rows = along_segments(Nearest(), split, [torch.arange(2)], "input", (0.3, 0.5, 0.7))
    assert [row["error"] for row in rows] == [0.0, 0.0, 0.0]
    swapped = TensorSplit(split.inputs, 1 - split.targets)
    rows = along_segments(Nearest(), swapped, [torch.arange(2)], "input", (0.3, 0.5, 0.7))
    assert [row["error"] for row in rows] == [100.0, 0.0, 100.0]
    assert [row["neither"] for row in rows] == [0.0, 0.0, 0.0]


def test_both_ends_are_the_examples_and_a_module_can_be_the_place() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(9, 4), torch.arange(9) % 3
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    error = 100 * (model(x).argmax(dim=1) != y).double().mean().item()
    for mix_at in ("input", "2"):
        rows = along_segments(model, TensorSplit(x, y), torch.split(torch.randperm(9), 4), mix_at)
        assert rows[0]["error"] == pytest.approx(error)
        assert rows[-1]["error"] == pytest.approx(error)
    assert len(rows) == 11
