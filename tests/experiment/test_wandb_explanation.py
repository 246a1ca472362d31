"""What W&B is given of a finished run, in its own offline files."""

from pathlib import Path

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.run import request_run
from tests.tiny_sets import tiny_sets


@pytest.mark.parametrize(("domain", "media"), [("images", "images"), ("speech", "audio"), ("tabular", None)])
def test_tables_and_media_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str, media: str | None
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    overrides = [*tiny_sets(tmp_path)[domain], "trainer.epochs=1", "logger=wandb", "logger.mode=offline"]
    with hydra_initialised():
        request_run(compose_settings([*overrides, f"output_root={tmp_path}", "trainer.device=cpu"]))
    (files,) = tmp_path.glob("wandb/offline-run-*/files/media")
    tables = {path.name.rpartition("_")[0].rpartition("_")[0] for path in files.glob("table/test/*.table.json")}
    assert tables == {"class_errors", "calibration", "mistakes", "confusion"}
    assert list(files.glob("images/test/confusion_image_*.png"))
    if media is not None:
        assert list(files.glob(f"{media}/test/mistaken_*"))
