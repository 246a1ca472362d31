"""docs/extend.md as it stands: its files are written to an empty folder, its commands are run there, with fewer epochs."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra

from mixupe.experiment.search_path import search_in
from tests.scripts.test_train import load_script

TEXT = (Path(__file__).parents[1] / "docs" / "extend.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w/]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
TRAIN, TABLE = COMMANDS[:-1], COMMANDS[-1]
# Said once for every run of a command; as numbers they are part of the identity of all runs alike.
FAST = ["trainer.epochs=2", "trainer.device=cpu", "logger=none"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # what PYTHONPATH=. does
    for place in ("build", "declared"):
        monkeypatch.setattr(f"mixupe.tables.{place}.RESULTS", tmp_path / "results")
    yield
    search_in(None)
    for module in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[module]


def call(command: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    path, python, script, *arguments = shlex.split(command)
    assert (path, python) == ("PYTHONPATH=.", "python")
    GlobalHydra.instance().clear()
    monkeypatch.setattr(sys, "argv", [script, *arguments, *FAST, *more])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    status: int = load_script(Path(script).stem).main()
    return status


def records(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(tmp_path.glob("outputs/runs/*/record.json"))]


def test_the_document_has_one_of_each() -> None:
    groups = [Path(name).parent.name for name in FILES if name.endswith(".yaml")]
    assert groups == ["augmentation", "model", "dataset", "table"]
    assert len(COMMANDS) == 5
    assert all(len(content.splitlines()) <= 40 for content in FILES.values())


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (TRAIN[0], {"augmentation": {"name": "input_noise", "target": "mine.input_noise.InputNoise", "std": 0.3}}),
        (TRAIN[1], {"model": {"name": "linear", "builder": "mine.linear", "bias": True, "stages": ["input"]}}),
        (TRAIN[2], {"dataset": {"name": "rings", "loader": "mine.rings", "noise": 0.2}}),
    ],
    ids=["method", "model", "data set"],
)
def test_a_command_trains(command: str, part: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(command, monkeypatch) == 0
    (record,) = records(tmp_path)
    for group, values in part.items():
        assert values.items() <= record["config"][group].items()
    assert call(command, monkeypatch) == 0
    assert records(tmp_path) == [record], "it is found again"


def test_the_table_is_run_and_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(TRAIN[3], monkeypatch) == 0
    found = records(tmp_path)
    assert len(found) == 3 * 3 * 2
    assert {record["model"] for record in found} == {"mlp", "linear"}
    assert call(TABLE, monkeypatch) == 0
    table = (tmp_path / "results" / "noise" / "table.md").read_text()
    assert all(word in table for word in ("rings", "linear", "input_noise"))


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augmentation.std=-1", "augmentation.std: must be a number >= 0, got -1.0"),
        ("augmentation.std=much", "augmentation.std: input should be a valid number"),
        (
            "augmentation.target=mine.input_noise.Noise",
            "augmentation.target: 'mine.input_noise.Noise' cannot be imported",
        ),
        ("model=linear model.builder=mine.linaer", "model.builder: 'mine.linaer' is unknown, allowed are gcn, "),
        ("model=linear model.builder=mine.rings", "model.builder: mine.rings has no DOMAINS, which"),
        ("dataset=rings dataset.loader=mine.linear", "dataset.loader: mine.linear has no load, which"),
        ("dataset=rings dataset.loader=images.digit", "dataset.loader: 'images.digit' is unknown, allowed are graphs."),
    ],
)
def test_what_is_wrong_is_one_line(
    override: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(TRAIN[0].replace("augmentation.std=0.3", override), monkeypatch) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {says}")
    assert error.count("\n") == 1


def test_its_method_is_not_for_graphs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(TRAIN[0].replace("tabular/wine", "mutag"), monkeypatch) == 2
    says = "error: augmentation: input_noise takes images or tabular or speech, the data set holds graphs\n"
    assert capsys.readouterr().err == says


def test_ids_tell_its_import_path_and_keys_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine" / "other.py").write_text(FILES["mine/input_noise.py"])
    for more in ([], ["augmentation.std=0.2"], ["augmentation.target=mine.other.InputNoise"]):
        assert call(TRAIN[0], monkeypatch, *more) == 0
    assert len(records(tmp_path)) == 3
