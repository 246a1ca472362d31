"""What the page says of one table, as plain values for the template."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mixupe.experiment.store import Record
from mixupe.places import RESULTS
from mixupe.report.figures import Picture, pictures
from mixupe.report.summary_text import answer, chosen_sentence, verdict_sentences
from mixupe.tables.build import evaluate
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table
from mixupe.tables.numbers import number_text
from mixupe.tables.provenance import commit_text
from mixupe.tables.render import comparison_grid, grid, legend, tuned_line, verdict_grid
from mixupe.tables.search import RANKING_COLUMNS, cell_columns, ranking, search_notes

MOST_SENTENCES = 4
# More columns fit neither a printed page nor a phone.
MOST_COLUMNS = 12
NUMBER = re.compile(r"<?([+-]?\d+(?:\.\d+)?)(?![\w.])")


@dataclass(frozen=True)
class Value:
    """One cell of a shown table.

    Attributes:
        text: as shown.
        number: by which its column is sorted; None sorts by the text.
        entry: index of the `Entry` it is made of; None where it is no mean over runs.
        run: id of the run whose record it opens.
        strong: whether it stands out.
    """

    text: str
    number: float | None = None
    entry: int | None = None
    run: str | None = None
    strong: bool = False


@dataclass(frozen=True)
class Grid:
    """A table as shown; a column is numeric where every value in it is a number or missing."""

    caption: str
    header: list[str]
    rows: list[list[Value]]
    numeric: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        columns = zip(*self.rows, strict=True)
        numeric = [all(cell.number is not None or cell.text == "-" for cell in column) for column in columns]
        object.__setattr__(self, "numeric", numeric or [False] * len(self.header))


@dataclass(frozen=True)
class Entry:
    """The runs behind one number of a table: one cell and method.

    Attributes:
        title: data set, model and method.
        runs: ids of those with a record, in the order of their seeds.
        gaps: `seed 3: MISSING`, ... for the others.
    """

    title: str
    runs: list[str]
    gaps: list[str]


@dataclass(frozen=True)
class Section:
    """All that the page shows of one table.

    Attributes:
        title: of a table of the user's own data, the name of their file before the table's.
        command: that made it.
        answer: does MixupE help here, in one sentence; of a search, what it chose.
    """

    name: str
    title: str
    command: str
    answer: str
    metric: str
    is_search: bool
    done: int
    declared: int
    sentences: list[str]
    main: Grid
    notes: list[str]
    more: list[Grid]
    pictures: list[Picture]
    runs: Grid
    entries: list[Entry]
    records: list[Record]


def section(
    table: Table, runs: Sequence[DeclaredRun], extra: Sequence[str] = (), results: Path | None = None
) -> Section:
    """The part of the page about one table, from its declared runs (`build.look_up`, with the same other arguments)."""
    found = evaluate(table, runs, extra, results)
    comparisons, frame = found.comparisons, found.frame
    entries, numbers = _entries(found.shown.rows)
    shown = {identity for entry in entries for identity in entry.runs}
    # Of a table that chooses its settings, the runs that are shown; the grid stands in its grid.csv.
    behind = [run for run in runs if run.record is not None and run.record["id"] in shown]
    if table.is_search:
        settings = ranking(runs)
        main = _search_grid(settings, runs, numbers)
        sentences, notes, more = [chosen_sentence(settings)], search_notes(settings, runs), []
    else:
        main = _main_grid(frame, numbers)
        sentences = verdict_sentences(comparisons)
        # The page's question is about MixupE; the grid of verdicts has the other methods.
        sentences = [sentence for sentence in sentences if sentence.startswith("mixupe ")] or sentences
        # More than that are read in the grid of verdicts alone.
        sentences = found.sentences() + (sentences if len(sentences) <= MOST_SENTENCES else [])
        notes = legend(frame, runs) + found.notes()
        parts = found.parts()
        notes += [f"{part.title}: {part.note}" for part in parts]
        grids = [(part.title, part.grid) for part in parts]
        grids.append(("Over the data sets", verdict_grid(comparisons)))
        if (comparisons["tuned_on"] != "").any():
            notes.append(tuned_line(comparisons))
            grids.append(("On the data sets tuned on, which do not count", verdict_grid(comparisons, tuned=True)))
        grids.append(("Paired differences", comparison_grid(comparisons)))
        more = [_plain(caption, header, body) for caption, (header, body) in grids if body]
    return Section(
        name=table.name,
        title=": ".join([*_files(extra), table.title]),
        command=_command(table, extra),
        answer=sentences[0] if table.is_search else answer(comparisons),
        metric=table.metric,
        is_search=table.is_search,
        done=sum(run.record is not None for run in runs),
        declared=len(runs),
        sentences=sentences,
        main=main,
        notes=notes,
        more=more,
        pictures=pictures(table, found, (results or RESULTS) / table.name),
        runs=_run_grid(behind, table.metric),
        entries=entries,
        records=[run.record for run in behind if run.record is not None],
    )


def _files(extra: Sequence[str]) -> list[str]:
    """Name of the user's own file or folder, where the command line names one."""
    return [
        Path(value.strip("'\"")).name  # as Hydra reads it
        for key, _, value in (override.partition("=") for override in extra)
        if key == "dataset.path"
    ]


