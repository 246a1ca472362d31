"""hydra/sweeper=optuna on the command line."""

import re
import sys
from pathlib import Path

import pytest

from tests.scripts.test_train import Train, records
from tests.scripts.test_train import train as train

COMMON = ["dataset=tabular/wine", "trainer.epochs=1", "trainer.device=cpu", "logger=none"]
SEARCH = ["--multirun", "hydra/sweeper=optuna", *COMMON, "hydra.sweeper.n_trials=3"]
ETA = "augmentation.eta=tag(log,interval(0.0001,1))"


def test_without_optuna_a_search_is_one_line(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert train(*SEARCH, ETA) == 2
    assert capsys.readouterr().err == "error: hydra/sweeper=optuna: is not installed; pip install '.[optuna]'\n"


class TestWithOptuna:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", exc_type=ImportError)

    def test_trials_are_runs_and_are_found_when_the_search_is_repeated(
        self, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        search = [*SEARCH, "augmentation=mixupe", ETA, "augmentation.alpha=interval(0.1,4)"]
        assert train(*search) == 0
        first = capsys.readouterr().out.splitlines()[-1]
        found = {record["id"]: record for record in records(tmp_path)}
        assert len(found) == 3
        best = re.search(r"best of 3 trials: augmentation.eta=(\S+) augmentation.alpha=(\S+): .*, run (\w{16})$", first)
        assert best is not None
        lowest = min(record["metrics"]["validation_error"] for record in found.values())
        chosen = found[best.group(3)]
        assert chosen["metrics"]["validation_error"] == lowest
        assert f"validation error {lowest:.2f}%" in first
        assert chosen["config"]["augmentation"]["eta"] == float(best.group(1))
        assert chosen["config"]["augmentation"]["alpha"] == float(best.group(2))

        assert train(*search) == 0
        out = capsys.readouterr().out
        assert out.count("1 runs, 1 finished before, 0 to do") == 3
        assert out.splitlines()[-1] == first
        assert len(records(tmp_path)) == 3

    def test_a_setting_that_diverges_does_not_end_the_search(
        self, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rates = ["augmentation=none", "optimizer=sgd", "optimizer.lr=1e-2,1e30", "hydra.sweeper.n_trials=6"]
        assert train(*SEARCH, *rates) == 0
        captured = capsys.readouterr()
        assert re.search(r"best of 6 trials \([1-5] failed\): optimizer.lr=0.01: ", captured.out)
        assert "NonFiniteLossError" in captured.err
        assert len(records(tmp_path)) == 1

    def test_a_search_in_which_all_fail_has_status_1(self, train: Train, capsys: pytest.CaptureFixture[str]) -> None:
        assert train(*SEARCH, "augmentation=none", "optimizer=sgd", "optimizer.lr=interval(1e30,2e30)") == 1
        assert capsys.readouterr().err.splitlines()[-1] == "error: search: none of 3 trials finished"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["table=quickstart"], "error: table: a declared table is no search"),
            ([], "error: hydra/sweeper=optuna: nothing to search"),
            ([ETA, "hydra.sweeper.n_trials=0"], "error: hydra.sweeper.n_trials: must be an integer > 0, got 0"),
        ],
    )
    def test_a_wrong_search_is_one_line(
        self, train: Train, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
    ) -> None:
        assert train(*SEARCH, *arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith(says)
        assert error.count("\n") == 1

    def test_a_study_can_be_kept_and_goes_on(
        self, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = [f"hydra.sweeper.storage=sqlite:///{tmp_path}/search.db", "hydra.sweeper.study_name=wine"]
        for total in (2, 4):
            assert train(*SEARCH, "augmentation=mixupe", ETA, *kept, "hydra.sweeper.n_trials=2") == 0
            assert len(records(tmp_path)) <= total
        import optuna

        study = optuna.load_study("wine", storage=f"sqlite:///{tmp_path}/search.db")
        assert len(study.trials) == 4
