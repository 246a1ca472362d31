"""A run shared by several processes (Gloo, on the CPU) against the same run in one."""

import os
import signal
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import ERMPenalty, Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.manifold_mixup import ManifoldMixup
from mixupe.augmentation.none import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from mixupe.preemption import listening
from mixupe.rng import generator
from mixupe.training.batches import left_out
from mixupe.training.distributed import (
    ALONE,
    RunningStatistics,
    World,
    add_gradients,
    joined,
    launched,
    own_gpu,
    raised_in_all,
)
from mixupe.training.loop import NonFiniteLossError
from mixupe.training.optimizer import SGDSettings
from tests.training.conftest import trainer
from tests.world import environment, results

CPU = torch.device("cpu")


def joined_results(folder: Path, size: int, work: Any) -> list[Any]:
    """What `work(world)` returns in each of `size` connected processes."""

    def run(_: int) -> Any:
        with joined(CPU) as world:
            return work(world)

    return results(folder, size, run)


@pytest.mark.parametrize("count", [0, 1, 3, 8, 13])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_things_are_dealt_in_order_and_evenly(count: int, size: int) -> None:
    shares = [list(World(rank, size).shard(count)) for rank in range(size)]
    assert list(chain.from_iterable(shares)) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_leaves_out_what_is_done_and_what_others_take() -> None:
    steps = [[torch.arange(2)] * parts for parts in (4, 4, 1)]
    assert left_out(steps, 1, ALONE) == range(4)
    assert left_out(steps, 1, World(0, 2)) == {0, 1, 2, 3, 6, 7, 8}
    assert left_out(steps, 1, World(1, 2)) == {0, 1, 2, 3, 4, 5}


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")  # as other launchers set it
    assert launched() is ALONE
    assert own_gpu(torch.device("cuda")) == torch.device("cuda")
    with joined(CPU) as world:
        assert world is ALONE
    for name, value in environment(3, 8, 0).items():
        monkeypatch.setenv(name, value)
    assert launched() == World(3, 8)
    assert own_gpu(torch.device("cuda")) == torch.device("cuda", 3)
    assert own_gpu(torch.device("cuda:1")) == torch.device("cuda", 1)
    assert own_gpu(CPU) == CPU


def caught(work: Any) -> tuple[str, bool]:
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}", raised_in_all(error)
    return "", False


def assert_close_weights(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6)


class UnsendableError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def test_what_the_first_does_and_what_all_must_agree_on(tmp_path: Path) -> None:
    def work(world: World) -> dict[str, Any]:
        def fail(*errors: Exception | None) -> Any:
            error = errors[world.rank]
            if error is not None:
                raise error
            return world.rank

        return {
            "first": world.on_main_process(lambda: f"said by {world.rank}"),
            "first fails": caught(lambda: world.on_main_process(lambda: fail(UserError("full"), None))),
            "agreed": world.agreed(lambda: world.rank),
            "second fails": caught(lambda: world.agreed(lambda: fail(None, UserError("no data")))),
            "both fail": caught(lambda: world.agreed(lambda: fail(UserError("one"), UserError("two")))),
            "unsendable": caught(lambda: world.agreed(lambda: fail(None, UnsendableError(1, 2)))),
        }

    first, second = joined_results(tmp_path, 2, work)
    assert (first.pop("agreed"), second.pop("agreed")) == (0, 1)
    assert first == second
    assert first == {
        "first": "said by 0",
        "first fails": ("UserError: full", True),
        "second fails": ("UserError: no data", True),
        "both fail": ("UserError: one", True),
        "unsendable": ("RuntimeError: UnsendableError: 1 and 2", True),
    }


def test_a_signal_to_one_process_stops_all(tmp_path: Path) -> None:
    def work(world: World) -> list[str]:
        with listening():
            said = [caught(world.check)[0]]
            if world.rank == 1:
                os.kill(os.getpid(), signal.SIGUSR1)
            said.append(caught(world.check)[0])
        return said

    assert joined_results(tmp_path, 2, work) == [["", "StoppedError: SIGUSR1"]] * 2


