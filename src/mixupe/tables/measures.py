"""One set of runs measured in several ways: each measure a row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mixupe.errors import UserError
from mixupe.tables.collect import DeclaredRun, grouped


def measured(measures: Mapping[str, str], runs: Sequence[DeclaredRun]) -> list[DeclaredRun]:
    """Each run once a measure, cell by cell, with that measure as its test error; as they are where there are none.

    Args:
        measures: label of the row -> name in the records' metrics, an error in percent.
        runs: of the table.

    Raises:
        UserError: a record has no such metric.
    """
    if not measures:
        return list(runs)
    rows = []
    for number, members in enumerate(grouped(runs, lambda run: run.cell).values()):
        for at, (label, name) in enumerate(measures.items()):
            rows += [
                replace(
                    run,
                    cell=number * len(measures) + at,
                    label=" ".join(filter(None, [run.label, label])),
                    record=None if run.record is None else {**run.record, "metrics": _only(run, label, name)},
                )
                for run in members
            ]
    return rows


def _only(run: DeclaredRun, label: str, name: str) -> dict[str, float]:
    assert run.record is not None
    metrics: dict[str, float] = run.record["metrics"]
    if name not in metrics:
        raise UserError(f"table.measures.{label}: record {run.record['id']} has no {name}, it has {', '.join(metrics)}")
    return {**metrics, "test_error": metrics[name]}
