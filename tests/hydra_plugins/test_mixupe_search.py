"""hydra/sweeper=optuna on the command line."""

import re
import sys
from pathlib import Path

import pandas as pd
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
    assert (
        capsys.readouterr().err
        == "error: hydra/sweeper=optuna: is not installed; pip install -c constraints.txt -e '.[optuna]'\n"
    )


class TestWithOptuna:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("optuna")

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

        (table,) = tmp_path.glob("outputs/sweeps/*/table.csv")
        frame = pd.read_csv(table)
        assert list(frame) == ["trial", "augmentation.eta", "augmentation.alpha", "validation_error", "runs"]
        assert sorted(frame["runs"]) == sorted(found)
        assert list(frame["validation_error"]) == sorted(frame["validation_error"]), "the best first"
        assert frame["runs"][0] == best.group(3)
        assert frame["augmentation.eta"][0] == pytest.approx(float(best.group(1)))
        assert table.with_suffix(".md").read_text().startswith("Trials by validation error\n\n| trial | eta | alpha |")

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
            (
                ["augmentation=mixupe", "augmentation.eta=tag(log,interval(0,1))"],
                "error: augmentation.eta=tag(log,interval(0,1)): is no range to search (",
            ),
            ([ETA, "hydra.sweeper.storage=nothing"], "error: hydra.sweeper.storage: nothing cannot be used ("),
        ],
    )
    def test_a_wrong_search_is_one_line(
        self, train: Train, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
    ) -> None:
        assert train(*SEARCH, *arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith(says)
        assert error.count("\n") == 1

    def test_ranges_and_choices_of_every_kind(self, train: Train, tmp_path: Path) -> None:
        arguments = [
            "augmentation=mixupe,mixup",
            "augmentation.alpha=range(1,4)",
            "optimizer.lr=range(0.001,0.004,0.001)",
        ]
        arguments += ["trainer.batch_size=tag(int,log,interval(16,64))", "trainer.accumulate=int(interval(1,2))"]
        assert train(*SEARCH, *arguments, "hydra.sweeper.n_jobs=2") == 0
        for record in records(tmp_path):
            config = record["config"]
            assert config["augmentation"]["name"] in ("mixupe", "mixup")
            assert config["augmentation"]["alpha"] in (1, 2, 3)
            assert config["optimizer"]["lr"] in (0.001, 0.002, 0.003)
            assert 16 <= config["trainer"]["batch_size"] <= 64
            assert config["trainer"]["accumulate"] in (1, 2)

    def test_a_study_can_be_kept_and_goes_on(
        self, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = [f"hydra.sweeper.storage=sqlite:///{tmp_path}/search.db", "hydra.sweeper.study_name=wine"]
        for total in (2, 4):
            assert train(*SEARCH, "augmentation=mixupe", ETA, *kept, "hydra.sweeper.n_trials=2") == 0
            assert len(records(tmp_path)) == total, "new points, not the first ones again"
        import optuna

        study = optuna.load_study(study_name="wine", storage=f"sqlite:///{tmp_path}/search.db")
        assert len(study.trials) == 4
