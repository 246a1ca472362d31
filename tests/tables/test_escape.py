"""Names that LaTeX, a browser or a spreadsheet would take for something else."""

import html
import math
import shutil
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.escape import csv_text, latex, markdown, markdown_table
from mixupe.tables.manifest import Table
from mixupe.tables.render import comparisons_to_csv, to_csv, to_latex, to_markdown
from mixupe.tables.search import ranking, ranking_to_markdown
from tests.tables.fake import fake_runs

NASTY = r"\ { } $ & % # _ ~ ^ < > | \input{x} <script>alert(1)</script> &lt; ±"


def test_latex_shows_every_character_as_it_is() -> None:
    assert latex(r"\{}$&%#_~^<>±") == (
        r"\textbackslash{}\{\}\$\&\%\#\_\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}$\pm$"
    )
    assert latex("two\nlines, 95 and + [a]") == "two lines, 95 and + [a]"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_latex_takes_it(tmp_path: Path) -> None:
    (tmp_path / "x.tex").write_text(rf"\documentclass{{article}}\begin{{document}}{latex(NASTY)}\end{{document}}")
    subprocess.run(["pdflatex", "-halt-on-error", "x.tex"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)


def test_markdown_holds_no_html_and_what_people_read_stays() -> None:
    text = markdown(NASTY)
    assert not set("<>") & set(text.replace("< ", ""))
    assert html.unescape(text) == NASTY
    assert markdown("p < 0.05, p <0.001, Fisher & Sons") == "p < 0.05, p <0.001, Fisher &amp; Sons"


def test_a_cell_of_markdown_stays_one() -> None:
    assert markdown_table(["a", "b"], [["x|y", r"c:\d|<b>"], ["two\nlines", "-"]]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| x\|y | c:\\d\|&lt;b&gt; |",
        "| two lines | - |",
    ]


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() -> None:
    names = ["=1+1", "+cmd", "-x", "@sum", "\tx", "-0.5", "+3", "a=b", "a,b", '"', ""]
    frame = pd.DataFrame({"name": names, "-value": [-0.5] * len(names), "n": -1, "=figure": "-0.8 vs mixup"})
    back = pd.read_csv(StringIO(csv_text(frame, list(frame.columns), plain=["=figure"])), keep_default_na=False)
    assert list(back.columns) == ["name", "'-value", "n", "'=figure"] or list(back.columns)[:3] == [
        "name",
        "'-value",
        "n",
    ]
    assert list(back["name"]) == ["'=1+1", "'+cmd", "'-x", "'@sum", "'\tx", "-0.5", "+3", "a=b", "a,b", '"', ""]
    assert back.iloc[:, 1].tolist() == [-0.5] * len(names)
    assert set(back.iloc[:, 3]) == {"-0.8 vs mixup"}
    assert csv_text(pd.DataFrame({"x": [math.nan, 1 / 3]}), ["x"]) == 'x\n""\n0.333333\n'


LABEL = "=cmd|' /C calc'!A0 <img src=x> $&%#_{}~^\\"
TABLE = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "cells": [{"dataset": "tabular/wine"}],
}


def test_tables_with_such_names(tmp_path: Path) -> None:
    plain = fake_runs(Table.parse(TABLE), tmp_path, lambda run: 5.0 + run.settings.seed)
    named = {"mixupe": "@mixupe <i>_2</i>"}
    runs = [replace(run, label=LABEL, method=named.get(run.method, run.method)) for run in plain]
    comparisons = comparison_frame(runs)
    frame = table_frame(runs, comparisons)
    text = to_markdown("A <b>toy</b> & more_$", frame, comparisons, runs)
    settings = ranking(runs)
    for rendered in (text, ranking_to_markdown("A <b>toy</b>", settings, runs)):
        assert "&lt;i&gt;" in rendered
        assert not any(tag in rendered for tag in ("<b>", "<img", "<i>"))
    for line in text.splitlines():
        if line.startswith("| wine"):
            assert r"=cmd\|' /C calc'!A0" in line
    tex = to_latex("A toy & more_$", frame)
    assert r"A toy \& more\_\$: test error" in tex
    assert (
        r"\textless{}img src=x\textgreater{} \$\&\%\#\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}" in tex
    )
    for written in (to_csv(frame), comparisons_to_csv(comparisons), csv_text(settings)):
        assert "'@mixupe" in written
        assert ",@mixupe" not in written
    assert pd.read_csv(StringIO(to_csv(frame)))["delta_vs_mixup"].dtype == float
