"""Several processes (two, with Gloo): BatchNorm under DistributedDataParallel, FSDP2 and accelerate, draws of each, running
means of all.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from mixupe import ManifoldMixup, Mixup, MixupE, mixupe_loss
from mixupe.augmentation.penalty import GRADIENT_VARIANTS, VARIANTS
from tests.world import results

Y = torch.tensor([0, 1, 2, 0, 1, 2])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 3)).double()


def loss_of(model: nn.Module, rank: int, variant: str, mix_at: str) -> Tensor:
    x, perm = torch.randn(6, 8, dtype=torch.float64, generator=seeded(rank)), torch.randperm(6, generator=seeded(rank))
    mean = torch.zeros(8 if mix_at == "input" else 16)
    settings: dict[str, Any] = {"lam": 0.4, "perm": perm, "alpha": 1.0, "eta": 0.5, "mix_at": mix_at}
    return mixupe_loss(model, x, Y, variant=variant, x_mean=mean, **settings).loss


CASES = [(variant, mix_at) for variant in VARIANTS for mix_at in ("input", "3")] + [
    ("approximate", "1"),
    ("exact", "1"),
]


class Wrapper(nn.Module):
    """A DistributedDataParallel inside a model."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.parallel.DistributedDataParallel(network())

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)


def sharded(parts: str) -> nn.Module:
    """By FSDP2: `each` layer and the whole, or the whole `alone`, whose weights are gone after its pass."""
    from torch.distributed.fsdp import fully_shard

    model = network()
    if parts == "each":
        fully_shard(model[0])
        fully_shard(model[3])
    fully_shard(model, reshard_after_forward=True)
    return model


OTHERS = [(kind, *case) for kind in ("nested", "each", "alone") for case in CASES]


def gradients_of(kind: str, rank: int, variant: str, mix_at: str) -> list[Tensor] | str:
    """After a step, or why there is none."""
    model = Wrapper() if kind == "nested" else sharded(kind)
    try:
        point = f"inner.{mix_at}" if kind == "nested" and mix_at != "input" else mix_at
        loss_of(model, rank, variant, point).backward()  # type: ignore[no-untyped-call]
    except ValueError as error:
        return str(error)
    gradients: list[Any] = [parameter.grad for parameter in model.parameters()]
    return [one if kind == "nested" else one.full_tensor() for one in gradients]


def worked(rank: int) -> dict[str, Any]:
    dist.init_process_group("gloo", rank=rank, world_size=2)
    ddp = nn.parallel.DistributedDataParallel
    found: dict[str, Any] = {"gradients": {}}
    for variant, mix_at in CASES:
        model = ddp(network())  # with the default settings: its buffers are broadcast
        loss_of(model, rank, variant, mix_at).backward()  # type: ignore[no-untyped-call]
        found["gradients"][variant, mix_at] = [parameter.grad for parameter in model.parameters()]
    found["others"] = {case: gradients_of(case[0], rank, *case[1:]) for case in OTHERS}

    torch.manual_seed(0)  # alike in both, as many scripts do
    x = torch.randn(6, 8, dtype=torch.float64, generator=seeded(rank))
    draws = [Mixup(), ManifoldMixup(mix_at=["input", "1"]), MixupE(), MixupE(per_sample=True)]
    found["lam"] = [method(network(), x, Y).lam for method in draws]
    torch.manual_seed(0)
    found["again"] = [method(network(), x, Y).lam for method in draws]
    found["told"] = [method(network(), x, Y, generator=seeded(5)).lam for method in draws]

    model, method = ddp(network()), MixupE(0.5, 0.1, "exact", mix_at="3")
    flows: list[Tensor] = []
    model.module[3].register_forward_pre_hook(lambda _module, args: flows.append(args[0].detach()))
    rows = 6 if rank == 0 else 4
    method(model, x[:rows], Y[:rows])
    found["mean"], found["flow"] = method.x_mean, flows[-1]
    dist.destroy_process_group()
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    path: Path = tmp_path_factory.mktemp("processes")
    return results(path, 2, worked)


@pytest.mark.parametrize(("variant", "mix_at"), CASES)
def test_batch_norm_under_ddp_gives_the_mean_gradient(found: list[Any], variant: str, mix_at: str) -> None:
    expected = mean_gradients(variant, mix_at)
    for of_rank in found:
        for ours, theirs in zip(of_rank["gradients"][variant, mix_at], expected, strict=True):
            torch.testing.assert_close(ours, theirs)


def mean_gradients(variant: str, mix_at: str) -> list[Tensor | None]:
    model = network()
    # Each process has its own statistics, which here are those of its own model.
    torch.stack([loss_of(model, rank, variant, mix_at) for rank in range(2)]).mean().backward()  # type: ignore[no-untyped-call]
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize(("kind", "variant", "mix_at"), OTHERS)
def test_so_does_one_inside_a_model_and_fsdp_which_refuses_to_differentiate_twice(
    found: list[Any], kind: str, variant: str, mix_at: str
) -> None:
    expected = mean_gradients(variant, mix_at)
    for of_rank in found:
        ours = of_rank["others"][kind, variant, mix_at]
        if kind != "nested" and variant in GRADIENT_VARIANTS:
            assert ours.startswith(f"variant: {variant} differentiates the model twice, which does not work with FSDP")
            continue
        for one, other in zip(ours, expected, strict=True):
            torch.testing.assert_close(one, other)


def accelerated(rank: int) -> dict[str, Any]:
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    accelerator = Accelerator(cpu=True)
    set_seed(0)
    model = network()
    model, _ = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    accelerator.backward(loss_of(model, rank, "approximate", "3"))
    found = {
        "wrapped": type(model).__name__,
        "gradients": [parameter.grad for parameter in model.parameters()],
        "lam": MixupE()(model, torch.randn(6, 8, dtype=torch.float64), Y).lam,
    }
    accelerator.end_training()
    return found


def test_accelerate_in_two_processes_gives_the_mean_gradient(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    found = results(tmp_path, 2, accelerated, "spawn")
    assert not torch.equal(found[0]["lam"], found[1]["lam"])
    for of_rank in found:
        assert of_rank["wrapped"] == "DistributedDataParallel"
        for ours, theirs in zip(of_rank["gradients"], mean_gradients("approximate", "3"), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_processes_seeded_alike_draw_their_own_lam_and_draw_it_again(found: list[Any]) -> None:
    for ours, theirs in zip(found[0]["lam"], found[1]["lam"], strict=True):
        assert not torch.equal(ours, theirs)
    for of_rank in found:
        assert all(map(torch.equal, of_rank["lam"], of_rank["again"]))


def test_told_to_they_draw_the_same(found: list[Any]) -> None:
    assert all(map(torch.equal, found[0]["told"], found[1]["told"]))


def test_the_running_mean_is_that_of_all(found: list[Any]) -> None:
    """Of batches of different sizes too."""
    assert torch.equal(found[0]["mean"], found[1]["mean"])
    torch.testing.assert_close(found[0]["mean"], torch.cat([of_rank["flow"] for of_rank in found]).mean(0))
