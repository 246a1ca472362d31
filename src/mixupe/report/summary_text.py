"""What a table found, in sentences."""

import pandas as pd

from mixupe.tables.compare import SIGNIFICANCE, Verdict, verdicts
from mixupe.tables.numbers import p_value_text
from mixupe.tables.search import edge_text


def verdict_sentences(comparisons: pd.DataFrame) -> list[str]:
    """One sentence a method and baseline, of `compare.comparison_frame`, and one more on data sets tuned on."""
    sentences = [f"{_found(verdict)}; {_test(verdict.p_value, verdict.sets)}." for verdict in verdicts(comparisons)]
    tuned = [
        f"{_found(verdict)}; tuned on these, so they do not count." for verdict in verdicts(comparisons, tuned=True)
    ]
    return sentences + tuned or ["Nothing is compared: neither mixup nor none stands beside another method."]


def answer(comparisons: pd.DataFrame) -> str:
    """Does MixupE help here, in one sentence: of the column `mixupe`, else of the first that begins so.

    Over six or more data sets Wilcoxon's test decides, over fewer the rows that are significant by themselves:
    all of them for a yes or a no.
    """
    of_mixupe = [verdict for verdict in verdicts(comparisons) if verdict.augmentation.split(" ")[0] == "mixupe"]
    of_mixupe.sort(key=lambda verdict: (verdict.baseline != "mixup", verdict.augmentation != "mixupe"))
    if not of_mixupe:
        tuned = verdicts(comparisons, tuned=True)
        return "It cannot say: " + (
            "all its data sets are those that its settings were tuned on."
            if tuned
            else "MixupE does not stand beside mixup or none with shared seeds."
        )
    verdict = of_mixupe[0]
    enough = 2.0 ** (1 - verdict.sets) <= SIGNIFICANCE
    sure = verdict.p_value < SIGNIFICANCE if enough else (verdict.wins > 0) != (verdict.losses > 0)
    better = verdict.mean < 0 if enough else verdict.wins > 0
    by = f"{abs(verdict.mean):.2f} points {'lower' if verdict.mean < 0 else 'higher'}"
    cells = verdict.wins + verdict.ties + verdict.losses
    rows = f"{verdict.wins} better and {verdict.losses} worse of {_count(cells, 'row')}"
    p = f"Wilcoxon p {p_value_text(verdict.p_value)}; " if enough else ""
    says = "Not shown" if not sure else "Yes" if better else "No, it hurts"
    if sure and not enough and max(verdict.wins, verdict.losses) < cells:
        says = "In part" if better else "In part it hurts"
    over = f"over {_count(verdict.sets, 'data set')} ({p}significant: {rows})"
    return f"{says}: {verdict.augmentation} has {by} error than {verdict.baseline} {over}."


def _found(verdict: Verdict) -> str:
    cells = verdict.wins + verdict.ties + verdict.losses
    sets = _count(verdict.sets, "data set")
    over = sets if cells == verdict.sets else f"{_count(cells, 'row')} on {sets}"
    return (
        f"{verdict.augmentation} against {verdict.baseline} over {over}: {_count(verdict.wins, 'win')},"
        f" {_count(verdict.losses, 'loss')}, {_count(verdict.ties, 'tie')}; mean difference {verdict.mean:+z.2f}"
        " percentage points of test error"
    )


def _test(p_value: float, sets: int) -> str:
    """The test over the data sets, and what it could not find."""
    if sets < 2:
        return "no test over a single data set"
    p = p_value_text(p_value)
    text = f"Wilcoxon p {p if p.startswith('<') else f'= {p}'}, {'' if p_value < SIGNIFICANCE else 'not '}significant"
    least = 2.0 ** (1 - sets)
    return f"{text} (with {sets} none below {least:.3g} is possible)" if least > SIGNIFICANCE else text


def _count(number: int, name: str) -> str:
    return f"{number} {name if number == 1 else name + ('es' if name.endswith('s') else 's')}"


def chosen_sentence(settings: pd.DataFrame) -> str:
    """The settings that a search chose, one a method."""
    chosen = [f"{row['setting']}{edge_text(row['edge'])}" for _, row in settings[settings["chosen"]].iterrows()]
    return f"Chosen: {'; '.join(chosen)}." if chosen else "Nothing chosen yet: no setting has all its runs."
