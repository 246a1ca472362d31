"""The code of others does what it is said to do."""

import pytest
import torch
from torch import nn

from benchmarks.contestants import TimmLoop, bare_mixup_step, textbook_mixupe_loss, textbook_mixupe_step
from benchmarks.nets import CLASSES, TEXTBOOK, Net, network, random_batch, recommended, textbook_network
from benchmarks.options import Options
from mixupe import mixupe_loss


def weights(net: Net) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.model.parameters()])


def test_the_textbook_computes_mixupe_v3() -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, CLASSES)
    x, y, perm = torch.randn(8, 6), torch.randint(CLASSES, (8,)), torch.randperm(8)
    theirs = textbook_mixupe_loss(model, x, y, 0.3, perm, alpha=2.0, eta=0.5)
    ours = mixupe_loss(model, x, y, lam=0.3, perm=perm, alpha=2.0, eta=0.5, variant="v3").loss
    assert theirs.item() == pytest.approx(ours.item(), rel=1e-6)
    (theirs_grad,), (ours_grad,) = (torch.autograd.grad(loss, [model.weight]) for loss in (theirs, ours))
    torch.testing.assert_close(theirs_grad, ours_grad)


def test_the_textbooks_network_is_ours_in_value() -> None:
    x, ours, theirs = torch.randn(4, 3, 16, 16), network(2), textbook_network(2)
    theirs.load_state_dict(ours.state_dict())
    assert [module.stride for module in theirs.modules() if type(module) is nn.Conv2d].count((2, 2)) == 6
    torch.testing.assert_close(theirs(x), ours(x))


def test_every_step_trains(options: Options) -> None:
    for setup in (TEXTBOOK, recommended(options)):
        net = Net(options, setup)
        x, y = random_batch(options, setup)
        assert x.is_contiguous(memory_format=setup.memory_format)
        before = weights(net)
        bare_mixup_step(net, x, y, alpha=1.0)
        middle = weights(net)
        textbook_mixupe_step(net, x, y, alpha=2.0, eta=0.001)
        assert not torch.equal(before, middle)
        assert not torch.equal(middle, weights(net))
        assert weights(net).isfinite().all()


def test_timms_loop_trains(options: Options) -> None:
    net = Net(options, recommended(options))
    pixels, targets = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8), torch.randint(CLASSES, (8,))
    before = weights(net)
    TimmLoop(net, pixels, targets, torch.full((3,), 128.0), torch.full((3,), 70.0), batch=4).epoch()
    assert not torch.equal(before, weights(net))