def _command(table: Table, extra: Sequence[str]) -> str:
    """As typed in a shell."""
    given = [override for override in extra if not override.startswith("hydra.")]
    seeds = [override.removeprefix("seed=") for override in given if override.startswith("seed=")]
    others = " ".join(override for override in given if not override.startswith("seed="))
    parts = [f"make table-{table.name}", *(f"SEEDS={seed}" for seed in seeds)]
    return " ".join([*parts, *([f"OVERRIDES={shlex.quote(others)}"] if others else [])])


def _entries(runs: Sequence[DeclaredRun]) -> tuple[list[Entry], dict[tuple[int, str], int]]:
    """The entries of a table, and (cell, method) -> index of its entry."""
    entries: list[Entry] = []
    numbers: dict[tuple[int, str], int] = {}
    for run in runs:
        key = (run.cell, run.method)
        if key not in numbers:
            numbers[key] = len(entries)
            entries.append(Entry(" · ".join(run.names.values()), [], []))
        entry = entries[numbers[key]]
        if run.record is not None:
            entry.runs.append(run.record["id"])
        else:
            reason = f", {run.reason}" if run.reason else ""
            entry.gaps.append(f"seed {run.settings.seed}: {run.state}{reason}")
    return entries, numbers


def _main_grid(frame: pd.DataFrame, numbers: dict[tuple[int, str], int]) -> Grid:
    """The table as in table.md, with the runs behind each mean."""
    header, body = grid(frame)
    methods = set(frame["augmentation"])
    cells = list(dict.fromkeys(frame["cell"]))
    rows = [
        [
            _value(text, numbers.get((cell, name)) if name in methods else None)
            for name, text in zip(header, line, strict=True)
        ]
        for cell, line in zip(cells, body, strict=True)
    ]
    if len(header) > MOST_COLUMNS and len(rows) < len(header):
        header, rows = _turned(header, rows)
    return Grid("Test error (%), mean ± standard deviation over seeds", header, rows)


def _turned(header: list[str], rows: list[list[Value]]) -> tuple[list[str], list[list[Value]]]:
    """A row a method and difference, a column a data set and model, which are the first two of the header."""
    names = [" ".join(value.text for value in row[:2]) for row in rows]
    columns = [[Value(name), *(row[place] for row in rows)] for place, name in enumerate(header) if place >= 2]
    return ["method", *names], columns


def _search_grid(settings: pd.DataFrame, runs: Sequence[DeclaredRun], numbers: dict[tuple[int, str], int]) -> Grid:
    """Each setting a row, each data set a column, with the runs behind each mean."""
    cells = {name: cell for cell, name in cell_columns(runs).items()}
    names = [column for column in settings.columns if column not in RANKING_COLUMNS]
    rows = [
        [
            Value(row["setting"], strong=bool(row["chosen"])),
            _value("chosen" if row["chosen"] else ""),
            _value(number_text(row["mean_rank"])),
            *(_value(number_text(row[name]), numbers.get((cells[name], row["setting"]))) for name in names),
        ]
        for _, row in settings.iterrows()
    ]
    header = ["setting", "chosen", "mean rank", *names]
    return Grid("Validation error (%), mean over seeds; a lower mean rank is better", header, rows)


def _run_grid(runs: Sequence[DeclaredRun], metric: str) -> Grid:
    """Every run with a record."""
    header = ["data set", "model", "method", "seed", f"{metric.replace('_', ' ')} (%)", "best epoch", "seconds"]
    rows = [
        [
            *(Value(name) for name in run.names.values()),
            _value(str(run.settings.seed)),
            _value(f"{run.record['metrics'][metric]:.2f}"),
            _value(str(run.record["metrics"]["best_epoch"])),
            _value(f"{run.record['timing']['seconds']:.1f}"),
            Value(commit_text(run.record["code"])),
            Value(run.record["id"], run=run.record["id"]),
        ]
        for run in runs
        if run.record is not None
    ]
    return Grid("Runs", [*header, "commit", "record"], rows)


def _plain(caption: str, header: list[str], body: list[list[str]]) -> Grid:
    return Grid(caption, header, [[_value(text) for text in line] for line in body])


def _value(text: str, entry: int | None = None) -> Value:
    number = NUMBER.match(text)
    return Value(text, float(number[1]) if number else None, entry)
