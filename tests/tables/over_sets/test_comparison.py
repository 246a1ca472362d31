"""The verdict over the data sets of simulated tables whose truth is known."""

import math
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixupe.errors import UserError
from mixupe.tables.build import write_table
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import OverSets, Table
from mixupe.tables.over_sets.comparison import ALL, Compared, compared
from mixupe.tables.over_sets.explain import explanations
from mixupe.tables.over_sets.files import comparison_grid, comparisons_to_csv, sentences, sets_to_csv
from mixupe.tables.over_sets.properties import SetProperties, write_properties
from mixupe.tables.pictures.over_sets import probability_figures
from tests.tables.fake import fake_runs

SETS = ["wine", "iris", "sonar", "vehicle", "segment", "german", "heart", "pima", "tae", "banana", "bands", "ring"]
IMAGES = ["digits", "mnist", "fashion_mnist"]
DECLARED = OverSets(methods=("mixupe",), rivals=("regmixup", "manifold_mixup"))
TABLE = Table.parse(
    {
        "name": "toy",
        "title": "Toy",
        "seeds": [0, 1, 2, 3, 4, 5, 6],
        "augmentations": {name: [] for name in ("none", "mixup", "mixupe", "regmixup", "manifold_mixup")},
        "cells": [{"dataset": f"tabular/{one}"} for one in SETS] + [{"dataset": one} for one in IMAGES],
        "over_sets": DECLARED.model_dump(),
    }
)
# Points of error beside mixup's. MixupE is better by 2 on tables and worse by 2 on images, give or take 0.8 a data set.
EFFECTS = {"none": 0.05, "mixup": 0.0, "regmixup": -1.0, "manifold_mixup": 3.0}


def error_of(run: DeclaredRun) -> float:
    effect = EFFECTS.get(run.method, 2.0 if run.settings.dataset.domain == "images" else -2.0)
    if run.method == "mixupe":
        effect += float(np.random.default_rng(run.cell).normal(0, 0.8))
    noise = np.random.default_rng([run.cell, run.settings.seed, len(run.method)]).normal(0, 0.1)
    return float(20 + run.cell + run.settings.seed + effect + noise)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[DeclaredRun]:
    return fake_runs(TABLE, tmp_path_factory.mktemp("runs"), error_of)


@pytest.fixture(scope="module")
def found(runs: list[DeclaredRun]) -> Compared:
    return compared(DECLARED, runs, runs)


def test_each_domain_says_what_is_true_of_it(found: Compared) -> None:
    assert (found.sets, found.declared) == (15, 15)
    by_name = {(one.domain, one.baseline): one for one in found.comparisons}
    tables, images = by_name["tabular", "mixup"], by_name["images", "mixup"]
    assert tables.mean == pytest.approx(-2, abs=3 * 0.8 / 12**0.5)
    assert images.mean == pytest.approx(2, abs=3 * 0.8 / 3**0.5)
    assert tables.p_value < 0.001
    assert tables.posterior is not None
    assert images.posterior is not None
    assert tables.posterior.next_set.better > 0.85, "0.97 by the normal distribution"
    assert tables.posterior.votes.better > 0.99
    assert images.posterior.next_set.worse > 0.6
    assert 0.3 < tables.detectable < 1.2, "(1.96 + 0.84) 0.8 / sqrt(12) = 0.65"
    assert math.isnan(images.detectable), "three data sets can detect nothing"
    both = by_name[ALL, "mixup"].posterior
    assert both is not None
    assert 0.5 < both.next_set.better < 0.97
    assert both.next_set.worse > 0.05
    assert both.spread > 0.8, "domains that differ are a spread"


def test_the_verdict_says_what_hangs_on_noise_that_seeds_share(found: Compared) -> None:
    """These seeds share none, so that what the model takes for noise of a set is a difference between sets."""
    (against_mixup,) = [one for one in found.of(ALL) if one.baseline == "mixup"]
    assert against_mixup.posterior is not None
    assert against_mixup.independent is not None
    assert against_mixup.independent.equal < against_mixup.posterior.next_set.equal
    assert all(one.independent is None for one in found.comparisons if one.domain != ALL)
    area = against_mixup.independent
    assert f"{area.equal:.2f} and {area.worse:.2f} if seeds shared no noise" in sentences(found, [], True)[0]


def test_the_best_rival_is_a_baseline_of_its_own(found: Compared) -> None:
    assert {one.baseline for one in found.comparisons if one.is_rival} == {"regmixup"}
    assert [one.baseline for one in found.of(ALL)] == ["mixup", "none", "regmixup"]
    assert found.ranks["tabular"].methods == ("mixupe", "regmixup", *found.ranks["tabular"].methods[2:])
    assert found.ranks["images"].methods[0] == "regmixup"


def test_a_data_set_that_is_still_at_work_is_left_out(runs: list[DeclaredRun]) -> None:
    partial = [replace(run, record=None, state="MISSING") if run is runs[-1] else run for run in runs]
    found = compared(DECLARED, partial, partial)
    assert (found.sets, found.declared) == (14, 15)
    assert all(one.name != "fashion_mnist" for one in found.of(ALL)[0].differences)
    assert "images" not in {one.domain for one in found.comparisons if one.posterior}
    assert "14 data sets (1 of 15 are not whole yet)" in sentences(found, [], has_properties=True)[0]


