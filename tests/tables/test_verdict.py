"""The rules of a verdict on constructed numbers, and Welch's test on the paper's own figures."""

import math
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from mixupe.tables.collect import DeclaredRun
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.manifest import Table
from mixupe.tables.paper import Figure
from mixupe.tables.paper_files import (
    claim_grid,
    claims_to_csv,
    level_grid,
    levels_to_csv,
    paper_sentences,
    paper_to_latex,
)
from mixupe.tables.pictures.dumbbell import dumbbell_figures
from mixupe.tables.resampling import resamplings
from mixupe.tables.statistics import Summary
from mixupe.tables.verdict import PaperComparison, claim_verdict, compare_with_paper, level_verdict, welch
from tests.tables.fake import fake_runs

FIGURES = Path(__file__).parents[1] / "data" / "paper" / "figures.yaml"
NOTHING = Summary(math.nan, math.nan, 0)


@pytest.mark.parametrize(
    ("ours", "paper", "verdict"),
    [
        (Summary(10.1, 0.2, 5), Summary(10.0, 0.2, 5), "reproduced"),  # the interval lies within a point
        (Summary(12.0, 0.2, 5), Summary(10.0, 0.2, 5), "level differs"),
        (Summary(8.0, 0.2, 5), Summary(10.0, 0.2, 5), "level differs"),
        (
            Summary(10.1, 0.01, 5),
            Summary(10.0, 0.01, 5),
            "reproduced",
        ),  # sure to differ, but by a hundredth of the error
        (Summary(10.1, 3.0, 5), Summary(10.0, 3.0, 5), "cannot tell"),  # equal, but the interval is eight points wide
        (
            Summary(10.9, 0.2, 5),
            Summary(10.0, 0.2, 5),
            "level differs",
        ),  # 0.61 to 1.19: beyond the margin, and without 0
        (Summary(10.8, 0.6, 5), Summary(10.0, 0.6, 5), "cannot tell"),  # -0.08 to 1.68
        (Summary(10.0, math.nan, 1), Summary(10.0, 0.2, 5), "cannot tell"),
        (Summary(10.0, 0.2, 5), Summary(30.0, math.nan, 5), "cannot tell"),  # no spread is printed
        (Summary(10.0, 0.2, 5), Summary(30.0, 0.2, 0), "cannot tell"),  # nor the number of runs
        (NOTHING, Summary(10.0, 0.2, 5), "cannot tell"),
    ],
)
def test_levels(ours: Summary, paper: Summary, verdict: str) -> None:
    assert level_verdict(welch(ours, paper), paper.mean) == verdict


@pytest.mark.parametrize(
    ("difference", "p_value", "verdict"),
    [
        *((-1.0, 0.01, "holds"), (1.0, 0.01, "contradicted"), (-1.0, 0.05, "cannot tell"), (1.0, 0.3, "cannot tell")),
        *((math.nan, math.nan, "cannot tell"), (-1.0, math.nan, "cannot tell"), (0.0, 0.0, "cannot tell")),
    ],
)
def test_claims(difference: float, p_value: float, verdict: str) -> None:
    assert claim_verdict(difference, p_value) == verdict


def test_welch_is_scipys() -> None:
    a, b = [3.1, 2.9, 3.4, 3.0], [2.4, 2.6, 2.1, 2.5, 2.9]
    means = [Summary(float(pd.Series(x).mean()), float(pd.Series(x).std()), len(x)) for x in (a, b)]
    found, expected = welch(*means), stats.ttest_ind(a, b, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))


def test_welch_without_any_spread() -> None:
    same = welch(Summary(3.0, 0.0, 5), Summary(3.0, 0.0, 5))
    other = welch(Summary(2.0, 0.0, 5), Summary(3.0, 0.0, 5))
    assert (same.p_value, same.ci_low, other.p_value, other.ci_low, other.ci_high) == (1.0, 0.0, 0.0, -1.0, -1.0)


def printed(dataset: str, augmentation: str) -> Summary:
    (figure,) = [
        entry
        for entry in yaml.safe_load(FIGURES.read_text())
        if (entry["dataset"], entry["augmentation"]) == (dataset, augmentation)
    ]
    return Summary(figure["value"], figure["std"], figure["repetitions"])


def test_of_the_papers_own_table_4_karhunen_is_in_its_favour_and_letter_against_it() -> None:
    sets = dict.fromkeys(
        entry["dataset"] for entry in yaml.safe_load(FIGURES.read_text()) if entry["place"] == "Table 4"
    )
    assert len(sets) == 15
    verdicts = {}
    for name in sets:
        found = welch(printed(name, "mixupe"), printed(name, "mixup"))
        verdicts[name] = claim_verdict(found.difference, found.p_value)
    told = {name.removeprefix("openml/"): verdict for name, verdict in verdicts.items() if verdict != "cannot tell"}
    assert told == {"mfeat_karhunen": "holds", "letter": "contradicted"}
    karhunen = welch(printed("openml/mfeat_karhunen", "mixupe"), printed("openml/mfeat_karhunen", "mixup"))
    assert karhunen.p_value == pytest.approx(0.0157, abs=1e-3)


TABLE = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1, 2, 3, 4],
    "augmentations": {"none": [], "mixup": [], "mixupe": []},
    "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}],
}
ERROR = {"model": "mlp", "std": 0.1, "n": 5, "source": "Somebody et al., 2020", "place": "Table 1"}
# By cell, by method; seeds lie 0.1 apart, and the differences of MixupE vary by 0.02.
OURS = [{"none": 12.0, "mixup": 10.0, "mixupe": 9.0}, {"none": 5.0, "mixup": 4.0, "mixupe": 4.5}]
PAPER = {"wine": {"none": 12.05, "mixup": 9.95, "mixupe": 7.0}, "iris": {"mixup": 4.05, "mixupe": 4.02}}


