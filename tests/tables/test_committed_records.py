"""The id of every committed record is what its own config hashes to today, so that no change of code orphans it."""

from functools import cache
from typing import Any

import pytest
import yaml

from mixupe.data.registry import LOADERS
from mixupe.experiment.config import parse_config
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import kept_records
from mixupe.models.registry import BUILDERS
from mixupe.places import CONFIGS, RESULTS
from mixupe.registry import registered_module

# Sets of the user's own files: their identity is the files' content, which is not here.
OWN = ("images.image_folder", "speech.audio_folder", "graphs.tu_folder", "tabular.csv_file")
# No part of the identity; the oldest records were made before these keys existed.
LATER = {"channels_last": True, "compile": False}


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_every_committed_record_has_the_id_of_its_config(every: int) -> None:
    records = {one: config for one, config in _checkable().items() if int(one, 16) % every == 0}
    assert records
    assert not [one for one, config in records.items() if run_id(parse_config(config)) != one]


def test_every_key_of_a_committed_record_resolves() -> None:
    configs = _configs().values()
    for loader in {config["dataset"]["loader"] for config in configs}:
        assert callable(registered_module("dataset.loader", loader, LOADERS, ()).load)
    for builder in {config["model"]["builder"] for config in configs}:
        assert callable(registered_module("model.builder", builder, BUILDERS, ()).build)


def test_every_name_of_a_committed_record_is_that_of_a_config() -> None:
    """A name is hashed: under another one in its YAML file a run would no longer find its record."""
    for group in ("dataset", "model", "augmentation"):
        named = {str(config[group]["name"]) for config in _checkable().values()}
        assert named <= {yaml.safe_load(path.read_text()).get("name") for path in (CONFIGS / group).rglob("*.yaml")}


@cache
def _configs() -> dict[str, dict[str, Any]]:
    """Id of each committed record -> its config."""
    configs = {record["id"]: record["config"] for _, record in kept_records(RESULTS)}
    return {one: {**config, "trainer": {**LATER, **config["trainer"]}} for one, config in configs.items()}


def _checkable() -> dict[str, dict[str, Any]]:
    return {
        one: config
        for one, config in _configs().items()
        if config["dataset"]["loader"] not in OWN and "path" not in config["dataset"]
    }
