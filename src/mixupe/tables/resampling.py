"""How the seeds of a cell share examples, and what that does to its intervals and tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mixupe.data.base import DatasetSettings, TestPart
from mixupe.experiment.store import Record
from mixupe.tables.collect import DeclaredRun, grouped


@dataclass(frozen=True)
class Resampling:
    """How the runs of a cell share test examples.

    Attributes:
        test_part: where the test part of a cell's runs comes from.
        test_to_train: what `statistics` adds to 1/n, n_test/n_train of Nadeau and Bengio. n_train are all examples that
            are not test, for what seeds have in common are the test examples, however few of the others `train_size`
            keeps. 0 where the test part is the set's own: nothing is drawn there.
    """

    test_part: TestPart
    test_to_train: float


def resamplings(runs: Sequence[DeclaredRun]) -> dict[int, Resampling]:
    """Of each cell of a table, by its number."""
    cells = grouped(runs, lambda run: run.cell)
    return {
        cell: resampling_of(members[0].settings.dataset, [run.record for run in members if run.record is not None])
        for cell, members in cells.items()
    }


def resampling_of(dataset: DatasetSettings, records: Iterable[Record]) -> Resampling:
    """Of runs on one data set."""
    # A user's folder can have a test part of its own without the settings' knowing; older records do not say.
    said = {record.get("test_part") for record in records}
    if "own" in said or (dataset.folds is None and dataset.test_fraction is None):
        return Resampling("own", 0.0)
    if dataset.folds is not None:
        return Resampling("fold", 1 / (dataset.folds - 1))
    share = dataset.test_fraction or 0.0
    return Resampling("drawn", share / (1 - share))


TEXTS: dict[TestPart, str] = {
    "drawn": "Test part drawn anew by each seed, so that seeds share examples: the variance of a mean is taken as"
    " std^2 (1/n + n_test/n_train) in intervals and tests (Nadeau and Bengio, 2003); n_test/n_train is",
    "fold": "Test parts are the folds of a cross-validation, whose training parts overlap: the same correction, which is"
    " cautious where each fold is tested once (Bouckaert and Frank, 2004); n_test/n_train is",
    "own": "Test part of its own, the same for every seed: intervals and tests hold the noise of training alone (weights,"
    " order, mixing, which examples are trained on), not what other test examples would change; it is that of",
}


def resampling_lines(found: Sequence[tuple[str, Resampling]]) -> list[str]:
    """What intervals and tests hold, one line a kind of test part; `found` are names of data sets, each with its own."""
    lines = []
    for kind, text in TEXTS.items():
        names: dict[str, list[str]] = {}
        for name, resampling in found:
            if resampling.test_part == kind:
                ratio = f"{resampling.test_to_train:.2g} for " if resampling.test_to_train else ""
                names.setdefault(ratio, []).append(name)
        if names:
            lines.append(f"{text} {'; '.join(ratio + ', '.join(dict.fromkeys(who)) for ratio, who in names.items())}.")
    return lines
