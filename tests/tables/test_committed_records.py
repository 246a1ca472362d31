"""The id of every committed record is what its own config hashes to today, so that no change of code orphans it."""

import json
from pathlib import Path

from mixupe.experiment.config import parse_config
from mixupe.experiment.identity import run_id
from mixupe.tables.collect import RESULTS

# Sets of the user's own files: their identity is the files' content, which is not here.
OWN = ("images.image_folder", "speech.audio_folder", "graphs.tu_folder", "tabular.csv_file")
# No part of the identity; the oldest records were made before these keys existed.
LATER = {"channels_last": True, "compile": False}


def test_every_committed_record_has_the_id_of_its_config() -> None:
    records = [path for path in sorted(RESULTS.glob("*/records/*.json")) if _is_checkable(path)]
    assert records
    wrong = {path for path in records if run_id(parse_config(_config(path))) != path.stem}
    assert not wrong


def _config(path: Path) -> dict[str, dict[str, object]]:
    config: dict[str, dict[str, object]] = json.loads(path.read_text())["config"]
    return {**config, "trainer": {**LATER, **config["trainer"]}}


def _is_checkable(path: Path) -> bool:
    return _config(path)["dataset"]["loader"] not in OWN and "path" not in _config(path)["dataset"]
