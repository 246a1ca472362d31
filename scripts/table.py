"""Rebuild a table's files from its records and print it: python scripts/table.py quickstart [seed=0,1 ...]

    python scripts/table.py paper1 paper5 --dry   which runs are done and what the rest will cost; writes nothing
    python scripts/table.py quickstart --fresh    the table that `make table-quickstart FRESH=1` ran again from nothing:
                                                  built below outputs/fresh, and compared with the earlier records

    python scripts/table.py verdict --properties  size, dimension, classes, ... of its data sets, which must be here, written
                                                  beside the table for "when does it help"

Needs no training, no network and, without --wandb, no W&B. Exit status: 0 complete (and agreeing), 1 runs are missing or
failed, or a cell run again does not agree, 2 bad command line, 3 with --unchanged: something is to be done.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixupe.command_line import Parser, exit_status
from mixupe.console import CONSOLE, complain
from mixupe.errors import UserError
from mixupe.places import RESULTS
from mixupe.tables.declared import look_up, names_and_overrides, place
from mixupe.tables.plan import TO_DO, plan, total_line
from mixupe.tables.plan import to_terminal as plan_to_terminal
from mixupe.tables.terminal import terminal_table
from mixupe.tables.unchanged import remember, unchanged

if TYPE_CHECKING:
    from mixupe.tables.build import BuiltTable


@exit_status
def main() -> int:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="a file of configs/table, without .yaml; with it may stand overrides of all its runs, such as seed=0,1",
    )
    parser.add_argument(
        "--dry", action="store_true", help="only say what is done and what is missing; of several tables"
    )
    parser.add_argument("--partial", action="store_true", help="runs that are still to do are no failure")
    parser.add_argument("--fresh", action="store_true", help="of the table run again from nothing; compares the two")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with configs of your own (DIR/table/NAME.yaml)")
    parser.add_argument("--wandb", action="store_true", help="log it as a W&B run too, as the logger of its runs says")
    parser.add_argument(
        "--unchanged", action="store_true", help="only show it again if nothing has changed; else exit status 3"
    )
    parser.add_argument(
        "--properties",
        action="store_true",
        help="only read the data sets, and write what they are like beside the table",
    )
    arguments = parser.parse_args()
    if arguments.unchanged:
        try:
            return _unchanged(*_one(arguments))
        except UserError:  # whoever builds it will say so
            return 3
    if arguments.dry:
        return _dry(*names_and_overrides(arguments.names, arguments.config_dir), arguments.fresh)
    name, overrides = _one(arguments)
    if arguments.properties:
        return _properties(name, overrides)
    from mixupe.tables.build import build_table  # with all that computes and draws

    built = build_table(name, *place(name, overrides, arguments.fresh))
    said = _said(built)
    _print(said, built.folder)
    if arguments.wandb:
        from mixupe.tables.wandb_table import log_table

        log_table(built)
        if not arguments.fresh:
            remember(built.table, built.runs, overrides, built.folder, said)
    agreed = _compare(built, overrides, arguments.partial) if arguments.fresh else True
    good = {"DONE", *TO_DO, "RUNNING"} if arguments.partial else {"DONE"}
    return 0 if agreed and all(run.state in good for run in built.runs) else 1


def _one(arguments: Namespace) -> tuple[str, list[str]]:
    """The one table that is asked for, and the overrides of its runs."""
    names, overrides = names_and_overrides(arguments.names, arguments.config_dir)
    if len(names) != 1:
        raise UserError(f"table: one at a time, several with --dry; got {', '.join(names) or 'none'}")
    return names[0], overrides


def _dry(names: Sequence[str], overrides: Sequence[str], fresh: bool) -> int:
    """The plan of each table and the total; a wrong table is named and the others are shown."""
    cells, wrong = [], 0
    for name in names:
        try:
            table, runs = look_up(name, *place(name, overrides, fresh))
            earlier = look_up(name, overrides)[1] if fresh else []
        except UserError as error:
            complain(f"error: {error}")
            wrong += 1
            continue
        planned = plan(runs, earlier)
        cells += planned
        CONSOLE.print(plan_to_terminal(table.title, planned))
    if len(names) > 1:
        CONSOLE.print(total_line(cells), markup=False)
    return 2 if wrong else 0


def _unchanged(name: str, overrides: Sequence[str]) -> int:
    """Show the table again if nothing would change by building it; else say nothing."""
    table, runs = look_up(name, overrides)
    said = unchanged(table, runs, overrides, RESULTS / name)
    if said is None:
        return 3
    _print(said, RESULTS / name)
    return 0


def _properties(name: str, overrides: Sequence[str]) -> int:
    """Write the properties of the table's data sets; those whose data is not here are named."""
    from mixupe.tables.over_sets.properties import properties_of, write_properties

    table, runs = look_up(name, overrides)
    found, missing = [], []
    for settings in {run.settings.dataset.name: run.settings for run in reversed(runs)}.values():
        try:
            found.append(properties_of(settings))
        except UserError as error:
            missing.append(settings.dataset.name)
            complain(f"error: {error}")
    CONSOLE.print(f"Written to {write_properties(RESULTS / table.name, found)}: {len(found)} data sets", markup=False)
    return 2 if missing else 0


def _said(built: BuiltTable) -> dict[str, Any]:
    """What is shown of a built table, as plain JSON values."""
    from mixupe.report.summary_text import chosen_sentence
    from mixupe.tables.render import failed_lines, legend, terminal_rows
    from mixupe.tables.search import ranking, search_notes

    if built.table.is_search:
        settings = ranking(built.runs)
        lines = [chosen_sentence(settings), *search_notes(settings, built.runs), *failed_lines(built.runs)]
    else:
        lines = [*legend(built.frame, built.runs), *built.found.sentences(), *built.found.notes()]
    title = f"{built.table.title}: {built.table.metric.replace('_', ' ')} in percent"
    return {"title": title, "rows": terminal_rows(built.frame), "lines": lines}


def _print(said: dict[str, Any], folder: Path) -> None:
    CONSOLE.print(terminal_table(said["title"], said["rows"]))
    for line in said["lines"]:
        CONSOLE.print(line, markup=False)
    # The page is of when scripts/report.py wrote it, perhaps with other overrides.
    files = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "report.html"))
    CONSOLE.print(f"Written to {folder}: {files}", markup=False)


def _compare(built: BuiltTable, overrides: Sequence[str], partial: bool) -> bool:
    """Whether the table run again agrees with its earlier records; says how, cell by cell."""
    from mixupe.tables.reproducibility import (
        agrees,
        reproducibility,
        reproducibility_lines,
        reproducibility_to_terminal,
    )

    table, earlier = look_up(built.table.name, overrides)
    cells = reproducibility(earlier, built.runs, table.metric)
    CONSOLE.print(reproducibility_to_terminal(table.title, cells))
    for line in reproducibility_lines(cells):
        CONSOLE.print(line, markup=False)
    return agrees(cells, partial)


if __name__ == "__main__":
    sys.exit(main())
