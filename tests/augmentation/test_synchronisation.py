"""No method reads a value from the device in a step. The meta device has no values, so reading one there is an error."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from mixupe import ManifoldMixup, MixedLoss, Mixup, MixupE, mixupe_loss
from mixupe.augmentation.cutmix import CutMix
from mixupe.augmentation.cutout import Cutout
from mixupe.augmentation.input_mixup import InputMixup
from mixupe.augmentation.mixup_smoothing import MixupSmoothing
from mixupe.augmentation.noisy_feature_mixup import NoisyFeatureMixup
from mixupe.augmentation.none import ERM
from mixupe.augmentation.regmixup import RegMixup
from mixupe.augmentation.spec_augment import SpecAugment

META = torch.device("meta")
X_MEAN = torch.zeros(2, 6, 6)
Method = Callable[..., MixedLoss]

METHODS: dict[str, Callable[[], Method]] = {
    "none": ERM,
    "cutmix": lambda: CutMix(probability=0.5),
    "cutout": Cutout,
    "spec_augment": SpecAugment,
    "regmixup": RegMixup,
    "regmixup-head": lambda: RegMixup(mix_at="4"),
    "mixup_smoothing": MixupSmoothing,
    "input_mixup": InputMixup,
    "noisy_feature_mixup": lambda: NoisyFeatureMixup(mix_at=["input", "1", "4"]),
    "mixup": lambda: Mixup(1.0),
    "mixup-head": lambda: Mixup(1.0, mix_at="4"),
    "manifold-mixup": lambda: ManifoldMixup(1.0, ["input", "1", "4"]),
    **{
        f"mixupe-{variant}-{clean_pass}": partial(MixupE, 1.0, 0.1, variant, x_mean=X_MEAN, clean_pass=clean_pass)
        for variant in ("v1", "v2", "v3", "v4")
        for clean_pass in ("separate", "joint")
    },
    "mixupe-head": lambda: MixupE(1.0, 0.1, "v2", mix_at="4"),
    "mixupe-every-2": lambda: MixupE(1.0, 0.1, penalty_every=2),
}


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3)).to(META)


def batch() -> tuple[Tensor, Tensor]:
    return torch.zeros(6, 2, 6, 6, device=META), torch.zeros(6, dtype=torch.int64, device=META)


def test_reading_a_value_of_the_meta_device_is_an_error() -> None:
    _, y = batch()
    for read in (lambda: int(y.max()), lambda: bool((y < 0).all()), lambda: y[y > 0], lambda: y.cpu()):
        with pytest.raises((RuntimeError, NotImplementedError)):
            read()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("targets", ["indices", "probabilities"])
def test_no_step_reads_a_value(name: str, targets: str) -> None:
    x, y = batch()
    if targets == "probabilities":
        y = torch.zeros(6, 3, device=META)
    method, model = METHODS[name](), network()
    for seed in range(3):
        result = method(model, x, y, generator=torch.Generator().manual_seed(seed))
        result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss.device == META
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_nor_do_the_pure_functions() -> None:
    x, y = batch()
    loss = mixupe_loss(network(), x, y, lam=0.3, perm=torch.arange(6), alpha=1.0, eta=0.1).loss
    assert loss.device == META
