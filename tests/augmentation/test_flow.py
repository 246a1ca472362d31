"""Mixing within a model: what the model does there beside computing (in place, again, in another order, with hooks)."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mixupe import MixedLoss, Mixup, mixup_loss, mixupe_loss
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, VARIANTS

X = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0, 1, 2])
PERM = torch.tensor([3, 4, 0, 1, 5, 2])


class Net(nn.Module):
    """Encoder and head; how the parts are called can be changed."""

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        call: Callable[[nn.Module, Tensor], Tensor] = lambda part, h: part(h),
        after: Callable[[Tensor], Tensor] = lambda logits: logits,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = encoder or nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8))
        self.head = head or nn.Linear(8, 3)
        self.call = call
        self.after = after
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.head(self.call(self.encoder, x)))


def mixed(model: nn.Module, variant: str = "approximate", mix_at: str = "head", width: int = 8) -> MixedLoss:
    x_mean = torch.ones(width, dtype=torch.float64)
    settings: dict[str, Any] = {"alpha": 1.0, "eta": 0.5, "variant": variant, "x_mean": x_mean, "mix_at": mix_at}
    return mixupe_loss(model, X.clone(), Y, lam=0.4, perm=PERM, **settings)


def assert_same(a: MixedLoss, model: nn.Module, b: MixedLoss, other_model: nn.Module) -> None:
    """Loss, penalty and every gradient."""
    torch.testing.assert_close(a.loss, b.loss)
    torch.testing.assert_close(a.penalty, b.penalty)
    for ours, theirs in zip(
        torch.autograd.grad(a.loss, list(model.parameters()), materialize_grads=True),
        torch.autograd.grad(b.loss, list(other_model.parameters()), materialize_grads=True),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


Change = Callable[[Tensor], Tensor]
CHANGES: dict[str, tuple[Change, Change]] = {
    "mul": (lambda logits: logits * 3, lambda logits: logits.mul_(3)),
    "relu": (nn.ReLU(), nn.ReLU(inplace=True)),
    "add": (lambda logits: logits + 1, lambda logits: logits.add_(1)),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", CHANGES)
def test_a_head_whose_output_the_model_changes_in_place(name: str, variant: str) -> None:
    out_of_place, in_place = CHANGES[name]
    expected, model = Net(after=out_of_place), Net(after=in_place)
    assert_same(mixed(model, variant), model, mixed(expected, variant), expected)


class Doubled(nn.Module):
    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, h: Tensor) -> Tensor:
        return h.mul_(2) if self.in_place else h * 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("point", ["head", "encoder.2", "encoder", "input"])
def test_a_module_that_changes_its_input_in_place(point: str, variant: str) -> None:
    def net(in_place: bool) -> Net:
        torch.manual_seed(0)
        first = nn.Sequential(Doubled(in_place), nn.Linear(5, 8))
        encoder = nn.Sequential(first, nn.Linear(8, 8), nn.Sequential(Doubled(in_place), nn.Linear(8, 8)))
        return Net(encoder, nn.Sequential(Doubled(in_place), nn.Linear(8, 3)))

    expected, model = net(False), net(True)
    width = 5 if point in ("encoder", "input") else 8
    ours, theirs = mixed(model, variant, point, width), mixed(expected, variant, point, width)
    assert_same(ours, model, theirs, expected)


@pytest.mark.parametrize("point", ["head", "encoder.2", "encoder"])
def test_a_model_that_changes_its_batch_in_place(point: str) -> None:
    def forward(model: nn.Module, batch: dict[str, Any]) -> Any:
        x, *_ = batch.pop("parts")
        return model(x.mul_(2))

    ours, theirs = Net(), Net()
    settings: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5, "mix_at": point}
    popped = mixupe_loss(ours, {"parts": (X.clone(), "name")}, Y, forward=forward, **settings)
    assert_same(popped, ours, mixupe_loss(theirs, 2 * X, Y, **settings), theirs)


@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
def test_the_callers_batch_is_left_as_it_was(variant: str) -> None:
    x = X.clone()
    model = nn.Sequential(Doubled(True), nn.Linear(5, 3)).double()
    mean = torch.zeros(5)
    mixupe_loss(model, x, Y, lam=0.4, perm=PERM, alpha=1.0, eta=0.5, variant=variant, x_mean=mean)
    assert torch.equal(x, X)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("point", ["encoder", "encoder.2"])
def test_a_mix_layer_inside_a_checkpointed_part_is_refused(point: str, reentrant: bool) -> None:
    model = Net(call=lambda part, h: checkpoint(part, h.requires_grad_(), use_reentrant=reentrant))
    with pytest.raises(ValueError, match=rf"^mix_at: module '{point}' runs inside activation checkpointing"):
        mixed(model, mix_at=point, width=5)


class _Recomputed(torch.autograd.Function):
    """Checkpointing as other libraries have it."""

    @staticmethod
    def forward(_ctx: Any, part: nn.Module, h: Tensor) -> Tensor:
        result: Tensor = part(h)
        return result


def test_so_is_one_inside_the_checkpointing_of_another_library() -> None:
    model = Net(call=lambda part, h: _Recomputed.apply(part, h.requires_grad_()))  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match=r"^mix_at: module 'encoder.2' runs inside activation checkpointing"):
        mixed(model, mix_at="encoder.2")


@pytest.mark.parametrize("reentrant", [True, False])
def test_mixing_outside_of_the_checkpointed_part_has_the_right_gradients(reentrant: bool) -> None:
    expected = Net()
    model = Net(call=lambda part, h: checkpoint(part, h.requires_grad_(), use_reentrant=reentrant))
    for net in (model, expected):
        mixed(net).loss.backward()  # type: ignore[no-untyped-call]
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_whole_loss_may_be_checkpointed() -> None:
    """The hooks come again when it is computed again."""
    model = Net()
    weight = model.head.weight
    assert isinstance(weight, Tensor)
    loss = checkpoint(lambda x: mixup_loss(model, x, Y, lam=0.4, perm=PERM, mix_at="head").loss, X, use_reentrant=False)
    plain = mixup_loss(model, X, Y, lam=0.4, perm=PERM, mix_at="head").loss
    for ours, theirs in zip(torch.autograd.grad(loss, [weight]), torch.autograd.grad(plain, [weight]), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_without_gradients_checkpointing_does_not_matter() -> None:
    model = Net(call=lambda part, h: checkpoint(part, h, use_reentrant=False))
    with torch.no_grad():
        torch.testing.assert_close(mixed(model, mix_at="encoder.2").loss, mixed(Net(), mix_at="encoder.2").loss)
    with torch.inference_mode():
        torch.testing.assert_close(mixed(model).loss, mixed(Net()).loss)


class SequenceFirst(nn.Module):
    """(B, T, 8) -> logits, through a body that takes (T, B, 8)."""

    def __init__(self, body: nn.Module, pick: Callable[[Any], Tensor] = lambda out: out) -> None:
        super().__init__()
        self.body = body
        self.pick = pick
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pick(self.body(x.transpose(0, 1))).mean(0))
        return logits


def layer(batch_first: bool = False) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first)


BODIES: dict[str, tuple[Callable[[], SequenceFirst], str]] = {
    "encoder layer": (lambda: SequenceFirst(layer()), "body"),
    "within an encoder": (
        lambda: SequenceFirst(nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False)),
        "body.layers.1",
    ),
    "within a layer": (
        lambda: SequenceFirst(nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False)),
        "body.layers.1.linear1",
    ),
    "sequential": (lambda: SequenceFirst(nn.Sequential(layer(), layer())), "body"),
    "lstm": (lambda: SequenceFirst(nn.LSTM(8, 8), lambda out: out[0]), "body"),
    "gru": (lambda: SequenceFirst(nn.GRU(8, 8), lambda out: out[0]), "body"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("steps", [6, 4])
def test_a_sequence_first_module_is_not_mixed_along_time(name: str, steps: int) -> None:
    """Above all where there are as many steps as examples."""
    make, point = BODIES[name]
    x = torch.randn(6, steps, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=rf"^mix_at: '{point}' takes the sequence first, \(T, B, D\)"):
        mixup_loss(make(), x, Y, lam=0.4, perm=PERM, mix_at=point)
    result = mixup_loss(make(), x, Y, lam=0.4, perm=PERM, mix_at="head")
    assert result.logits.shape == (6, 3)


def test_a_batch_first_transformer_is_mixed_where_examples_are() -> None:
    x = torch.randn(6, 6, 8, generator=torch.Generator().manual_seed(0))
    body = nn.Sequential(nn.TransformerEncoder(layer(True), 2), nn.Flatten(), nn.Linear(48, 3))
    logits = mixup_loss(body, x, Y, lam=0.4, perm=PERM, mix_at="0.layers.0").logits
    torch.testing.assert_close(logits, body(torch.lerp(x[PERM], x, 0.4)))


def test_another_order_of_axes_is_named_with_its_shape() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Flatten(0, 1), nn.Linear(8, 3))
    with pytest.raises(
        ValueError, match=r"^mix_at: what flows into '2' has shape \(24, 8\), which is not one row for each"
    ):
        mixup_loss(model, torch.randn(6, 4, 8), Y, lam=0.4, perm=PERM, mix_at="2")


def test_x_may_have_any_shape_where_a_module_is_mixed() -> None:
    """A model that takes sequences first, (T, B, D)."""
    model = SequenceFirst(nn.Identity())
    x = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))
    expected = mixup_loss(model, x.transpose(0, 1), Y, lam=0.4, perm=PERM, mix_at="head").loss
    turned = nn.Sequential(nn.Module(), model)
    turned[0].forward = lambda x: x.transpose(0, 1)
    assert torch.equal(mixup_loss(turned, x, Y, lam=0.4, perm=PERM, mix_at="1.head").loss, expected)
    assert Mixup(1.0, mix_at="1.head")(turned, x, Y).loss.isfinite()


class Scaled(nn.Module):
    """A head with arguments beside its input."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, h: Tensor, shift: float = 0.0, *, scale: float = 1.0) -> Tensor:
        logits: Tensor = scale * self.linear(h) + shift
        return logits


