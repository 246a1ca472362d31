"""A job's file carries the whole settings of its runs to wherever a launcher runs it."""

from pathlib import Path

import pytest

from mixupe.experiment.compose import compose_all, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.progress import Quiet
from mixupe.experiment.request import Request, read_job, write_job
from mixupe.experiment.run import run_all


@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset=tabular/wine", "augmentation=mixupe"],
        ["dataset=digits", "augmentation=manifold_mixup", "scheduler=step", "trainer.ema=0.9"],
        ["dataset=csv", "dataset.path='my file, 1.csv'", "dataset.target=y"],
    ],
)
def test_settings_arrive_as_they_were(overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my file, 1.csv").write_text("x,y\n1,a\n2,b\n")
    root = tmp_path / "a 'folder' of ${x}=[1],{2}"
    with hydra_initialised():
        plain = compose_all([[*overrides, f"seed={seed}"] for seed in (0, 1)])
    sent = [Request.of(run.model_copy(update={"output_root": root}), f"seed={run.seed}") for run in plain]
    write_job(Path("0.json"), sent)
    arrived = read_job(Path("0.json"))
    assert [request.settings.model_dump() for request in arrived] == [request.settings.model_dump() for request in sent]
    assert [request.title for request in arrived] == ["seed=0", "seed=1"]
    assert [request.folder for request in arrived] == [request.folder for request in sent]
    assert [request.folder.id for request in arrived] == [run_id(run) for run in plain]


def test_files_that_change_while_runs_wait_are_no_part_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{row % 7},{'ab'[row % 2]}" for row in range(40)]
    Path("my.csv").write_text("\n".join(["x,y", *rows]))
    overrides = ["dataset=csv", "dataset.path=my.csv", "dataset.target=y", "trainer.epochs=1", "logger=none"]
    with hydra_initialised():
        (settings,) = compose_all([[*overrides, f"output_root={tmp_path}"]])
    write_job(Path("0.json"), [Request.of(settings)])
    Path("my.csv").write_text("\n".join(["x,y", *rows[1:]]))
    (arrived,) = read_job(Path("0.json"))
    (outcome,) = run_all([arrived], Quiet())
    assert outcome.state == "REFUSED"
    assert "the files of my have changed since this run was asked for" in outcome.reason
    assert not arrived.folder.path.exists()
    assert run_all([Request.of(settings)], Quiet())[0].state == "DONE"
