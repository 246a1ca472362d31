"""Whether methods help over the data sets of a table, per domain and over all: tests, ranks and probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mixupe.tables.collect import DeclaredRun, grouped
from mixupe.tables.manifest import OverSets
from mixupe.tables.over_sets.differences import SetDifferences, differences_by_set, mean_errors
from mixupe.tables.over_sets.hierarchical import Areas, Posterior, compare_over_sets
from mixupe.tables.over_sets.power import detectable_over_sets, observed_spread
from mixupe.tables.over_sets.ranks import Ranks, average_ranks
from mixupe.tables.statistics import wilcoxon_over_sets

ALL = "all"


@dataclass(frozen=True)
class Comparison:
    """A method against a baseline over the data sets of a domain.

    Attributes:
        domain: or ALL.
        is_rival: whether the baseline is the best rival.
        differences: one entry a data set, method - baseline in percentage points.
        mean: of the sets' mean differences.
        p_value: Wilcoxon's signed-rank test over the data sets; NaN for fewer than two.
        posterior: None for fewer than three data sets, or where the sampler's chains did not meet.
        independent: `posterior.next_set` if the seeds of a set shared no noise; how much the assumption that they do weighs.
            Of ALL only.
        detectable: the mean difference that this test would have found with 80% power, by simulation from the spreads seen
            here; NaN for fewer than six data sets.
    """

    method: str
    baseline: str
    is_rival: bool
    domain: str
    differences: tuple[SetDifferences, ...]
    mean: float
    p_value: float
    posterior: Posterior | None
    independent: Areas | None
    detectable: float


@dataclass(frozen=True)
class Compared:
    """How the methods of a table compare over its data sets.

    Attributes:
        rope: half-width of the region of practical equivalence, in percentage points.
        declared: number of data sets of the table.
        rows: runs of the cells that are whole, those of the settings that are shown.
        ranks: domain or ALL -> the mean ranks of the methods that run on all its data sets; only where they can be
            ranked.
        comparisons: over all first, then domain by domain.
    """

    rope: float
    declared: int
    rows: list[DeclaredRun]
    ranks: dict[str, Ranks]
    comparisons: list[Comparison]

    @cached_property
    def sets(self) -> int:
        """Number of data sets that are in."""
        return len({run.settings.dataset.name for run in self.rows})

    def of(self, domain: str) -> list[Comparison]:
        return [comparison for comparison in self.comparisons if comparison.domain == domain]


def compared(declared: OverSets, runs: Sequence[DeclaredRun], trained: Sequence[DeclaredRun]) -> Compared:
    """The verdict over those data sets of which every declared run has ended: in a cell that is still at work, a method
    would have fewer settings to choose from than another.

    Args:
        declared: of the table.
        runs: all its declared runs.
        trained: those of the settings that are shown, each method by its column's name.
    """
    unfinished = {run.cell for run in runs if run.state not in ("DONE", "FAILED")}
    rows = [run for run in trained if run.cell not in unfinished]
    by_domain = grouped(rows, lambda run: str(run.settings.dataset.domain))
    scopes = {ALL: rows, **by_domain} if len(by_domain) > 1 else {ALL: rows}
    ranks, comparisons = {}, []
    for domain, members in scopes.items():
        found = _ranks(members)
        if found is not None:
            ranks[domain] = found
        rival = next((name for name in (found.methods if found else ()) if name in declared.rivals), None)
        methods = {run.method for run in members}
        for baseline in [*declared.baselines, *([rival] if rival else [])]:
            for method in declared.methods:
                if {method, baseline} <= methods and method != baseline:
                    differences = differences_by_set(members, method, baseline)
                    if differences:
                        is_rival = baseline == rival
                        comparisons.append(_comparison(method, baseline, is_rival, domain, differences, declared.rope))
    names = {run.settings.dataset.name for run in runs}
    return Compared(declared.rope, len(names), rows, ranks, comparisons)


def _ranks(runs: Sequence[DeclaredRun]) -> Ranks | None:
    """Of the methods that every cell has; None for fewer than two data sets or three methods."""
    cells = [{run.method for run in of_cell} for of_cell in grouped(runs, lambda run: run.cell).values()]
    methods = [method for method in dict.fromkeys(run.method for run in runs) if all(method in cell for cell in cells)]
    names, errors = mean_errors(runs, methods)
    return average_ranks(methods, errors) if len(names) >= 2 and len(methods) >= 3 else None


def _comparison(
    method: str, baseline: str, is_rival: bool, domain: str, differences: Sequence[SetDifferences], rope: float
) -> Comparison:
    means = [of_set.mean for of_set in differences]
    independent = None
    if domain == ALL:
        independent = _posterior([replace(of_set, test_to_train=0.0) for of_set in differences], rope)
    detectable = float("nan")
    if len(differences) >= 6:
        seeds = min(len(of_set.values) for of_set in differences)
        detectable = detectable_over_sets(observed_spread(differences), len(differences), seeds)
    return Comparison(
        method=method,
        baseline=baseline,
        is_rival=is_rival,
        domain=domain,
        differences=tuple(differences),
        mean=sum(means) / len(means),
        p_value=wilcoxon_over_sets(means),
        posterior=_posterior(differences, rope),
        independent=independent.next_set if independent else None,
        detectable=detectable,
    )


def _posterior(differences: Sequence[SetDifferences], rope: float) -> Posterior | None:
    try:
        return compare_over_sets(differences, rope)
    except ValueError:  # too few, or chains that have not met: nothing may be read from them
        return None
