"""What comes back from Hydra's launchers; stand-ins for these here, they themselves in tests/scripts/test_launchers.py."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from mixupe import stopping
from mixupe.experiment import chunks
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.launchers import WorkerDiedError, check_launcher, in_worker, launch
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.run import attempt_run
from mixupe.experiment.store import RunStore
from mixupe.experiment.sweep import SweepFailedError, run_sweep
from mixupe.settings import UserError

DONE = Outcome("1", "a run", "DONE", fresh=True)


class Launcher:
    """Calls a function for each job; what it returns or raises is the job's."""

    def __init__(self, work: Callable[[Sequence[str]], Any]) -> None:
        self.work = work

    def launch(self, override_lists: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        return [JobReturn(status=JobStatus.COMPLETED, _return_value=self.work(one)) for one in override_lists]


def test_outcomes_come_back_and_a_task_that_raised_is_a_failure() -> None:
    class OneFails(Launcher):
        def launch(self, override_lists: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
            failed = JobReturn(status=JobStatus.FAILED, _return_value=ValueError("no such\nthing"))
            return [*super().launch(override_lists, initial_job_idx), failed]

    first, second = launch(OneFails(lambda _: DONE), [["seed=0"]])
    assert first is DONE
    assert (second.state, second.reason) == ("FAILED", "ValueError: no such")


def raising(error: BaseException) -> Callable[[Sequence[str]], Any]:
    def work(_: Sequence[str]) -> None:
        raise error

    return work


def test_the_death_of_a_worker_is_one_line() -> None:
    ray_error = type("WorkerCrashedError", (Exception,), {"__module__": "ray.exceptions"})
    with pytest.raises(WorkerDiedError, match=r"^The worker died$"):
        launch(Launcher(raising(ray_error("The worker died. See the log files."))), [[]])
    text = "A worker process managed by the executor ...\nThe exit codes of the workers are {SIGKILL(-9)}"
    with pytest.raises(WorkerDiedError, match=r"^SIGKILL\(-9\)$"):
        launch(Launcher(raising(BrokenProcessPool(text))), [[]])
    with pytest.raises(ZeroDivisionError):
        launch(Launcher(raising(ZeroDivisionError())), [[]])


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_signal_ends_the_wait_for_jobs_elsewhere(number: signal.Signals) -> None:
    def wait(_: Sequence[str]) -> None:
        os.kill(os.getpid(), number)
        time.sleep(30)

    before = signal.getsignal(number)
    with stopping.listening():
        assert launch(Launcher(wait), [[]]) == []
        assert stopping.reason() == number.name
    assert signal.getsignal(number) is before


def test_ray_answers_sigterm_with_an_exit() -> None:
    with stopping.listening():
        assert launch(Launcher(raising(SystemExit(15))), [[]]) == []
        assert stopping.reason() == "SIGTERM"


def test_jobs_are_told_when_a_time_box_ends() -> None:
    def work(overrides: Sequence[str]) -> Sequence[str]:
        return overrides

    assert list[object](launch(Launcher(work), [["seed=0"]])) == [["seed=0"]]
    with stopping.time_box(5):
        box = f"++hydra.job.env_set.{stopping.DEADLINE}='{os.environ[stopping.DEADLINE]}'"
        assert list[object](launch(Launcher(work), [["seed=0"]])) == [["seed=0", box]]


def test_a_launcher_that_cannot_work_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_launcher("hydra._internal.core_plugins.basic_launcher.BasicLauncher")
    slurm = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"^hydra/launcher: .* is not installed; pip install '.\[slurm\]'$"):
        check_launcher(slurm)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UserError, match="needs Slurm, but there is no srun here"):
        check_launcher(slurm)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """worker(folder): this process is the worker of a sweep that was started in that folder."""

    def call(folder: Path) -> None:
        config = OmegaConf.create({"hydra": {"runtime": {"cwd": str(folder)}}})
        monkeypatch.setattr(HydraConfig.instance(), "cfg", config)

    return call


