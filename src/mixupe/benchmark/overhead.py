"""What a run costs beyond its training steps, and what a process of its own costs it."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from mixupe.augmentation.config import build_augmentation
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.stopwatch import EpochTimer
from mixupe.benchmark.timing import Spread, interleaved, medians, ratio, timed
from mixupe.data.base import DataRequest
from mixupe.data.registry import load_dataset
from mixupe.experiment.compose import CONFIGS, compose_settings, hydra_initialised
from mixupe.experiment.config import RunSettings
from mixupe.experiment.run import request_run
from mixupe.models.registry import build_model
from mixupe.training.loop import Trainer

DATASET = "dataset=tabular/iris"
TRAIN = CONFIGS.parent / "scripts" / "train.py"


def measure(options: Options, report: Report) -> None:
    """Both with whole runs of a small table's default settings."""
    with TemporaryDirectory() as folder, hydra_initialised():
        _beyond_steps(options, report, Path(folder))
    if options.on_gpu:
        report.leave_out("sweep_vs_processes", "nothing of it is the GPU's; measured on the CPU")
        return
    with TemporaryDirectory() as folder:
        _processes(options, report, Path(folder))


def _overrides(options: Options, folder: Path, logger: str) -> list[str]:
    epochs = ["trainer.epochs=2"] if options.quick else []
    device = [f"trainer.device={options.device.type}", f"trainer.threads={options.threads}"]
    return [DATASET, *epochs, *device, f"logger={logger}", f"output_root={folder}"]


def _beyond_steps(options: Options, report: Report, folder: Path) -> None:
    """Whole runs and the training steps alone in turn; what is left is composing, data, validation, store and W&B."""
    has_wandb = importlib.util.find_spec("wandb") is not None and not options.quick
    logger = "wandb" if has_wandb else "none"
    overrides = [*_overrides(options, folder, logger), *(["logger.mode=offline"] if has_wandb else [])]
    seeds = count()

    def whole_run() -> None:
        outcome = request_run(compose_settings([*overrides, f"seed={next(seeds)}"]), in_sweep=True)
        assert outcome.state == "DONE", outcome.reason

    settings = compose_settings(overrides)
    steps = _StepsAlone(settings, folder)
    contestants = {"run": timed(whole_run, options.device), "steps": steps.train}
    times = interleaved("sweep: runs and their steps", contestants, options)
    beyond = [whole - alone for whole, alone in zip(times["run"], times["steps"], strict=True)]
    how = f"iris, {settings.trainer.epochs} epochs, {'offline W&B' if has_wandb else 'without W&B'}"
    report.add("overhead", Spread.of(beyond), how, medians(times))


class _StepsAlone:
    """The training steps of a run without anything else."""

    def __init__(self, settings: RunSettings, folder: Path) -> None:
        self.epochs = settings.trainer.epochs
        data = load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))
        torch.set_num_threads(settings.trainer.threads)
        trainer = Trainer(
            build_model(settings.model, data.spec, settings.seed),
            build_augmentation(settings.augmentation, data.train.mean_input()),
            data,
            settings.trainer,
            settings.optimizer,
            settings.scheduler,
            settings.seed,
            folder / "steps.pt",
        )
        self._timer = EpochTimer(trainer)

    def train(self) -> float:
        return sum(self._timer.epoch() for _ in range(self.epochs))


def _processes(options: Options, report: Report, folder: Path) -> None:
    runs = options.size(cpu=4, gpu=4, quick=1)
    places: Iterator[Path] = (folder / str(number) for number in count())

    def one_process() -> None:
        seeds = ",".join(map(str, range(runs)))
        _train("--multirun", *_overrides(options, next(places), "none"), f"seed={seeds}")

    def a_process_each() -> None:
        place = next(places)
        for seed in range(runs):
            _train(*_overrides(options, place, "none"), f"seed={seed}")

    contestants = {
        "a process each": timed(a_process_each, options.device),
        "one process": timed(one_process, options.device),
    }
    times = interleaved("sweep: one process and one a run", contestants, options)
    how = f"{runs} runs of iris, Python's start included"
    report.add("sweep_vs_processes", ratio(times["a process each"], times["one process"]), how, medians(times))


def _train(*arguments: str) -> None:
    """scripts/train.py in a process of its own."""
    command = [sys.executable, str(TRAIN), *arguments]
    subprocess.run(command, check=True, env={**os.environ, "WANDB_MODE": "offline"}, stdout=subprocess.DEVNULL)
