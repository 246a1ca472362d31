"""What comes back from Hydra's launchers; stand-ins for these here, they themselves in tests/scripts/test_launchers.py."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from mixupe import preemption
from mixupe.errors import UserError
from mixupe.experiment.compose import CONFIG_NAME, hydra_initialised
from mixupe.experiment.launchers import WorkerDiedError, Workers, check_launcher, in_worker, launch
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request
from mixupe.experiment.run import run_all
from mixupe.experiment.sweep import SweepFailedError, run_sweep

DONE = Outcome("1", "a run", "DONE", fresh=True)


class Launcher:
    """Calls a function for each job; what it returns or raises is the job's."""

    def __init__(self, work: Callable[[Sequence[str]], Any]) -> None:
        self.work = work

    def launch(self, override_lists: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        return [
            JobReturn(status=JobStatus.COMPLETED, _return_value=self.work(overrides)) for overrides in override_lists
        ]


def returned(work: Callable[[Sequence[str]], Any], jobs: Sequence[Sequence[str]]) -> list[Any]:
    return [job.return_value for job in launch(Launcher(work), jobs)]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Workers]:
    """workers(kind): those of a sweep whose launcher is of that kind; it runs jobs here, as a worker does."""

    def call(kind: type[Launcher] = Launcher) -> Workers:
        def instantiate(hydra_context: Any, task_function: Callable[[Any], Any], config: Any) -> Launcher:
            def work(overrides: Sequence[str]) -> Any:
                # As a launcher does it, whatever the config files say by then.
                return task_function(compose(CONFIG_NAME, overrides=list(overrides)))

            return kind(work)

        monkeypatch.setattr("mixupe.experiment.launchers.in_worker", lambda run: run())
        monkeypatch.setattr(Plugins.instance(), "instantiate_launcher", instantiate)
        hydra = {
            "launcher": {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"},
            "sweep": {"dir": str(tmp_path / "sweeps")},
        }
        root = "a 'folder' of x=[1],{2}"
        return Workers(None, OmegaConf.create({"hydra": hydra, "output_root": root}))  # type: ignore[arg-type]

    return call


def test_a_job_goes_to_a_worker_as_a_file(workers: Callable[..., Workers], tmp_path: Path) -> None:
    with hydra_initialised():
        outcomes = run_sweep("grid", jobs(tmp_path), workers().launch)
    assert [outcome.state for outcome in outcomes] == ["DONE"] * 3
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 3
    assert not list(tmp_path.glob("sweeps/jobs/*")), "nothing is left of the files"


def test_a_job_that_fails_as_a_whole_fails_its_runs(
    workers: Callable[..., Workers], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fails(Launcher):
        def launch(self, override_lists: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
            done = super().launch(override_lists[:1], initial_job_idx)
            failed = JobReturn(status=JobStatus.FAILED, _return_value=ValueError("no such\nthing"))
            refused = JobReturn(status=JobStatus.FAILED, _return_value=UserError("hydra/launcher: no folder"))
            return [*done, failed, refused]

    with hydra_initialised(), pytest.raises(SweepFailedError, match="2 of 3 runs did not finish"):
        run_sweep("grid", jobs(tmp_path), workers(Fails).launch)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "FAILED - ValueError: no such",
        "REFUSED - hydra/launcher: no folder",
    ]


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


@pytest.mark.parametrize("number", preemption.SIGNALS)
def test_a_signal_ends_the_wait_for_jobs_elsewhere(number: signal.Signals) -> None:
    def wait(_: Sequence[str]) -> None:
        os.kill(os.getpid(), number)
        time.sleep(30)

    before = signal.getsignal(number)
    with preemption.listening():
        assert returned(wait, [[]]) == []
        assert preemption.reason() == number.name
    assert signal.getsignal(number) is before


def test_ray_answers_sigterm_with_an_exit() -> None:
    with preemption.listening():
        assert returned(raising(SystemExit(15)), [[]]) == []
        assert preemption.reason() == "SIGTERM"


def test_jobs_are_told_when_a_time_box_ends() -> None:
    def work(overrides: Sequence[str]) -> Sequence[str]:
        return overrides

    assert returned(work, [["seed=0"]]) == [["seed=0"]]
    with preemption.time_box(5):
        box = f"++hydra.job.env_set.{preemption.DEADLINE}='{os.environ[preemption.DEADLINE]}'"
        assert returned(work, [["seed=0"]]) == [["seed=0", box]]


def test_a_launcher_that_cannot_work_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_launcher("hydra._internal.core_plugins.basic_launcher.BasicLauncher")
    slurm = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"^hydra/launcher: .* is not installed; pip install -c constraints.txt -e '.\[slurm\]'$"
    ):
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
    with preemption.listening():
        in_worker(lambda: [DONE])
    assert Path.cwd() == tmp_path / "there"


def test_a_machine_without_that_folder_is_named(worker: Callable[[Path], None], tmp_path: Path) -> None:
    worker(tmp_path / "nowhere")
    with preemption.listening(), pytest.raises(UserError, match=r"hydra/launcher: .* has no folder .*nowhere"):
        in_worker(lambda: pytest.fail("it ran"))


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

    def run() -> list[Outcome]:
        if not is_asked:
            return [DONE]
        os.kill(os.getpid(), signal.SIGUSR2)
        assert not queued, "the run goes on until it has saved"
        return [Outcome("1", "a run", "INTERRUPTED", fresh=True, reason=f"{preemption.reason()} in epoch 1")]

    before = signal.signal(signal.SIGUSR2, lambda number, _: queued.append(number))
    try:
        with preemption.listening():
            in_worker(run)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert queued == ([signal.SIGUSR2] if is_asked else [])


def jobs(root: Path) -> list[list[str]]:
    base = ["dataset=tabular/wine", "trainer.epochs=1", "trainer.device=cpu", "trainer.stack=1", "logger=none"]
    return [[*base, f"output_root={root}", f"seed={seed}"] for seed in (0, 1, 2)]


def test_the_death_of_one_worker_fails_its_run_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = 0

    def dying(jobs: Sequence[Sequence[Request]]) -> list[list[Outcome]]:
        nonlocal calls
        calls += 1
        if calls == 1:
            folder = jobs[0][0].folder
            with folder.claimed():
                folder.set_running()
            raise WorkerDiedError("SIGKILL(-9)")
        return [run_all(job, Quiet()) for job in jobs]

    with hydra_initialised(), pytest.raises(SweepFailedError, match="1 of 3 runs did not finish"):
        run_sweep("grid", jobs(tmp_path), dying)
    (line,) = (text for text in capsys.readouterr().err.splitlines() if "FAILED" in text)
    assert re.fullmatch(r"seed=0 [0-9a-f]{8}: FAILED - its process died \(SIGKILL\(-9\)\); asked for .* goes on", line)
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 2
    with hydra_initialised():
        assert [outcome.state for outcome in run_sweep("grid", jobs(tmp_path), dying)] == ["DONE"] * 3


def test_workers_that_die_before_they_begin_end_the_sweep(tmp_path: Path) -> None:
    def dying(_: Sequence[Sequence[Request]]) -> list[list[Outcome]]:
        raise WorkerDiedError("out of memory")

    with (
        hydra_initialised(),
        pytest.raises(SweepFailedError, match=r"no run could be begun \(out of memory\); 3 of 3 left"),
    ):
        run_sweep("grid", jobs(tmp_path), dying)