class WithArguments(Net):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(x), 2.0, scale=3.0)
        return logits


@pytest.mark.parametrize("variant", ["approximate", "exact"])
def test_a_head_gets_its_other_arguments_in_the_clean_pass_too(variant: str) -> None:
    model, expected = WithArguments(head=Scaled()), Net(head=Scaled(), after=lambda logits: 3.0 * logits + 2.0)
    expected.load_state_dict(model.state_dict())
    assert_same(mixed(model, variant), model, mixed(expected, variant), expected)


def test_a_hook_of_the_users_works_once_on_what_flows_in() -> None:
    model, expected = Net(), Net(head=nn.Sequential(Doubled(False), nn.Linear(8, 3)))
    model.head.register_forward_pre_hook(lambda _module, args: (2 * args[0],))
    expected.head[1].load_state_dict(model.head.state_dict())  # type: ignore[index]
    assert_same(mixed(model), model, mixed(expected), expected)


def autocast(model: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model(x)


@pytest.mark.parametrize("where", ["in the model", "around it"])
def test_autocast_that_the_model_switches_on_holds_in_the_clean_pass_of_a_head(where: str) -> None:
    class Cast(Net):
        def forward(self, x: Tensor) -> Tensor:
            return autocast(super().forward, x)

    model, forward = (Cast(), None) if where == "in the model" else (Net(), autocast)
    given: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5, "forward": forward}
    x = X.float()
    at_head = mixupe_loss(model.float(), x, Y, mix_at="head", **given)
    # What flows out of the clean pass does not depend on where is mixed.
    torch.testing.assert_close(at_head.penalty, mixupe_loss(model, x, Y, **given).penalty)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(at_head.loss, list(model.parameters())))


