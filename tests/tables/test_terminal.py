"""Nothing is cut at 80 columns, and many settings of a method are one line."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from mixupe.experiment.compose import hydra_initialised
from mixupe.tables import terminal
from mixupe.tables.collect import declared_runs
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.manifest import Table
from mixupe.tables.plan import plan
from mixupe.tables.plan import to_terminal as plan_to_terminal
from mixupe.tables.render import terminal_rows
from mixupe.tables.terminal import terminal_table
from tests.tables.fake import fake_runs

LONG = {
    "name": "long",
    "title": "Long names",
    "seeds": [0, 1, 2],
    "augmentations": {
        "mixup": [],
        "manifold_mixup": ["augmentation.alpha=0.5,1"],
        "mixupe": ["augmentation.variant=approximate,v3", "augmentation.alpha=0.02,0.5", "augmentation.eta=0.001,0.1"],
    },
    "cells": [
        {"dataset": "tabular/wine", "label": "with_a_label_of_one_word_and_sixty_four_letters_that_has_no_space"}
    ],
}


def shown(table: RenderableType, *, tty: bool = False) -> str:
    """As printed by `CONSOLE` at 80 columns."""
    out = io.StringIO()
    Console(file=out, width=80, highlight=False, soft_wrap=True, force_terminal=tty, color_system=None).print(table)
    return out.getvalue()


@pytest.mark.parametrize("tty", [True, False])
def test_no_word_and_no_number_is_cut_at_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tty: bool) -> None:
    monkeypatch.setattr(terminal, "CONSOLE", Console(force_terminal=tty))
    table = Table.parse(LONG)
    # The same errors at other seeds: differences with a spread, without which they have no interval.
    errors = {True: (10, 27.123, 44.246), False: (27.123, 44.246, 10)}
    runs = fake_runs(table, tmp_path, lambda run: errors[run.method == "mixup"][run.settings.seed])
    text = shown(terminal_table("Long names", terminal_rows(table_frame(runs, comparison_frame(runs)))), tty=tty)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("27.12 ± 17.12") == 11, "every method's error is there, whole"
    assert len(re.findall(r"0\.00 \[-\d\d\d?\.\d\d, \+\d\d\d?\.\d\d\]", text)) == 10
    assert "eta=0.001" in text
    assert ("─" in text) == tty, "plain where the output is no terminal"
    assert "sixty_four_letters" in re.sub(r"\s", "", text)


def test_brackets_in_names_are_no_markup() -> None:
    text = shown(terminal_table("Your [x]", [["data [v2]", "mixup [/b]", "1.00 ± 0.00", "-"]]))
    assert all(name in text for name in ("Your [x]", "data [v2]", "mixup [/b]"))


def test_many_settings_of_a_method_are_one_line_of_a_plan(tmp_path: Path) -> None:
    with hydra_initialised():
        runs = declared_runs(Table.parse(LONG), tmp_path, [f"output_root={tmp_path}"])
    text = shown(plan_to_terminal("Long names", plan(runs)))
    lines = [line.split() for line in text.splitlines()]
    assert ["mixupe", "approximate,", "4", "settings", "12", "?"] not in lines, "four settings have a line each"
    assert ["mixup", "3", "?"] in lines
    assert ["total", "0", "33", "0.0", "?"] in lines
    more = {**LONG, "augmentations": {"mixup": [], "mixupe": ["augmentation.eta=1,2,3,4,5"]}}
    with hydra_initialised():
        runs = declared_runs(Table.parse(more), tmp_path, [f"output_root={tmp_path}"])
    text = shown(plan_to_terminal("Long names", plan(runs)))
    assert "5 settings" in text
    assert "…" not in text
    assert "eta=" not in text
