"""Finished runs analysed: what is found, what is looked at, what is refused."""

import shutil
from pathlib import Path

import pytest
import torch

from mixupe.data.base import DataRequest
from mixupe.data.registry import load_dataset
from mixupe.errors import UserError
from mixupe.experiment.analysis import analyse
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.finished import find_run
from mixupe.experiment.run import request_run
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.snapshots import kept_snapshots, spread_steps, trained_again
from mixupe.files import write_json
from tests.experiment.conftest import Compose
from tests.tiny_sets import tiny_sets

RESULTS = Path("results")


def finished(settings: RunSettings) -> str:
    outcome = request_run(settings)
    assert outcome.state == "DONE"
    return outcome.id


def test_a_checkpoint_has_the_first_the_best_and_the_last_weights(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=mixup", "trainer.epochs=9")), tmp_path, RESULTS)
    data = load_dataset(run.settings.dataset, DataRequest(run.settings.data.root, 0, "heldout"))
    kept = kept_snapshots(run, data)
    again, differs = trained_again(run, data, 5)
    assert differs == 0
    assert [kept[0].step, kept[-1].step] == [again[0].step, again[-1].step]
    assert {snapshot.epoch for snapshot in kept} == {0, run.record["metrics"]["best_epoch"], 9}
    for ours, theirs in ((kept[0], again[0]), (kept[-1], again[-1])):
        assert all(torch.equal(ours.weights[name], value) for name, value in theirs.weights.items())


def test_a_run_of_which_only_a_table_keeps_the_record_is_trained_again(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=mixupe")), tmp_path, RESULTS)
    write_json(RESULTS / "wines" / "records" / f"{run.id}.json", run.record)
    shutil.rmtree(run.folder.path)
    found = find_run(run.id, tmp_path, RESULTS)
    analysis = analyse(found, pairs=40, snapshots=4, alpha=None)
    assert analysis["weights"] == "trained again"
    assert analysis["differs"] == 0
    assert [point["step"] for point in analysis["points"]] == [0, 1, 3, 12]
    assert not found.folder.path.exists()
    with pytest.raises(UserError, match=r"run: .*: there is no .*checkpoint.pt; --snapshots N trains it again"):
        analyse(found, pairs=40, snapshots=None, alpha=None)


@pytest.mark.parametrize("domain", ["images", "tabular", "speech", "graphs"])
def test_every_domain(domain: str, tmp_path: Path) -> None:
    overrides = ["trainer.epochs=2", "trainer.device=cpu", "logger=none", "augmentation=mixupe"]
    with hydra_initialised():
        settings = compose_settings([*tiny_sets(tmp_path)[domain], *overrides, f"output_root={tmp_path}"])
    analysis = analyse(find_run(finished(settings), tmp_path, RESULTS), pairs=40, snapshots=None, alpha=None)
    assert analysis["mix_at"] == ("head" if domain == "graphs" else "input")
    assert analysis["alpha"] == settings.augmentation.alpha
    for point in analysis["points"]:
        series, terms = point["series"], point["first_order"]
        assert series["piecewise_linear"], "every network here is made of ReLU, max-pooling and frozen BatchNorm"
        assert series["remainders"][0] == pytest.approx(series["mixed"] - series["clean"], abs=1e-12)
        assert terms["q_hat_mean"] == pytest.approx(terms["entropy"] - terms["cross_entropy"], abs=1e-12)
        assert point["cosines"]["v4"]["cross-entropy"] == pytest.approx(1)


def test_a_run_without_mixing_is_measured_at_alpha_1_or_the_given_one(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=none")), tmp_path, RESULTS)
    assert analyse(run, pairs=200, snapshots=None, alpha=None)["alpha"] == 1
    analysis = analyse(run, pairs=200, snapshots=None, alpha=0.1)
    assert analysis["alpha"] == 0.1
    assert analysis["pairs"] == 200 > analysis["examples"]


def test_runs_that_are_not_there_or_not_finished_are_named(compose: Compose, tmp_path: Path) -> None:
    for name in ("0123456789abcdef", "../somewhere", ""):
        with pytest.raises(UserError, match=f"run: '{name}' is unknown; allowed are the names of the folders in "):
            find_run(name, tmp_path, RESULTS)
    run = find_run(finished(compose("augmentation=none")), tmp_path, RESULTS)
    run.folder.set_failed("NonFiniteLossError", "loss is nan at step 3")
    with pytest.raises(UserError, match=f"run: {run.id} is FAILED, not finished: loss is nan at step 3"):
        find_run(run.id, tmp_path, RESULTS)


def test_the_beginning_of_an_id_will_do_where_it_is_of_one_run(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=none")), tmp_path, tmp_path / "results")
    assert find_run(run.id[:8], tmp_path, tmp_path / "results") == run
    other = run.id[:8] + "0" * 8
    (tmp_path / "runs" / other).mkdir()
    with pytest.raises(UserError, match=f"run: '{run.id[:8]}' begins 2 ids: .*{other}"):
        find_run(run.id[:8], tmp_path, tmp_path / "results")


def test_a_damaged_checkpoint_is_named(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=none")), tmp_path, RESULTS)
    run.folder.checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"run: .*: checkpoint.pt is damaged in .*; --snapshots N trains it again"):
        analyse(run, pairs=40, snapshots=None, alpha=None)


def test_a_run_of_other_files_is_refused(compose: Compose, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(80))
    table.write_text("x,z,label\n" + rows)
    own = ("dataset=csv", f"dataset.path={table}", "dataset.target=label", "augmentation=none")
    run = finished(compose(*own))
    table.write_text("x,z,label\n" + rows[4:])
    with pytest.raises(UserError, match=f"run: {run} was of other files than own has now, or of other code"):
        find_run(run, tmp_path, RESULTS)


def test_a_module_in_the_middle_is_refused(compose: Compose, tmp_path: Path) -> None:
    run = find_run(finished(compose("augmentation=mixup", "augmentation.mix_at=layers.1")), tmp_path, RESULTS)
    with pytest.raises(
        UserError, match=r"run: cannot be analysed: mix_at: the logits are not the output of 'layers.1'"
    ):
        analyse(run, pairs=40, snapshots=None, alpha=None)


def test_steps_are_spread_from_the_first_to_the_last() -> None:
    assert spread_steps(1000, 5) == [0, 1, 10, 100, 1000]
    assert spread_steps(1000, 2) == [0, 1000]
    assert spread_steps(3, 9) == [0, 1, 2, 3]
