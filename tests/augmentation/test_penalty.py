"""What the variants are, by identities that hold to rounding (float64)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import ERMPenalty, Mixup, MixupE, erm_penalty_loss, mixup_loss, mixupe_loss
from mixupe.augmentation.loss import CrossEntropy, bce_softmax, cross_entropy
from mixupe.augmentation.penalty import VARIANTS, combine, penalty

B, D, K = 6, 5, 4
PERM = torch.tensor([3, 0, 5, 1, 2, 4])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(*, bias: bool = True, batch_norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(D, 8, bias=bias), *([nn.BatchNorm1d(8)] if batch_norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(8, K, bias=bias)).double()


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """x, y and x_mean."""
    x = torch.randn(B, D, dtype=torch.float64, generator=seeded(1))
    return x, torch.randint(K, (B,), generator=seeded(2)), torch.randn(D, dtype=torch.float64, generator=seeded(3))


def penalty_of(model: nn.Module, variant: str, x_mean: Tensor | None = None) -> Tensor:
    x, y, mean = batch()
    h = x.clone().requires_grad_()
    return penalty(model(h), h, y, variant, float("inf"), mean if x_mean is None else x_mean)


def gradients(model: nn.Module, loss: Tensor) -> Tensor:
    found = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])


def entropy(logits: Tensor) -> Tensor:
    return -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_approximate_is_the_mean_distance_of_entropy_and_cross_entropy() -> None:
    model, (x, y, _) = net(), batch()
    logits = model(x)
    terms = entropy(logits) - nn.functional.cross_entropy(logits, y, reduction="none")
    close(penalty_of(model, "approximate"), terms.abs().mean())
    close(gradients(model, penalty_of(model, "approximate")), gradients(model, terms.abs().mean()))


def test_v4_has_the_gradient_of_clean_cross_entropy() -> None:
    model, (x, y, _) = net(), batch()
    close(gradients(model, penalty_of(model, "v4")), gradients(model, cross_entropy(model(x), y)))


def test_v3_without_threshold_is_a_confidence_penalty() -> None:
    model, (x, y, _) = net(), batch()
    logits = model(x)
    expected = cross_entropy(logits, y) - entropy(logits).mean()
    close(penalty_of(model, "v3"), expected)
    close(gradients(model, penalty_of(model, "v3")), gradients(model, expected))


def test_exact_has_the_value_of_v2_and_another_gradient() -> None:
    model = net()
    exact, v2 = penalty_of(model, "exact"), penalty_of(model, "v2")
    close(exact, v2)
    assert not torch.allclose(gradients(model, exact), gradients(model, v2), rtol=1e-2)


def test_exact_is_the_derivative_along_the_way_to_the_mean() -> None:
    """Of the logits weighted by the residual, by central differences; its weight gradient too."""
    model, (x, y, mean) = net(), batch()
    model[1] = nn.Tanh()  # central differences would miss ReLU's kinks
    targets = nn.functional.one_hot(y, K).double()

    def by_differences() -> Tensor:
        residual = model(x).softmax(dim=1) - targets
        step = 1e-5 * (mean - x)
        ahead, behind = model(x + step), model(x - step)
        return torch.mean((((ahead - behind) * residual).sum(dim=1) / 2e-5).abs())

    torch.testing.assert_close(penalty_of(model, "exact"), by_differences(), rtol=1e-7, atol=1e-9)
    found = gradients(model, penalty_of(model, "exact"))
    torch.testing.assert_close(found, gradients(model, by_differences()), rtol=1e-5, atol=1e-8)


def test_exact_equals_approximate_without_biases_and_for_centred_inputs() -> None:
    model = net(bias=False)
    centre = torch.zeros(D, dtype=torch.float64)
    close(penalty_of(model, "exact", centre), penalty_of(model, "approximate"))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_eta_zero_is_mixup_to_the_bit(variant: str, batch_norm: bool) -> None:
    x, y, mean = batch()
    results = []
    for eta in (None, 0.0):
        model = net(batch_norm=batch_norm)
        if eta is None:
            result = mixup_loss(model, x, y, lam=0.3, perm=PERM)
        else:
            result = mixupe_loss(model, x, y, lam=0.3, perm=PERM, alpha=1.0, eta=eta, variant=variant, x_mean=mean)
        results.append((result.loss, gradients(model, result.loss)))
    (plain, plain_gradient), (with_penalty, gradient) = results
    assert torch.equal(plain, with_penalty)
    assert torch.equal(plain_gradient, gradient)


def test_no_penalty_and_no_mixing_is_plain_training() -> None:
    model, (x, y, _) = net(), batch()
    result = erm_penalty_loss(model, x, y, alpha=1.0, eta=0.0)
    assert torch.equal(result.loss, cross_entropy(model(x), y))


def test_erm_penalty_draws_nothing() -> None:
    generator = seeded(4)
    before = generator.get_state()
    x, y, _ = batch()
    ERMPenalty(1.0, 0.5)(net(), x, y, generator=generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(("argument", "values"), [("alpha", (0.0, 1.0)), ("eta", (1.0, -1.0))])
def test_erm_penalty_names_the_argument(argument: str, values: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: "):
        ERMPenalty(*values)
    x, y, _ = batch()
    with pytest.raises(ValueError, match=rf"^{argument}: "):
        erm_penalty_loss(net(), x, y, alpha=values[0], eta=values[1])


def test_a_loss_of_exactly_zero_stays_zero_and_has_a_gradient() -> None:
    """Where mixup's loss and L are 0 the factor would be 0 / 0."""
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    y = torch.tensor([0, 1])
    result = mixupe_loss(lambda x: x, logits, y, lam=1.0, perm=torch.tensor([1, 0]), alpha=1.0, eta=0.1)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.loss.item() == 0.0
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
    close(combine(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]), 1.0), torch.tensor([0.0, 2.0]))