def test_gradients_are_added_up_whatever_their_layout(tmp_path: Path) -> None:
    def work(world: World) -> list[Tensor]:
        image = nn.Parameter(torch.zeros(4, 3, 2, 2))
        image.data = image.data.to(memory_format=torch.channels_last)
        vector, none = nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(2))
        image.grad = torch.arange(48.0).view(4, 3, 2, 2).to(memory_format=torch.channels_last) * (world.rank + 1)
        if world.rank == 1:
            vector.grad = torch.arange(5.0)
        losses = add_gradients([image, vector, none], torch.tensor([1.0, 10.0 * world.rank]), world)
        return [losses, *(parameter.grad for parameter in (image, vector, none) if parameter.grad is not None)]

    for losses, image, vector, none in joined_results(tmp_path, 2, work):
        assert losses.tolist() == [2.0, 10.0]
        assert torch.equal(image, 3 * torch.arange(48.0).view(4, 3, 2, 2))
        assert image.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(vector, torch.arange(5.0))
        assert torch.equal(none, torch.zeros(2))


def norms() -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3))


@pytest.mark.parametrize("size", [2, 3])
def test_running_statistics_are_those_of_one_process(tmp_path: Path, size: int) -> None:
    """Also where the processes take unequally many passes, or none."""
    torch.manual_seed(0)
    batches = [torch.randn(5, 3) + number for number in range(4)]
    initial = norms().state_dict()

    def work(world: World) -> dict[str, Tensor]:
        model = norms()
        model.load_state_dict(initial)
        statistics = RunningStatistics(model, world)
        for step in (batches[:4], batches[:1], batches[1:3]):
            statistics.remember()
            for part in world.shard(len(step)):
                model(step[part])
            statistics.merge()
        return model.state_dict()

    alone = work(ALONE)
    for found in joined_results(tmp_path, size, work):
        assert_close_weights(found, alone)


def images() -> DataBundle:
    """Images that are flipped and cropped, as many as `bundle` has examples."""

    def split(name: str, count: int) -> TensorImages:
        pixels = torch.randint(256, (count, 1, 6, 6), dtype=torch.uint8, generator=generator(0, name))
        statistics = torch.tensor([0.5]), torch.tensor([0.3])
        return TensorImages(pixels, torch.arange(count) % 3, *statistics, crop_padding=1, flip=True)

    spec = DataSpec("images", ("a", "b", "c"), (1, 6, 6))
    return DataBundle(spec, split("train", 61), split("validation", 31), split("test", 30), split_digest="")


def convolutional() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 3)
    return nn.Sequential(*layers)


METHODS: dict[str, Any] = {
    "none": ERM,
    "mixup": lambda: Mixup(1.0),
    "manifold mixup": lambda: ManifoldMixup(1.0, ("input", "4")),
    "mixupe": lambda: MixupE(1.0, 0.1),
    "mixupe exact": lambda: MixupE(1.0, 0.1, variant="exact", x_mean=torch.zeros(6)),
    "mixupe v1": lambda: MixupE(1.0, 0.1, variant="v1", x_mean=torch.zeros(6)),
    "mixupe v3": lambda: MixupE(1.0, 0.1, variant="v3"),
    "erm_penalty": lambda: ERMPenalty(1.0, 0.1),
    "every other batch": lambda: MixupE(1.0, 0.1, penalty_every=3),
}
OTHER: dict[str, dict[str, Any]] = {
    "an average": {"ema": 0.9},
    "three micro-batches": {"accumulate": 3},
    "images": {"data": images, "model": convolutional, "channels_last": True},
}
CASES = [
    *((name, method, {}) for name, method in METHODS.items()),
    *((name, METHODS["mixupe"], settings) for name, settings in OTHER.items()),
]


