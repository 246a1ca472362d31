"""The training loop on data made here: resume, streams, batches, schedules."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import MixupE
from mixupe.augmentation.none import ERM
from mixupe.preemption import StoppedError
from mixupe.rng import generator, stream_seed
from mixupe.training.batches import batch_indices
from mixupe.training.loop import Best, NonFiniteLossError
from mixupe.training.optimizer import (
    AdamSettings,
    AdamWSettings,
    EverySettings,
    SGDSettings,
    StepSettings,
    build_optimizer,
    lr_factor,
)
from mixupe.training.trainer import Trainer
from tests.disturb import after_step, get
from tests.same import assert_same_state
from tests.training.conftest import COSINE, METHODS, SGD, trainer


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


@pytest.mark.parametrize("step", [1, 5, 9, 18])
@pytest.mark.parametrize(
    "settings", [{}, {"ema": 0.9, "accumulate": 2, "checkpoint_every": 10}], ids=["plain", "ema, accumulate"]
)
def test_stopped_within_an_epoch_equals_uninterrupted_bit_for_bit(
    tmp_path: Path, step: int, settings: dict[str, Any]
) -> None:
    def new_trainer(name: str) -> Trainer:
        return trainer(tmp_path / name, MixupE(1.0, 0.1, mix_at="4", variant="v2", penalty_every=2), **settings)

    rows: dict[str, list[dict[str, float]]] = {"whole": [], "part": []}
    whole = new_trainer("whole")
    whole.fit(lambda _epoch, metrics: rows["whole"].append(metrics))
    synced: list[int] = []
    where = f"SIGTERM in epoch {-(-step // 3)} after {(step - 1) % 3 + 1} of 3 steps"
    with after_step(step, get(signal.SIGTERM)), pytest.raises(StoppedError, match=where):
        new_trainer("part").fit(lambda _epoch, metrics: rows["part"].append(metrics), lambda: synced.append(1))
    assert synced, "before_save was called"
    resumed = new_trainer("part")
    assert resumed.position in where
    resumed.fit(lambda _epoch, metrics: rows["part"].append(metrics))
    assert rows["part"] == rows["whole"]
    states = [torch.load(tmp_path / name, weights_only=True) for name in ("whole", "part")]
    for state in states:
        assert state.pop("seconds") > 0
    assert_same_state(*states)
    assert resumed.test() == whole.test()


@pytest.mark.gpu
@pytest.mark.parametrize("step", [1, 5])
def test_stopped_within_an_epoch_on_a_gpu_goes_on_with_the_same_dropout(tmp_path: Path, step: int) -> None:
    """To rounding, which the order of a GPU's sums leaves open; another mask would change the losses by percents."""
    rows: dict[str, list[dict[str, float]]] = {"whole": [], "part": []}
    trainer(tmp_path / "whole", ERM(), device="cuda").fit(lambda _epoch, metrics: rows["whole"].append(metrics))
    with after_step(step, get(signal.SIGTERM)), pytest.raises(StoppedError):
        trainer(tmp_path / "part", ERM(), device="cuda").fit(lambda _epoch, metrics: rows["part"].append(metrics))
    torch.cuda.manual_seed(1)  # what another process would find
    resumed = trainer(tmp_path / "part", ERM(), device="cuda")
    resumed.fit(lambda _epoch, metrics: rows["part"].append(metrics))
    for part, whole in zip(rows["part"], rows["whole"], strict=True):
        assert part == pytest.approx(whole, rel=1e-4)


def test_saving_takes_a_small_part_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixupe.training.loop.SAVING_SHARE", 0.25)
    clock = 0.0

    def save(_path: Path, state: dict[str, Any], _sync: bool) -> None:
        nonlocal clock
        saved.append(state["epoch"])
        clock += 2.0

    def train_for_a_second(_epoch: int, _metrics: dict[str, float]) -> None:
        nonlocal clock
        clock += 1.0

    saved: list[int] = []
    monkeypatch.setattr("mixupe.training.trainer.save_checkpoint", save)
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    trainer(tmp_path / "x.pt", ERM(), epochs=17).fit(train_for_a_second)
    assert saved == [1, 7, 13, 17], "2 seconds of 8, and the last epoch"


def test_training_learns_and_seeds_differ(tmp_path: Path) -> None:
    losses = {}
    for seed in (0, 1):
        rows: list[float] = []
        fitted = trainer(tmp_path / f"{seed}.pt", ERM(), epochs=15, seed=seed)
        fitted.fit(lambda _epoch, metrics, rows=rows: rows.append(metrics["train_loss"]))  # type: ignore[misc]
        assert rows[-1] < 0.6 * rows[0]
        losses[seed] = rows
    assert losses[0] != losses[1]


