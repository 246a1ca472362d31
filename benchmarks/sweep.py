"""`benchmark.py sweep`: many runs and what surrounds them."""

import importlib.util
import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import growth
from benchmarks.epoch_timer import EpochTimer, trainer_of
from benchmarks.options import Options
from benchmarks.processes import peak_memory
from benchmarks.report import Report
from benchmarks.timing import Spread, interleaved, medians, ratio, timed
from mixupe.console import say
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request
from mixupe.experiment.run import run_all
from mixupe.experiment.sweep import run_sweep
from mixupe.places import CONFIGS

TRAIN = CONFIGS.parent / "scripts" / "train.py"
# Of runs one after another only some are timed: a run takes as long as the next.
STACKED, IN_TURN = 32, 4


def measure(options: Options, report: Report) -> None:
    """Stacked runs, overhead of runs, then what has nothing to do with a GPU: processes, large tables, the quickstart."""
    for figure in (stacked, overhead):
        with TemporaryDirectory() as folder, hydra_initialised():
            figure(options, report, Path(folder))
    if options.on_gpu:
        report.leave_out("processes, growth, quickstart_memory", "nothing of it is the GPU's; measured on the CPU")
        return
    with TemporaryDirectory() as folder:
        processes(options, report, Path(folder))
    growth.measure(options, report)
    with TemporaryDirectory() as folder:
        quickstart(options, report, Path(folder))


def _overrides(options: Options, dataset: str) -> list[str]:
    epochs = ["trainer.epochs=2"] if options.quick else []
    device = [f"trainer.device={options.device.type}", f"trainer.threads={options.threads}"]
    return [f"dataset=tabular/{dataset}", *epochs, *device, "logger=none"]


def stacked(options: Options, report: Report, folder: Path) -> None:
    """Runs of a small network that differ in the seed, trained at once (trainer.stack) and one after another."""
    runs = {"in turn": 2, "stacked": 4} if options.quick else {"in turn": IN_TURN, "stacked": STACKED}
    places = (folder / str(number) for number in count())

    def sweep(way: str) -> None:
        common = [*_overrides(options, "breast_cancer"), "augmentation=mixupe", f"output_root={next(places)}"]
        common.append(f"trainer.stack={'auto' if way == 'stacked' else 1}")
        with redirect_stdout(io.StringIO()):  # a line a run
            outcomes = run_sweep("benchmark", [[*common, f"seed={seed}"] for seed in range(runs[way])], None)
        assert [outcome.state for outcome in outcomes] == ["DONE"] * runs[way]

    contestants = {way: timed(partial(sweep, way), options.device) for way in runs}
    times = interleaved("sweep: stacked runs", contestants, options)
    a_run = {way: [spent / runs[way] for spent in times[way]] for way in runs}
    details = {f"runs a second, {way}": 1 / Spread.of(spent).median for way, spent in a_run.items()}
    how = f"breast_cancer, MLP, {runs['stacked']} seeds of MixupE"
    report.add("stacked_vs_in_turn", ratio(a_run["in turn"], a_run["stacked"]), how, details)


def overhead(options: Options, report: Report, folder: Path) -> None:
    """Whole runs and the training steps alone in turn; what is left is composing, data, validation, store and W&B."""
    has_wandb = importlib.util.find_spec("wandb") is not None and not options.quick
    logger = ["logger=wandb", "logger.mode=offline"] if has_wandb else []
    overrides = [*_overrides(options, "iris"), *logger, f"output_root={folder}"]
    seeds = count()

    def whole_run() -> None:
        request = Request.of(compose_settings([*overrides, f"seed={next(seeds)}"]))
        (outcome,) = run_all([request], Quiet())
        assert outcome.state == "DONE", outcome.reason

    settings = compose_settings(overrides)
    timer = EpochTimer(trainer_of(settings))
    epochs = settings.trainer.epochs
    contestants = {
        "run": timed(whole_run, options.device),
        "steps": lambda: sum(timer.epoch() for _ in range(epochs)),
    }
    times = interleaved("sweep: runs and their steps", contestants, options)
    beyond = [whole - alone for whole, alone in zip(times["run"], times["steps"], strict=True)]
    how = f"iris, {epochs} epochs, {'offline W&B' if has_wandb else 'without W&B'}"
    report.add("overhead", Spread.of(beyond), how, medians(times))


def processes(options: Options, report: Report, folder: Path) -> None:
    """What a process of its own costs a run."""
    seeds = [f"seed={seed}" for seed in range(options.size(cpu=4, gpu=4, quick=1))]
    places = (folder / str(number) for number in count())

    def train(*arguments: str) -> None:
        command = [sys.executable, str(TRAIN), *_overrides(options, "iris"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def one_process() -> None:
        train("--multirun", f"output_root={next(places)}", f"seed={','.join(map(str, range(len(seeds))))}")

    def a_process_each() -> None:
        place = next(places)
        for seed in seeds:
            train(f"output_root={place}", seed)

    ways = {"a process each": a_process_each, "one process": one_process}
    contestants = {name: timed(way, options.device) for name, way in ways.items()}
    times = interleaved("sweep: one process and one a run", contestants, options)
    how = f"{len(seeds)} runs of iris, Python's start included"
    report.add("sweep_vs_processes", ratio(times["a process each"], times["one process"]), how, medians(times))


def quickstart(options: Options, report: Report, folder: Path) -> None:
    """How much memory `make quickstart` takes, with everything it starts, in a run store of its own."""
    say("sweep: quickstart ...")
    command = [sys.executable, str(TRAIN), "--multirun", "table=quickstart", f"output_root={folder}"]
    command += [f"hydra.sweeper.results={folder}/results", *(["seed=0", "trainer.epochs=1"] if options.quick else [])]
    with (folder / "errors").open("w+") as errors:
        environment = {**os.environ, "WANDB_MODE": "offline"}
        process = subprocess.Popen(
            command, cwd=CONFIGS.parent, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        with peak_memory(process.pid) as peak:
            status = process.wait()
        errors.seek(0)
        lines = errors.read().splitlines()
    if status != 0:
        report.leave_out("quickstart_memory", lines[-1] if lines else f"exit status {status}")
        return
    report.add("quickstart_memory", Spread.of([peak.gigabytes]), "one epoch, one seed" if options.quick else "")
