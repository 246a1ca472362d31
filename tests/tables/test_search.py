"""Grids of settings as methods, and the choice of each method's best one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, expand_grid, hydra_initialised
from mixupe.report.page import render
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.escape import csv_text
from mixupe.tables.manifest import Cell, Select, Table
from mixupe.tables.search import RANKING_COLUMNS, edges, ranking, ranking_to_markdown, search_notes
from mixupe.tables.select import selection
from tests.tables.fake import fake_runs

SETS = ("wine", "vehicle")


def table(augmentations: dict[str, list[str]]) -> Table:
    return Table.parse(
        {
            "name": "toy",
            "title": "Toy",
            "metric": "validation_error",
            "seeds": [0, 1],
            "augmentations": augmentations,
            "cells": [{"dataset": f"tabular/{name}"} for name in SETS],
        }
    )


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


def runs(errors: dict[str, tuple[list[float | None], list[float | None]]]) -> list[DeclaredRun]:
    """Of methods named `<option> <value of alpha>`, with the validation errors of two seeds on each set; None: no record."""
    result = []
    for cell, name in enumerate(SETS):
        for method, by_cell in errors.items():
            option = method.split()[0]
            variant = ["augmentation.variant=v3"] if option == "mixupe" else []
            settings = compose_settings([f"dataset=tabular/{name}", f"augmentation={option}", *variant])
            for seed, error in enumerate(by_cell[cell]):
                record: dict[str, Any] | None = {"metrics": {"validation_error": error}} if error is not None else None
                state = "MISSING" if record is None else "DONE"
                seeded = settings.model_copy(update={"seed": seed})
                result.append(DeclaredRun(cell, "", method, seeded, state, record))
    return result


def chosen(errors: dict[str, tuple[list[float | None], list[float | None]]]) -> dict[str, str]:
    frame = ranking(runs(errors))
    return {row["option"]: row["setting"] for _, row in frame[frame["chosen"]].iterrows()}


def test_each_point_of_a_grid_is_a_method_with_its_values_in_its_name() -> None:
    grid = ["augmentation.variant=v3,v2", "augmentation.eta=0.01,0.1", "augmentation.alpha=1"]
    methods = table({"mixup": [], "mixupe": grid}).methods()
    assert [method.name for method in methods] == [
        "mixup",
        *("mixupe variant=v3 eta=0.01", "mixupe variant=v3 eta=0.1"),
        *("mixupe variant=v2 eta=0.01", "mixupe variant=v2 eta=0.1"),
    ]
    assert methods[2].overrides == (
        *("augmentation=mixupe", "augmentation.variant=v3", "augmentation.eta=0.1", "augmentation.alpha=1"),
    )
    assert {method.option for method in methods} == {"mixup", "mixupe"}


def test_points_whose_values_end_alike_keep_names_of_their_own() -> None:
    methods = table({"mixup": ["augmentation.alpha=0.2,1.2,2"]}).methods()
    assert [method.name for method in methods] == ["mixup alpha=0.2", "mixup alpha=1.2", "mixup alpha=2"]


def test_the_runs_of_a_grid_are_its_product_with_seeds_innermost() -> None:
    lists = table({"mixup": ["augmentation.alpha=0.2,1"]}).override_lists()
    assert len(lists) == 2 * 2 * 2
    assert [overrides[-1] for overrides in lists] == ["seed=0", "seed=1"] * 4
    assert [overrides[2] for overrides in lists[:4]] == [*["augmentation.alpha=0.2"] * 2, *["augmentation.alpha=1"] * 2]


def test_a_list_is_no_grid() -> None:
    overrides = ["augmentation.mix_at=[input,head]"]
    assert expand_grid(overrides) == [overrides]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augmentation.alpha=interval(0.1,2)", "alpha=interval.*a continuous range needs a search"),
        ("augmentation.alpha=1,,2", "alpha=1,,2"),
        ("augmentation.alpha", "augmentation.alpha"),
    ],
)
def test_a_wrong_grid_is_one_line(override: str, says: str) -> None:
    with pytest.raises(UserError, match=rf"^table\.augmentations\.mixup: .*{says}") as caught:
        table({"mixup": [override]}).methods()
    assert "\n" not in str(caught.value)


def test_the_lowest_mean_rank_is_chosen_not_the_lowest_mean_error() -> None:
    # 0.2 is best on wine alone, by more points than it loses on vehicle; 1 is second there and first on vehicle.
    errors: Any = {
        "mixup 0.2": ([0.0, 0.0], [30.0, 30.0]),
        "mixup 1": ([9.0, 9.0], [28.0, 28.0]),
        "mixup 2": ([10.0, 10.0], [29.0, 29.0]),
    }
    assert chosen(errors) == {"mixup": "mixup 1"}
    frame = ranking(runs(errors))
    assert tuple(frame.columns) == (*RANKING_COLUMNS, *SETS)
    assert frame["mean_rank"].tolist() == [1.5, 2.0, 2.5]


def test_cells_of_one_data_set_with_several_models_have_a_column_each(tmp_path: Path) -> None:
    cells = [{"dataset": "tabular/wine"}, {"dataset": "tabular/wine", "overrides": ["model=mlp_paper"]}]
    declared = table({"mixup": ["augmentation.alpha=0.1,1"]}).model_copy(
        update={"cells": tuple(Cell.model_validate(cell) for cell in cells)}
    )
    errors = {(0, 0.1): 5.0, (0, 1.0): 6.0, (1, 0.1): 9.0, (1, 1.0): 7.0}
    found = fake_runs(declared, tmp_path, lambda run: errors[run.cell, run.settings.augmentation.model_dump()["alpha"]])
    frame = ranking(found)
    assert frame[["wine mlp", "wine mlp_paper"]].to_numpy().tolist() == [[6.0, 7.0], [5.0, 9.0]]
    assert "| **mixup alpha=1** | 1.50 | 6.00 | 7.00 |" in ranking_to_markdown("Toy", frame, found)
    assert "<th>wine mlp_paper</th>" in re.sub(r"<th[^>]*>", "<th>", render([(declared, found)]))


def test_options_are_ranked_apart_in_the_tables_order() -> None:
    errors: Any = {
        "mixupe 1": ([5.0, 7.0], [5.0, 5.0]),
        "mixup 1": ([1.0, 1.0], [1.0, 1.0]),
        "mixupe 2": ([6.0, 5.0], [4.0, 4.0]),
    }
    assert chosen(errors) == {"mixupe v3": "mixupe 2", "mixup": "mixup 1"}
    frame = ranking(runs(errors))
    assert frame["setting"].tolist() == ["mixupe 2", "mixupe 1", "mixup 1"], "the best of each option first"
    assert frame["wine"].tolist() == [5.5, 6.0, 1.0], "seeds are averaged"


def test_ties_go_to_the_lower_mean_error_then_to_the_first_declared() -> None:
    by_error: Any = {"mixup 1": ([4.0, 4.0], [9.0, 9.0]), "mixup 2": ([5.0, 5.0], [6.0, 6.0])}
    assert chosen(by_error) == {"mixup": "mixup 2"}
    equal: Any = {"mixup 1": ([4.0, 4.0], [9.0, 9.0]), "mixup 2": ([4.0, 4.0], [9.0, 9.0])}
    assert chosen(equal) == {"mixup": "mixup 1"}
    assert ranking(runs(equal))["mean_rank"].tolist() == [1.5, 1.5], "ties share their mean rank"


def test_rounding_breaks_no_tie() -> None:
    """0 and 6 of 45 examples are as many as 1 and 5, though the floating-point means differ."""
    first, second = ([100 * wrong / 45 for wrong in several] for several in ((0, 6), (1, 5)))
    for one, other in ((first, second), (second, first)):
        found = ranking(runs({"mixup 1": (list(one), [3.0, 3.0]), "mixup 2": (list(other), [3.0, 3.0])}))
        assert found["mean_rank"].tolist() == [1.5, 1.5]


def test_a_setting_without_a_record_in_some_cell_cannot_be_chosen() -> None:
    errors: Any = {"mixup 1": ([1.0, 1.0], [None, None]), "mixup 2": ([5.0, 5.0], [6.0, 6.0])}
    assert chosen(errors) == {"mixup": "mixup 2"}
    assert chosen({"mixup 1": ([1.0, 1.0], [None, None])}) == {}
    one_seed: Any = {"mixup 1": ([1.0, None], [2.0, 2.0]), "mixup 2": ([5.0, 5.0], [6.0, 6.0])}
    assert chosen(one_seed) == {"mixup": "mixup 2"}


def test_the_ranking_is_written_with_budget_and_gaps() -> None:
    found = runs({"mixup 1": ([1.0, None], [2.0, 2.0]), "mixup 2": ([5.0, 5.0], [6.0, 6.0])})
    text = ranking_to_markdown("Toy", ranking(found), found)
    assert "- mixup: **mixup 2**" in text
    assert "Settings tried: mixup 2; 2 seeds each. 1 runs are missing or failed." in text
    assert "| **mixup 2** | 1.50 | 5.00 | 6.00 |" in text
    assert csv_text(ranking(found)).splitlines()[1:] == ["mixup,mixup 2,1.5,5.5,True,,5,6", "mixup,mixup 1,,,False,,,2"]


ETA = "augmentation.eta=0,0.1,1"


def search(alpha: float, eta: float, tmp_path: Path) -> list[DeclaredRun]:
    """The runs of a search in which these values come out best for every method that has them."""
    grid = "augmentation.alpha=0.1,0.5,2"
    declared = table({"mixup": [grid], "mixupe": ["augmentation.variant=v2,v3", grid, ETA]})

    def error(run: DeclaredRun) -> float:
        method = run.settings.augmentation.model_dump()
        return abs(float(method["alpha"]) - alpha) + abs(float(method.get("eta", eta)) - eta)

    return fake_runs(declared, tmp_path, error)


@pytest.mark.parametrize(
    ("alpha", "eta", "of_mixup", "of_mixupe"),
    [
        (0.5, 0.1, "", ""),
        (0.1, 0.1, "alpha", "alpha"),
        (2.0, 1.0, "alpha", "alpha, eta"),
        (0.5, 0.0, "", ""),  # no eta lies below 0
    ],
)
def test_a_choice_on_an_edge_of_its_grid_is_marked(
    alpha: float, eta: float, of_mixup: str, of_mixupe: str, tmp_path: Path
) -> None:
    found = search(alpha, eta, tmp_path)
    frame = ranking(found)
    best = frame[frame["chosen"]].set_index("option")["edge"]
    assert best.to_dict() == {"mixup": of_mixup, "mixupe v2": of_mixupe, "mixupe v3": of_mixupe}
    assert (frame.loc[~frame["chosen"], "edge"] == "").all()
    text = ranking_to_markdown("Toy", frame, found)
    assert (f"- mixup: **mixup alpha={alpha:g}** (on the edge of the grid: alpha)" in text) == bool(of_mixup)
    extend = [note for note in search_notes(frame, found) if "Extend the grid" in note]
    assert len(extend) == bool(of_mixup)
    assert all(note in text for note in extend)


def test_an_unlike_number_of_settings_is_said(tmp_path: Path) -> None:
    def said(found: list[DeclaredRun]) -> bool:
        return any("More settings are more chances" in note for note in search_notes(ranking(found), found))

    found = search(0.5, 0.1, tmp_path)
    assert said(found)
    assert not said([run for run in found if run.settings.augmentation.name == "mixupe"])


def test_what_was_not_varied_has_no_edge() -> None:
    first, second = (
        compose_settings(["dataset=tabular/wine", "augmentation=mixup", f"augmentation.alpha={alpha}"])
        for alpha in (1, 2)
    )
    assert edges(first, [first]) == []
    assert edges(first, [first, second]) == ["alpha"]


def test_a_setting_of_training_has_edges_as_one_of_the_method_has(tmp_path: Path) -> None:
    declared = table({"mixup": ["augmentation.alpha=0.1,1,2", "optimizer.lr=0.001,0.01"]})
    found = fake_runs(
        declared,
        tmp_path,
        lambda run: abs(1 - run.settings.augmentation.model_dump()["alpha"]) + run.settings.optimizer.lr,
    )
    assert ranking(found)["edge"][0] == "lr"
    select = Select(grid={"mixup": declared.augmentations["mixup"]}, by="validation")
    choosing = declared.model_copy(
        update={"metric": "test_error", "augmentations": {"mixup": ()}, "select": select, "cells": declared.cells[:1]}
    )
    runs = fake_runs(choosing, tmp_path, lambda run: run.settings.optimizer.lr)
    for run in runs:
        assert run.record is not None
        run.record["metrics"]["validation_loss"] = 0.0
    assert selection(select, runs).choices[0].edges == ("alpha", "lr")
