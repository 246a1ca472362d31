"""What the sentences claim."""

import pandas as pd
import pytest

from mixupe.report.summary_text import answer, chosen_sentence, verdict_sentences

COLUMNS = ["augmentation", "baseline", "delta", "p_holm", "set", "tuned_on"]


def comparisons(deltas: list[float], p_holm: float, sets: int) -> pd.DataFrame:
    """As many data sets, dealt to the cells in turn."""
    names = {"augmentation": "mixupe", "baseline": "mixup", "tuned_on": ""}
    rows = [{**names, "delta": delta, "p_holm": p_holm, "set": at % sets} for at, delta in enumerate(deltas)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(
    ("deltas", "p_holm", "sets", "says"),
    [
        (
            [-1.0, -2.0, -3.0, -1.5, -0.5, -0.1],
            0.2,
            6,
            "mixupe against mixup over 6 data sets: 0 wins, 0 losses, 6 ties; mean difference -1.35 percentage points of"
            " test error; Wilcoxon p = 0.031, significant.",
        ),
        ([1.0, 2.0], 0.01, 2, "0 wins, 2 losses, 0 ties; mean difference +1.50"),
        ([1.0, 2.0], 0.01, 2, "Wilcoxon p = 0.500, not significant (with 2 none below 0.5 is possible)."),
        ([-1.0], 0.01, 1, "over 1 data set: 1 win, 0 losses, 0 ties"),
        ([-1.0], 0.01, 1, "no test over a single data set."),
        ([-1.0, -2.0, -3.0, -1.5, -0.5, -0.1], 0.2, 2, "over 6 rows on 2 data sets"),
        ([-1.0, -2.0, -3.0, -1.5, -0.5, -0.1], 0.2, 2, "p = 0.500, not significant (with 2 none below 0.5"),
    ],
)
def test_a_verdict_in_words(deltas: list[float], p_holm: float, sets: int, says: str) -> None:
    (sentence,) = verdict_sentences(comparisons(deltas, p_holm, sets))
    assert says in sentence


def test_data_sets_tuned_on_are_told_apart() -> None:
    frame = comparisons([-1.0, -2.0, -3.0], 0.01, 3).assign(tuned_on=["hunt", "hunt", ""])
    counted, apart = verdict_sentences(frame)
    assert "over 1 data set: 1 win, 0 losses, 0 ties; mean difference -3.00" in counted
    assert "over 2 data sets: 2 wins, 0 losses, 0 ties; mean difference -1.50" in apart
    assert apart.endswith("tuned on these, so they do not count.")


def test_a_search_without_a_complete_setting_has_chosen_nothing() -> None:
    frame = pd.DataFrame({"setting": ["mixup alpha=1"], "chosen": [False]})
    assert chosen_sentence(frame) == "Nothing chosen yet: no setting has all its runs."


def test_without_a_baseline_nothing_is_claimed() -> None:
    (sentence,) = verdict_sentences(comparisons([], 1.0, 1))
    assert sentence.startswith("Nothing is compared")


@pytest.mark.parametrize(
    ("deltas", "p_holm", "sets", "says"),
    [
        (
            [-1.0, -2.0, -3.0, -1.5, -0.5, -0.1],
            0.2,
            6,
            "Yes: mixupe has 1.35 points lower error than mixup over 6",
        ),
        ([1.0, 2.0, 3.0, 1.5, 0.5, 0.1], 0.2, 6, "No, it hurts: mixupe has 1.35 points higher error"),
        ([1.0, -2.0, 3.0, -1.5, -0.5, 0.1], 0.2, 6, "Not shown: mixupe has 0.02 points higher error"),
        ([-1.0], 0.01, 1, "Yes: mixupe has 1.00 points lower error than mixup over 1 data set (significant: 1 better"),
        ([-1.0, 2.0], 0.01, 2, "Not shown: mixupe has 0.50 points higher error"),
        ([-1.0], 0.2, 1, "Not shown: mixupe has 1.00 points lower error"),
        ([], 1.0, 1, "It cannot say: MixupE does not stand beside mixup or none"),
    ],
)
def test_the_answer_is_one_sentence(deltas: list[float], p_holm: float, sets: int, says: str) -> None:
    sentence = answer(comparisons(deltas, p_holm, sets))
    assert sentence.startswith(says)
    assert sentence.count(". ") == 0


def test_data_sets_tuned_on_answer_nothing() -> None:
    frame = comparisons([-1.0, -2.0], 0.01, 2).assign(tuned_on="hunt")
    assert answer(frame) == "It cannot say: all its data sets are those that its settings were tuned on."


@pytest.mark.parametrize(("sign", "says"), [(-1, "In part: "), (1, "In part it hurts: ")])
def test_one_significant_row_of_many_is_no_yes(sign: int, says: str) -> None:
    frame = comparisons([sign * 1.0, sign * 0.2, sign * 0.1], 0.2, 1).assign(p_holm=[0.01, 0.6, 0.8])
    assert answer(frame).startswith(says)
