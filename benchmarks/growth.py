"""What tables of many runs cost: a dry run, and building from records; each in a process of its own."""

import io
import time
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.options import Options
from benchmarks.processes import Finished, in_fresh_process
from benchmarks.report import Report
from benchmarks.timing import Spread
from mixupe.console import say
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import group_id, run_id
from mixupe.experiment.progress import Quiet
from mixupe.experiment.record import config_of
from mixupe.experiment.request import Request
from mixupe.experiment.run import run_all
from mixupe.files import write_json
from mixupe.tables.build import write_table
from mixupe.tables.collect import declared_runs
from mixupe.tables.manifest import Cell, Table
from mixupe.tables.plan import plan, to_terminal

METHODS: dict[str, tuple[str, ...]] = {"none": (), "mixup": (), "manifold_mixup": (), "mixupe": ()}
DATASETS = ("tabular/iris", "tabular/wine", "tabular/breast_cancer", "tabular/vehicle", "digits")
SEEDS = 25


def measure(options: Options, report: Report) -> None:
    """Each at full and at half size: twice the runs should take twice the time."""
    runs, records = (options.size(cpu=most, gpu=most, quick=200) for most in (5000, 10_000))
    with TemporaryDirectory() as folder:
        say(f"sweep: dry run of {runs} runs ...")
        half, full = (in_fresh_process(dry_run, size, Path(folder)) for size in (runs // 2, runs))
        _add(report, "dry", f"{runs} runs", half, full)
        say(f"sweep: table of {records} records ...")
        template = _record(Path(folder))
        jobs = [(records // 2, Path(folder) / "half"), (records, Path(folder) / "full")]
        for size, place in jobs:
            _write_records(large_table(size), template, place)
        half, full = (in_fresh_process(build, size, place) for size, place in jobs)
        _add(report, "table", f"{records} records", half, full)


def _add(report: Report, what: str, size: str, half: Finished[float], full: Finished[float]) -> None:
    details = {"s, without Python's start": full.result, "s, half as many, likewise": half.result}
    report.add(f"{what}_seconds", Spread.of([full.seconds]), size, details)
    report.add(f"{what}_memory", Spread.of([full.peak.gigabytes]), size)
    report.add(f"{what}_growth", Spread.of([full.result / half.result]), size, details)


def large_table(runs: int) -> Table:
    """A table of that many runs, or a few more: cells of several data sets and learning rates."""
    cells = -(-runs // (SEEDS * len(METHODS)))
    return Table(
        name="large",
        title="A large table",
        seeds=tuple(range(SEEDS)),
        augmentations=METHODS,
        cells=tuple(
            Cell(
                dataset=DATASETS[number % len(DATASETS)],
                label=f"cell {number}",
                overrides=(f"optimizer.lr={0.001 * (number + 1):.3f}",),
            )
            for number in range(cells)
        ),
    )


def dry_run(runs: int, folder: Path) -> float:
    """What `scripts/table.py NAME --dry` does for a table none of whose runs has begun; seconds."""
    started = time.perf_counter()
    table = large_table(runs)
    with hydra_initialised():
        declared = declared_runs(table, folder, [f"output_root={folder}"])
    Console(file=io.StringIO()).print(to_terminal(table.title, plan(declared)))
    return time.perf_counter() - started


def build(records: int, folder: Path) -> float:
    """What `scripts/table.py NAME` does for a table whose records are all in `folder`; seconds."""
    started = time.perf_counter()
    table = large_table(records)
    with hydra_initialised():
        declared = declared_runs(table, folder)
    built = write_table(table, declared, folder)
    assert built.frame["n"].sum() >= records, "records are missing"
    return time.perf_counter() - started


def _record(folder: Path) -> dict[str, Any]:
    """The record of a real run."""
    with hydra_initialised():
        settings = compose_settings(["dataset=tabular/iris", "logger=none", f"output_root={folder}"])
        record = run_all([Request.of(settings)], Quiet())[0].record
    assert record is not None
    return record


def _write_records(table: Table, template: dict[str, Any], folder: Path) -> None:
    """A record for each run of the table, alike but for what a table reads."""
    with hydra_initialised():
        declared = declared_runs(table, folder)
    for number, run in enumerate(declared):
        record = deepcopy(template)
        record["id"], record["group"] = run_id(run.settings), group_id(run.settings)
        record["seed"], record["config"] = run.settings.seed, config_of(run.settings)
        record["metrics"]["test_error"] += 0.01 * (number % 97)
        write_json(folder / "records" / f"{record['id']}.json", record)
