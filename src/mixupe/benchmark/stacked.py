"""Runs of a small network that differ in the seed, trained at once (trainer.stack) and one after another."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import Spread, interleaved, timed
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.sweep import run_sweep

# Of runs one after another only some are timed: a run takes as long as the next.
STACKED, IN_TURN = 32, 4


def measure(options: Options, report: Report) -> None:
    """Whole runs, with all that belongs to them but W&B."""
    stacked, in_turn = (4, 2) if options.quick else (STACKED, IN_TURN)
    with TemporaryDirectory() as folder, hydra_initialised():
        contestants = {
            "in turn": timed(_Sweeps(options, Path(folder), range(in_turn), "1").run, options.device),
            "stacked": timed(_Sweeps(options, Path(folder), range(stacked), "auto").run, options.device),
        }
        times = interleaved("sweep: stacked runs", contestants, options)
    a_run = {"in turn": [t / in_turn for t in times["in turn"]], "stacked": [t / stacked for t in times["stacked"]]}
    gains = [alone / together for alone, together in zip(a_run["in turn"], a_run["stacked"], strict=True)]
    details = {f"runs a second, {name}": 1 / Spread.of(values).median for name, values in a_run.items()}
    report.add("stacked_vs_in_turn", Spread.of(gains), f"breast_cancer, MLP, {stacked} seeds of MixupE", details)


class _Sweeps:
    """The same sweep again and again, each time in a run store of its own."""

    def __init__(self, options: Options, folder: Path, seeds: Sequence[int], stack: str) -> None:
        self.overrides = [
            "dataset=tabular/breast_cancer",
            "augmentation=mixupe",
            "logger=none",
            f"trainer.stack={stack}",
            f"trainer.device={options.device.type}",
            f"trainer.threads={options.threads}",
            *(["trainer.epochs=2"] if options.quick else []),
        ]
        self.seeds = seeds
        self.places = (folder / f"{stack}-{number}" for number in count())

    def run(self) -> None:
        place = next(self.places)
        jobs = [[*self.overrides, f"output_root={place}", f"seed={seed}"] for seed in self.seeds]
        with redirect_stdout(io.StringIO()):  # a line a run
            outcomes = run_sweep("benchmark", jobs, None)
        assert [outcome.state for outcome in outcomes] == ["DONE"] * len(jobs)
