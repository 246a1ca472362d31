"""Weights & Biases as a mirror of metrics.jsonl; wandb is imported here and only when its logger is on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from typing import Any, Protocol

from mixupe.experiment.config import RunSettings
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
    try:
        import wandb
    except ImportError as error:
        raise UserError("logger: wandb is not installed; pip install wandb, or use logger=none") from error
    run = wandb.init(
        id=run_id(settings),
        group=group_id(settings),
        job_type=settings.logger.job_type,
        name=f"{settings.dataset.name}-{settings.augmentation.name}-seed{settings.seed}",
        tags=[settings.dataset.name, settings.model.name, settings.augmentation.name],
        config=config_of(settings),
        project=settings.logger.project,
        entity=settings.logger.entity,
        mode=wandb_mode(settings.logger.mode),
        resume="allow",
        dir=str(settings.output_root),
        # Nothing of the user's machine is collected beyond what is logged, and nothing is printed.
        settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True),
    )
    exit_code = 1
    try:
        result = WandbMirror(run)
        for row in past:
            result.log(row)
        yield result
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