def test_a_non_finite_loss_names_its_step(tmp_path: Path) -> None:
    wild = SGDSettings(name="sgd", lr=1e30, momentum=0.0, nesterov=False, weight_decay=0.0)
    with pytest.raises(NonFiniteLossError, match=r"at step \d+ \(epoch \d\)"):
        trainer(tmp_path / "x.pt", ERM(), optimizer=wild).fit(lambda *_: None)


def test_a_run_that_its_last_step_made_diverge_is_no_result(tmp_path: Path) -> None:
    """No step comes after it whose loss would be NaN."""
    wild = SGDSettings(name="sgd", lr=1e30, momentum=0.0, nesterov=False, weight_decay=0.0)
    last = trainer(tmp_path / "x.pt", ERM(), optimizer=wild, epochs=1, batch_size=1000)
    rows: list[dict[str, float]] = []
    with pytest.raises(NonFiniteLossError, match=r"^validation loss is nan after step 0 \(epoch 0\)$"):
        last.fit(lambda _epoch, metrics: rows.append(metrics))
    assert (rows, last.epoch, last.best.epoch) == ([], 0, 0)
    assert not last.checkpoint.exists()


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
        watched.pass_over = lambda _batches: None  # type: ignore[attr-defined]
        trainer(tmp_path / f"{name}.pt", watched, epochs=1).fit(lambda *_: None)  # type: ignore[arg-type]
        seen[name] = batches
    assert all(torch.equal(a, b) for a, b in zip(seen["none"], seen["mixup"], strict=True))


def test_best_is_lowest_error_then_lowest_loss_then_earliest() -> None:
    best = Best()
    model = nn.Linear(1, 1)
    for epoch, (error, loss) in enumerate([(5.0, 0.3), (4.0, 0.9), (4.0, 0.5), (4.0, 0.5), (6.0, 0.1)], start=1):
        with torch.no_grad():
            model.bias.fill_(epoch)
        best.offer(epoch, error, loss, model.state_dict())
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
    factor = lr_factor(step, 800, 1)
    assert [round(factor(epoch), 6) for epoch in (0, 5, 10, 299, 300, 599, 600, 799)] == [
        *(0.1, 0.55, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01)
    ]


def test_cosine_falls_from_one_to_zero() -> None:
    factor = lr_factor(COSINE, 100, 10)
    assert factor(0) == pytest.approx(0.1)
    assert factor(100) == pytest.approx(1.0)
    assert factor(550) == pytest.approx(0.5)
    assert factor(1000) == pytest.approx(0.0)


def test_a_cosine_may_end_above_zero() -> None:
    factor = lr_factor(COSINE.model_copy(update={"floor": 0.001}), 100, 10)
    assert factor(100) == pytest.approx(1.0)
    assert factor(1000) == pytest.approx(0.001)


def test_halving_goes_by_epochs_however_long_the_run() -> None:
    for epochs in (120, 350):
        factor = lr_factor(EverySettings(name="every", epochs=50, gamma=0.5), epochs, 7)
        assert [factor(7 * epoch + last) for epoch, last in ((0, 0), (49, 6), (50, 0), (99, 6), (100, 0))] == [
            *(1, 1, 0.5, 0.5, 0.25)
        ]


def test_adam_is_torchs() -> None:
    weights = [torch.nn.Linear(3, 2) for _ in range(2)]
    weights[1].load_state_dict(weights[0].state_dict())
    own = build_optimizer(AdamSettings(name="adam", lr=0.01, weight_decay=0.1), weights[0])
    reference = torch.optim.Adam(weights[1].parameters(), lr=0.01, weight_decay=0.1)
    for model, optimizer in zip(weights, (own, reference), strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(weights[0].weight, weights[1].weight)


def test_streams_are_functions_of_seed_name_and_counters() -> None:
    assert stream_seed(0, "mix", 3) == stream_seed(0, "mix", 3)
    keys = [(0, "mix", (3,)), (1, "mix", (3,)), (0, "order", (3,)), (0, "mix", (4,)), (0, "mix", ())]
    assert len({stream_seed(seed, name, *counters) for seed, name, counters in keys}) == 5
    assert torch.equal(torch.rand(3, generator=generator(0, "mix", 1)), torch.rand(3, generator=generator(0, "mix", 1)))


def test_a_model_with_more_logits_than_classes_is_an_error(tmp_path: Path) -> None:
    fitted = trainer(tmp_path / "x.pt", ERM(), model=nn.Linear(6, 5), epochs=1)
    with pytest.raises(ValueError, match=r"^model: must return logits of 3 classes, got 5$"):
        fitted.fit(lambda *_: None)
