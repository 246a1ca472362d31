"""The tables of docs/theory.md are those of results/theory/analysis.csv; `python -m tests.test_theory_page` prints them."""

import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SETS = {"vehicle": "vehicle", "mutag": "mutag", "digits": "digits", "spoken_digits_300": "spoken digits"}
METHODS = ("none", "mixup", "mixupe")
COSINES = ("exact", "v1", "v2", "v3", "v4", "entropy")


def points() -> Iterator[tuple[str, str, "pd.Series[float]"]]:
    """Data set, weights and their row: the initial ones, which the methods share, and the last of each method."""
    rows = pd.read_csv(ROOT / "results" / "theory" / "analysis.csv")
    for dataset, name in SETS.items():
        of_set = rows[rows["dataset"] == dataset]
        yield name, "initial", of_set[(of_set["augmentation"] == "none") & (of_set["step"] == 0)].iloc[0]
        for method in METHODS:
            yield name, method, of_set[of_set["augmentation"] == method].sort_values("step").iloc[-1]


def left(row: "pd.Series[float]", order: int) -> str:
    """|R_K| as part of |R_0|: percent, above 1000% the nearest power of ten."""
    part = abs(row[f"remainder_{order}"] / row["remainder_0"])
    return f"{part:.0%}" if part <= 10 else f"10^{round(math.log10(part))}"


def series_line(name: str, weights: str, row: "pd.Series[float]") -> str:
    whole = row["mixed"] - row["clean"]
    cells = [
        *(f"{row['clean']:.3f}", f"{row['mixed']:.3f}"),
        f"{row['share_1']:+.0%} ± {100 * row['term_error_1'] / abs(whole):.0f}",
        *(f"{row[f'share_{k}']:+.0%}" for k in (2, 3, 4)),
        *(left(row, order) for order in (4, 10, 30)),
        f"{(row['mixed'] - row['straight']) / whole:+.0%}",
        *(f"{row['radius_median']:.2f}", f"{row['diverging']:.0%}"),
    ]
    return f"| {name} | {weights} | {' | '.join(cells)} |"


def first_order_line(name: str, weights: str, row: "pd.Series[float]") -> str:
    cells = [
        *(f"{row['correlation']:.2f}", f"{row['same_sign']:.0%}", f"{row['bend_median']:.2f}"),
        *(f"{row['shift_median']:.2f}", f"{row['q_mean']:.3f}", f"{row['q_hat_mean']:.3f}"),
        *(f"{row['q_negative']:.0%}", f"{row['q_hat_negative']:.0%}", f"{row['alpha_least']:.2f}"),
    ]
    return f"| {name} | {weights} | {' | '.join(cells)} |"


def cosines_line(name: str, weights: str, row: "pd.Series[float]") -> str:
    cells = [f"{row[f'cosine_{of}']:+.2f}" for of in COSINES]
    return f"| {name} | {weights} | {' | '.join(cells)} |"


TABLES = {"series": series_line, "q": first_order_line, "cosines": cosines_line}


def lines(table: str) -> list[str]:
    return [
        TABLES[table](name, weights, row) for name, weights, row in points() if table != "series" or weights in METHODS
    ]


@pytest.mark.parametrize("table", TABLES)
def test_the_page_has_the_tables_of_the_file(table: str) -> None:
    page = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    assert "\n".join(lines(table)) in page


if __name__ == "__main__":
    for name in TABLES:
        print(*lines(name), sep="\n", end="\n\n")  # noqa: T201
