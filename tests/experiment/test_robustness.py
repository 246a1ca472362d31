"""Finished runs evaluated: what each domain allows, and the same figures as in the record."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from mixupe.errors import UserError
from mixupe.evaluation.corruptions import CORRUPTIONS
from mixupe.evaluation.deformations import DEFORMATIONS
from mixupe.experiment import robustness
from mixupe.experiment.analysis import analyse
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.finished import FinishedRun, find_run
from mixupe.experiment.robustness import PARTS, evaluate
from mixupe.experiment.run import request_run
from tests.tiny_sets import tiny_sets

RESULTS = Path("results")


def finished(folder: Path, domain: str, *overrides: str) -> FinishedRun:
    common = ["trainer.epochs=2", "trainer.device=cpu", "logger=none", "augmentation=mixup", f"output_root={folder}"]
    with hydra_initialised():
        settings = compose_settings([*tiny_sets(folder / "sets")[domain], *common, *overrides])
    outcome = request_run(settings)
    assert outcome.state == "DONE", outcome.reason
    return find_run(outcome.id, folder, RESULTS)


@pytest.mark.parametrize(
    ("domain", "skipped"),
    [
        ("tabular", {"deformations", "corruptions"}),
        ("speech", {"deformations", "corruptions"}),
        ("graphs", {"deformations", "corruptions", "attacks"}),
    ],
)
def test_a_domain_gets_what_its_data_allow(domain: str, skipped: set[str], tmp_path: Path) -> None:
    run = finished(tmp_path, domain)
    evaluation = evaluate(run, PARTS, examples=8)
    json.dumps(evaluation, allow_nan=False)
    assert set(evaluation["skipped"]) == skipped
    assert {row["part"] for row in evaluation["rows"]} == {"clean", *PARTS} - skipped
    assert evaluation["examples"] == 8
    assert evaluation["differs"] == 0
    segment = [row for row in evaluation["rows"] if row["part"] == "segments"]
    assert segment[0]["error"] == segment[-1]["error"] == evaluation["rows"][0]["error"]
    assert {row["name"] for row in segment} == {"head" if domain == "graphs" else "input"}
    assert evaluate(run, PARTS, examples=8) == evaluation


def test_images_get_all_and_all_test_examples_are_deformed_as_in_the_record(tmp_path: Path) -> None:
    run = finished(tmp_path, "images", "trainer.deformations=true")
    evaluation = evaluate(run, PARTS, examples=10000)
    rows, metrics = evaluation["rows"], run.record["metrics"]
    assert evaluation["skipped"] == {}
    assert evaluation["examples"] == run.record["examples"]["test"]
    assert rows[0]["error"] == pytest.approx(metrics["test_error"])
    assert evaluation["metrics"]["brier"] == pytest.approx(metrics["test_brier"], rel=1e-6)
    of_deformations = {row["name"]: row["error"] for row in rows if row["part"] == "deformations"}
    assert of_deformations == {name: metrics[f"test_error_{name}"] for name in DEFORMATIONS}
    corruptions = [(row["name"], row["level"]) for row in rows if row["part"] == "corruptions"]
    assert corruptions == [(name, level) for name in CORRUPTIONS for level in range(1, 6)]
    fgsm, pgd = ([row["loss"] for row in rows if row["name"] == kind] for kind in ("fgsm", "pgd"))
    assert rows[0]["loss"] < fgsm[0] < fgsm[-1]
    assert all(stronger >= weaker - 1e-3 for stronger, weaker in zip(pgd, fgsm, strict=True))


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    run = finished(tmp_path, "tabular")
    run.folder.checkpoint.unlink()
    with pytest.raises(UserError, match=r"run: .*: there is no .*checkpoint.pt; its command trains it again"):
        evaluate(run, PARTS, examples=10)


def test_what_ran_on_a_gpu_is_looked_at_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    run = finished(tmp_path, "tabular")
    trainer = run.settings.trainer.model_copy(update={"device": "cuda:1"})
    run = replace(run, settings=run.settings.model_copy(update={"trainer": trainer}))
    assert evaluate(run, ["segments"], examples=8)["differs"] == 0
    assert analyse(run, pairs=8, snapshots=2, alpha=None)["differs"] == 0


def test_no_batch_has_one_example_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be paired with itself."""
    run = finished(tmp_path, "tabular")
    whole = evaluate(run, ["segments"], examples=9)
    monkeypatch.setattr(robustness, "evaluation_batch", lambda _: 8)
    again = evaluate(run, ["segments"], examples=9)
    # A product of 4 rows is not that of 9 to the last bit on every CPU.
    assert again.pop("metrics") == pytest.approx(whole.pop("metrics"), rel=1e-5)
    assert_frame_equal(pd.DataFrame(again.pop("rows")), pd.DataFrame(whole.pop("rows")), rtol=1e-5)
    assert again == whole
