"""A subsampled 1x1 convolution is torch's strided one in all but the way it is computed."""

import timm
import torch
from torch import nn

from mixupe.models.subsampled import SubsampledConv2d, subsample_1x1


def test_it_has_the_parameters_values_and_gradients_of_torchs_own() -> None:
    results = []
    for layer in (nn.Conv2d, SubsampledConv2d):
        torch.manual_seed(0)
        conv = layer(12, 6, 1, (2, 3), groups=2)
        x = torch.randn(4, 12, 7, 9, requires_grad=True)
        y = conv(x)
        y.square().sum().backward()
        results.append((conv.state_dict(), y.detach(), x.grad, conv.weight.grad))
    (state, *theirs), (own_state, *ours) = results
    assert list(state) == list(own_state)
    assert all(torch.equal(state[name], own_state[name]) for name in state)
    torch.testing.assert_close(ours, theirs)


def test_networks_of_others_keep_their_names_weights_and_values() -> None:
    network = timm.create_model("fastvit_t8", num_classes=3).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before, state = network(x), {name: value.clone() for name, value in network.state_dict().items()}
        assert subsample_1x1(network) is network
        torch.testing.assert_close(network(x), before)
    assert list(network.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    left = [m for m in network.modules() if type(m) is nn.Conv2d and m.kernel_size == (1, 1) and m.stride != (1, 1)]
    assert left == []


def test_other_convolutions_are_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 3, 2), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1, 2, padding=1))
    subsample_1x1(network)
    assert [type(module) for module in network] == [nn.Conv2d] * 3