def test_weights_that_take_the_place_of_the_models_do_so_in_the_clean_pass_of_a_head() -> None:
    model, expected = Net(), Net()
    weights = {name: 2 * value.detach() for name, value in model.named_parameters()}
    expected.load_state_dict(weights)

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        logits: Tensor = torch.func.functional_call(model, weights, (x,))
        return logits

    given: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5, "mix_at": "head"}
    replaced, own = mixupe_loss(model, X, Y, forward=forward, **given), mixupe_loss(expected, X, Y, **given)
    torch.testing.assert_close(replaced.penalty, own.penalty)
    torch.testing.assert_close(replaced.loss, own.loss)


def test_a_head_that_the_model_runs_in_eval_mode_runs_so_in_the_clean_pass_too() -> None:
    """BatchNorm may be frozen so, and is put back for the modules around."""

    def forward(model: Net, x: Tensor) -> Tensor:
        model.head.eval()
        try:
            logits: Tensor = model(x)
            return logits
        finally:
            model.head.train()

    head = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3))
    given: dict[str, Any] = {"lam": 0.4, "perm": PERM, "alpha": 1.0, "eta": 0.5, "forward": forward}
    at_head = mixupe_loss(Net(head=head), X, Y, mix_at="head", **given)
    assert head[0].num_batches_tracked == 0
    torch.testing.assert_close(at_head.penalty, mixupe_loss(Net(head=head), X, Y, **given).penalty)
