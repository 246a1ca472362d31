"""Engine options: memory layout, fused optimizers, micro-batches, the moving average, the penalty on every k-th step."""

import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim

from mixupe import Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.none import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.classification import error_and_loss, predict
from mixupe.rng import generator
from mixupe.training.batches import micro_batches
from mixupe.training.optimizer import AdamWSettings, build_optimizer
from mixupe.training.trainer import Trainer
from tests.training.conftest import METHODS, SGD, bundle, network, trainer

ADAMW = AdamWSettings(name="adamw", lr=0.01, weight_decay=0.01)
Rows = list[dict[str, float]]


def rows_of(fitted: Trainer) -> Rows:
    rows: Rows = []
    fitted.fit(lambda _epoch, metrics: rows.append(metrics))
    return rows


def weights(fitted: Trainer) -> dict[str, Tensor]:
    return dict(fitted.model.named_parameters())


def assert_same_training(a: Trainer, b: Trainer) -> None:
    """Equal up to the rounding of sums in another order."""
    for ours, theirs in zip(rows_of(a), rows_of(b), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    for name, weight in weights(a).items():
        torch.testing.assert_close(weight, weights(b)[name], rtol=1e-3, atol=1e-4)


def images() -> DataBundle:
    patterns = torch.randn(3, 2, 6, 6, generator=generator(0, "test-patterns"))

    def split(name: str) -> TensorSplit:
        y = torch.arange(42) % 3
        return TensorSplit(patterns[y] + torch.randn(42, 2, 6, 6, generator=generator(0, name)), y)

    spec = DataSpec("images", ("a", "b", "c"), (2, 6, 6))
    return DataBundle(spec, split("train"), split("validation"), split("test"), split_digest="")


def convolutional() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 3)
    )


@pytest.mark.parametrize("method", [lambda: Mixup(1.0), lambda: MixupE(1.0, 0.1)], ids=["mixup", "mixupe"])
def test_channels_last_trains_as_the_plain_layout_does(tmp_path: Path, method: Callable[[], Augmentation]) -> None:
    plain, last = (
        trainer(tmp_path / f"{on}.pt", method(), model=convolutional(), data=images(), channels_last=on, epochs=3)
        for on in (False, True)
    )
    assert last.model.get_parameter("0.weight").is_contiguous(memory_format=torch.channels_last)
    assert_same_training(plain, last)


def without_batch_norm() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))


@pytest.mark.parametrize("settings", [SGD, ADAMW], ids=lambda settings: settings.name)
def test_the_fused_optimizer_steps_as_the_plain_one_does(settings: Any) -> None:
    models = [without_batch_norm(), without_batch_norm()]
    values = settings.model_dump(exclude={"name"})
    plain = {"sgd": optim.SGD, "adamw": optim.AdamW}[settings.name](models[1].parameters(), **values, foreach=False)
    steppers = [build_optimizer(settings, models[0]), plain]
    assert steppers[0].defaults["fused"]
    x, y = bundle().train.inputs[:20], bundle().train.targets[:20]  # type: ignore[attr-defined]
    for _ in range(20):
        for model, stepper in zip(models, steppers, strict=True):
            stepper.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
            stepper.step()
    for ours, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_micro_batches_make_the_step_of_the_whole_batch(tmp_path: Path, count: int) -> None:
    """For plain cross-entropy on a network without BatchNorm, also where parts differ in size."""
    whole, cut = (
        trainer(tmp_path / f"{parts}.pt", ERM(), model=without_batch_norm(), accumulate=parts) for parts in (1, count)
    )
    assert_same_training(whole, cut)


def test_each_micro_batch_is_a_batch_of_its_own_to_the_method(tmp_path: Path) -> None:
    """Its own size, and a stream of its own that lam and perm come from."""
    seen: list[tuple[int, float]] = []

    class Watched(ERM):
        def __call__(self, model: Any, x: Any, y: Tensor, *, generator: torch.Generator | None = None, **_: Any) -> Any:
            seen.append((len(y), torch.rand((), generator=generator).item()))
            return super().__call__(model, x, y)

    trainer(tmp_path / "x.pt", Watched(), accumulate=3, epochs=1).fit(lambda *_: None)
    sizes, draws = zip(*seen, strict=True)
    assert sizes == (7, 7, 6, 7, 7, 6, 7, 7, 7)
    counters = [(step, *part) for step in range(3) for part in ((), (1,), (2,))]
    assert list(draws) == [torch.rand((), generator=generator(0, "mix", *numbers)).item() for numbers in counters]


