"""What a verdict over data sets is written and shown as."""

import math
from collections.abc import Sequence

import pandas as pd

from mixupe.tables.escape import csv_text
from mixupe.tables.over_sets.comparison import ALL, Compared, Comparison
from mixupe.tables.over_sets.explain import Explanation
from mixupe.tables.over_sets.hierarchical import Areas
from mixupe.tables.over_sets.properties import PROPERTIES_FILE
from mixupe.tables.paper_files import Lines
from mixupe.tables.statistics import paired_difference

NOTE = (
    "Differences are method - baseline in percentage points, negative is better. p: Wilcoxon's signed-rank test over the"
    " data sets, not adjusted. Mean: posterior mean of the mean difference of all such data sets, with its central 95%"
    " interval. Better, equal, worse: probabilities of the true difference on a further data set of the kind, equal being"
    " within {rope:g} points (hierarchical model of Corani and others, 2017). Detectable: the mean difference that"
    " Wilcoxon's test would have found here with 80% power. The best rival is the one with the best mean rank, chosen on"
    " these errors, which favours it."
)
RANK_NOTE = (
    "Mean ranks over the data sets, 1 is best, of the methods that run on all of them. Friedman's p: that all are alike; two"
    " methods whose mean ranks differ by less than the critical difference cannot be told apart (Nemenyi, 5%)."
)
EXPLAIN_NOTE = (
    "Size, dimension, classes, majority share, validation error of plain training, BatchNorm and domain as predictors of a"
    " data set's difference. R^2 is of predictions for each data set by a model of all others, against the mean of the"
    " others: 0 or less is no better than nothing. p: permutations, Holm-adjusted over these models."
)


def comparisons_to_csv(found: Compared) -> str:
    """over_sets.csv: one row a domain, baseline and method."""
    rows = []
    for comparison in found.comparisons:
        row: dict[str, object] = {
            "domain": comparison.domain,
            "method": comparison.method,
            "baseline": comparison.baseline,
        }
        row |= {
            "best_rival": comparison.is_rival,
            "sets": len(comparison.differences),
            "mean": comparison.mean,
            "p_wilcoxon": comparison.p_value,
        }
        row |= {"detectable": comparison.detectable, "rope": found.rope}
        posterior = comparison.posterior
        if posterior is not None:
            row |= {"mu0": posterior.mean, "mu0_low": posterior.low, "mu0_high": posterior.high}
            row |= {"sigma0": posterior.spread, "rhat": posterior.rhat}
            row |= {**_named("next", posterior.next_set), **_named("average", posterior.average)}
            row |= _named("votes", posterior.votes)
        if comparison.independent is not None:
            row |= _named("independent", comparison.independent)
        rows.append(row)
    frame = pd.DataFrame(rows)
    return csv_text(frame, list(frame.columns))


def _named(what: str, areas: Areas) -> dict[str, float]:
    return {f"{what}_better": areas.better, f"{what}_equal": areas.equal, f"{what}_worse": areas.worse}


def sets_to_csv(found: Compared) -> str:
    """sets.csv: the corrected paired test of each data set, baseline and method, and the difference that the model of all
    data sets draws it to.
    """
    rows: list[dict[str, object]] = []
    for comparison in found.of(ALL):
        shrunk = {} if comparison.posterior is None else comparison.posterior.shrunk
        for of_set in comparison.differences:
            values = dict(enumerate(of_set.values))
            tested = paired_difference(values, dict.fromkeys(values, 0.0), of_set.test_to_train)
            summary = tested.summary
            row: dict[str, object] = {"dataset": of_set.name, "domain": of_set.domain}
            row |= {"method": comparison.method, "baseline": comparison.baseline}
            row |= {"n": summary.n, "delta": summary.mean, "ci_low": summary.ci_low, "ci_high": summary.ci_high}
            rows.append({**row, "p_value": tested.p_value, "shrunk": shrunk.get(of_set.name, math.nan)})
    frame = pd.DataFrame(rows)
    return csv_text(frame, list(frame.columns))


def ranks_to_csv(found: Compared) -> str:
    """ranks.csv: one row a domain and method."""
    rows = [
        {
            "domain": domain,
            "method": method,
            "mean_rank": mean,
            "sets": ranks.sets,
            "critical_difference": ranks.critical,
            "p_friedman": ranks.p_value,
        }
        for domain, ranks in found.ranks.items()
        for method, mean in zip(ranks.methods, ranks.means, strict=True)
    ]
    frame = pd.DataFrame(rows)
    return csv_text(frame, list(frame.columns))


def explanations_to_csv(found: Sequence[Explanation]) -> str:
    """explained.csv: one row a difference and model, with a column a property."""
    rows = [
        {
            "difference": f"{explanation.method} - {explanation.baseline}",
            "model": explanation.model,
            "sets": explanation.sets,
            "r2": explanation.r2,
        }
        | {"p_holm": explanation.p_value, **explanation.weights}
        for explanation in found
    ]
    frame = pd.DataFrame(rows)
    return csv_text(frame, list(frame.columns))


