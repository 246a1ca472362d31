"""From records to results/report.html."""

import gc
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from markupsafe import Markup

from mixupe.errors import UserError
from mixupe.html_page import render_page
from mixupe.report.content import Section, section
from mixupe.report.records import packed, script_json
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.declared import look_up
from mixupe.tables.manifest import Table

SCRIPTS = ("chart.js", "runs.js", "tables.js")


def report(names: Sequence[str], extra: Sequence[str], results: Path) -> tuple[str, dict[str, str]]:
    """The page over these tables.

    Args:
        names: of configs/table; comparisons of methods come first on the page, searches last.
        extra: command-line overrides of all their runs.
        results: folder that holds one folder a table.

    Returns:
        HTML, and name -> reason for the tables that had to be left out.

    Raises:
        UserError: no table is left.
    """
    tables: list[tuple[Table, list[DeclaredRun]]] = []
    left_out: dict[str, str] = {}
    for name in names:
        try:
            table, runs = look_up(name, extra, results)
        except UserError as error:
            left_out[name] = str(error)
            continue
        if any(run.record is not None for run in runs):
            tables.append((table, runs))
        else:
            left_out[name] = "none of its declared runs has a record"
    if not tables:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UserError(
            f"results: no table to show{f' ({reasons})' if reasons else ', run one with `make table-NAME`'}"
        )
    return render(tables, extra, results), left_out


def render(
    tables: Sequence[tuple[Table, Sequence[DeclaredRun]]], extra: Sequence[str] = (), results: Path | None = None
) -> str:
    """One HTML text; the same for the same records, to the byte."""
    # The records stay until the page is written; statsmodels collects garbage at each of its corrections.
    gc.freeze()
    sections = sorted((section(table, runs, extra, results) for table, runs in tables), key=_order)
    data = {
        "records": {section.name: packed(section.records) for section in sections},
        "tables": {section.name: [asdict(entry) for entry in section.entries] for section in sections},
    }
    return render_page(
        "mixupe.report",
        "img-src data:",
        SCRIPTS,
        sections=sections,
        records=sum(len(section.records) for section in sections),
        data=Markup(script_json(data)),
    )


def _order(section: Section) -> tuple[bool, bool, str]:
    return section.is_search, not section.more, section.name
