"""From records to table files: only declared runs count, gaps are shown, files are reproducible."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.store import RunStore
from mixupe.files import write_json
from mixupe.tables.build import write_table
from mixupe.tables.collect import DeclaredRun, declared_runs, keep_records
from mixupe.tables.compare import ROW_COLUMNS as COLUMNS
from mixupe.tables.compare import comparison_frame, verdicts
from mixupe.tables.compare import table_frame as rows_of
from mixupe.tables.declared import look_up, read_table
from mixupe.tables.manifest import Table
from mixupe.tables.plan import plan
from mixupe.tables.plan import to_terminal as plan_to_terminal
from mixupe.tables.render import (
    comparison_grid,
    comparisons_to_csv,
    grid,
    legend,
    terminal_rows,
    to_csv,
    to_latex,
    to_markdown,
)
from mixupe.tables.terminal import terminal_table
from tests.tables.fake import fake_runs

TABLE = Table.parse(
    {
        "name": "toy",
        "title": "Toy",
        "seeds": [0, 1, 2],
        "augmentations": {"none": [], "mixup": [], "mixupe": ["augmentation.eta=0.5"]},
        "cells": [{"dataset": "tabular/wine"}, {"dataset": "digits", "overrides": ["model.width=8"]}],
    }
)
ERRORS = {"none": [5.0, 6.0, 7.0], "mixup": [4.0, 5.5, 6.0], "mixupe": [1.0, 2.6, 3.2]}


@pytest.fixture
def runs(tmp_path: Path) -> list[DeclaredRun]:
    """Records for wine (all) and for digits (all but mixupe seed 2, which failed)."""
    with hydra_initialised():
        for run in declared(tmp_path):
            settings = run.settings
            folder = RunStore(settings.output_root).folder(run_id(settings))
            failed = settings.dataset.name == "digits" and run.method == "mixupe" and settings.seed == 2
            folder.path.mkdir(parents=True)
            if failed:
                folder.set_failed("NonFiniteLossError", "loss is nan at step 7")
            else:
                error = ERRORS[run.method][settings.seed]
                write_json(folder.record, {"id": run_id(settings), "metrics": {"test_error": error}})
                folder.set_done()
        return declared(tmp_path)


def declared(folder: Path) -> list[DeclaredRun]:
    return declared_runs(TABLE, folder / "results", [f"output_root={folder}/outputs"])


def table_frame(runs: list[DeclaredRun]) -> pd.DataFrame:
    return rows_of(runs, comparison_frame(runs))


def test_the_override_lists_are_the_product_with_seeds_innermost() -> None:
    lists = TABLE.override_lists(["seed=7", "trainer.epochs=1"])
    assert len(lists) == 6
    assert lists[5] == [
        *("dataset=digits", "model.width=8", "augmentation=mixupe", "augmentation.eta=0.5"),
        *("trainer.epochs=1", "logger.job_type=toy", "seed=7"),
    ]


def test_a_cell_can_have_seeds_of_its_own() -> None:
    cells = [{"dataset": "mutag", "seeds": [0, 1, 2, 3]}, {"dataset": "digits"}]
    table = Table.parse({**TABLE.model_dump(), "cells": cells})
    assert len(table.override_lists()) == 3 * 4 + 3 * 3
    assert len(table.override_lists(["seed=5,6"])) == 3 * 2 * 2


def test_seeds_and_values_given_twice_are_run_once() -> None:
    twice = Table.parse(
        {**TABLE.model_dump(), "seeds": [0, 1, 1], "augmentations": {"mixup": ["augmentation.alpha=1,2,1"]}}
    )
    assert [method.name for method in twice.methods()] == ["mixup alpha=1", "mixup alpha=2"]
    assert len(twice.override_lists()) == 2 * 2 * 2
    assert len(twice.override_lists(["seed=5,5"])) == 2 * 2


def test_seeds_of_a_command_line_are_any_grid_of_hydra() -> None:
    seeds = [overrides[-1] for overrides in TABLE.override_lists(["seed=range(3,5)"])]
    assert seeds == ["seed=3", "seed=4"] * 6


def test_cells_whose_rows_would_be_alike_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [{"dataset": "tabular/wine"}, {"dataset": "tabular/wine", "overrides": ["trainer.epochs=2"]}]
    table = Table.parse({**TABLE.model_dump(), "cells": cells})
    monkeypatch.setattr("mixupe.tables.declared.read_table", lambda name: table)
    with pytest.raises(UserError, match=r"^table\.cells\.1: wine mlp is also cells\.0; give it a label"):
        look_up("toy")


def test_rows_hold_statistics_against_mixup(runs: list[DeclaredRun]) -> None:
    frame = table_frame(runs)
    assert tuple(frame.columns) == (*COLUMNS, "cell", "declared")
    row = frame.iloc[2]
    assert (row["dataset"], row["augmentation"], row["n"]) == ("wine", "mixupe", 3)
    assert row["mean"] == pytest.approx((1.0 + 2.6 + 3.2) / 3)
    assert row["delta_vs_mixup"] == pytest.approx((-3.0 - 2.9 - 2.8) / 3)
    assert row["delta_ci_high"] < 0
    assert frame["p_value"].notna().sum() == 3, "two methods against mixup in two cells, one of them with two seeds"
    assert frame["paper"].isna().all()


def test_a_failed_run_is_named_and_not_averaged(runs: list[DeclaredRun]) -> None:
    frame = table_frame(runs)
    row = frame.iloc[5]
    assert (row["n"], row["mean"]) == (2, pytest.approx(1.8))
    _, body = grid(frame)
    assert "(2 of 3 seeds)" in body[1][4]
    assert "FAILED, not in any mean: digits mixupe seed 2: loss is nan at step 7" in legend(frame, runs)


def test_cells_of_one_data_set_are_told_apart_by_their_model_wherever_a_row_names_its_set(tmp_path: Path) -> None:
    cells = [{"dataset": "tabular/wine"}, {"dataset": "tabular/wine", "overrides": ["model=mlp_paper"]}]
    table = Table.parse({**TABLE.model_dump(), "cells": cells})
    found = fake_runs(table, tmp_path, lambda run: 1.0 + run.cell)
    found[-1] = replace(found[-1], record=None, state="FAILED", reason="loss is nan")
    comparisons = comparison_frame(found)
    frame = rows_of(found, comparisons)
    both = ["wine mlp", "wine mlp_paper"]
    assert list(dict.fromkeys(row[0] for row in terminal_rows(frame))) == both
    assert list(dict.fromkeys(row[0] for row in comparison_grid(comparisons)[1])) == both
    assert list(dict.fromkeys(cell.dataset for cell in plan(found))) == both
    assert any(line.startswith("FAILED, not in any mean: wine mlp_paper mixupe ") for line in legend(frame, found))


def test_files_that_count_as_one_data_set_for_their_name_are_said(tmp_path: Path) -> None:
    table = Table.parse(
        {**TABLE.model_dump(), "cells": [{"dataset": "tabular/wine", "label": label} for label in ("x", "y")]}
    )
    found = fake_runs(table, tmp_path, lambda run: 1.0)
    said = "wine x, wine y are different files, and one data set by their name, wine;"
    for contents, expected in ((("a", "b"), 1), (("a", "a"), 0), ((None, None), 0)):
        for run in found:
            assert run.record is not None
            run.record["content"] = contents[run.cell]
        assert sum(line.startswith(said) for line in legend(table_frame(found), found)) == expected


def test_cells_whose_epoch_was_chosen_on_test_are_named_among_others(tmp_path: Path) -> None:
    cells = [{"dataset": "tabular/wine", "overrides": ["protocol=paper"]}, {"dataset": "tabular/iris"}]
    for number, expected in (
        (2, "the lowest validation error, of wine with the lowest test error (protocol=paper validates"),
        (1, "the lowest test error (protocol=paper validates"),
    ):
        table = Table.parse({**TABLE.model_dump(), "cells": cells[:number]})
        found = fake_runs(table, tmp_path, lambda run: 1.0)
        assert expected in legend(table_frame(found), found)[0]


def test_a_table_that_has_the_name_of_another_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", tmp_path)
    write_json(tmp_path / "table" / "mine.yaml", TABLE.model_dump(mode="json"))
    with pytest.raises(UserError, match=r"^table\.name: must be that of its file, mine, got toy"):
        read_table("mine")


def test_the_star_is_where_the_test_is(runs: list[DeclaredRun]) -> None:
    frame = table_frame(runs)
    header, body = grid(frame)
    assert header[-1] == "mixupe - mixup"
    assert body[0][-1].startswith("-2.90* [")
    assert "*" not in body[0][-2]
    assert "*" not in body[0][header.index("none")]


def test_comparisons_with_both_baselines(runs: list[DeclaredRun]) -> None:
    comparisons = comparison_frame(runs)
    wine = comparisons[(comparisons["dataset"] == "wine") & (comparisons["augmentation"] == "mixupe")]
    assert list(wine["baseline"]) == ["mixup", "none"]
    assert ("mixup", "none") not in set(zip(comparisons["augmentation"], comparisons["baseline"], strict=True))
    assert wine["delta"].tolist() == pytest.approx([-2.9, (-4.0 - 3.4 - 3.8) / 3])
    assert (wine["detectable"] > 0).all()
    summary = {(verdict.augmentation, verdict.baseline): verdict for verdict in verdicts(comparisons)}
    mixupe = summary["mixupe", "mixup"]
    assert (mixupe.wins, mixupe.ties, mixupe.losses) == (1, 1, 0), "two seeds, as on digits, never win"
    assert summary["none", "mixup"].mean > 0


def test_holms_family_is_the_whole_table(runs: list[DeclaredRun]) -> None:
    """Worked anew from the p values: the comparisons with both baselines, each pair of methods once."""
    comparisons = comparison_frame(runs)
    p_values = comparisons["p_value"].dropna().sort_values()
    assert len(p_values) == 4, "wine: none and mixupe against mixup, mixupe against none; digits: none against mixup"
    adjusted = (p_values * [4, 3, 2, 1]).cummax().clip(upper=1.0)
    found = comparisons["p_holm"][adjusted.index]
    assert found.tolist() == pytest.approx(adjusted.tolist())


def test_no_star_for_two_seeds(runs: list[DeclaredRun]) -> None:
    two = [run for run in runs if run.settings.seed < 2]
    _, body = grid(table_frame(two))
    assert "*" not in str(body)
    assert not any(verdict.wins + verdict.losses for verdict in verdicts(comparison_frame(two)))


def test_what_settings_were_chosen_on_is_shown_apart(runs: list[DeclaredRun]) -> None:
    comparisons = comparison_frame(runs, tuned_on={"wine": "hunt", "elsewhere": "hunt"})
    (counted,) = [
        verdict for verdict in verdicts(comparisons) if (verdict.augmentation, verdict.baseline) == ("mixupe", "mixup")
    ]
    (apart,) = [verdict for verdict in verdicts(comparisons, tuned=True) if verdict.augmentation == "mixupe"][:1]
    assert (counted.wins, counted.ties, counted.sets) == (0, 1, 1), "digits alone"
    assert (apart.wins, apart.ties, apart.sets) == (1, 0, 1), "wine alone"
    assert comparisons.set_index("dataset")["tuned_on"].to_dict() == {"wine": "hunt", "digits": ""}
    text = to_markdown("Toy", table_frame(runs), comparisons, runs)
    counted_part, apart_part = text.split("## Over the data sets")[1].split("### On the data sets tuned on")
    assert "| mixupe | mixup | 0 | 1 | 0 |" in counted_part
    assert "| mixupe | mixup | 1 | 0 | 0 |" in apart_part
    assert (
        "Not counted above: wine. The settings of this table were chosen on their validation parts (hunt)" in apart_part
    )


def test_rows_on_one_data_set_count_once_in_wilcoxons_test(runs: list[DeclaredRun]) -> None:
    """Worked by hand: without that, two rows of three would have p = 0.25; no two data sets can have less than 0.5."""
    again = [replace(run, cell=2, label="again") for run in runs if run.settings.dataset.name == "wine"]
    found = verdicts(comparison_frame([*runs, *again]))
    (verdict,) = [verdict for verdict in found if (verdict.augmentation, verdict.baseline) == ("mixupe", "mixup")]
    assert (verdict.wins + verdict.ties + verdict.losses, verdict.sets) == (3, 2)
    assert verdict.p_value == 0.5


GOLDEN = Path(__file__).parents[1] / "data" / "table"


def test_fixed_records_give_fixed_files(runs: list[DeclaredRun]) -> None:
    comparisons = comparison_frame(runs)
    frame = rows_of(runs, comparisons)
    files = {
        "table.csv": to_csv(frame),
        "comparisons.csv": comparisons_to_csv(comparisons),
        "table.md": to_markdown("Toy", frame, comparisons, runs),
        "table.tex": to_latex("Toy", frame),
    }
    for name, text in files.items():
        assert text == (GOLDEN / name).read_text(), name


def test_records_are_copied_and_then_enough(runs: list[DeclaredRun], tmp_path: Path) -> None:
    import shutil

    before = to_csv(table_frame(runs))
    keep_records(TABLE, runs, tmp_path / "results")
    shutil.rmtree(tmp_path / "outputs")
    with hydra_initialised():
        again = declared(tmp_path)
    assert sum(run.state == "DONE" for run in again) == 17
    assert to_csv(table_frame(again)) == before


def test_a_table_without_any_record_does_not_write_over_an_earlier_one(runs: list[DeclaredRun], tmp_path: Path) -> None:
    folder = tmp_path / "results" / TABLE.name
    write_table(TABLE, runs, folder)
    earlier = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    undone = [replace(run, state="NEW", record=None) for run in runs]
    with pytest.raises(
        UserError, match=rf"^table: none of the {len(runs)} runs that {TABLE.name} declares has a record"
    ):
        write_table(TABLE, undone, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == earlier
    write_table(TABLE, undone, tmp_path / "new" / TABLE.name)


def test_records_of_other_configs_never_leak_in(runs: list[DeclaredRun], tmp_path: Path) -> None:
    write_json(tmp_path / "results" / "records" / "0123456789abcdef.json", {"metrics": {"test_error": 99.0}})
    with hydra_initialised():
        assert to_csv(table_frame(declared(tmp_path))) == to_csv(table_frame(runs))


def test_the_files_are_reproducible_to_the_byte(runs: list[DeclaredRun]) -> None:
    frame = table_frame(runs)
    comparisons = comparison_frame(runs)
    assert to_markdown("Toy", frame, comparisons, runs) == to_markdown("Toy", table_frame(runs), comparisons, runs)
    assert pd.read_csv(StringIO(to_csv(frame))).shape == (6, 15)
    assert terminal_table("Toy", terminal_rows(frame)).row_count == 6 + 3, (
        "two names of data sets and the gap between them"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seeds": []}, "table.seeds"),
        ({"seeds": [-1]}, "table.seeds.0"),
        ({"cells": []}, "table.cells"),
        ({"color": 1}, "table.color"),
        (
            {"cells": [{"dataset": "digits", "methods": ["mixup", "nixup"]}]},
            "table.cells.0.methods: 'nixup' is no method",
        ),
        ({"cells": [{"dataset": "digits", "methods": []}]}, "table.cells.0.methods"),
    ],
)
def test_a_wrong_table_is_one_line(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Table.parse({**TABLE.model_dump(), **change})


def test_a_cell_runs_its_own_methods() -> None:
    cells = [{"dataset": "digits", "methods": ["mixup", "none"]}, {"dataset": "digits"}]
    table = Table.parse({**TABLE.model_dump(), "cells": cells})
    own, whole = ([method.column for method in methods] for _, methods in table.methods_by_cell())
    assert own == [one for one in whole if one in ("none", "mixup")]
    assert len(own) < len(whole)


def test_an_unknown_table_lists_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"'nowhere' is unknown, allowed are .*quickstart"):
        read_table("nowhere")


def test_the_plan_counts_states_and_estimates_the_rest(runs: list[DeclaredRun]) -> None:
    timed = [
        replace(run, record={**run.record, "timing": {"seconds": 60.0}})
        if run.record is not None and run.settings.dataset.name == "wine" and run.settings.seed < 2
        else replace(run, record=None, state="MISSING" if run.state == "DONE" else run.state)
        for run in runs
    ]
    cells = {(cell.dataset, cell.augmentation): cell for cell in plan(timed)}
    assert cells["wine", "mixupe"].states == {"DONE": 2, "MISSING": 1}
    assert cells["wine", "mixupe"].seconds == 60.0
    assert cells["digits", "mixupe"].states == {"MISSING": 2, "FAILED": 1}
    assert cells["digits", "mixupe"].to_do == 2
    assert cells["digits", "mixupe"].seconds is None, "nothing like it has run"
    shown = plan_to_terminal("Toy", list(cells.values())).columns
    assert [column.footer for column in shown[-2:]] == ["6.0", "3.0 + ?"]
    assert [column.header for column in shown[1:-2]] == ["done", "failed", "missing"], "no run is in another state"
    unrun = [replace(run, record=None, state="MISSING") for run in runs]
    alike = [replace(run, settings=run.settings.model_copy(update={"model": runs[0].settings.model})) for run in timed]
    by_model = {(cell.dataset, cell.augmentation): cell for cell in plan(alike)}
    work = {
        run.settings.dataset.name: (run.settings.dataset.card.examples or 0) * run.settings.trainer.epochs
        for run in runs
    }
    expected = 2 * 60.0 * work["digits"] / work["wine"]
    assert by_model["digits", "mixupe"].seconds == pytest.approx(expected), "another set with the same model has run"
    again = {(cell.dataset, cell.augmentation): cell for cell in plan(unrun, earlier=timed)}
    assert again["wine", "mixupe"].seconds == 180.0, "what it took in another place is known"
    assert again["wine", "mixupe"].spent == 0.0
