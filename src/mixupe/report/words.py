"""What a table found, in sentences."""

import pandas as pd

from mixupe.tables.compare import SIGNIFICANCE, verdicts
from mixupe.tables.render import p_value_text


def verdict_sentences(comparisons: pd.DataFrame, sets: int) -> list[str]:
    """One sentence a method and baseline; mixup and none are compared with each other once.

    Args:
        comparisons: as `compare.comparison_frame` makes them.
        sets: number of data sets of the table, which may have several cells each.
    """
    sentences = []
    for one in verdicts(comparisons):
        if (one.augmentation, one.baseline) == ("mixup", "none"):
            continue
        cells = one.wins + one.ties + one.losses
        over = _count(cells, "data set") if cells == sets else f"{_count(cells, 'row')} on {_count(sets, 'data set')}"
        sentences.append(
            f"{one.augmentation} against {one.baseline} over {over}: {_count(one.wins, 'win')},"
            f" {_count(one.losses, 'loss')}, {_count(one.ties, 'tie')}; mean difference {one.mean:+.2f} percentage points"
            f" of test error; {_test(one.p_value, cells, sets)}."
        )
    return sentences or ["Nothing is compared: neither mixup nor none stands beside another method."]


def _test(p_value: float, cells: int, sets: int) -> str:
    """The test over the cells, and what it could not find or takes for granted."""
    if cells < 2:
        return "no test over a single data set"
    p = p_value_text(p_value)
    text = f"Wilcoxon p {p if p.startswith('<') else f'= {p}'}, {'' if p_value < SIGNIFICANCE else 'not '}significant"
    least = 2.0 ** (1 - cells)
    if least > SIGNIFICANCE:
        return f"{text} (with {cells} none below {least:.3g} is possible)"
    return (
        text if cells == sets else f"{text} (rows on one data set are not independent, which the test takes them for)"
    )


def _count(number: int, name: str) -> str:
    return f"{number} {name if number == 1 else name + ('es' if name.endswith('s') else 's')}"


def chosen_sentence(settings: pd.DataFrame) -> str:
    """The settings that a search chose, one a method."""
    chosen = [str(setting) for setting in settings.loc[settings["chosen"], "setting"]]
    return f"Chosen: {'; '.join(chosen)}." if chosen else "Nothing chosen yet: no setting has all its runs."
