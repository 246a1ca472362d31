"""Weights & Biases as a mirror of metrics.jsonl: whatever becomes of the mirror, the run goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from mixupe.console import say_once
from mixupe.data.base import DataBundle
from mixupe.errors import named
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.predictions import Outputs, predictions_of
from mixupe.experiment.record import public_config
from mixupe.experiment.settings import LoggerSettings, RunSettings
from mixupe.experiment.wandb_environment import (
    BEGIN_S,
    FINISH_S,
    check_logger,
    folder,
    is_on,
    project,
    stay_offline,
    wandb_mode,
    wandb_package,
)
from mixupe.experiment.wandb_explanation import explanation


class RunLogger:
    """Where a run is mirrored; this one mirrors it nowhere."""

    def log(self, row: Row) -> None:
        """Log one row of metrics.jsonl."""

    def summary(self, metrics: dict[str, float]) -> None:
        """Log the final metrics."""

    def explain(self, data: DataBundle, outputs: Outputs) -> None:
        """Log what the test part's answers show; outputs as of `Trainer.test`."""


class WandbLogger(RunLogger):
    """One W&B run: id = run identity, group = identity without the seed, job type = table, tags = what was composed."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._is_lost = False

    def log(self, row: Row) -> None:
        metrics = {key: value for key, value in row.items() if key != "epoch"}
        epoch = int(row["epoch"])
        # An online run that is resumed already holds its first epochs; W&B's steps only grow.
        self._try(lambda: self._run.log(metrics, step=epoch) if epoch >= self._run.step else None)

    def summary(self, metrics: dict[str, float]) -> None:
        self._try(lambda: self._run.summary.update(metrics))

    def explain(self, data: DataBundle, outputs: Outputs) -> None:
        predictions = predictions_of(data, outputs)
        self._try(lambda: self._run.log(explanation(wandb_package(), predictions, data)))

    def _try(self, action: Callable[[], object]) -> None:
        if not self._is_lost:
            try:
                action()
            except Exception as error:  # whatever it is, the run goes on
                self._is_lost = True
                say_once(f"wandb: {named(error)}; mirrored no further, metrics.jsonl has it all")


@contextmanager
def run_logger(settings: RunSettings, past: list[Row]) -> Iterator[RunLogger]:
    """The run's logger, closed whatever happens, so that runs of one process never merge.

    Args:
        settings: of the run; where its logger is not on, it does nothing.
        past: rows of the epochs before a resume; an offline run repeats them, so that its newest folder is complete.

    Raises:
        UserError: wandb is not installed, or WANDB_MODE is wrong.
    """
    if not is_on(settings.logger):
        yield RunLogger()
        return
    with wandb_run(
        settings.logger,
        settings.output_root,
        id=run_id(settings),
        group=group_id(settings),
        job_type=settings.logger.job_type,
        name=f"{settings.dataset.name}-{settings.augmentation.name}-seed{settings.seed}",
        tags=[settings.dataset.name, settings.model.name, settings.augmentation.name],
        config=public_config(settings),
    ) as run:
        if run is None:
            yield RunLogger()
            return
        result = WandbLogger(run)
        for row in past:
            result.log(row)
        yield result


@contextmanager
def wandb_run(logger: LoggerSettings, output_root: Path, **about: Any) -> Iterator[Any]:
    """One W&B run, finished as failed where the block raises; None where none could be begun, which is said.

    Args:
        logger: one that `is_on`.
        output_root: where W&B keeps its files, unless WANDB_DIR says otherwise.
        about: goes to wandb.init.

    Raises:
        UserError: wandb is not installed, or WANDB_MODE is wrong.
    """
    check_logger(logger)
    run = _begun(logger, output_root, about)
    exit_code = 1
    try:
        yield run
        exit_code = 0
    finally:
        if run is not None:
            try:
                run.finish(exit_code=exit_code)
            except Exception as error:
                stay_offline(named(error), output_root)


def _begun(logger: LoggerSettings, output_root: Path, about: dict[str, Any]) -> Any:
    """The W&B run, offline where it cannot be online; a mirror is no reason to lose the run it mirrors."""
    mode = wandb_mode(logger, output_root)
    if mode == "online":
        try:
            return _init(logger, output_root, about, mode)
        except Exception as error:
            stay_offline(named(error), output_root)
            wandb_package().teardown(exit_code=1)  # it would hold the id
    try:
        return _init(logger, output_root, about, "offline")
    except Exception as error:
        say_once(f"wandb: {named(error)}; not mirrored")
        return None


def _init(logger: LoggerSettings, output_root: Path, about: dict[str, Any], mode: Literal["online", "offline"]) -> Any:
    wandb = wandb_package()
    return wandb.init(
        **about,
        project=project(logger),
        entity=logger.entity,  # without it, wandb reads WANDB_ENTITY itself
        mode=mode,
        resume="allow",
        dir=str(folder(output_root)),
        # Nothing of the user's machine is collected beyond what is logged, and nothing is printed. Listing all installed
        # packages would take longer than a small run; those that matter are in its record.
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            x_save_requirements=False,
            init_timeout=BEGIN_S,
            finish_timeout=FINISH_S,
            finish_timeout_raises=True,
        ),
    )
