"""A finished run's best model tested beyond its test part: deformed, corrupted, attacked, and between pairs of examples."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mixupe.augmentation.output import logits_of
from mixupe.data.base import DataBundle
from mixupe.data.images.tensor_images import TensorImages
from mixupe.evaluation.attacks import attacked, ball_of
from mixupe.evaluation.classification import error_and_loss, evaluation_batch, full_metrics, predict
from mixupe.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from mixupe.evaluation.deformations import DEFORMATIONS, deformed
from mixupe.evaluation.segments import along_segments
from mixupe.experiment.finished import FinishedRun
from mixupe.experiment.prepare import load_data
from mixupe.experiment.record import code_state
from mixupe.experiment.snapshots import kept_state
from mixupe.models.registry import build_model
from mixupe.preemption import check
from mixupe.rng import generator
from mixupe.training.trainer import device_here, resolve_device

PARTS = ("deformations", "corruptions", "attacks", "segments")

Row = dict[str, Any]
Evaluation = dict[str, Any]


@dataclass(frozen=True)
class _Test:
    """What is tested: `rows` (n,) int64 are the examples, in an order drawn at random; `batch` how many at a time."""

    model: nn.Module
    data: DataBundle
    seed: int
    rows: Tensor
    batch: int
    autocast: Callable[[], AbstractContextManager[object]]

    @property
    def batches(self) -> Sequence[Tensor]:
        """None of one example alone, which could be paired with itself only: the last may have one more than `batch`."""
        *rest, last = torch.split(self.rows, self.batch)
        return [*rest[:-1], torch.cat([rest[-1], last])] if rest and len(last) == 1 else [*rest, last]

    def images(self) -> TensorImages:
        """The examples alone, in the test part's order: all of them are deformed as they are for the record."""
        split = self.data.test
        assert isinstance(split, TensorImages)
        rows = self.rows.sort().values.to(split.pixels.device)
        return replace(split, pixels=split.pixels[rows], targets=split.targets[rows])

    def errors(self, split: TensorImages) -> dict[str, float]:
        return error_and_loss(*predict(self.model, split, self.autocast(), batch=self.batch))


def evaluate(run: FinishedRun, parts: Sequence[str], examples: int) -> Evaluation:
    """Rows of what was found, as JSON values, beside what is known of the run.

    The model is that of the best validation epoch, from the run's checkpoint; on the run's device, or the CPU where this
    machine lacks that.

    Args:
        run: the run.
        parts: of PARTS; those that the data do not allow are left out, with the reason.
        examples: of the test part, drawn without replacement by the seed, the same for every method; all where it has fewer.

    Raises:
        UserError: the data or the checkpoint is not there.
        StoppedError: this process was asked to stop.
    """
    settings = run.settings
    torch.set_num_threads(settings.trainer.threads)
    device = resolve_device(device_here(settings.trainer.device))
    data = load_data(settings)
    data = replace(data, test=data.test.to(device))
    model = build_model(settings.model, data.spec, settings.seed)
    model.load_state_dict(kept_state(run, "its command trains it again")["best"]["model"])
    model = model.to(device).eval().requires_grad_(False)

    def autocast() -> AbstractContextManager[object]:
        is_float32 = settings.trainer.precision == "float32"
        return nullcontext() if is_float32 else torch.autocast(device.type, torch.bfloat16)

    batch = evaluation_batch(data.spec.input_shape)
    metrics = full_metrics(*predict(model, data.test, autocast(), batch=batch))
    order = torch.randperm(len(data.test.labels), generator=generator(settings.seed, "evaluation"))
    test = _Test(model, data, settings.seed, order[:examples], batch, autocast)
    clean = error_and_loss(*predict(model, data.test, autocast(), rows=test.rows, batch=batch))
    rows: list[Row] = [{"part": "clean", "name": "clean", "level": 0.0, **clean}]
    skipped = {}
    for part in parts:
        reason = _obstacle(part, data)
        if reason is None:
            rows += ({"part": part, **row} for row in _ROWS[part](test))
        else:
            skipped[part] = reason
    return {
        **run.about,
        "examples": len(test.rows),
        "metrics": metrics,
        "differs": abs(metrics["error"] - run.record["metrics"]["test_error"]),
        "code": code_state(),
        "rows": rows,
        "skipped": skipped,
    }


def _obstacle(part: str, data: DataBundle) -> str | None:
    """Why these data do not allow it, or None."""
    if part in ("deformations", "corruptions") and not isinstance(data.test, TensorImages):
        return "needs images held in memory"
    if part == "attacks" and data.spec.domain == "graphs":
        return "graphs have no continuous input to move"
    return None


def _deformations(test: _Test) -> Iterator[Row]:
    images = test.images()
    for number, (name, deformation) in enumerate(DEFORMATIONS.items()):
        seen = deformed(images, deformation, generator(test.seed, "deformation", number))
        yield {"name": name, "level": deformation.size, **test.errors(seen)}


def _corruptions(test: _Test) -> Iterator[Row]:
    images = test.images()
    for number, name in enumerate(CORRUPTIONS):
        for severity in SEVERITIES:
            seen = corrupted(images, name, severity, generator(test.seed, "corruption", number, severity))
            yield {"name": name, "level": float(severity), **test.errors(seen)}


def _attacks(test: _Test) -> Iterator[Row]:
    ball = ball_of(test.data.test, test.data.spec.domain)
    kinds: tuple[Literal["fgsm", "pgd"], ...] = ("fgsm", "pgd")
    for kind in kinds:
        for number, radius in enumerate(ball.radii):
            draws = generator(test.seed, "attack", number)
            logits, labels = [], []
            for x, y in test.data.test.batches(test.batches):
                check()
                with test.autocast():
                    moved = attacked(test.model, x, y, ball, radius, kind, draws)
                    logits.append(logits_of(test.model(moved), len(y)).float())
                labels.append(y)
            yield {"name": kind, "level": radius, **error_and_loss(torch.cat(logits), torch.cat(labels))}


def _segments(test: _Test) -> Iterator[Row]:
    mix_at = "head" if test.data.spec.domain == "graphs" else "input"
    with test.autocast():
        for row in along_segments(test.model, test.data.test, test.batches, mix_at):
            yield {"name": mix_at, **row}


_ROWS: dict[str, Callable[[_Test], Iterator[Row]]] = {
    "deformations": _deformations,
    "corruptions": _corruptions,
    "attacks": _attacks,
    "segments": _segments,
}