def trained(path: Path, method: Augmentation, settings: dict[str, Any], world: World = ALONE) -> dict[str, Any]:
    """Metrics of each epoch and of the test, and the weights of the last epoch."""
    made = {name: value() if callable(value) else value for name, value in settings.items()}
    fitted = trainer(path, method, world=world, **{"accumulate": 2, "epochs": 3, **made})
    rows: list[dict[str, float]] = []
    fitted.fit(lambda _epoch, metrics: rows.append(metrics))
    weights = deepcopy(fitted.model.state_dict())
    return {"rows": rows, "test": fitted.test(), "weights": weights}


@pytest.mark.parametrize(("name", "method", "settings"), CASES, ids=[case[0] for case in CASES])
def test_two_processes_compute_what_one_computes(
    tmp_path: Path, name: str, method: Any, settings: dict[str, Any]
) -> None:
    alone = trained(tmp_path / "alone.pt", method(), settings)
    first, second = joined_results(
        tmp_path, 2, lambda world: trained(tmp_path / "shared.pt", method(), settings, world)
    )
    assert second["rows"] == [], "the first process reports"
    assert first["test"] == second["test"]
    for found, expected in zip([*first["rows"], first["test"]], [*alone["rows"], alone["test"]], strict=True):
        assert found == pytest.approx(expected, abs=1e-5)
    saved, expected = (torch.load(tmp_path / f"{kind}.pt", weights_only=True) for kind in ("shared", "alone"))
    assert list(saved["augmentation"]) == list(expected["augmentation"])
    for state in (first["weights"], second["weights"], saved["model"]):
        assert_close_weights(state, alone["weights"])


def test_more_processes_than_micro_batches_in_the_last_batch(tmp_path: Path) -> None:
    """61 examples in batches of 29: the last has 3, which are one micro-batch."""
    settings = {"batch_size": 29, "accumulate": 3}
    alone = trained(tmp_path / "alone.pt", METHODS["mixupe v3"](), settings)
    found = joined_results(
        tmp_path, 3, lambda world: trained(tmp_path / "shared.pt", METHODS["mixupe v3"](), settings, world)
    )
    assert_close_weights(found[2]["weights"], alone["weights"])


def test_all_processes_find_that_the_loss_is_not_finite(tmp_path: Path) -> None:
    wild = SGDSettings(name="sgd", lr=1e30, momentum=0.0, nesterov=False, weight_decay=0.0)

    def work(world: World) -> str:
        with pytest.raises(NonFiniteLossError) as caught:
            trainer(tmp_path / "x.pt", ERM(), optimizer=wild, accumulate=2, world=world).fit(lambda *_: None)
        return str(caught.value)

    alone = work(ALONE)
    assert joined_results(tmp_path, 2, work) == [alone, alone]


@pytest.mark.parametrize("sizes", [(2, 1), (1, 2), (2, 3)])
def test_another_number_of_processes_goes_on_within_an_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int]
) -> None:
    settings: dict[str, Any] = {"accumulate": 3, "epochs": 3}
    path = tmp_path / "run.pt"

    def begin(world: World) -> str:
        fitted = trainer(path, METHODS["mixupe v3"](), world=world, **settings)
        train_step, steps = fitted._train_step, 0

        def counted(*arguments: Any) -> Tensor:
            nonlocal steps
            result = train_step(*arguments)
            steps += 1
            if steps == 4 and world.rank == world.size - 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return result

        monkeypatch.setattr(fitted, "_train_step", counted)
        with listening():
            return caught(lambda: fitted.fit(lambda *_: None))[0]

    def go_on(world: World) -> dict[str, Any]:
        return trained(path, METHODS["mixupe v3"](), settings, world)

    def run(size: int, work: Any) -> Any:
        return work(ALONE) if size == 1 else joined_results(tmp_path / work.__name__, size, work)[0]

    assert run(sizes[0], begin) == "StoppedError: SIGTERM in epoch 2 after 1 of 3 steps"
    found = run(sizes[1], go_on)
    alone = trained(tmp_path / "alone.pt", METHODS["mixupe v3"](), settings)
    assert found["test"] == pytest.approx(alone["test"], abs=1e-5)
    assert_close_weights(found["weights"], alone["weights"])
