"""What a table found, in sentences."""

import pandas as pd

from mixupe.tables.compare import SIGNIFICANCE, Verdict, verdicts
from mixupe.tables.render import p_value_text
from mixupe.tables.search import edge_text


def verdict_sentences(comparisons: pd.DataFrame) -> list[str]:
    """One sentence a method and baseline, of `compare.comparison_frame`, and one more on data sets tuned on."""
    sentences = [f"{_found(one)}; {_test(one.p_value, one.sets)}." for one in verdicts(comparisons)]
    tuned = [f"{_found(one)}; tuned on these, so they do not count." for one in verdicts(comparisons, tuned=True)]
    return sentences + tuned or ["Nothing is compared: neither mixup nor none stands beside another method."]


def answer(comparisons: pd.DataFrame) -> str:
    """Does MixupE help here, in one sentence: of the column `mixupe`, else of the first that begins so.

    Over six or more data sets Wilcoxon's test decides, over fewer the rows that are significant by themselves:
    all of them for a yes or a no.
    """
    of_mixupe = [one for one in verdicts(comparisons) if one.augmentation.split(" ")[0] == "mixupe"]
    of_mixupe.sort(key=lambda one: (one.baseline != "mixup", one.augmentation != "mixupe"))
    if not of_mixupe:
        tuned = verdicts(comparisons, tuned=True)
        return "It cannot say: " + (
            "all its data sets are those that its settings were tuned on."
            if tuned
            else "MixupE does not stand beside mixup or none with shared seeds."
        )
    one = of_mixupe[0]
    enough = 2.0 ** (1 - one.sets) <= SIGNIFICANCE
    sure = one.p_value < SIGNIFICANCE if enough else (one.wins > 0) != (one.losses > 0)
    better = one.mean < 0 if enough else one.wins > 0
    by = f"{abs(one.mean):.2f} points {'lower' if one.mean < 0 else 'higher'}"
    rows = f"{one.wins} better and {one.losses} worse of {_count(one.wins + one.ties + one.losses, 'row')}"
    p = f"Wilcoxon p {p_value_text(one.p_value)}; " if enough else ""
    says = "Not shown" if not sure else "Yes" if better else "No, it hurts"
    if sure and not enough and max(one.wins, one.losses) < one.wins + one.ties + one.losses:
        says = "In part" if better else "In part it hurts"
    over = f"over {_count(one.sets, 'data set')} ({p}significant: {rows})"
    return f"{says}: {one.augmentation} has {by} error than {one.baseline} {over}."


def _found(one: Verdict) -> str:
    cells = one.wins + one.ties + one.losses
    sets = _count(one.sets, "data set")
    over = sets if cells == one.sets else f"{_count(cells, 'row')} on {sets}"
    return (
        f"{one.augmentation} against {one.baseline} over {over}: {_count(one.wins, 'win')},"
        f" {_count(one.losses, 'loss')}, {_count(one.ties, 'tie')}; mean difference {one.mean:+z.2f} percentage points"
        " of test error"
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
