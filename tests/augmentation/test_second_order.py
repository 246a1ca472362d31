"""Variants that differentiate twice: with attention, in lower precision, and where it does not work."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn.attention import SDPBackend, sdpa_kernel

from mixupe import MixedLoss, MixupE, mixupe_loss
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, VARIANTS
from tests.world import results

PERM = torch.tensor([3, 4, 0, 1, 5, 2])
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed(model: Callable[[Any], Tensor], x: Tensor, variant: str, **changed: Any) -> MixedLoss:
    settings = {"alpha": 1.0, "eta": 0.5, "x_mean": torch.full(x.shape[1:], 0.5), **changed}
    return mixupe_loss(model, x, Y, lam=0.4, perm=PERM, variant=variant, **settings)


class Attention(nn.Module):
    """One fused self-attention over (B, T, 8), by hand or by nn.MultiheadAttention."""

    def __init__(self, fused: bool = True, own: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fused = fused
        self.own = own
        self.first = nn.Linear(8, 24)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.first(x).unsqueeze(1).chunk(3, dim=-1)
        if not self.own:
            h, _ = self.attention(x, x, x, need_weights=False)
        elif self.fused:
            h = F.scaled_dot_product_attention(q, k, v)[:, 0]
        else:
            h = ((q @ k.transpose(-1, -2) / 8**0.5).softmax(dim=-1) @ v)[:, 0]
        logits: Tensor = self.head(h.mean(dim=1))
        return logits


@pytest.mark.parametrize("clean_pass", ["separate", "joint"])
@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
def test_fused_attention_gives_what_attention_by_hand_gives(variant: str, clean_pass: str) -> None:
    x = torch.randn(6, 5, 8, generator=seeded(0))
    fused, by_hand = Attention(), Attention(fused=False)
    losses = [mixed(model, x, variant, clean_pass=clean_pass) for model in (fused, by_hand)]
    torch.testing.assert_close(losses[0].penalty, losses[1].penalty)
    for result in losses:
        result.loss.backward()  # type: ignore[no-untyped-call]
    for ours, theirs in zip(fused.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
@pytest.mark.parametrize("mix_at", ["input", "attention", "head"])
def test_torchs_own_attention_works_at_every_mix_layer(variant: str, mix_at: str) -> None:
    model = Attention(own=False)
    x_mean = torch.zeros(8) if mix_at == "head" else torch.zeros(5, 8)
    result = mixed(model, torch.randn(6, 5, 8, generator=seeded(0)), variant, mix_at=mix_at, x_mean=x_mean)
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.penalty.item() != 0


def test_the_choice_of_attention_is_left_as_it_was() -> None:
    x = torch.randn(6, 5, 8, generator=seeded(0))
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        mixed(Attention(), x, "exact")
        enabled = torch._C._get_flash_sdp_enabled(), torch._C._get_mem_efficient_sdp_enabled()
    assert enabled == (True, False)


def test_a_shipped_transformer_trains_with_them() -> None:
    import timm

    model = timm.create_model("vit_tiny_patch16_224", img_size=8, patch_size=4, num_classes=3, depth=1)
    x = torch.randn(6, 3, 8, 8, generator=seeded(0))
    for variant in GRADIENT_VARIANTS:
        mixed(model, x, variant).loss.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("mix_at", ["input", "2"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_and_penalty_of_a_half_model_are_float32(variant: str, mix_at: str, dtype: torch.dtype) -> None:
    x = torch.randn(6, 8, generator=seeded(0))
    x_mean = torch.full((8 if mix_at == "input" else 64,), 0.3)
    found = mixed(network().to(dtype), x.to(dtype), variant, mix_at=mix_at, x_mean=x_mean)
    for part in (found.loss, found.mixup_loss, found.penalty, found.logits):
        assert part.dtype == torch.float32
    found.loss.backward()  # type: ignore[no-untyped-call]
    expected = mixed(network(), x, variant, mix_at=mix_at, x_mean=x_mean)
    assert found.penalty.item() == pytest.approx(expected.penalty.item(), abs=0.02)


@pytest.mark.parametrize("mix_at", ["input", "1", "2"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_under_autocast_the_penalty_is_summed_in_float32(variant: str, mix_at: str) -> None:
    """At an inner point bfloat16 flows in; what is computed of it and of its gradient is not rounded again."""
    model, x = network(), torch.randn(6, 8, generator=seeded(0))
    method = MixupE(1.0, 0.5, variant=variant, mix_at=mix_at, x_mean=torch.zeros(8 if mix_at == "input" else 64))
    with torch.autocast("cpu", torch.bfloat16):
        found = method(model, x, Y, generator=seeded(1))
    assert (found.loss.dtype, found.penalty.dtype) == (torch.float32, torch.float32)
    # A number of bfloat16 has 8 significant bits: the penalty is none of those.
    assert found.penalty.item() != found.penalty.bfloat16().item()
    found.loss.backward()  # type: ignore[no-untyped-call]


REFUSED = (
    r"^variant: {} differentiates the model twice, which does not work with {}.*; allowed there are approximate, v3"
)


@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_without_gradients_they_are_refused(variant: str, off: Callable[[], Any]) -> None:
    x = torch.randn(6, 8, generator=seeded(0))
    with off(), pytest.raises(ValueError, match=REFUSED.format(variant, "torch.no_grad or inference_mode")):
        mixed(network(), x, variant)
    with off():
        assert mixed(network(), x, "approximate").loss.isfinite()


class Frozen(nn.Module):
    def __init__(self, trained_head: bool) -> None:
        super().__init__()
        self.encoder, self.head = network(), nn.Linear(3, 3).requires_grad_(trained_head)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.encoder(x)
        logits: Tensor = self.head(h)
        return logits


@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
@pytest.mark.parametrize("trained_head", [True, False])
def test_a_part_that_runs_without_gradients_is_refused_too(variant: str, trained_head: bool) -> None:
    x = torch.randn(6, 8, generator=seeded(0))
    with pytest.raises(ValueError, match=r"^variant: exact, v1 and v2 differentiate .* where a part of it runs under"):
        mixed(Frozen(trained_head), x, variant)
    assert mixed(Frozen(trained_head), x, variant, mix_at="head", x_mean=torch.zeros(3)).penalty.isfinite()


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_func_differentiates_the_loss_or_is_told_why_not(variant: str) -> None:
    model = nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    x = torch.randn(6, 8, generator=seeded(0)).double()
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss_of(weights: dict[str, Tensor], **where: Any) -> Tensor:
        given = {"forward": lambda model, x: functional_call(model, weights, (x,)), **where}
        return mixed(model, x, variant, **given).loss

    at_module: dict[str, Any] = {"mix_at": "2", "x_mean": torch.full((5,), 0.5)}
    gradient = grad(partial(loss_of, **at_module))(weights)
    mixed(model, x, variant, **at_module).loss.backward()  # type: ignore[no-untyped-call]
    for name, p in model.named_parameters():
        torch.testing.assert_close(gradient[name], p.grad)
    if variant in GRADIENT_VARIANTS:
        with pytest.raises(ValueError, match=r"^variant: exact, v1 and v2 .* or mixing at a module"):
            grad(loss_of)(weights)
    else:
        grad(loss_of)(weights)


class Wrapped(nn.Module):
    """A model whose part is shared by processes."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.part(x)
        return logits


