"""A trained model on files: of its own test examples it says what the run said, whatever the domain."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import mixupe
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.predictions import read_predictions
from mixupe.experiment.run import request_run
from mixupe.experiment.store import RunStore
from mixupe.runs.export_model import export_model
from tests.tiny_sets import tiny_sets


def source_of(domain: str, folder: Path) -> object:
    """The whole set as new examples, in its own order."""
    if domain == "images":
        return [Image.fromarray((image * 15).astype(np.uint8)) for image in load_digits().images]
    return folder / {"speech": "tones", "graphs": "RINGS"}[domain]


@pytest.mark.parametrize("domain", ["images", "speech", "graphs"])
def test_new_files_are_prepared_as_the_training_data_was(tmp_path: Path, domain: str) -> None:
    overrides = [*tiny_sets(tmp_path)[domain], "trainer.epochs=1", "logger=none", f"output_root={tmp_path}"]
    with hydra_initialised():
        run = request_run(compose_settings([*overrides, "trainer.device=cpu"])).id
    trained = mixupe.load_run(run[:6], tmp_path)
    with pytest.raises(UserError, match="device: 'nowhere' cannot be used here, cpu can: "):
        mixupe.load_run(run, tmp_path, device="nowhere")
    frame = trained.predict(source_of(domain, tmp_path))
    predictions = read_predictions(RunStore(tmp_path).folder(run).predictions)
    assert predictions is not None
    answers = predictions.parts["test"]
    probabilities = frame[[f"p_{name}" for name in trained.classes]].to_numpy()
    np.testing.assert_allclose(probabilities[answers.ids], answers.probabilities, atol=2e-3)
    assert len(trained.classes) == answers.probabilities.shape[1]
    written = export_model(trained, tmp_path / "exported")
    assert {"state_dict.pt", "model.json"} <= set(written)
    if domain != "graphs":
        program = torch.export.load(tmp_path / "exported" / "model.pt2").module()
        inputs = trained.transform(source_of(domain, tmp_path))[:5]
        torch.testing.assert_close(program(inputs), trained.model(inputs), atol=1e-4, rtol=1e-4)


def test_a_file_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is neither an id"):
        mixupe.load_run("0123abcd", tmp_path)
    (tmp_path / "model.pt").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"model\.pt is damaged"):
        mixupe.load_run(tmp_path / "model.pt")