def error(run: DeclaredRun) -> float:
    wobble = 0.02 * (run.settings.seed % 2) if run.method == "mixupe" else 0.0
    return OURS[run.cell][run.method] + 0.1 * (run.settings.seed - 2) + wobble


def compared(folder: Path, **changes: object) -> PaperComparison:
    runs = fake_runs(Table.parse(TABLE), folder, error)
    comparisons = comparison_frame(runs)
    figures = [
        Figure.model_validate({**ERROR, "dataset": dataset, "augmentation": method, "value": value, **changes})
        for dataset, errors in PAPER.items()
        for method, value in errors.items()
    ]
    found = compare_with_paper(table_frame(runs, comparisons), comparisons, figures, resamplings(runs))
    assert found is not None
    return found


def test_a_table_beside_the_paper(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert {(*level.names[::2],): level.verdict for level in found.levels} == {
        ("wine", "none"): "reproduced",
        ("wine", "mixup"): "reproduced",
        ("wine", "mixupe"): "level differs",
        ("iris", "mixup"): "reproduced",
        ("iris", "mixupe"): "level differs",
    }, "in the table's order, rows without a figure left out"
    told = {(claim.names[0], claim.against): (claim.verdict, claim.paper_verdict) for claim in found.claims}
    assert told == {
        ("wine", "mixup"): ("holds", "holds"),
        ("wine", "none"): ("holds", "holds"),
        ("iris", "mixup"): ("contradicted", "cannot tell"),
    }


def test_the_files_say_it(tmp_path: Path) -> None:
    found = compared(tmp_path)
    levels = pd.read_csv(StringIO(levels_to_csv(found)))
    assert levels["verdict"].tolist() == [level.verdict for level in found.levels]
    columns = levels[["ours_n", "paper_mean", "paper_std", "paper_n"]].to_numpy().tolist()
    assert columns[2] == [5, 7.0, 0.1, 5]
    assert levels["difference"].tolist() == pytest.approx(
        (levels["ours_mean"] - levels["paper_mean"]).tolist(), abs=1e-4
    )
    claims = pd.read_csv(StringIO(claims_to_csv(found)))
    assert claims["verdict"].tolist() == ["holds", "holds", "contradicted"]
    assert claims["paper_difference"].tolist() == pytest.approx([-2.95, -5.05, -0.03])
    assert level_grid(found)[1][2][3:] == [
        "9.01 ± 0.16 (5)",
        "7.00 ± 0.10 (5)",
        "+2.01 [+1.71, +2.31]",
        "level differs",
    ]
    assert [line[2] for line in claim_grid(found)[1]] == [
        *("mixupe better than mixup", "mixupe better than none", "mixupe better than mixup")
    ]
    levels_told, mixup, none = paper_sentences(found)
    assert levels_told == "Levels of the paper, 5 in all: 3 reproduced, 2 level differs, 0 cannot tell."
    assert mixup == (
        "mixupe better than mixup in 2 rows, ours: holds 1, contradicted 1, cannot tell 0; by the paper's own figures: holds"
        " 1, contradicted 0, cannot tell 1 (1 of them below 0.05 after Holm's adjustment)."
    )
    assert none.startswith("mixupe better than none in 1 row, ours: holds 1")
    tex = paper_to_latex("Toy & co", found)
    assert tex.count(r"\begin{tabular}{lllrrrr") == 2
    assert r"Toy \& co, beside the paper." in tex
    assert "level differs" in tex


def test_a_fraction_beside_percentages_and_an_accuracy(tmp_path: Path) -> None:
    fraction = compared(tmp_path, std=0.06, std_unit="fraction")
    assert fraction.levels[0].paper.std == pytest.approx(6.0)
    assert {level.verdict for level in fraction.levels} == {"cannot tell"}
    figure = Figure.model_validate(
        {**ERROR, "dataset": "wine", "augmentation": "mixup", "value": 95.5, "std": 0.4, "unit": "accuracy"}
    )
    assert (figure.error, figure.spread, figure.text) == (4.5, 0.4, "4.5 ± 0.4")


def test_what_prints_no_spread_has_a_difference_and_no_verdict(tmp_path: Path) -> None:
    found = compared(tmp_path, std=None)
    assert {level.verdict for level in found.levels} == {"cannot tell"}
    assert level_grid(found)[1][2][4:6] == ["7.00 (5)", "+2.01"]
    assert claim_grid(found)[1][0][6:] == ["-2.95", "-", "cannot tell"]


def test_the_picture_has_a_panel_a_data_set_and_leaves_out_what_has_not_run(tmp_path: Path) -> None:
    levels = compared(tmp_path).levels
    (figure,) = dumbbell_figures("Toy", levels)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["wine (mlp)", "iris (mlp)"]
    joined = [line for line in figure.axes[0].lines if line.get_linewidth() == 3]
    ends = [np.round(np.asarray(line.get_xdata(), dtype=np.float64), 2).tolist() for line in joined]
    assert ends == [[12.0, 12.05], [10.0, 9.95], [9.01, 7.0]]
    assert [line.get_color() for line in joined] == ["#009E73", "#009E73", "#000000"]
    assert dumbbell_figures("Toy", [replace(level, ours=NOTHING) for level in levels]) == []