def rank_batch(rank: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(6, 8, generator=seeded(rank)), Y, torch.randperm(6, generator=seeded(rank))


def loss_of(model: nn.Module, rank: int, variant: str, mix_at: str = "input") -> Tensor:
    x, y, perm = rank_batch(rank)
    settings: dict[str, Any] = {"lam": 0.4, "perm": perm, "alpha": 1.0, "eta": 0.5, "mix_at": mix_at}
    return mixupe_loss(model, x, y, variant=variant, x_mean=torch.zeros(8), **settings).loss


def test_processes_that_share_a_model(tmp_path: Path) -> None:
    """DistributedDataParallel gives the mean gradient, and where it or FSDP would not, that is said."""

    def work(rank: int) -> dict[str, Any]:
        import torch.distributed as dist
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        dist.init_process_group("gloo", rank=rank, world_size=2)
        mesh = init_device_mesh("cpu", (2,))

        def sharded() -> nn.Module:
            model = network()
            fully_shard(model, mesh=mesh)
            return model

        def refused(model: nn.Module, variant: str) -> str:
            try:
                loss_of(model, rank, variant)
            except ValueError as error:
                return str(error)
            return ""

        def gradients(model: nn.Module, variant: str, mix_at: str = "input") -> list[Tensor]:
            loss_of(model, rank, variant, mix_at).backward()  # type: ignore[no-untyped-call]
            return [getattr(p.grad, "full_tensor", lambda p=p: p.grad)() for p in model.parameters()]

        ddp = nn.parallel.DistributedDataParallel
        found = {
            "synchronised": {variant: gradients(ddp(network()), variant) for variant in VARIANTS},
            "static": {v: gradients(ddp(network(), static_graph=True), v) for v in ("approximate", "v3", "v4")},
            "sharded": {v: gradients(sharded(), v) for v in ("approximate", "v3", "v4")},
            "synchronised at 1": {v: gradients(ddp(network()), v, "module.1") for v in ("approximate", "v3")},
            "synchronised at 2": {v: gradients(ddp(network()), v, "module.2") for v in ("approximate", "v3")},
            "sharded at 1": {v: gradients(sharded(), v, "1") for v in ("approximate", "v3")},
            "sharded at 2": {v: gradients(sharded(), v, "2") for v in ("approximate", "v3")},
            "refused static": [refused(ddp(network(), static_graph=True), v) for v in GRADIENT_VARIANTS],
            "refused static part": [refused(Wrapped(ddp(network(), static_graph=True)), v) for v in GRADIENT_VARIANTS],
            "refused sharded": [refused(sharded(), v) for v in GRADIENT_VARIANTS],
            "refused sharded part": [refused(Wrapped(sharded()), v) for v in GRADIENT_VARIANTS],
        }
        dist.destroy_process_group()
        return found

    for found in results(tmp_path, 2, work):
        for kind in ("synchronised", "static", "sharded", *(name for name in found if " at " in name)):
            mix_at = kind.split(" at ")[1] if " at " in kind else "input"
            for variant, gradients in found[kind].items():
                model = network()
                losses = [loss_of(model, shared, variant, mix_at) for shared in range(2)]
                torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
                for ours, parameter in zip(gradients, model.parameters(), strict=True):
                    torch.testing.assert_close(ours, parameter.grad, msg=f"{kind} {variant}")
        for kind, obstacle in (("static", r"DistributedDataParallel\(static_graph=True\)"), ("sharded", "FSDP")):
            for message in (*found[f"refused {kind}"], *found[f"refused {kind} part"]):
                assert obstacle.replace("\\", "") in message
