"""scripts/data.py on configs of its own and on the repository's."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mixupe.data import packages
from mixupe.data.catalog import read_catalog
from mixupe.errors import UserError
from mixupe.experiment.identity import run_id
from mixupe.tables import declared

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("data_script", REPOSITORY / "scripts" / "data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """`tabular/shipped` needs nothing, `packaged` and `other` need a package, `own` is the user's."""
    folder = tmp_path / "configs"
    base = {"domain": "tabular", "loader": "tabular.keel", "keel_name": "iris"}
    add(folder / "tabular" / "shipped.yaml", name="shipped", card={"examples": 150, "classes": 3}, **base)
    for name in ("packaged", "other"):
        add(folder / f"{name}.yaml", name=name, card={"examples": 1234, "packages": [name]}, **base)
    add(folder / "own.yaml", name="own", domain="tabular", loader="tabular.csv_file", path="???", target="???")
    return folder


def add(config: Path, **values: Any) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(values))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the packages that were fetched; `packaged` fails."""
    names: list[str] = []

    def fetch_package(package: str, root: Path) -> None:
        if package == "packaged":
            raise UserError("no network; put it by hand")
        names.append(package)
        (root / "packages" / package).mkdir(parents=True)

    monkeypatch.setattr(packages, "fetch_package", fetch_package)
    return names


def run(script: ModuleType, configs: Path, *arguments: str) -> int:
    status: int = script.main([*arguments, "--configs", str(configs), "--root", str(configs.parent / "data")])
    return status


def test_list_is_the_default(
    script: ModuleType, configs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(script, "CONFIGS", configs)
    assert run(script, configs, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {
        cells[0]: cells for line in lines if len(cells := [cell.strip() for cell in line.strip("│").split("│")]) == 7
    }
    assert rows["tabular/shipped"] == ["tabular/shipped", "yes", "tabular", "150", "3", "unknown", ""]
    assert rows["packaged"][3] == "1,234"
    assert [rows[name][1] for name in ("packaged", "own")] == ["no", "yours"]


def test_failures_are_told_and_the_others_go_on(
    script: ModuleType, configs: Path, fetched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(script, configs, "fetch", "packaged", "other", "tabular/shipped", "own") == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["other: fetched", "tabular/shipped: here"]
    assert printed.err.splitlines()[0] == "packaged: no network; put it by hand"
    assert printed.err.splitlines()[1].startswith("own: stands for data that you name")
    assert fetched == ["other"]


def test_fetching_again_does_nothing(script: ModuleType, configs: Path, fetched: list[str]) -> None:
    assert run(script, configs, "fetch", "other") == 0
    assert run(script, configs, "fetch", "other") == 0
    assert fetched == ["other"]


@pytest.mark.parametrize(
    ("option", "names"), [("--offline", ["other", "packaged"]), ("--all", ["other", "packaged", "tabular/shipped"])]
)
def test_groups_of_sets(
    script: ModuleType,
    configs: Path,
    fetched: list[str],
    capsys: pytest.CaptureFixture[str],
    option: str,
    names: list[str],
) -> None:
    assert run(script, configs, "fetch", option) == 1
    printed = capsys.readouterr()
    assert sorted(line.split(":")[0] for line in (printed.out + printed.err).splitlines()) == names


def test_a_table_gets_what_its_unfinished_runs_need(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    brought: list[str] = []
    monkeypatch.setattr(script, "fetch", lambda settings, root: brought.append(f"{settings.name} {root}"))
    monkeypatch.setattr(declared, "RESULTS", tmp_path / "results")
    arguments = ["fetch", "--table", "quickstart", f"data.root={tmp_path}/data", f"output_root={tmp_path}", "seed=0"]
    assert script.main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == ["spoken_digits_300: fetched", "mutag: fetched"]
    assert brought == [f"spoken_digits_300 {tmp_path}/data", f"mutag {tmp_path}/data"]
    for run in declared.look_up("quickstart", arguments[3:])[1]:
        if run.settings.dataset.name == "mutag":
            record = tmp_path / "results" / "quickstart" / "records" / f"{run_id(run.settings)}.json"
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps({"id": record.stem, "metrics": {}}))
    assert script.main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == ["spoken_digits_300: fetched"]
    assert script.main([*arguments, "--fresh"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2, "no earlier record counts as done"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch"], "give names"),
        (["fetch", "other", "--all"], "not both"),
        (["fetch", "othr"], "error: fetch: 'othr' is no data set. Closest: other"),
        (["fetch", "--table", "quickstrt"], "error: table: 'quickstrt' is unknown, allowed are ablation, "),
        (["fetch", "--table", "quickstart", "sed=0"], "error: sed: unknown key"),
    ],
)
def test_wrong_arguments_are_told(
    script: ModuleType, configs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(script, configs, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [", "cannot be read"),
        ("- a", "holds no keys"),
        ("name: x", "dataset.loader: None is unknown"),
        ("{name: x, domain: tabular, loader: tabular.keel, keel_name: iris, nonsense: 1}", "nonsense: unknown key"),
    ],
)
def test_broken_configs_are_told_and_the_others_listed(
    script: ModuleType, configs: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    (configs / "broken.yaml").write_text(content)
    assert run(script, configs, "list") == 1
    printed = capsys.readouterr()
    assert f"{configs / 'broken.yaml'}: " in printed.err
    assert message in printed.err
    assert "tabular/shipped" in printed.out


def test_every_config_of_the_repository_is_sound(script: ModuleType) -> None:
    entries, problems = read_catalog(script.CONFIGS)
    assert problems == []
    names = {entry.name for entry in entries}
    assert script.FASHION_MNIST in names
    for entry in entries:
        text = (script.CONFIGS / f"{entry.name}.yaml").read_text()
        assert f"dataset={entry.name}" in text, entry.name
        assert entry.settings.card.source, entry.name
        assert entry.settings.card.licence != "", entry.name
