"""Runs and comparisons from Python, for a notebook: data frames and figures, quiet or with one progress bar."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from mixupe.console import CONSOLE
from mixupe.errors import UserError
from mixupe.experiment.command_line import readable
from mixupe.experiment.compose import compose_all, expand_grid, hydra_initialised
from mixupe.experiment.request import Request
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.sweep import run_sweep
from mixupe.experiment.titles import SHORT_ID, summary_texts
from mixupe.experiment.watch import watching
from mixupe.quoting import plain_or_quoted
from mixupe.runs.curves import curves_of, draw_curves
from mixupe.runs.export import runs_frame
from mixupe.runs.groups import groups_of
from mixupe.runs.stored import StoredRun, finished_runs
from mixupe.tables.pictures.canvas import ORDERED, tidy
from mixupe.tables.pictures.curves import PANELS


@dataclass(frozen=True)
class Results:
    """Finished runs.

    Attributes:
        stored: the runs, in the order they were asked for.
    """

    stored: tuple[StoredRun, ...]

    @property
    def runs(self) -> pd.DataFrame:
        """A row a run: its short id, what tells it apart, errors in percent, losses in nats, seconds."""
        texts = summary_texts([run.flat for run in self.stored])
        frame = runs_frame(self.stored)
        metrics = ("test_error", "test_loss", "validation_error", "validation_loss", "best_epoch")
        columns = {name: frame[f"metrics.{name}"] for name in metrics}
        shown = {"id": frame["id"].str[:SHORT_ID], "run": texts.each, "seed": frame["seed"]}
        return pd.DataFrame({**shown, **columns, "seconds": frame["seconds"]})

    @property
    def table(self) -> pd.DataFrame:
        """A row a group of seeds, with its paired difference to the first group of its data set; see `groups.Groups`."""
        return groups_of(self.stored).frame

    @property
    def notes(self) -> tuple[str, ...]:
        """Chance levels, and why a number may mean little."""
        return groups_of(self.stored).notes

    def plot_errors(self) -> Figure:
        """Every run's test error: a column a group, a point a seed, a line at the mean."""
        texts = summary_texts([run.flat for run in self.stored], with_seed=False)
        errors: dict[str, list[float]] = {}
        for run, group in zip(self.stored, texts.each, strict=True):
            assert run.record is not None
            errors.setdefault(group, []).append(run.record["metrics"]["test_error"])
        figure, axis = plt.subplots(figsize=(max(4.0, 1.3 * len(errors)), 3.2), layout="constrained")
        for place, values in enumerate(errors.values()):
            color = ORDERED[place % len(ORDERED)].color
            # Side by side, so that seeds of the same error are seen.
            spread = [place + 0.08 * (number - (len(values) - 1) / 2) for number in range(len(values))]
            axis.plot(spread, values, "o", color=color, markersize=5, alpha=0.8)
            axis.hlines(sum(values) / len(values), place - 0.3, place + 0.3, color=color, linewidth=1.5)
        axis.set_xticks(range(len(errors)), [group.replace(" ", "\n") for group in errors])
        axis.set_ylabel("test error (%)")
        axis.set_title(texts.common, fontsize=10)
        tidy(axis, "y")
        plt.close(figure)  # a notebook shows what a cell returns, and once more what is open
        return figure

    def plot_curves(self) -> Figure:
        """Learning curves, a line a run, a color a group."""
        texts = summary_texts([run.flat for run in self.stored], with_seed=False)
        colors = {group: ORDERED[n % len(ORDERED)].color for n, group in enumerate(dict.fromkeys(texts.each))}
        figure, axes = plt.subplots(1, len(PANELS), figsize=(10.0, 3.2), layout="constrained")
        looks = [
            # A group is named once.
            {"color": colors[group], "linewidth": 1.0, "label": None if group in texts.each[:place] else group}
            for place, group in enumerate(texts.each)
        ]
        draw_curves(axes, list(zip(map(curves_of, self.stored), looks, strict=True)))
        axes[-1].legend(frameon=False, fontsize=9)
        plt.close(figure)
        return figure

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and its notes."""
        notes = "".join(f"<p>{note}</p>" for note in self.notes)
        html: str = self.table.to_html(index=False, float_format="{:.2f}".format, na_rep="")
        return html + notes


def run(overrides: Sequence[str], quiet: bool = False) -> Results:
    """Compute these runs, or find them where they are done, as `scripts/train.py --multirun` with the same overrides; those
    of Hydra itself, such as its sweepers and launchers, are refused.

    Args:
        overrides: such as `["dataset=tabular/wine", "augmentation=none,mixup", "seed=0,1,2"]`; `a,b` is a grid.
        quiet: without a progress bar.

    Raises:
        UserError: there are no overrides, or a config is wrong; nothing was started.
        SweepFailedError: some runs failed; the message has their reasons.
    """
    if isinstance(overrides, str) or not overrides:  # a list that came out empty would train the default data set
        raise UserError(f"overrides: must be a list such as ['dataset=tabular/wine', 'seed=0,1'], got {overrides!r}")
    with hydra_initialised():
        read = readable(overrides, is_sweep=True)
        of_hydra = [override for override in read if override.lstrip("+~").startswith(("hydra/", "hydra."))]
        if of_hydra:
            raise UserError(
                f"{of_hydra[0]}: sweepers and launchers are for scripts/train.py --multirun; from Python, runs are trained"
                " in this process"
            )
        jobs = expand_grid(read)
        settings = compose_all(jobs)
        with _silent(), _bar(settings, quiet):
            run_sweep("notebook", jobs)
    return Results(tuple(finished_runs(settings)))


def compare(
    dataset: str | Path,
    augmentations: Sequence[str] = ("none", "mixup", "mixupe"),
    seeds: int = 5,
    overrides: Sequence[str] = (),
    quiet: bool = False,
) -> Results:
    """Methods on one data set, with the same seeds each; differences are to the first.

    Args:
        dataset: a name such as `tabular/wine`, or a CSV or Parquet file (`dataset.target=...` is then among the overrides).
        augmentations: names in configs/augmentation.
        seeds: how many; 0 to seeds - 1.
        overrides: further ones for all runs, such as `trainer.epochs=20`.
        quiet: without a progress bar.

    Raises:
        UserError, SweepFailedError: as `run`.
    """
    if not isinstance(seeds, int) or seeds < 1:  # a list of seeds is what other libraries take
        raise UserError(f"seeds: must be a whole number >= 1, got {seeds}")
    if isinstance(augmentations, str):
        raise UserError(f"augmentations: must be a list such as ['none', {augmentations!r}], got {augmentations!r}")
    overrides = list(overrides)
    again = [override for override in overrides if override.partition("=")[0] in ("dataset", "augmentation", "seed")]
    if again:  # the last one given would count
        raise UserError(
            f"overrides: {again[0]} says anew what dataset, augmentations and seeds say; mixupe.run takes it"
        )
    path = Path(dataset)
    is_file = path.is_file() and path.suffix
    chosen = ["dataset=csv", f"dataset.path={plain_or_quoted(str(path))}"] if is_file else [f"dataset={dataset}"]
    grid = [f"augmentation={','.join(augmentations)}", f"seed={','.join(map(str, range(seeds)))}"]
    return run([*chosen, *grid, *overrides], quiet)


@contextmanager
def _silent() -> Iterator[None]:
    """Without the lines that a sweep says in a terminal; errors are raised all the same."""
    before, CONSOLE.quiet = CONSOLE.quiet, True
    try:
        yield
    finally:
        CONSOLE.quiet = before


@contextmanager
def _bar(settings: Sequence[RunSettings], quiet: bool) -> Iterator[None]:
    """One bar over the runs, read from the run store, so that it does not matter how they are trained."""
    runs = [Request.of(run_settings) for run_settings in settings]
    left = [run for run in runs if not run.folder.record.exists()]
    with (
        tqdm(total=len(runs), initial=len(runs) - len(left), unit="run", disable=quiet) as bar,
        watching(lambda lines: bar.update(len(lines)), left),
    ):
        yield