def test_a_micro_batch_holds_two_examples_at_least() -> None:
    assert [len(part) for part in micro_batches(torch.arange(20), 4)] == [5, 5, 5, 5]
    assert [len(part) for part in micro_batches(torch.arange(5), 4)] == [3, 2]
    assert [len(part) for part in micro_batches(torch.arange(2), 4)] == [2]
    assert [len(part) for part in micro_batches(torch.arange(1), 4)] == [1]


def test_the_moving_average_is_what_is_validated_chosen_and_tested(tmp_path: Path) -> None:
    decay = 0.8
    fitted = trainer(tmp_path / "x.pt", Mixup(1.0), ema=decay)
    expected = deepcopy(fitted.model.state_dict())

    def after_step(*_: Any) -> None:
        for name, value in fitted.model.state_dict().items():
            new = decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value
            expected[name].copy_(new)

    fitted.optimizer.register_step_post_hook(after_step)
    rows: Rows = []
    averages: list[dict[str, Tensor]] = []

    def on_epoch(_epoch: int, metrics: dict[str, float]) -> None:
        rows.append(metrics)
        averages.append(deepcopy(expected))

    fitted.fit(on_epoch)
    other = network()
    for row, average in zip(rows, averages, strict=True):
        other.load_state_dict(average)  # BatchNorm's buffers are among them
        loss = error_and_loss(*predict(other, bundle().validation))["loss"]
        assert loss == pytest.approx(row["validation_loss"], rel=1e-5)
    for name, value in fitted.best.model.items():
        torch.testing.assert_close(value, averages[fitted.best.epoch - 1][name])
    assert fitted.test()["test_loss_last"] == pytest.approx(error_and_loss(*predict(other, bundle().test))["loss"])

    plain = rows_of(trainer(tmp_path / "plain.pt", Mixup(1.0)))
    assert [row["train_loss"] for row in rows] == [row["train_loss"] for row in plain], "training is not touched"
    assert [row["validation_loss"] for row in rows] != [row["validation_loss"] for row in plain]


def test_timm_is_imported_for_a_moving_average_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.utils.model_ema", None)
    trainer(tmp_path / "plain.pt", ERM(), epochs=1).fit(lambda *_: None)
    with pytest.raises(ImportError, match="timm"):
        trainer(tmp_path / "average.pt", ERM(), ema=0.9)


OPTIONS: dict[str, tuple[Callable[[], Augmentation], dict[str, Any]]] = {
    "ema": (METHODS["mixupe"], {"ema": 0.9}),
    "accumulate": (METHODS["mixupe-v2-hidden"], {"accumulate": 3}),
    # 5 steps an epoch: a count that began anew in each process would put the penalty on other steps.
    "penalty-every-3": (lambda: MixupE(1.0, 0.1, penalty_every=3), {"batch_size": 14}),
    "joint": (lambda: MixupE(1.0, 0.1, clean_pass="joint"), {}),
}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("option", OPTIONS)
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, option: str) -> None:
    method, settings = OPTIONS[option]

    def begin(name: str) -> Trainer:
        return trainer(tmp_path / name, method(), optimizer=ADAMW, **settings)

    whole = begin("whole.pt")
    rows = rows_of(whole)

    def stop_in_third(epoch: int, _metrics: dict[str, float]) -> None:
        if epoch == 3:  # after the epoch, before its checkpoint: the epoch is lost
            raise KilledError

    with pytest.raises(KilledError):
        begin("part.pt").fit(stop_in_third)
    resumed = begin("part.pt")
    assert resumed.epoch == 2
    assert rows_of(resumed) == rows[2:]
    assert resumed.test() == whole.test()


def test_every_third_step_has_the_penalty(tmp_path: Path) -> None:
    """Over the epochs' borders: 5 steps an epoch. The other steps are one pass of mixup."""
    passes: list[int] = []

    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                passes.append(len(x))
            logits: Tensor = self.inner(x)
            return logits

    fitted = trainer(tmp_path / "x.pt", MixupE(1.0, 0.1, penalty_every=3), model=Counted(), batch_size=14, epochs=2)
    fitted.fit(lambda *_: None)
    first, second = [14, 14, 14, 14, 14, 14, 5], [14, 14, 14, 14, 14, 5, 5]
    assert passes == first + second, "two passes in steps 0, 3, 6 and 9"