def comparison_grid(found: Compared) -> Lines:
    """Header and body for people, over all first."""
    header = ["data sets of", "method", "against", "sets", "mean difference", "p", "mean [95%]"]
    header += ["better", "equal", "worse", "detectable"]
    body = []
    for comparison in found.comparisons:
        against = f"{comparison.baseline} (best rival)" if comparison.is_rival else comparison.baseline
        line = [
            comparison.domain,
            comparison.method,
            against,
            str(len(comparison.differences)),
            f"{comparison.mean:+z.2f}",
            _p(comparison.p_value),
        ]
        posterior = comparison.posterior
        if posterior is None:
            line += ["-"] * 4
        else:
            area = posterior.next_set
            line += [f"{posterior.mean:+z.2f} [{posterior.low:+z.2f}, {posterior.high:+z.2f}]"]
            line += [f"{share:.2f}" for share in (area.better, area.equal, area.worse)]
        body.append([*line, "-" if math.isnan(comparison.detectable) else f"{comparison.detectable:.2f}"])
    return header, body


def rank_grid(found: Compared) -> Lines:
    """A line a domain."""
    header = ["data sets of", "sets", "mean ranks", "critical difference", "p (Friedman)"]
    body = [
        [
            domain,
            str(ranks.sets),
            ", ".join(f"{method} {mean:.2f}" for method, mean in zip(ranks.methods, ranks.means, strict=True)),
            f"{ranks.critical:.2f}",
            _p(ranks.p_value),
        ]
        for domain, ranks in found.ranks.items()
    ]
    return header, body


def explanation_grid(found: Sequence[Explanation]) -> Lines:
    """A line a difference and model."""
    header = ["difference", "model", "sets", "R^2 on unseen sets", "p (Holm)", "strongest properties"]
    body = []
    for explanation in found:
        strongest = sorted(explanation.weights, key=lambda name: -abs(explanation.weights[name]))[:3]
        told = ", ".join(f"{name} {explanation.weights[name]:+z.2f}" for name in strongest)
        names = [f"{explanation.method} - {explanation.baseline}", explanation.model, str(explanation.sets)]
        body.append([*names, f"{explanation.r2:+z.2f}", _p(explanation.p_value), told])
    return header, body


def _p(value: float) -> str:
    return "-" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def sentences(found: Compared, explained: Sequence[Explanation], has_properties: bool) -> list[str]:
    """The verdict in words: of the first method against each baseline over all data sets, and what explains it."""
    part = (
        ""
        if found.sets == found.declared
        else f" ({found.declared - found.sets} of {found.declared} are not whole yet)"
    )
    first = found.comparisons[0].method if found.comparisons else ""
    lines = [_sentence(comparison, found.rope, part) for comparison in found.of(ALL) if comparison.method == first]
    if not lines:
        few = ", none of them two seeds that a method and a baseline share" if found.sets else ""
        return [f"No verdict over the data sets yet: {found.sets} of {found.declared} have all their runs{few}."]
    mine = [explanation for explanation in explained if explanation.method == first]
    if mine:
        lines.append(_what_explains(mine))
    elif not has_properties:
        lines.append(f"What explains the differences is not asked: {PROPERTIES_FILE} is not there (--properties).")
    return lines


def _sentence(comparison: Comparison, rope: float, part: str) -> str:
    rival = ", the best rival" if comparison.is_rival else ""
    sets = len(comparison.differences)
    start = f"{comparison.method} against {comparison.baseline}{rival}, {sets} data set{'s' if sets > 1 else ''}{part}:"
    start += f" {comparison.mean:+z.2f} points on average (Wilcoxon p {_p(comparison.p_value)})"
    if comparison.posterior is None:
        return f"{start}."
    area = comparison.posterior.next_set
    return (
        f"{start}; on a further data set it is better with probability {area.better:.2f}, equal within {rope:g} points with"
        f" {area.equal:.2f}, worse with {area.worse:.2f}{_if_independent(comparison)}."
    )


def _if_independent(comparison: Comparison) -> str:
    area = comparison.independent
    if area is None:
        return ""
    return f" ({area.better:.2f}, {area.equal:.2f} and {area.worse:.2f} if seeds shared no noise)"


def _what_explains(found: Sequence[Explanation]) -> str:
    good = [explanation for explanation in found if explanation.explains]
    told = ", ".join(
        f"{explanation.model} of {explanation.method} - {explanation.baseline}: R^2 {explanation.r2:+z.2f}"
        for explanation in good or found
    )
    if good:
        return f"Properties of the data set explain part of the differences on sets that a model has not seen ({told})."
    return (
        "When does it help? Nothing explains it: no model of size, dimension, classes, majority share, error of"
        f" plain training, BatchNorm and domain predicts unseen sets ({told}; R^2 above 0 with p < 0.05 would)."
    )