def test_a_run_that_diverged_does_not_hold_its_data_set_back(runs: list[DeclaredRun]) -> None:
    partial = [replace(run, record=None, state="FAILED") if run is runs[-1] else run for run in runs]
    assert compared(DECLARED, partial, partial).sets == 15


def test_before_any_data_set_is_whole_there_is_no_verdict(runs: list[DeclaredRun]) -> None:
    found = compared(DECLARED, [replace(run, state="MISSING", record=None) for run in runs], [])
    assert (found.sets, found.ranks, found.comparisons) == (0, {}, [])
    assert sentences(found, [], has_properties=False) == [
        "No verdict over the data sets yet: 0 of 15 have all their runs."
    ]
    one_seed = [run for run in runs if run.settings.seed == 0]
    (said,) = sentences(compared(DECLARED, one_seed, one_seed), [], has_properties=False)
    assert said.endswith("15 of 15 have all their runs, none of them two seeds that a method and a baseline share.")
    assert comparison_grid(found)[1] == []


def test_one_data_set_is_no_several(runs: list[DeclaredRun]) -> None:
    of_one = [run for run in runs if run.cell == 0]
    alone = compared(OverSets(methods=("mixupe",)), of_one, of_one)
    assert sentences(alone, [], has_properties=True)[0].startswith("mixupe against mixup, 1 data set: ")


def test_a_picture_has_no_negative_zero(found: Compared) -> None:
    first = found.comparisons[0]
    assert first.posterior is not None
    level = replace(first, posterior=replace(first.posterior, mean=-0.001, low=-0.004, high=0.001))
    (figure,) = probability_figures("Toy", replace(found, comparisons=[level]))
    told = [text.get_text() for text in figure.axes[0].texts]
    assert f"+0.00 [+0.00, +0.00], {len(first.differences)}" in told


def test_methods_of_some_cells_alone_are_ranked_where_all_have_them(runs: list[DeclaredRun]) -> None:
    """As CutMix, which images alone run."""
    some = [run for run in runs if run.method != "regmixup" or run.settings.dataset.domain == "images"]
    found = compared(DECLARED, some, some)
    assert "regmixup" not in found.ranks[ALL].methods
    assert "regmixup" in found.ranks["images"].methods
    assert {one.baseline for one in found.of(ALL) if one.is_rival} == {"manifold_mixup"}


def test_the_files_hold_the_corrected_test_of_each_set(found: Compared) -> None:
    frame = pd.read_csv(StringIO(sets_to_csv(found)))
    assert len(frame) == 15 * 3
    (wine,) = frame[(frame["dataset"] == "wine") & (frame["baseline"] == "mixup")].to_dict("records")
    assert wine["n"] == 7
    assert wine["ci_low"] < wine["delta"] < wine["ci_high"]
    assert 0 < wine["p_value"] < 0.05
    assert abs(wine["shrunk"] + 2) < 0.3
    probabilities = pd.read_csv(StringIO(comparisons_to_csv(found)))
    known = probabilities.dropna(subset=["next_better"])
    over_all = known[known["domain"] == ALL]
    for kind, rows in (("next", known), ("average", known), ("votes", known), ("independent", over_all)):
        total = rows[[f"{kind}_{one}" for one in ("better", "equal", "worse")]].sum(axis=1)
        assert total.tolist() == pytest.approx([1.0] * len(rows), abs=1e-4)


def test_a_built_table_has_the_verdict(
    runs: list[DeclaredRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixupe.tables.build.explanations", partial(explanations, permutations=5))
    # A panel a cell would take most of the time, and is none of this.
    monkeypatch.setattr("mixupe.tables.pictures.of_table.MOST_CELLS", len(SETS) - 1)
    folder = tmp_path / "toy"
    write_properties(
        folder, [SetProperties(name, 100 * (1 + at), 10.0, 2, 0.6, at % 2 == 0) for at, name in enumerate(SETS)]
    )
    write_table(TABLE, runs, folder)
    names = ("over_sets.csv", "sets.csv", "ranks.csv", "gains.csv", "explained.csv", "verdict.png", "ranks.png")
    assert all((folder / name).stat().st_size for name in (*names, "gains.png"))
    text = (folder / "table.md").read_text()
    assert "## Over the data sets, with probabilities" in text
    assert "mixupe against mixup, 15 data sets:" in text
    assert "## When does it help?" in text
    plain = Table.parse({**TABLE.model_dump(), "over_sets": None})
    write_table(plain, runs, folder)
    assert not [name for name in (*names, "gains.png") if (folder / name).exists()]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"over_sets": {"methods": ["nixup"]}},
            r"over_sets\.methods: 'nixup' is no method, allowed are manifold_mixup",
        ),
        ({"over_sets": {"methods": ["mixupe"], "rivals": ["x"]}}, r"over_sets\.rivals: 'x' is no method"),
        ({"over_sets": {"methods": []}}, r"over_sets\.methods"),
        ({"over_sets": {"methods": ["mixupe"], "rope": 0}}, r"over_sets\.rope"),
        ({"metric": "validation_error"}, "over_sets: belongs to a table of test errors"),
    ],
)
def test_a_wrong_declaration_is_one_line(change: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Table.parse({**TABLE.model_dump(), **change})
