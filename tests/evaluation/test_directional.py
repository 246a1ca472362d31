"""alpha of Figure 2 against its closed form in a linear model, and a trace that changes nothing."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mixupe import Mixup
from mixupe.evaluation.directional import AlphaTrace, alpha
from mixupe.rng import generator
from tests.training.conftest import bundle, network, trainer


def test_a_linear_model_has_a_closed_form() -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, 3).double().requires_grad_(False)
    x, y = torch.randn(5, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1])
    mean = torch.randn(6, dtype=torch.float64)
    found = alpha(model, x, y, mean)
    for i in range(5):
        p = (model.weight @ x[i] + model.bias).softmax(dim=0)
        for j in range(3):
            weight, direction = model.weight[j], mean - x[i]
            cosine = weight @ direction / (weight.norm() * direction.norm())
            assert found[i, j].item() == pytest.approx(float((p[j] - (y[i] == j).double()) * cosine), rel=1e-10)


def test_it_is_negative_where_the_right_logit_grows_towards_the_mean() -> None:
    model = nn.Linear(2, 2, bias=False)
    model.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = alpha(model, torch.tensor([[-1.0, 0.0]]), torch.tensor([0]), torch.zeros(2))
    p = torch.tensor([-1.0, 0.0]).softmax(dim=0)
    assert found[0].tolist() == pytest.approx([float(p[0] - 1), 0.0], abs=1e-6)


def test_the_model_stays_as_it_is_and_examples_do_not_mix() -> None:
    model = network()
    assert isinstance(model, nn.Sequential)
    model[1].eval()  # modes need not be the same everywhere
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, y = torch.randn(8, 6, generator=generator(0, "test-x")), torch.arange(8) % 3
    found = alpha(model, x, y, torch.zeros(6))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, model[1].training, model[3].training) == (True, False, True)
    assert all(parameter.grad is None for parameter in model.parameters())
    torch.testing.assert_close(alpha(model, x[:3], y[:3], torch.zeros(6)), found[:3])


def test_a_trace_notes_every_kth_step_changes_nothing_and_is_resumed(tmp_path: Path) -> None:
    def traced() -> AlphaTrace:
        mean = bundle().train.mean_input()
        assert mean is not None
        return AlphaTrace(Mixup(1.0), mean, every=4)

    plain = trainer(tmp_path / "plain.pt", Mixup(1.0))
    plain.fit(lambda *_: None)
    trace = traced()
    watched = trainer(tmp_path / "watched.pt", trace)
    watched.fit(lambda *_: None)
    for name, value in watched.model.state_dict().items():
        assert torch.equal(value, plain.model.state_dict()[name]), name
    steps = 6 * watched.steps_per_epoch
    assert [step for step, _ in trace.least] == list(range(0, steps, 4))
    again = traced()
    trainer(tmp_path / "watched.pt", again)
    assert again.least == trace.least
    assert again.batches == steps
