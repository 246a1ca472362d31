"""paper.csv, claims.csv, paper.tex and the parts of table.md that set a table beside the paper's figures."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import pandas as pd

from mixupe.tables.compare import SIGNIFICANCE
from mixupe.tables.escape import csv_text, latex
from mixupe.tables.numbers import p_value_text
from mixupe.tables.paper import ROW
from mixupe.tables.render import latex_tabular
from mixupe.tables.statistics import holm
from mixupe.tables.verdict import (
    CANNOT_TELL,
    CONTRADICTED,
    DIFFERS,
    HOLDS,
    MARGIN,
    REPRODUCED,
    Claim,
    PaperComparison,
    Welch,
)

Lines: TypeAlias = tuple[list[str], list[list[str]]]

LEVEL_NOTE = (
    "Ours and the paper's: error in percent, mean ± standard deviation (runs). Difference: ours - the paper's in percentage"
    f" points with Welch's 95% interval. {REPRODUCED}: the whole interval lies within {MARGIN:.0%} of the paper's error;"
    f" {DIFFERS}: it does not, and leaves out 0; {CANNOT_TELL}: all else, so also where the paper prints no spread."
)
CLAIM_NOTE = (
    "Negative is better for MixupE. Ours: paired difference over shared seeds with its 95% interval, p Holm-adjusted over"
    f" the table. The paper's: from its printed mean, spread and runs by Welch's test, not adjusted. {HOLDS}: p <"
    f" {SIGNIFICANCE} and negative; {CONTRADICTED}: p < {SIGNIFICANCE} and positive; {CANNOT_TELL}: no such p."
)


def levels_to_csv(found: PaperComparison) -> str:
    """One line a published figure; errors in percent, differences in percentage points, ours - the paper's."""
    rows = [
        {
            **dict(zip(ROW, level.names, strict=True)),
            **level.ours.columns("ours"),
            **level.paper.columns("paper"),
            **_difference("", level.found),
            "margin": MARGIN * level.paper.mean,
            "verdict": level.verdict,
        }
        for level in found.levels
    ]
    return csv_text(pd.DataFrame(rows))


def claims_to_csv(found: PaperComparison) -> str:
    """One line a claim; differences in percentage points of error, MixupE - the other method."""
    rows = [
        {
            **dict(zip(ROW, claim.names, strict=True)),
            "against": claim.against,
            "n": claim.n,
            **_difference("", claim.ours),
            "p_holm": claim.ours.p_value,
            "verdict": claim.verdict,
            **_difference("paper_", claim.paper),
            "paper_p_value": claim.paper.p_value,
            "paper_verdict": claim.paper_verdict,
        }
        for claim in found.claims
    ]
    return csv_text(pd.DataFrame(rows))


def _difference(prefix: str, found: Welch) -> dict[str, float]:
    return {
        f"{prefix}difference": found.difference,
        f"{prefix}ci_low": found.ci_low,
        f"{prefix}ci_high": found.ci_high,
    }


def level_grid(found: PaperComparison) -> Lines:
    """Header and body for people."""
    header = ["data set", "model", "method", "ours", "the paper's", "difference", "verdict"]
    body = [
        [*level.names, level.ours.text, level.paper.text, level.found.text, level.verdict] for level in found.levels
    ]
    return header, body


def claim_grid(found: PaperComparison) -> Lines:
    """Header and body for people."""
    header = ["data set", "model", "claim", "ours", "p (Holm)", "verdict", "the paper's", "p (Welch)", "on its figures"]
    body = [
        [
            *claim.names[:2],
            f"{claim.names[2]} better than {claim.against}",
            *(claim.ours.text, p_value_text(claim.ours.p_value), claim.verdict),
            *(claim.paper.text, p_value_text(claim.paper.p_value), claim.paper_verdict),
        ]
        for claim in found.claims
    ]
    return header, body


def paper_sentences(found: PaperComparison) -> list[str]:
    """What came out, a sentence for the levels and one a claim."""
    levels: Counter[str] = Counter(level.verdict for level in found.levels)
    counts = ", ".join(f"{levels[verdict]} {verdict}" for verdict in (REPRODUCED, DIFFERS, CANNOT_TELL))
    lines = [f"Levels of the paper, {len(found.levels)} in all: {counts}."]
    for against in dict.fromkeys(claim.against for claim in found.claims):
        lines.append(_claim_sentence(against, [claim for claim in found.claims if claim.against == against]))
    return lines


def _claim_sentence(against: str, claims: Sequence[Claim]) -> str:
    adjusted = holm([claim.paper.p_value for claim in claims])
    left = sum(p < SIGNIFICANCE for p in adjusted)
    rows = f"{len(claims)} row{'s' * (len(claims) > 1)}"
    return (
        f"mixupe better than {against} in {rows}, ours: {_counts(claim.verdict for claim in claims)}; by the"
        f" paper's own figures: {_counts(claim.paper_verdict for claim in claims)} ({left} of them below {SIGNIFICANCE}"
        " after Holm's adjustment)."
    )


def _counts(verdicts: Iterable[str]) -> str:
    counted = Counter(verdicts)
    return ", ".join(f"{verdict} {counted[verdict]}" for verdict in (HOLDS, CONTRADICTED, CANNOT_TELL))


def paper_to_latex(title: str, found: PaperComparison) -> str:
    """Two booktabs tables."""
    parts = [("beside the paper", LEVEL_NOTE, level_grid(found)), ("the paper's claims", CLAIM_NOTE, claim_grid(found))]
    return "\n".join(
        latex_tabular(latex(f"{title}, {what}. {note}"), *grid, names=3) for what, note, grid in parts if grid[1]
    )
