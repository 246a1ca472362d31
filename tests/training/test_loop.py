"""The training loop on data made here: resume, streams, batches, schedules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.mixup import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.tensors import TensorSplit
from mixupe.streams import generator, stream_seed
from mixupe.training.loop import Best, NonFiniteLossError, Trainer, batch_indices
from mixupe.training.optimizer import AdamWSettings, CosineSettings, SGDSettings, StepSettings, lr_factor
from mixupe.training.settings import TrainerSettings

COSINE = CosineSettings(name="cosine", warmup=0.1, warmup_start=0.1)
SGD = SGDSettings(name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)


def bundle() -> DataBundle:
    centres = torch.randn(3, 6, generator=generator(0, "test-centres"))

    def split(name: str, count: int) -> TensorSplit:
        y = torch.arange(count) % 3
        return TensorSplit(centres[y] + 0.7 * torch.randn(count, 6, generator=generator(0, name)), y)

    spec = DataSpec("tabular", ("a", "b", "c"), (6,))
    return DataBundle(spec, split("train", 61), split("validation", 30), split("test", 30), split_digest="")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def trainer(path: Path, method: Augmentation, epochs: int = 6, seed: int = 0, **changed: Any) -> Trainer:
    settings = TrainerSettings(
        epochs=epochs,
        batch_size=20,
        precision="float32",
        channels_last=False,
        compile=False,
        device="cpu",
        threads=1,
        checkpoint_every=1,
    )
    arguments = {"optimizer": SGD, "scheduler": COSINE, **changed}
    return Trainer(network(), method, bundle(), settings, seed=seed, checkpoint=path, **arguments)


METHODS: dict[str, Callable[[], Augmentation]] = {
    "none": ERM,
    "mixup": lambda: Mixup(1.0),
    "mixupe": lambda: MixupE(1.0, 0.1),
    "mixupe-v2-hidden": lambda: MixupE(1.0, 0.1, variant="v2", mix_at="4"),
}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "optimizer", [SGD, AdamWSettings(name="adamw", lr=0.01, weight_decay=0.01)], ids=lambda o: o.name
)
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, name: str, optimizer: Any) -> None:
    whole = trainer(tmp_path / "whole.pt", METHODS[name](), optimizer=optimizer)
    rows: list[dict[str, float]] = []
    whole.fit(lambda _epoch, metrics: rows.append(metrics))

    def stop_in_fourth(epoch: int, _metrics: dict[str, float]) -> None:
        if epoch == 4:  # after the epoch, before its checkpoint: the epoch is lost
            raise KilledError

    with pytest.raises(KilledError):
        trainer(tmp_path / "part.pt", METHODS[name](), optimizer=optimizer).fit(stop_in_fourth)
    resumed = trainer(tmp_path / "part.pt", METHODS[name](), optimizer=optimizer)
    assert resumed.epoch == 3
    later: list[dict[str, float]] = []
    resumed.fit(lambda _epoch, metrics: later.append(metrics))
    assert later == rows[3:]
    assert resumed.test() == whole.test()
    for key, value in torch.load(tmp_path / "whole.pt", weights_only=True)["model"].items():
        assert torch.equal(value, torch.load(tmp_path / "part.pt", weights_only=True)["model"][key]), key


def test_training_learns_and_seeds_differ(tmp_path: Path) -> None:
    losses = {}
    for seed in (0, 1):
        rows: list[float] = []
        one = trainer(tmp_path / f"{seed}.pt", ERM(), epochs=15, seed=seed)
        one.fit(lambda _epoch, metrics, rows=rows: rows.append(metrics["train_loss"]))  # type: ignore[misc]
        assert rows[-1] < 0.6 * rows[0]
        losses[seed] = rows
    assert losses[0] != losses[1]


def test_a_non_finite_loss_names_its_step(tmp_path: Path) -> None:
    wild = SGDSettings(name="sgd", lr=1e30, momentum=0.0, nesterov=False, weight_decay=0.0)
    with pytest.raises(NonFiniteLossError, match=r"at step \d+ \(epoch \d\)"):
        trainer(tmp_path / "x.pt", ERM(), optimizer=wild).fit(lambda *_: None)


def test_methods_see_the_same_order_and_initial_weights(tmp_path: Path) -> None:
    seen: dict[str, list[Tensor]] = {}
    for name in ("none", "mixup"):
        batches: list[Tensor] = []
        method = METHODS[name]()

        def watched(
            model: Any, x: Tensor, y: Tensor, *, generator: Any, method: Any = method, batches: Any = batches
        ) -> Any:
            batches.append(y)
            return method(model, x, y, generator=generator)

        watched.state_dict = dict  # type: ignore[attr-defined]
        trainer(tmp_path / f"{name}.pt", watched, epochs=1).fit(lambda *_: None)  # type: ignore[arg-type]
        seen[name] = batches
    assert all(torch.equal(a, b) for a, b in zip(seen["none"], seen["mixup"], strict=True))


def test_best_is_lowest_error_then_lowest_loss_then_earliest() -> None:
    best = Best()
    model = nn.Linear(1, 1)
    for epoch, (error, loss) in enumerate([(5.0, 0.3), (4.0, 0.9), (4.0, 0.5), (4.0, 0.5), (6.0, 0.1)], start=1):
        with torch.no_grad():
            model.bias.fill_(epoch)
        best.offer(epoch, error, loss, model)
    assert (best.epoch, best.error, best.loss) == (3, 4.0, 0.5)
    assert best.model["bias"].item() == 3, "a copy, not the live weights"


def test_a_last_batch_of_one_joins_the_one_before() -> None:
    assert [len(b) for b in batch_indices(torch.arange(41), 20)] == [20, 21]
    assert [len(b) for b in batch_indices(torch.arange(42), 20)] == [20, 20, 2]
    assert [len(b) for b in batch_indices(torch.arange(1), 20)] == [1]
    assert torch.equal(torch.cat(list(batch_indices(torch.arange(41), 20))), torch.arange(41))


def test_the_published_schedule() -> None:
    """CIFAR-100 of the authors' command: from 0.01 to 0.1 over 10 epochs, times 0.1 at epochs 300 and 600 of 800."""
    step = StepSettings(name="step", warmup=0.0125, warmup_start=0.1, milestones=(0.375, 0.75), gamma=0.1)
    factor = lr_factor(step, 800)
    assert [round(factor(epoch), 6) for epoch in (0, 5, 10, 299, 300, 599, 600, 799)] == [
        *(0.1, 0.55, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01)
    ]


def test_cosine_falls_from_one_to_zero() -> None:
    factor = lr_factor(COSINE, 1000)
    assert factor(0) == pytest.approx(0.1)
    assert factor(100) == pytest.approx(1.0)
    assert factor(550) == pytest.approx(0.5)
    assert factor(1000) == pytest.approx(0.0)


def test_streams_are_functions_of_seed_name_and_counters() -> None:
    assert stream_seed(0, "mix", 3) == stream_seed(0, "mix", 3)
    keys = [(0, "mix", (3,)), (1, "mix", (3,)), (0, "order", (3,)), (0, "mix", (4,)), (0, "mix", ())]
    assert len({stream_seed(seed, name, *counters) for seed, name, counters in keys}) == 5
    assert torch.equal(torch.rand(3, generator=generator(0, "mix", 1)), torch.rand(3, generator=generator(0, "mix", 1)))
