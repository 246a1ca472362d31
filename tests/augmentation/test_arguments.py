"""Wrong arguments raise a ValueError that names the argument."""

from typing import Any

import pytest
import torch
from torch import nn

from mixupe import ManifoldMixup, Mixup, MixupE, mixup_loss, mixupe_loss

MODEL = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
X = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1])
PERM = torch.tensor([2, 0, 3, 1])
GOOD: dict[str, Any] = {"x": X, "y": Y, "lam": 0.3, "perm": PERM, "alpha": 1.0, "eta": 0.1}


def call(**changed: Any) -> None:
    arguments = {**GOOD, **changed}
    x, y = arguments.pop("x"), arguments.pop("y")
    mixupe_loss(MODEL, x, y, **arguments)


@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ("alpha", {"alpha": 0.0}),
        ("alpha", {"alpha": -1.0}),
        ("alpha", {"alpha": float("nan")}),
        ("alpha", {"alpha": float("inf")}),
        ("eta", {"eta": -0.1}),
        ("eta", {"eta": float("nan")}),
        ("variant", {"variant": "v5"}),
        ("threshold", {"threshold": float("nan")}),
        ("x_mean", {"variant": "exact"}),
        ("x_mean", {"variant": "v1"}),
        ("x_mean", {"variant": "v2"}),
        ("x_mean", {"variant": "v1", "x_mean": torch.zeros(3, 2)}),
        ("lam", {"lam": 1.5}),
        ("lam", {"lam": torch.tensor([0.5, 0.5])}),
        ("perm", {"perm": torch.tensor([0, 0, 1, 2])}),
        ("perm", {"perm": torch.tensor([0, 1, 2, 4])}),
        ("perm", {"perm": torch.tensor([0, 1, 2])}),
        ("perm", {"perm": PERM.int()}),
        ("y", {"y": torch.tensor([0, 1, 2, 3])}),
        ("y", {"y": torch.tensor([0, 1, 2, -1])}),
        ("y", {"y": Y.float()}),
        ("y", {"y": torch.full((4, 3), 0.5)}),
        ("y", {"y": torch.tensor([[2.0, -1.0, 0.0]] * 4)}),
        ("y", {"y": torch.full((4, 2), 0.5)}),
        ("y", {"y": torch.zeros(4, 3, dtype=torch.int64)}),
        ("x", {"x": torch.zeros(4, 3, 2, 2, dtype=torch.uint8)}),
        ("mix_at", {"mix_at": "nowhere"}),
        ("clean_pass", {"clean_pass": "both"}),
        ("clean_pass", {"clean_pass": "joint", "mix_at": "1"}),
        ("x", {"x": X[:3]}),
        ("x", {"x": torch.tensor(1.0)}),
    ],
)
def test_the_error_names_the_argument(argument: str, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: "):
        call(**changed)


def test_a_model_whose_output_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"^model: must return logits of shape \(B, K\) with B = 4"):
        mixup_loss(lambda x: MODEL(x)[:3], X, Y, lam=0.5, perm=PERM)


def test_mixup_checks_the_same_way() -> None:
    with pytest.raises(ValueError, match=r"^perm: is not a permutation"):
        mixup_loss(MODEL, X, Y, lam=0.5, perm=torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"^y: class index 7 is out of range, allowed are 0 to 2"):
        mixup_loss(MODEL, X, torch.tensor([0, 1, 7, 2]), lam=0.5, perm=PERM)


def test_the_classes_check_when_they_are_built() -> None:
    with pytest.raises(ValueError, match=r"^alpha: "):
        Mixup(alpha=0)
    with pytest.raises(ValueError, match=r"^alpha: "):
        ManifoldMixup(alpha=-1)
    with pytest.raises(ValueError, match=r"^mix_at: "):
        ManifoldMixup(mix_at=[])
    with pytest.raises(ValueError, match=r"^variant: must be one of approximate, exact, v1, v2, v3, v4, got 'v0'"):
        MixupE(variant="v0")
    with pytest.raises(ValueError, match=r"^x_mean: variant v2 needs"):
        MixupE(variant="v2")
    with pytest.raises(ValueError, match=r"^clean_pass: must be one of separate, joint, got 'both'"):
        MixupE(clean_pass="both")
    with pytest.raises(
        ValueError, match=r"^clean_pass: joint needs mix_at input; with mix_at layer3 only separate is allowed"
    ):
        MixupE(clean_pass="joint", mix_at="layer3")
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=rf"^penalty_every: must be an integer >= 1, got {wrong}"):
            MixupE(penalty_every=wrong)  # type: ignore[arg-type]
