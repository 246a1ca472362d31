"""The id of every committed record is what its own config hashes to today, so that no change of code orphans it."""

import json
from pathlib import Path

import yaml

from mixupe.data.registry import LOADERS
from mixupe.experiment.config import parse_config
from mixupe.experiment.identity import run_id
from mixupe.models.registry import BUILDERS
from mixupe.places import CONFIGS, RESULTS
from mixupe.registry import registered_module

# Sets of the user's own files: their identity is the files' content, which is not here.
OWN = ("images.image_folder", "speech.audio_folder", "graphs.tu_folder", "tabular.csv_file")
# No part of the identity; the oldest records were made before these keys existed.
LATER = {"channels_last": True, "compile": False}


def test_every_committed_record_has_the_id_of_its_config() -> None:
    records = [path for path in sorted(RESULTS.glob("*/records/*.json")) if _is_checkable(path)]
    assert records
    wrong = {path for path in records if run_id(parse_config(_config(path))) != path.stem}
    assert not wrong


def test_every_key_of_a_committed_record_resolves() -> None:
    configs = [_config(path) for path in sorted(RESULTS.glob("*/records/*.json"))]
    for loader in {config["dataset"]["loader"] for config in configs}:
        assert callable(registered_module("dataset.loader", loader, LOADERS, ()).load)
    for builder in {config["model"]["builder"] for config in configs}:
        assert callable(registered_module("model.builder", builder, BUILDERS, ()).build)


def test_every_name_of_a_committed_record_is_that_of_a_config() -> None:
    """A name is hashed: under another one in its YAML file a run would no longer find its record."""
    records = [path for path in sorted(RESULTS.glob("*/records/*.json")) if _is_checkable(path)]
    for group in ("dataset", "model", "augmentation"):
        named = {str(_config(path)[group]["name"]) for path in records}
        assert named <= {yaml.safe_load(path.read_text()).get("name") for path in (CONFIGS / group).rglob("*.yaml")}


def _config(path: Path) -> dict[str, dict[str, object]]:
    config: dict[str, dict[str, object]] = json.loads(path.read_text())["config"]
    return {**config, "trainer": {**LATER, **config["trainer"]}}


def _is_checkable(path: Path) -> bool:
    return _config(path)["dataset"]["loader"] not in OWN and "path" not in _config(path)["dataset"]
