"""Where the penalties push a network that mixup trains: cosines of their gradients with that of the paper's loss.

The figures in docs/method.md are those of `measured` on the digits, printed by `python -m tests.augmentation.test_cosines`.
"""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from mixupe import Mixup
from mixupe.analysis.cosines import cosines, gradients

COLUMNS = ("exact", "v1", "v2", "v3", "v4", "cross-entropy")


def measured(at: tuple[int, ...]) -> dict[int, dict[str, float]]:
    """With the approximate penalty's gradient, after so many steps of mixup on the digits.

    A perceptron, alpha 1, SGD with momentum, batch 100; float64.
    """
    data = load_digits()
    x, y = torch.from_numpy(data.data) / 16, torch.from_numpy(data.target)
    x = (x - x.mean(dim=0)) / x.std()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).double()
    method, draws = Mixup(1.0), torch.Generator().manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    found = {}
    for step in range(max(at) + 1):
        if step in at:
            found[step] = cosines(gradients(model, x, y, torch.zeros(64, dtype=torch.float64)))["approximate"]
        batch = torch.randperm(len(y), generator=draws)[:100]
        optimizer.zero_grad()
        method(model, x[batch], y[batch], generator=draws).loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return found


def test_all_public_variants_but_v4_turn_against_the_paper_once_a_network_has_learned() -> None:
    found = measured((0, 200))
    assert found[0]["v3"] > 0, "at random weights most predictions are wrong: q_hat is negative"
    assert found[200]["v3"] < -0.95, "later q_hat is positive: the paper lowers what v3 raises"
    assert found[200]["exact"] > 0.9
    assert found[200]["v2"] < -0.5, "the value of exact, but its detached residual turns the gradient round"
    assert found[200]["v1"] < -0.5
    assert found[200]["v4"] == pytest.approx(found[200]["cross-entropy"], abs=1e-12)


if __name__ == "__main__":
    print("| steps | " + " | ".join(COLUMNS) + " |")  # noqa: T201
    for step, row in measured((0, 10, 50, 200, 1000)).items():
        print(f"| {step} | " + " | ".join(f"{row[name]:+.3f}" for name in COLUMNS) + " |")  # noqa: T201
