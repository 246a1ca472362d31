"""Names of data sets and methods, which anybody may choose, as plain text in LaTeX, Markdown and CSV."""

import re
from collections.abc import Sequence

import pandas as pd

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "\n": " ",
}
# `p < 0.05` and `<0.001` open no element, and stay as people read them.
_HTML = re.compile(r"[&>]|<(?![\s\d])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What a spreadsheet takes for a formula, or skips on the way to one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def latex(text: str) -> str:
    """Text for LaTeX."""
    return "".join(_LATEX.get(character, character) for character in text)


def markdown(text: str) -> str:
    """Text of one line for Markdown, in which HTML is no HTML."""
    return _HTML.sub(lambda found: _ENTITIES[found.group()], text).replace("\n", " ")


def markdown_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's Markdown."""
    rows = [[_markdown_cell(cell) for cell in row] for row in (header, *body)]
    rows.insert(1, ["---"] * len(header))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _markdown_cell(text: str) -> str:
    return markdown(text).replace("\\", "\\\\").replace("|", "\\|")


def csv_text(frame: pd.DataFrame, columns: Sequence[str] | None = None, plain: Sequence[str] = ()) -> str:
    """Machine-readable rows, empty where there is no value.

    Text that a spreadsheet would take for a formula has an apostrophe before it, which is how spreadsheets write text.

    Args:
        frame: the rows.
        columns: those that are written; None is all.
        plain: columns of text that is no name, and stays as it is.
    """
    safe = frame.copy() if columns is None else frame[list(columns)].copy()
    for column in safe:
        if column not in plain and not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(_csv_cell)
    safe.columns = pd.Index([_csv_cell(column) for column in safe])
    return safe.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def _csv_cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
