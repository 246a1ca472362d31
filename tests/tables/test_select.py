"""Settings chosen inside a table: by validation alone, or on test where a table says so; edges, ties and gaps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mixupe.errors import UserError
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_record
from mixupe.files import write_json
from mixupe.tables.build import BuiltTable, build_table
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table
from mixupe.tables.select import Selection, best_epoch, choice_grid, choice_lines, selection
from tests.tables.fake import fake_runs

ALPHAS = ["augmentation.alpha=0.1,0.5,1"]
ETAS = ["augmentation.alpha=0.1,1", "augmentation.eta=0.001,0.01,0.1"]
CHOOSING = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "select": {"grid": {"mixup": ALPHAS, "mixupe": ETAS}, "by": "validation"},
    "cells": [
        {"dataset": "tabular/wine"},
        {"dataset": "tabular/iris", "augmentations": {"mixupe": ["augmentation.alpha=2", "augmentation.eta=0.1,0.01"]}},
    ],
}
ON_TEST = {
    **CHOOSING,
    "select": {"grid": {"mixup": ALPHAS, "mixupe": ETAS}, "by": "test"},
    "cells": [{"dataset": "tabular/wine", "overrides": ["protocol=paper"]}],
}


def runs_of(
    table: dict[str, Any], folder: Path, metrics: Callable[[DeclaredRun], dict[str, float]]
) -> list[DeclaredRun]:
    """All declared runs with these metrics in place of the fake ones."""
    runs = fake_runs(Table.parse(table), folder, lambda _: 20.0)
    return [
        replace(
            run, record={**run.record, "metrics": {**run.record["metrics"], "validation_loss": 1.0, **metrics(run)}}
        )
        for run in runs
        if run.record is not None
    ]


def chosen(table: dict[str, Any], runs: list[DeclaredRun]) -> Selection:
    select = Table.parse(table).select
    assert select is not None
    return selection(select, runs)


def settings_shown(found: Selection) -> dict[tuple[int, str], set[str]]:
    shown: dict[tuple[int, str], set[str]] = {}
    for run in found.shown:
        shown.setdefault((run.cell, run.method), set()).add(run.setting)
    return shown


VALIDATION = {
    "alpha=0.1": 9.0,
    "alpha=0.5": 7.0,
    "alpha=1": 8.0,
    "alpha=0.1 eta=0.01": 5.0,
    "alpha=2 eta=0.1": 4.0,
    "alpha=2 eta=0.01": 6.0,
}


def good_on_validation(run: DeclaredRun) -> dict[str, float]:
    """The best on validation is the worst on test."""
    validation = VALIDATION.get(run.setting, 10.0) + run.settings.seed
    return {"validation_error": validation, "test_error": 100 - 5 * validation}


def test_a_grid_makes_settings_of_one_column_and_a_cell_may_have_its_own() -> None:
    table = Table.parse(CHOOSING)
    wine, iris = ([method.name for method in table.methods(cell)] for cell in table.cells)
    assert wine[:4] == ["none", "mixup alpha=0.1", "mixup alpha=0.5", "mixup alpha=1"]
    assert len(wine) == 1 + 3 + 6
    assert iris[4:] == ["mixupe alpha=2 eta=0.1", "mixupe alpha=2 eta=0.01"]
    assert len(table.override_lists()) == 2 * (10 + 6)
    assert {method.column for method in table.methods()} == {"none", "mixup", "mixupe"}


def test_the_lowest_validation_error_is_shown_whatever_its_test_error(tmp_path: Path) -> None:
    found = chosen(CHOOSING, runs_of(CHOOSING, tmp_path, good_on_validation))
    assert settings_shown(found) == {
        (0, "none"): {""},
        (0, "mixup"): {"alpha=0.5"},
        (0, "mixupe"): {"alpha=0.1 eta=0.01"},
        (1, "none"): {""},
        (1, "mixup"): {"alpha=0.5"},
        (1, "mixupe"): {"alpha=2 eta=0.1"},
    }
    mixup = [run for run in found.shown if (run.cell, run.method) == (0, "mixup") and run.record is not None]
    assert [run.record["metrics"]["test_error"] for run in mixup if run.record] == [65.0, 60.0]


def test_the_whole_grid_and_the_choices_are_told(tmp_path: Path) -> None:
    found = chosen(CHOOSING, runs_of(CHOOSING, tmp_path, good_on_validation))
    assert len(found.grid) == 3 + 6 + 3 + 2
    assert found.grid["chosen"].tolist().count(2) == 4, "number of seeds that show it"
    header, body = choice_grid(found)
    assert header[2] == "chosen"
    assert body[0] == ["wine", "mixup", "alpha=0.5", "no", "7.50", "3"]
    assert body[1] == ["wine", "mixupe", "alpha=0.1 eta=0.01", "alpha", "5.50", "6"]
    assert body[3] == ["iris", "mixupe", "alpha=2 eta=0.1", "eta", "4.50", "2"]
    assert "2 of 4 choices lie on an edge" in choice_lines(found)[1]


def test_ties_go_to_the_lower_loss_then_to_the_first(tmp_path: Path) -> None:
    def equal(run: DeclaredRun) -> dict[str, float]:
        return {"validation_error": 3.0, "validation_loss": 0.5 if run.setting == "alpha=1" else 0.6}

    shown = settings_shown(chosen(CHOOSING, runs_of(CHOOSING, tmp_path, equal)))
    assert shown[0, "mixup"] == {"alpha=1"}
    assert shown[0, "mixupe"] == {"alpha=0.1 eta=0.001"}


def test_rounding_is_no_lower_error(tmp_path: Path) -> None:
    """0 and 6 of 45 examples are as many as 1 and 5, though the floating-point means differ: the loss decides."""

    def equal(run: DeclaredRun) -> dict[str, float]:
        wrong = ((0, 6) if run.setting == "alpha=0.1" else (1, 5))[run.settings.seed]
        return {"validation_error": 100 * wrong / 45, "validation_loss": 0.5 if run.setting == low else 0.6}

    for low in ("alpha=0.1", "alpha=1"):
        assert settings_shown(chosen(CHOOSING, runs_of(CHOOSING, tmp_path, equal)))[0, "mixup"] == {low}


def test_a_setting_that_lacks_a_record_cannot_be_chosen(tmp_path: Path) -> None:
    runs = [
        replace(run, record=None, state="FAILED") if (run.setting, run.settings.seed) == ("alpha=0.5", 1) else run
        for run in runs_of(CHOOSING, tmp_path, good_on_validation)
    ]
    found = chosen(CHOOSING, runs)
    assert settings_shown(found)[0, "mixup"] == {"alpha=1"}
    assert choice_grid(found)[1][0][-1] == "2 of 3"
    nothing = chosen(CHOOSING, [replace(run, record=None, state="MISSING") for run in runs])
    assert all(run.record is None for run in nothing.shown)
    assert len(nothing.shown) == 2 * 3 * 2
    assert choice_grid(nothing)[1][0][2:5] == ["-", "no", "-"]


def test_nested_validation_chooses_for_each_fold(tmp_path: Path) -> None:
    table = {**CHOOSING, "select": {**CHOOSING["select"], "per": "seed"}}  # type: ignore[dict-item]

    def by_fold(run: DeclaredRun) -> dict[str, float]:
        best = "alpha=1" if run.settings.seed == 0 else "alpha=0.1"
        return {"validation_error": 1.0 if run.setting == best else 2.0}

    found = chosen(table, runs_of(table, tmp_path, by_fold))
    mixup = [run for run in found.shown if (run.cell, run.method) == (0, "mixup")]
    assert [(run.settings.seed, run.setting) for run in mixup] == [(0, "alpha=1"), (1, "alpha=0.1")]
    assert choice_grid(found)[1][0][2:4] == ["alpha=1 (1), alpha=0.1 (1)", "alpha"]
    assert "nested validation" in choice_lines(found)[0]


def with_curves(runs: list[DeclaredRun], curves: Callable[[DeclaredRun], list[float]]) -> list[DeclaredRun]:
    return [
        replace(run, record={**run.record, "curves": {**run.record["curves"], "validation_error": curves(run)}})
        for run in runs
        if run.record is not None
    ]


def test_on_test_epoch_and_setting_have_the_lowest_mean_over_the_folds(tmp_path: Path) -> None:
    def curves(run: DeclaredRun) -> list[float]:
        # Each fold's own best epoch is another one (2.0 at 0 or 2); of the mean it is the middle one.
        good = run.setting in ("alpha=0.5", "alpha=1 eta=0.01")
        return [[2.0, 3.0, 9.0], [9.0, 4.0, 2.0]][run.settings.seed] if good else [8.0, 8.0, 8.0]

    runs = with_curves(runs_of(ON_TEST, tmp_path, lambda _: {}), curves)
    found = chosen(ON_TEST, runs)
    assert settings_shown(found) == {
        (0, "none"): {""},
        (0, "mixup"): {"alpha=0.5"},
        (0, "mixupe"): {"alpha=1 eta=0.01"},
    }
    mixup = [run.record["metrics"] for run in found.shown if run.method == "mixup" and run.record is not None]
    assert [row["test_error"] for row in mixup] == [3.0, 4.0]
    assert [row["best_epoch"] for row in mixup] == [2, 2]
    assert best_epoch([run for run in runs if run.setting == "alpha=0.5"]) == (2, 3.5)
    assert choice_grid(found)[1][1] == ["wine", "mixup", "alpha=0.5, epoch 2", "no", "3.50", "3"]
    assert choice_grid(found)[1][0] == ["wine", "none", "epoch 1", "no", "8.00", "1"], "its epoch is chosen too"
    assert "selected on test" in choice_lines(found)[0]


def test_each_way_to_choose_needs_its_protocol(tmp_path: Path) -> None:
    on_test = {**ON_TEST, "cells": CHOOSING["cells"]}
    on_validation = {**CHOOSING, "cells": ON_TEST["cells"]}
    with pytest.raises(UserError, match=r"table\.select\.by: test needs protocol=paper"):
        chosen(on_test, runs_of(on_test, tmp_path, lambda _: {}))
    with pytest.raises(UserError, match=r"table\.select\.by: validation needs protocol=heldout"):
        chosen(on_validation, runs_of(on_validation, tmp_path, lambda _: {}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"select": {"grid": {"cutmix": []}, "by": "test"}}, "table.select.grid: 'cutmix' is no method"),
        (
            {"cells": [{"dataset": "digits", "augmentations": {"mix": []}}]},
            "table.cells.0.augmentations: 'mix' is no method",
        ),
        ({"select": {"grid": {}, "by": "test", "per": "seed"}}, "table.select.per: seed cannot be used with by: test"),
        ({"select": {"grid": {}, "by": "luck"}}, "table.select.by: input should be 'validation' or 'test', got 'luck'"),
        ({"nested": "other"}, "table.nested: belongs to a table with select.by: test"),
        ({"waterfall": {"way": ["none", "cutmix"]}}, "table.waterfall.way: 'cutmix' is no method, allowed are"),
    ],
)
def test_a_wrong_selection_is_one_line(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        Table.parse({**CHOOSING, **change})
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_name_may_stand_for_another_option() -> None:
    augmentations = {"mixup": [], "mixup bce": ["augmentation=mixup", "augmentation.alpha=2"]}
    plain, other = Table.parse(
        {**CHOOSING, "augmentations": augmentations, "select": None, "cells": [{"dataset": "digits"}]}
    ).methods()
    assert (plain.option, plain.overrides) == ("mixup", ("augmentation=mixup",))
    assert (other.name, other.option) == ("mixup bce", "mixup")
    assert other.overrides == ("augmentation=mixup", "augmentation.alpha=2")


def test_a_cell_may_have_values_of_its_own() -> None:
    cells = [{"dataset": "digits"}, {"dataset": "tabular/iris", "augmentations": {"mixup": ["augmentation.alpha=0.2"]}}]
    augmentations = {"none": [], "mixup": ["augmentation.alpha=1", "augmentation.mix_at=input"]}
    table = Table.parse({**CHOOSING, "augmentations": augmentations, "select": None, "cells": cells})
    first, second = (table.methods(cell)[1] for cell in table.cells)
    assert first.overrides == ("augmentation=mixup", "augmentation.alpha=1", "augmentation.mix_at=input")
    assert second.overrides == ("augmentation=mixup", "augmentation.mix_at=input", "augmentation.alpha=0.2")
    assert first.name == second.name == "mixup"


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, *tables: dict[str, Any]) -> Path:
    """Configs of these tables; the results folder."""
    (folder / "configs" / "table").mkdir(parents=True)
    for table in tables:
        (folder / "configs" / "table" / f"{table['name']}.yaml").write_text(yaml.safe_dump(table, sort_keys=False))
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", folder / "configs")
    return folder / "results"


def keep(results: Path, name: str, runs: list[DeclaredRun]) -> None:
    for run in runs:
        write_json(kept_record(results / name, run_id(run.settings)), run.record)


def built(results: Path, name: str, folder: Path) -> BuiltTable:
    return build_table(name, [f"output_root={folder}/outputs"], results)


def contents(built: BuiltTable) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(built.folder.iterdir()) if path.is_file()}


def test_a_table_that_chooses_is_rebuilt_to_the_byte_with_its_grid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = project(tmp_path, monkeypatch, CHOOSING)
    keep(results, "toy", runs_of(CHOOSING, tmp_path, good_on_validation))
    first = contents(built(results, "toy", tmp_path))
    assert contents(built(results, "toy", tmp_path)) == first
    rows = pd.read_csv(results / "toy" / "table.csv")
    assert rows["augmentation"].tolist() == ["none", "mixup", "mixupe"] * 2
    assert len(pd.read_csv(results / "toy" / "grid.csv")) == 14
    text = first["table.md"].decode()
    assert "Settings were chosen on validation" in text
    assert "| wine | mixupe | alpha=0.1 eta=0.01 | alpha | 5.50 | 6 |" in text


def test_what_is_selected_on_test_stands_beside_nested_validation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marked = {**ON_TEST, "name": "marked", "nested": "honest"}
    honest = {**CHOOSING, "name": "honest", "cells": [{"dataset": "tabular/wine"}]}
    honest["select"] = {**CHOOSING["select"], "per": "seed"}  # type: ignore[dict-item]
    results = project(tmp_path, monkeypatch, marked, honest)
    keep(results, "marked", with_curves(runs_of(marked, tmp_path, lambda _: {}), lambda _: [12.0, 10.0]))
    keep(results, "honest", runs_of(honest, tmp_path, lambda run: {"test_error": 13.0 + run.settings.seed}))
    found = built(results, "marked", tmp_path).found.nested
    assert found is not None
    assert found[["augmentation", "selected_on_test_mean", "nested_mean"]].to_numpy().tolist() == [
        *(["none", 10.0, 13.5], ["mixup", 10.0, 13.5], ["mixupe", 10.0, 13.5])
    ]
    text = (results / "marked" / "table.md").read_text()
    assert "selected on test" in text
    assert "| wine | mlp | mixup | 10.00 ± 0.00 (2) | 13.50 ± 0.71 (2) | +3.50 |" in text
    assert len(pd.read_csv(results / "marked" / "nested.csv")) == 3
