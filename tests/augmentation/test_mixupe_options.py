"""MixupE's engine options: the clean pass joined to the mixed one, the penalty on some of the batches."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import MixedLoss, MixupE, mixupe_loss
from mixupe.augmentation.config import augmentation_settings, build_augmentation
from mixupe.augmentation.settings import AugmentationSettings
from mixupe.errors import UserError

X = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0, 1, 2])
SETTINGS: dict[str, Any] = {
    "lam": 0.4,
    "perm": torch.tensor([3, 4, 0, 1, 5, 2]),
    "alpha": 1.0,
    "eta": 0.5,
    "x_mean": X.mean(0),
}


def network(norm: type[nn.Module] = nn.Identity) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(5, 8), norm(8) if norm is not nn.Identity else norm(), nn.Tanh(), nn.Linear(8, 3)]
    return nn.Sequential(*layers).double()


def gradients(result: MixedLoss, model: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(result.loss, list(model.parameters())))


@pytest.mark.parametrize("variant", ["v1", "v2", "v3", "v4"])
def test_joint_is_separate_for_a_model_without_batch_norm(variant: str) -> None:
    model = network()
    separate, joint = (
        mixupe_loss(model, X, Y, variant=variant, clean_pass=clean_pass, **SETTINGS)
        for clean_pass in ("separate", "joint")
    )
    for part in ("loss", "logits", "mixup_loss", "penalty"):
        torch.testing.assert_close(getattr(joint, part), getattr(separate, part), msg=part)
    for ours, theirs in zip(gradients(joint, model), gradients(separate, model), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_joint_is_one_pass_and_batch_norm_sees_both_batches_together() -> None:
    model = network(nn.BatchNorm1d)
    passes: list[Tensor] = []
    model[1].register_forward_hook(lambda _module, args, _output: passes.append(args[0].detach()))  # type: ignore[index]
    result = mixupe_loss(model, X, Y, clean_pass="joint", **SETTINGS)
    assert [len(batch) for batch in passes] == [12]
    assert result.logits.shape == (6, 3)
    torch.testing.assert_close(model[1].running_mean, 0.1 * passes[0].mean(0))  # type: ignore[index]
    separate = mixupe_loss(network(nn.BatchNorm1d), X, Y, clean_pass="separate", **SETTINGS)
    assert not torch.allclose(result.loss, separate.loss)


def test_a_model_that_drops_examples_is_named_in_a_joint_pass() -> None:
    model = network()
    with pytest.raises(ValueError, match=r"^model: must return logits of shape \(B, K\) with B = 12"):
        mixupe_loss(lambda x: model(x)[:6], X, Y, clean_pass="joint", **SETTINGS)


def test_every_third_batch_has_a_penalty_of_threefold_weight() -> None:
    model = network()
    method = MixupE(1.0, 0.5, penalty_every=3)
    passes: list[int] = []
    model.register_forward_hook(lambda *_: passes.append(1))
    for number in range(7):
        passes.clear()
        result = method(model, X, Y, generator=torch.Generator().manual_seed(number))
        has_penalty = number % 3 == 0
        assert len(passes) == (2 if has_penalty else 1)
        assert (result.penalty.item() != 0) == has_penalty
        always = MixupE(1.0, 3 * 0.5)(model, X, Y, generator=torch.Generator().manual_seed(number))
        expected = (
            gradients(always, model)
            if has_penalty
            else list(torch.autograd.grad(always.mixup_loss, list(model.parameters())))
        )
        assert all(torch.equal(a, b) for a, b in zip(gradients(result, model), expected, strict=True))


def test_the_count_of_batches_is_state_where_it_matters() -> None:
    model = network()
    assert MixupE().state_dict() == {}
    method = MixupE(1.0, 0.5, penalty_every=3)
    for _ in range(2):
        method(model, X, Y)
    copy = MixupE(1.0, 0.5, penalty_every=3)
    copy.load_state_dict(method.state_dict())
    assert [copy(model, X, Y).penalty.item() != 0 for _ in range(5)] == [False, True, False, False, True]


def mixupe_settings(domain: str = "tabular", **changed: Any) -> AugmentationSettings:
    values = {"name": "mixupe", "alpha": 2.0, "eta": 0.1, "threshold": 1.0, "variant": "v3", "mix_at": "auto"}
    return augmentation_settings({**values, **changed}, domain, ("input", "head"))


def test_a_config_reaches_the_method() -> None:
    method = build_augmentation(mixupe_settings(clean_pass="joint", penalty_every=4), None)
    assert isinstance(method, MixupE)
    assert (method.clean_pass, method.penalty_every) == ("joint", 4)


def test_a_config_from_before_these_keys_is_the_published_method() -> None:
    method = build_augmentation(mixupe_settings(), None)
    assert isinstance(method, MixupE)
    assert (method.clean_pass, method.penalty_every) == ("separate", 1)


def test_joint_where_it_cannot_be_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(
        UserError,
        match=r"^augmentation.clean_pass: joint needs mix_at input; with mix_at head only separate is allowed",
    ):
        mixupe_settings("graphs", clean_pass="joint")
