"""Hydra's launchers (joblib, Ray, submitit) as a sweep sees them, and the worker processes they start."""

import atexit
import functools
import importlib.util
import logging
import multiprocessing
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from mixupe import preemption
from mixupe.errors import UserError, named
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request, read_job, write_job
from mixupe.quoting import quoted

# Launchers that have a config here and are installed by an extra of that name.
EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}
# Of a job's config, the file with its runs; no part of any run's own config.
KEY = "job"
# With which submitit tells a job that its time limit is near or that it is preempted.
SUBMITIT_SIGNAL = signal.SIGUSR2


class WorkerDiedError(Exception):
    """A worker process died, or a scheduler ended its job; says by what, in one line."""


def check_launcher(target: str) -> None:
    """Raise UserError if the launcher whose class has that dotted name is not installed or cannot work here."""
    _, package, *_, name = target.split(".")
    if package in EXTRAS and importlib.util.find_spec(f"hydra_plugins.{package}") is None:
        raise UserError(
            f"hydra/launcher: {package} is not installed; pip install -c constraints.txt -e '.[{EXTRAS[package]}]'"
        )
    if name == "SlurmLauncher" and shutil.which("srun") is None:
        raise UserError("hydra/launcher: submitit_slurm needs Slurm, but there is no srun here")


@dataclass(frozen=True)
class Task:
    """What a launcher does with the config of a job, in a worker: the job's runs, which lie in a file below `folder`."""

    folder: Path

    def __call__(self, config: DictConfig) -> list[Outcome]:
        from mixupe.experiment.run import run_all  # which needs torch, as workers do and a command line does not

        return in_worker(lambda: run_all(read_job(self.folder / config[KEY]), Quiet()))


class Workers:
    """Where a sweep's jobs run.

    Args:
        hydra_context, config: as a sweeper's `setup` gets them.

    Attributes:
        count: jobs that run at the same time on this machine; 1 where a scheduler elsewhere decides that.
        launch: runs jobs in other processes; None runs them in this one.

    Raises:
        UserError: the launcher is not installed, or cannot work here.
    """

    def __init__(self, hydra_context: HydraContext, config: DictConfig) -> None:
        target = config.hydra.launcher._target_
        check_launcher(target)
        self._folder = Path(config.hydra.sweep.dir) / "jobs"
        self._output_root = str(config.output_root)
        self._launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=Task(self._folder), config=config
        )
        self.count = _count(self._launcher)
        # Hydra loads its plugins anew when it looks for them, so that their classes are not the ones that can be imported.
        self.launch = None if target.endswith(".BasicLauncher") else self._launch

    def _launch(self, jobs: Sequence[Sequence[Request]]) -> list[list[Outcome]]:
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(dir=self._folder))
        for number, job in enumerate(jobs):
            write_job(folder / f"{number}.json", job)
        root = f"output_root={quoted(self._output_root)}"
        ended = launch(self._launcher, [[root, f"+{KEY}={folder.name}/{number}.json"] for number in range(len(jobs))])
        if len(ended) == len(jobs):  # else some may still be in a queue
            shutil.rmtree(folder)
        return [_outcomes(result, job) for result, job in zip(ended, jobs, strict=False)]


def launch(launcher: Any, override_lists: Sequence[Sequence[str]]) -> list[JobReturn]:
    """What the jobs that the launcher took return; none where a signal asks this process to stop waiting for them.

    Raises:
        WorkerDiedError: what became of the other jobs is in the run store.
    """
    deadline = os.environ.get(preemption.DEADLINE)
    if deadline is not None:  # the other machines of a cluster do not get this process's environment
        box = f"++hydra.job.env_set.{preemption.DEADLINE}='{deadline}'"
        override_lists = [[*overrides, box] for overrides in override_lists]
    try:
        with _stopped_by_signals(launcher):
            ended: list[JobReturn] = launcher.launch(preemption.UntilStopped(override_lists), initial_job_idx=0)
            return ended
    except preemption.StoppedError:
        return []
    except Exception as error:
        is_death = isinstance(error, BrokenProcessPool) or type(error).__module__.split(".")[0] in ("ray", "submitit")
        if not is_death:
            raise
        if preemption.reason() is not None:  # a worker that had only just begun does not listen yet
            return []
        raise WorkerDiedError(_cause(error)) from error


