"""Large tables."""

from pathlib import Path

import pytest

from benchmarks import growth
from mixupe.experiment.compose import hydra_initialised
from mixupe.tables.collect import declared_runs


def test_a_table_has_the_runs_asked_for() -> None:
    assert len(growth.large_table(5000).override_lists()) == 5000
    assert len(growth.large_table(5001).override_lists()) == 5100


@pytest.mark.slow
def test_a_dry_run_and_a_table_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SEEDS", 2)
    assert growth.dry_run(16, tmp_path / "nothing") > 0
    assert not (tmp_path / "nothing").exists()
    template = growth._record(tmp_path / "runs")
    growth._write_records(growth.large_table(16), template, tmp_path / "table")
    assert len(list((tmp_path / "table" / "records").glob("*.json"))) == 16
    assert growth.build(16, tmp_path / "table") > 0
    assert (tmp_path / "table" / "table.md").exists()
    with hydra_initialised():
        runs = declared_runs(growth.large_table(16), tmp_path / "table")
    assert {run.state for run in runs} == {"DONE"}
