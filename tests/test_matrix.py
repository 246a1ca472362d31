"""Every domain with every method: two epochs lower the training loss, and a killed run resumes to the same record."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.run import request_run
from mixupe.experiment.store import RunStore

AUGMENTATIONS = {
    "none": ["augmentation=none"],
    "mixup": ["augmentation=mixup", "augmentation.alpha=0.2"],
    "manifold_mixup": ["augmentation=manifold_mixup", "augmentation.alpha=0.2"],
    "mixupe-v3": ["augmentation=mixupe", "augmentation.alpha=0.2"],
    "mixupe-v1": ["augmentation=mixupe", "augmentation.alpha=0.2", "augmentation.variant=v1"],
}


def write_tones(folder: Path) -> list[str]:
    """Three classes of tones, in one folder a class."""
    random = np.random.default_rng(0)
    for label, hertz in {"low": 200, "middle": 800, "high": 3000}.items():
        (folder / label).mkdir(parents=True)
        for number in range(24):
            time = np.arange(8000) / 16000
            wave = 0.3 * np.sin(2 * np.pi * hertz * random.uniform(0.9, 1.1) * time) + 0.02 * random.normal(size=8000)
            soundfile.write(folder / label / f"{number}.wav", wave, 16000)
    return ["dataset=audio_folder", f"dataset.path={folder}", "dataset.seconds=0.5"]


def write_rings_and_stars(folder: Path) -> list[str]:
    """Two classes of graphs in the TUDataset format: rings and stars of 5 to 9 nodes."""
    folder.mkdir(parents=True)
    edges, indicator, labels, nodes = [], [], [], 0
    for graph in range(60):
        size, is_ring = 5 + graph % 5, graph % 2
        pairs = [(i, (i + 1) % size) for i in range(size)] if is_ring else [(0, i) for i in range(1, size)]
        edges += [f"{nodes + a + 1}, {nodes + b + 1}" for i, j in pairs for a, b in ((i, j), (j, i))]
        indicator += [str(graph + 1)] * size
        labels.append(str(is_ring))
        nodes += size
    for name, lines in {"A": edges, "graph_indicator": indicator, "graph_labels": labels}.items():
        (folder / f"{folder.name}_{name}.txt").write_text("\n".join(lines) + "\n")
    return ["dataset=tu", f"dataset.path={folder}"]


@pytest.fixture
def domains(tmp_path: Path) -> dict[str, list[str]]:
    """Overrides that choose a tiny set of each domain."""
    return {
        "images": ["dataset=digits", "dataset.train_size=300", "model.width=4", "optimizer.lr=0.02"],
        "tabular": ["dataset=tabular/wine", "trainer.batch_size=20"],
        "speech": [*write_tones(tmp_path / "tones"), "trainer.batch_size=10"],
        "graphs": [*write_rings_and_stars(tmp_path / "RINGS"), "trainer.batch_size=10"],
    }


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("domain", ["images", "tabular", "speech", "graphs"])
def test_two_epochs_and_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domains: dict[str, list[str]], domain: str, augmentation: str
) -> None:
    def settings(output: str) -> RunSettings:
        common = ["trainer.epochs=2", "trainer.device=cpu", "logger=none", "scheduler.warmup=0"]
        places = [f"data.root={tmp_path}/data", f"output_root={tmp_path / output}"]
        return compose_settings([*domains[domain], *AUGMENTATIONS[augmentation], *common, *places])

    whole = request_run(settings("whole"))
    assert whole.state == "DONE", whole.reason
    rows = MetricsLog(RunStore(tmp_path / "whole").folder(whole.id).metrics).rows()
    assert rows[1]["train_loss"] < rows[0]["train_loss"]

    append = MetricsLog.append

    def fail_in_second_epoch(self: MetricsLog, epoch: int, metrics: dict[str, float]) -> None:
        if epoch == 2:
            raise OSError("stopped by the test")
        append(self, epoch, metrics)

    with monkeypatch.context() as patch:
        patch.setattr(MetricsLog, "append", fail_in_second_epoch)
        assert request_run(settings("resumed")).state == "FAILED"
    resumed = request_run(settings("resumed"))
    assert resumed.id == whole.id == run_id(settings("resumed"))
    assert resumed.record is not None
    assert whole.record is not None
    assert resumed.record["metrics"] == whole.record["metrics"]
    assert resumed.record["split"] == whole.record["split"]