def test_a_worker_is_where_the_sweep_was_started(worker: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    worker(tmp_path / "there")
    with stopping.listening():
        in_worker(lambda: DONE)
    assert Path.cwd() == tmp_path / "there"


def test_a_machine_without_that_folder_is_named(worker: Callable[[Path], None], tmp_path: Path) -> None:
    worker(tmp_path / "nowhere")
    with stopping.listening():
        outcome = in_worker(lambda: pytest.fail("it ran"))
    assert outcome.state == "REFUSED"
    assert "nowhere" in outcome.reason


WORKERS = """
import atexit, pathlib, sys
import joblib
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

def job(folder):
    import builtins
    from mixupe.experiment.launchers import in_worker
    class Heavy:
        def __del__(self, mark=pathlib.Path(folder, "torn down").touch):
            mark()
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"runtime": {"cwd": folder}}})
    builtins.heavy = Heavy()  # freed when Python is torn down
    return in_worker(lambda: atexit.register(pathlib.Path(folder, "last words").touch) and 3)

if __name__ == "__main__":
    print(joblib.Parallel(n_jobs=2)(joblib.delayed(job)(sys.argv[1]) for _ in range(2)))
"""


def test_a_worker_of_joblib_says_its_last_words_and_is_not_torn_down(tmp_path: Path) -> None:
    """Its teardown is what a sweep on a busy machine waited for in the end."""
    (tmp_path / "workers.py").write_text(WORKERS)
    ran = subprocess.run([sys.executable, "workers.py", str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "[3, 3]\n"
    assert (tmp_path / "last words").exists()
    assert not (tmp_path / "torn down").exists()


@pytest.mark.parametrize("is_asked", [False, True])
def test_submitit_queues_a_run_again_after_it_has_saved(
    worker: Callable[[Path], None], tmp_path: Path, is_asked: bool
) -> None:
    worker(tmp_path)
    queued: list[int] = []

    def run() -> Outcome:
        if not is_asked:
            return DONE
        os.kill(os.getpid(), signal.SIGUSR2)
        assert not queued, "the run goes on until it has saved"
        return Outcome("1", "a run", "INTERRUPTED", fresh=True, reason=f"{stopping.reason()} in epoch 1")

    before = signal.signal(signal.SIGUSR2, lambda number, _: queued.append(number))
    try:
        with stopping.listening():
            in_worker(run)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert queued == ([signal.SIGUSR2] if is_asked else [])


def jobs(root: Path) -> list[list[str]]:
    base = ["dataset=tabular/wine", "trainer.epochs=1", "trainer.device=cpu", "trainer.stack=1", "logger=none"]
    return [[*base, f"output_root={root}", f"seed={seed}"] for seed in (0, 1, 2)]


def test_the_death_of_one_worker_fails_its_run_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = 0

    def dying(override_lists: Sequence[Sequence[str]]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        settings = [chunks.runs_of(job[-1].split("'")[1])[0] for job in override_lists]
        if calls == 1:
            folder = RunStore(tmp_path).folder(run_id(settings[0]))
            with folder.claimed():
                folder.set_running()
            raise WorkerDiedError("SIGKILL(-9)")
        return [attempt_run(one, in_sweep=True) for one in settings]

    with hydra_initialised(), pytest.raises(SweepFailedError, match="1 of 3 runs did not finish"):
        run_sweep("grid", jobs(tmp_path), dying)
    line = "wine mlp mixupe seed 0: FAILED - its process died (SIGKILL(-9)); asked for again, the run goes on"
    assert line in capsys.readouterr().err
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 2
    with hydra_initialised():
        assert [one.state for one in run_sweep("grid", jobs(tmp_path), dying)] == ["DONE"] * 3


def test_workers_that_die_before_they_begin_end_the_sweep(tmp_path: Path) -> None:
    def dying(_: Sequence[Sequence[str]]) -> list[Outcome]:
        raise WorkerDiedError("out of memory")

    with (
        hydra_initialised(),
        pytest.raises(SweepFailedError, match=r"no run could be begun \(out of memory\); 3 of 3 left"),
    ):
        run_sweep("grid", jobs(tmp_path), dying)
