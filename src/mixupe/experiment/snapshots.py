"""A finished run's weights along its training: from its checkpoint, or by training it again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mixupe.augmentation.config import build_augmentation
from mixupe.data.base import DataBundle
from mixupe.errors import UserError
from mixupe.experiment.finished import FinishedRun
from mixupe.experiment.initial import initial_model
from mixupe.training.checkpoint import load_checkpoint
from mixupe.training.criterion import build_criterion
from mixupe.training.trainer import Trainer, device_here

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Snapshot:
    """The model after `step` optimizer steps, weights and buffers on the CPU."""

    step: int
    epoch: float
    weights: Weights


def kept_state(run: FinishedRun, otherwise: str) -> dict[str, Any]:
    """What is in the run's checkpoint (`mixupe.training.loop`), on the CPU.

    Raises:
        UserError: it has none, or a damaged one; the message ends with `otherwise`, what to do then.
    """
    state, problems = load_checkpoint(run.folder.checkpoint, torch.device("cpu"))
    if state is None:
        reason = f"{problems[0]} in {run.folder.path}" if problems else f"there is no {run.folder.checkpoint}"
        raise UserError(f"run: {run.id}: {reason}; {otherwise}")
    return state


def kept_snapshots(run: FinishedRun, data: DataBundle) -> list[Snapshot]:
    """What the run has kept: its initial weights (a function of the seed), those of its best epoch, and its last.

    Raises:
        UserError: it has no checkpoint, or a damaged one.
    """
    state = kept_state(run, "--snapshots N trains it again and looks at N places on the way")
    epoch, best, steps = state["epoch"], state["best"], state["scheduler"]["last_epoch"]
    found = {0: _weights(initial_model(run.settings, data))}
    found[best["epoch"]] = best["model"]
    # With a moving average of the weights the best model is not what was trained, but the last is.
    found[epoch] = state["model"]
    return [Snapshot(at * steps // epoch, float(at), weights) for at, weights in sorted(found.items())]


def trained_again(run: FinishedRun, data: DataBundle, count: int) -> tuple[list[Snapshot], float]:
    """`count` snapshots, at the first and the last step and spread evenly in between on a logarithmic axis.

    Nothing is written, the test part is not read. Also gives how far the validation loss of the last epoch is from the
    record's, 0 where training was repeated exactly. On the CPU where this machine lacks the run's device.

    Args:
        run: of any state, with a checkpoint or without.
        data: of the run.
        count: >= 2.
    """
    settings = run.settings
    here = settings.trainer.model_copy(update={"device": device_here(settings.trainer.device)})
    model = initial_model(settings, data)
    criterion = build_criterion(settings.trainer, data)
    method = build_augmentation(settings.augmentation, data.train.mean_input(), criterion, data)
    losses: list[float] = []
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            *(model, method, replace(data, test=data.validation), here, settings.optimizer),
            *(settings.scheduler, settings.seed, Path(folder) / "checkpoint.pt"),
        )
        total = settings.trainer.epochs * trainer.steps_per_epoch
        wanted = set(spread_steps(total, count))
        taken = [Snapshot(0, 0.0, _weights(model))]
        steps = iter(range(1, total + 1))

        def after_step(*_: Any) -> None:
            step = next(steps)
            if step in wanted:
                taken.append(Snapshot(step, step / trainer.steps_per_epoch, _weights(model)))

        trainer.optimizer.register_step_post_hook(after_step)
        trainer.fit(lambda _, metrics: losses.append(metrics["validation_loss"]))
    return taken, abs(losses[-1] - run.record["curves"]["validation_loss"][-1])


def spread_steps(total: int, count: int) -> Sequence[int]:
    """0, `total` and what lies evenly between 1 and `total` on a logarithmic axis, at most `count` different steps."""
    between = np.geomspace(1, total, count - 1).round().astype(int).tolist() if count > 2 else [total]
    return sorted({0, *between, total})


def _weights(model: nn.Module) -> Weights:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