@pytest.mark.parametrize("variant", VARIANTS)
def test_several_runs_at_once_have_their_own_penalties(variant: str) -> None:
    models, (x, y, mean) = [net(), net(bias=False)], batch()
    h = torch.stack([x, x.flip(0)]).requires_grad_()
    logits = torch.stack([model(of_run) for model, of_run in zip(models, h, strict=True)])
    labels = torch.stack([y, y.flip(0)])
    together = penalty(logits, h, labels, variant, 0.5, torch.stack([mean, -mean]).unsqueeze(1))
    for run, model in enumerate(models):
        of_run = h[run].detach().requires_grad_()
        alone = penalty(model(of_run), of_run, labels[run], variant, 0.5, -mean if run else mean)
        close(together[run], alone)


@pytest.mark.parametrize("is_soft", [False, True], ids=["indices", "probabilities"])
@pytest.mark.parametrize("lam", [torch.tensor(0.3), torch.linspace(0, 1, B)], ids=["one lam", "lam by example"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_that_masks_a_class_has_the_loss_of_one_without_it(variant: str, lam: Tensor, is_soft: bool) -> None:
    model, (x, y, mean) = net(), batch()
    others = torch.tensor([0, 1, 3])
    small = nn.functional.one_hot(y % 3, 3).double() if is_soft else y % 3
    large = torch.zeros(B, K).double().index_copy(1, others, small) if is_soft else others[small]

    def masked(v: Tensor) -> Any:
        return model(v).index_fill(1, torch.tensor([2]), -torch.inf)

    def loss_of(some_model: Any, target: Tensor) -> tuple[Tensor, Tensor]:
        given: Any = {"lam": lam, "perm": PERM, "alpha": 1.0, "eta": 2.0, "variant": variant, "x_mean": mean}
        result = mixupe_loss(some_model, x, target, **given)
        return torch.stack([result.loss, result.mixup_loss, result.penalty]), gradients(model, result.loss)

    for ours, theirs in zip(loss_of(masked, large), loss_of(lambda v: model(v)[:, others], small), strict=True):
        close(ours, theirs)


def test_a_masked_label_has_an_infinite_loss() -> None:
    logits, label = torch.tensor([[0.0, -torch.inf]]), torch.tensor([1])
    for y in (label, torch.tensor([[0.0, 1.0]])):
        for value in (cross_entropy(logits, y), CrossEntropy()(logits, y), penalty(logits, logits, y, "v4", 0.0, None)):
            assert value.isposinf().all()


def test_weights_keep_what_masked_classes_add_to_zero() -> None:
    logits, y = torch.tensor([[0.5, -torch.inf, 1.0]]), torch.tensor([0])
    criterion = CrossEntropy(torch.tensor([2.0, 1.0, 1.0]))
    close(criterion(logits, nn.functional.one_hot(y, 3).float()), criterion(logits, y))


def test_bce_softmax_is_that_of_the_public_code() -> None:
    """Mean over classes and examples of the binary cross-entropy, for indices and for probabilities."""
    x, y, _ = batch()
    logits = net()(x)
    p, targets = logits.softmax(dim=1), nn.functional.one_hot(y, K).double()
    expected = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    close(bce_softmax(logits, y), expected)
    close(bce_softmax(logits, targets), expected)
    # At uniform p it is 1/K (ln K + (K - 1) ln(K / (K - 1))): ln of it is -2.88 for 100 classes.
    uniform = bce_softmax(torch.zeros(3, 100), torch.tensor([0, 1, 2]))
    assert uniform.log().item() == pytest.approx(-2.88, abs=0.005)


def test_bce_softmax_stays_finite_for_sure_predictions_and_under_autocast() -> None:
    logits = torch.tensor([[0.0, 500.0]], requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = bce_softmax(logits, torch.tensor([0]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert bool(loss.isfinite() and logits.grad.isfinite().all())


def test_every_method_takes_the_criterion() -> None:
    model, (x, y, _) = net(), batch()
    mixed = Mixup(1.0, criterion=bce_softmax)(model, x, y, generator=seeded(5))
    with_penalty = MixupE(1.0, 0.0, criterion=bce_softmax)(model, x, y, generator=seeded(5))
    assert torch.equal(mixed.loss, with_penalty.loss)
    assert not torch.allclose(mixed.loss, Mixup(1.0)(model, x, y, generator=seeded(5)).loss, rtol=0.1)
