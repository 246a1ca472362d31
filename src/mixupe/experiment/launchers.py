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
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus

from mixupe import stopping
from mixupe.experiment.outcome import Outcome, refused
from mixupe.settings import UserError

# Launchers that have a config here and are installed by an extra of that name.
EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm"}
# With which submitit tells a job that its time limit is near or that it is preempted.
SUBMITIT_SIGNAL = signal.SIGUSR2


class WorkerDiedError(Exception):
    """A worker process died, or a scheduler ended its job; says by what, in one line."""


def check_launcher(target: str) -> None:
    """Raises:
    UserError: the launcher whose class has that dotted name is not installed or cannot work here.
    """
    _, package, *_, name = target.split(".")
    if package in EXTRAS and importlib.util.find_spec(f"hydra_plugins.{package}") is None:
        raise UserError(f"hydra/launcher: {package} is not installed; pip install '.[{EXTRAS[package]}]'")
    if name == "SlurmLauncher" and shutil.which("srun") is None:
        raise UserError("hydra/launcher: submitit_slurm needs Slurm, but there is no srun here")


def launch(launcher: Any, override_lists: Sequence[Sequence[str]]) -> list[Outcome]:
    """Outcomes of the jobs that the launcher took; none where a signal asks this process to stop waiting for them.

    Raises:
        WorkerDiedError: what became of the other jobs is in the run store.
    """
    deadline = os.environ.get(stopping.DEADLINE)
    if deadline is not None:  # the other machines of a cluster do not get this process's environment
        box = f"++hydra.job.env_set.{stopping.DEADLINE}='{deadline}'"
        override_lists = stopping.UntilStopped([[*overrides, box] for overrides in override_lists])
    try:
        with _stopped_by_signals(launcher):
            jobs = launcher.launch(override_lists, initial_job_idx=0)
    except stopping.StoppedError:
        return []
    except Exception as error:
        is_death = isinstance(error, BrokenProcessPool) or type(error).__module__.split(".")[0] in ("ray", "submitit")
        if not is_death:
            raise
        if stopping.reason() is not None:  # a worker that had only just begun does not listen yet
            return []
        raise WorkerDiedError(_cause(error)) from error
    return [_outcome(job) for job in jobs]


def workers(launcher: Any) -> int:
    """Jobs that the launcher runs at the same time on this machine; 1 where a scheduler elsewhere decides that."""
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


def _outcome(job: JobReturn) -> Outcome:
    """What the worker's task returned; a failure where it raised."""
    if job.status == JobStatus.COMPLETED:
        outcome: Outcome = job.return_value
        return outcome
    error = job._return_value  # job.return_value would raise it
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Outcome(id="", title="error", state="FAILED", fresh=True, reason=reason)


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
        stopping.note(number, frame)
        stopping.check()
        raise AssertionError

    before = {number: signal.signal(number, stop) for number in stopping.SIGNALS}
    try:
        yield
    except SystemExit:  # Ray puts a handler of its own in place of ours
        stop(signal.SIGTERM, None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_worker(run: Callable[[], Outcome]) -> Outcome:
    """The outcome of `run` in a worker process, which works where the sweep was started: relative paths are those of there.

    Where submitit asks a run to stop (its time limit, a preemption), the run saves a checkpoint, and submitit then queues
    the job again, which ends this process.

    Raises:
        UncompletedJobError: of submitit: the job was queued again as often as its launcher allows.
    """
    queue_again = signal.getsignal(SUBMITIT_SIGNAL)
    _end_quickly()
    stopping.listen()
    if callable(queue_again):
        signal.signal(SUBMITIT_SIGNAL, stopping.note)
    folder = HydraConfig.get().runtime.cwd
    try:
        os.chdir(folder)
    except OSError:
        host = socket.gethostname()
        return refused(UserError(f"hydra/launcher: {host} has no folder {folder}; all machines of a sweep must see it"))
    outcome = run()
    if callable(queue_again) and outcome.state == "INTERRUPTED" and outcome.reason.startswith(SUBMITIT_SIGNAL.name):
        queue_again(SUBMITIT_SIGNAL, None)
    return outcome


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
