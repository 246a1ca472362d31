"""A job's file carries the whole settings of its runs to wherever a launcher runs it."""

from pathlib import Path

import pytest

from mixupe.experiment.compose import compose_all, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.request import Request, read_job, write_job


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
