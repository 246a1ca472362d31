"""Weights & Biases as a mirror of metrics.jsonl; wandb is imported here and only when its logger is on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any, Protocol

from mixupe.experiment.config import LoggerSettings, RunSettings
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.record import config_of
from mixupe.settings import UserError


class Mirror(Protocol):
    def log(self, row: Row) -> None:
        """Mirror one row of metrics.jsonl."""

    def summary(self, metrics: dict[str, float]) -> None:
        """Mirror the final metrics."""


class NoMirror:
    def log(self, row: Row) -> None:
        pass

    def summary(self, metrics: dict[str, float]) -> None:
        pass


class WandbMirror:
    """One W&B run: id = run identity, group = identity without the seed, job type = table, tags = what was composed."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, row: Row) -> None:
        metrics = {key: value for key, value in row.items() if key != "epoch"}
        # An online run that is resumed already holds its first epochs; W&B's steps only grow.
        if int(row["epoch"]) >= self._run.step:
            self._run.log(metrics, step=int(row["epoch"]))

    def summary(self, metrics: dict[str, float]) -> None:
        self._run.summary.update(metrics)


@contextmanager
def mirror(settings: RunSettings, past: list[Row]) -> Iterator[Mirror]:
    """The run's mirror, closed whatever happens, so that runs of one process never merge.

    Args:
        settings: of the run; `logger.name: none` gives a mirror that does nothing.
        past: rows of the epochs before a resume; an offline run repeats them, so that its newest folder is complete.

    Raises:
        UserError: the logger is wandb and wandb is not installed.
    """
    if settings.logger.name == "none":
        yield NoMirror()
        return
    with wandb_run(
        settings.logger,
        settings.output_root,
        id=run_id(settings),
        group=group_id(settings),
        job_type=settings.logger.job_type,
        name=f"{settings.dataset.name}-{settings.augmentation.name}-seed{settings.seed}",
        tags=[settings.dataset.name, settings.model.name, settings.augmentation.name],
        config=config_of(settings),
    ) as run:
        result = WandbMirror(run)
        for row in past:
            result.log(row)
        yield result


def check_logger(logger: LoggerSettings) -> None:
    """Raises:
    UserError: the logger is wandb and wandb is not installed.
    """
    if logger.name == "wandb":
        try:
            import wandb  # noqa: F401
        except ImportError as error:
            raise UserError("logger: wandb is not installed; pip install wandb, or use logger=none") from error


@contextmanager
def wandb_run(logger: LoggerSettings, output_root: Path, **about: Any) -> Iterator[Any]:
    """One W&B run, finished as failed where the block raises; `about` goes to wandb.init.

    Raises:
        UserError: wandb is not installed.
    """
    check_logger(logger)
    import wandb

    run = wandb.init(
        **about,
        project=logger.project,
        entity=logger.entity,
        mode=wandb_mode(logger.mode),
        resume="allow",
        dir=str(output_root),
        # Nothing of the user's machine is collected beyond what is logged, and nothing is printed. Listing all installed
        # packages would take longer than a small run; those that matter are in its record.
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    exit_code = 1
    try:
        yield run
        exit_code = 0
    finally:
        run.finish(exit_code=exit_code)


def wandb_mode(mode: str) -> Any:
    """`auto` is online where the user is logged in, offline elsewhere; WANDB_MODE has the last word."""
    if "WANDB_MODE" in os.environ:
        return os.environ["WANDB_MODE"]
    if mode != "auto":
        return mode
    return "online" if _is_logged_in() else "offline"


def _is_logged_in() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        hosts = netrc().hosts
    except (OSError, NetrcParseError):
        return False
    return any("wandb" in host for host in hosts)