def _count(launcher: Any) -> int:
    module = type(launcher).__module__
    if "joblib" in module:
        import joblib

        return int(joblib.effective_n_jobs(launcher.joblib.get("n_jobs", 1)))
    if "ray" in module:
        import torch

        return torch.cuda.device_count() or os.cpu_count() or 1
    return 1


def _cause(error: Exception) -> str:
    text = str(error)
    by = re.search(r"exit codes of the workers are \{(.*)\}", text)  # joblib's words
    return by.group(1) if by else re.split(r"\.\s|\n", text)[0]


def _outcomes(ended: JobReturn, job: Sequence[Request]) -> list[Outcome]:
    """What became of the job's runs; where its task raised, those that had not ended by then have failed."""
    if ended.status == JobStatus.COMPLETED:
        outcomes: list[Outcome] = ended.return_value
        return outcomes
    error = ended._return_value  # ended.return_value would raise it
    state, reason = ("REFUSED", str(error)) if isinstance(error, UserError) else ("FAILED", named(error))
    return [
        request.known() or Outcome(request.folder.id, request.title, state, fresh=True, reason=reason)
        for request in job
    ]


@contextmanager
def _stopped_by_signals(launcher: Any) -> Iterator[None]:
    """Signals end the block with a StoppedError, where the launcher only waits for the jobs of other processes.

    Of joblib, whose workers are this process's children, they hear themselves, and it comes back when these have saved.
    """
    if "joblib" in type(launcher).__module__:
        yield
        return

    def stop(number: int, frame: object) -> NoReturn:
        signal.alarm(0)  # with which Ray's own handler, called before, would abort this process in 3 s
        preemption.note(number, frame)
        preemption.check()
        raise AssertionError

    before = {number: signal.signal(number, stop) for number in preemption.SIGNALS}
    try:
        yield
    except SystemExit:  # Ray puts a handler of its own in place of ours
        stop(signal.SIGTERM, None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_worker(run: Callable[[], list[Outcome]]) -> list[Outcome]:
    """What `run` returns in a worker process, which works where the sweep was started: relative paths are those of there.

    Where submitit asks a run to stop (its time limit, a preemption), the run saves a checkpoint, and submitit then queues
    the job again, which ends this process.

    Raises:
        UserError: this machine does not see that folder.
        UncompletedJobError: of submitit: the job was queued again as often as its launcher allows.
    """
    queue_again = signal.getsignal(SUBMITIT_SIGNAL)
    _end_quickly()
    preemption.listen()
    if callable(queue_again):
        signal.signal(SUBMITIT_SIGNAL, preemption.note)
    folder = HydraConfig.get().runtime.cwd
    try:
        os.chdir(folder)
    except OSError as error:
        host = socket.gethostname()
        raise UserError(
            f"hydra/launcher: {host} has no folder {folder}; all machines of a sweep must see it"
        ) from error
    outcomes = run()
    if callable(queue_again) and any(
        outcome.state == "INTERRUPTED" and outcome.reason.startswith(SUBMITIT_SIGNAL.name) for outcome in outcomes
    ):
        queue_again(SUBMITIT_SIGNAL, None)
    return outcomes


@functools.cache
def _end_quickly() -> None:
    """Where this is a worker of joblib's, it ends without Python's teardown, for which the sweep would wait.

    Freeing torch and what a run has loaded takes a second of a processor for each worker, tens of seconds where many share
    a busy machine; the system takes it all back at once.
    """
    if type(multiprocessing.current_process()).__module__.startswith("joblib."):
        atexit.register(_end)  # so it comes after whatever a run registers, W&B's last words among it


def _end() -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
