"""Values as they are written."""

import math
from statistics import median

import torch

from mixupe.analysis.measure import Pairs, measured
from mixupe.analysis.network import Frozen
from tests.analysis.test_series import examples, network


def test_a_median_of_an_even_number_lies_between_the_middle_two() -> None:
    x, y = examples(4)
    found = measured(Frozen(network(torch.nn.ReLU())), Pairs(x, x.roll(1, 0), y, x.mean(dim=0)), alpha=1.0)
    net = network(torch.nn.ReLU())
    rows = torch.func.vmap(torch.func.jacrev(lambda row: net(row[None])[0]))(x)
    off = net(x) - torch.einsum("nkd,nd->nk", rows, x)
    shares = (off.norm(dim=1) / net(x).norm(dim=1)).tolist()
    assert math.isclose(found["first_order"]["bend_median"], median(shares), rel_tol=1e-9)
