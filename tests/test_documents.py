"""Commands in README, CONTRIBUTING and docs/ can be given as they stand: parsed here, the tutorial's run by a slow test."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from sklearn.datasets import load_wine

from mixupe.experiment.command import Command
from mixupe.experiment.command_line import readable
from mixupe.experiment.compose import compose_all, compose_settings, expand_grid, hydra_initialised
from mixupe.experiment.trials import SearchSpace
from mixupe.runs.trained import load_run
from mixupe.tables.declared import read_table
from tests.scripts.test_train import load_script

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Files that docs/extend.md tells how to make.
TO_BE_MADE = ("src/mixupe/augmentation/input_noise.py", "src/mixupe/models/linear.py")
# Where other commands are expected: docs/extend.md is run by tests/test_extend.py.
OTHERS = (". .venv/bin/activate", ".venv/bin/pre-commit install", "wandb sync outputs/wandb/offline-*")


def fenced(page: Path) -> list[str]:
    """The commands of a page's blocks, each on one line."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    text = "\n".join(block for language, block in blocks if language == "sh" or (not language and "scripts/" in block))
    text += "\n".join(block for language, block in blocks if not language and block.startswith("make "))
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def inline(page: Path) -> list[str]:
    """`make ...` within sentences."""
    return [" ".join(words.split()) for words in re.findall(r"`(make [^`]+)`", page.read_text(encoding="utf-8"))]


FENCED = [(page.name, line) for page in PAGES for line in fenced(page)]
MADE = sorted({line for page in PAGES for line in [*fenced(page), *inline(page)] if line.startswith("make ")})


class ParsedError(Exception):
    """The command line was understood; nothing more is done."""


@pytest.fixture
def only_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(original: Any) -> Any:
        def parse(self: argparse.ArgumentParser, *arguments: Any, **named: Any) -> NoReturn:
            original(self, *arguments, **named)
            raise ParsedError

        return parse

    for name in ("parse_args", "parse_intermixed_args"):
        monkeypatch.setattr(argparse.ArgumentParser, name, stop(getattr(argparse.ArgumentParser, name)))


def check_table(name: str, extra: Sequence[str]) -> None:
    with hydra_initialised():
        compose_settings(read_table(name).override_lists(readable(extra, is_sweep=True))[0])


def check_training(arguments: Sequence[str]) -> None:
    GlobalHydra.instance().clear()
    command = Command.parse(arguments)
    if not command.flags.multirun:
        return
    table = [argument.removeprefix("table=") for argument in arguments if argument.startswith("table=")]
    with hydra_initialised():
        if table:
            check_table(table[0], command.run_overrides)
        elif "hydra/sweeper=optuna" in arguments:
            SearchSpace.parse(command.run_overrides)
        else:
            compose_all(expand_grid(command.run_overrides))


def scripts(name: str) -> Iterator[str]:
    yield from (line for page, line in FENCED if page != "extend.md" and f"scripts/{name}" in line)


@pytest.mark.parametrize("line", sorted(set(scripts("train.py"))))
def test_training_is_composed(line: str) -> None:
    words = shlex.split(line, comments=True)
    arguments = words[words.index("scripts/train.py") + 1 :]
    # A reader's own run; the slow test has one.
    check_training([word for word in arguments if not word.startswith("init_from=")])


@pytest.mark.parametrize("line", sorted({line for line in scripts("") if "scripts/train.py" not in line}))
@pytest.mark.usefixtures("only_parsed")
def test_a_script_takes_its_arguments(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    python, script, *arguments = shlex.split(line, comments=True)
    assert python == "python"
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    with pytest.raises(ParsedError):
        load_script(Path(script).stem).main()
    if script == "scripts/table.py":
        check_table(arguments[0], arguments[1:])


@pytest.mark.parametrize("line", MADE)
def test_make_has_the_target_and_the_options(line: str) -> None:
    _, target, *options = shlex.split(line, comments=True)
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    kind, _, name = target.partition("-")
    domains = ("images", "tabular", "speech", "graphs", "imagenet")
    given = dict(option.split("=", 1) for option in options)
    assert [key for key in given if not re.search(rf"\b{key}\b", MAKEFILE)] == []
    if target in targets or (kind == "table" and name in ("NAME", *domains)):
        return
    if kind == "paper":
        assert name in ("eta", "figure1") or (ROOT / "configs" / "table" / f"paper{name}.yaml").is_file()
    else:
        assert kind == "table", f"no target {target}"
        check_table(name, given.get("OVERRIDES", "").split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_commands_are_known(page: Path) -> None:
    for line in fenced(page):
        if "scripts/" in line or line.startswith("make ") or line in OTHERS:
            continue
        words = shlex.split(line)
        if words[0] == "pip":
            (extra,) = re.findall(r"-e '\.\[(\w+)\]'", line)
            assert extra in PROJECT["optional-dependencies"]
        else:
            assert words[:2] == ["python", "-c"], line
            compile(words[2], page.name, "exec")


def test_what_is_installed_for_experiments_leaves_the_checkout_in_use() -> None:
    """Without -e, pip puts a copy that has no configs in the place of the checkout."""
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]
    files = [*pages, *(path for folder in ("configs", "scripts", "src") for path in (ROOT / folder).rglob("*.*"))]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in (".md", ".py", ".yaml")]
    for line in {found for text in texts for found in re.findall(r"pip install [^`\n]*\[\w+\]'", text)}:
        # The classifier is for programs of one's own.
        assert line.startswith("pip install -c constraints.txt -e '.[") or line == "pip install '.[sklearn]'"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def exists(name: str) -> bool:
    """Whether there is that file, folder or name of a module; `<domain>` stands for any one."""
    name = re.sub(r"<\w+>", "*", name.rstrip("."))
    if name.split(".")[0] != "mixupe":
        return any(ROOT.glob(name.rstrip("/")))
    path = f"src/{name.replace('.', '/')}"
    if any(ROOT.glob(f"{path}.py")) or any(ROOT.glob(f"{path}/__init__.py")):
        return True
    module, _, attribute = name.rpartition(".")
    return exists(module) and hasattr(import_module(module), attribute)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "src", ROOT / "benchmarks"], ids=lambda page: page.name)
def test_modules_and_files_that_are_named_exist(page: Path) -> None:
    files = sorted(page.rglob("*.py")) if page.is_dir() else [page]
    spans = [span for file in files for span in re.findall(r"`([^`\n]+)`", file.read_text(encoding="utf-8"))]
    folders = "benchmarks|configs|docs|examples|scripts|src|tests"
    named = re.findall(rf"(?<![\w./-])((?:{folders})/[\w./<>*-]+|mixupe\.[\w.<>]+)", "\n".join(spans))
    assert [name for name in named if name not in TO_BE_MADE and not exists(name)] == []


def test_imports_run_as_the_design_says() -> None:
    text = " ".join((ROOT / "docs" / "design.md").read_text(encoding="utf-8").split())
    (order,) = re.findall(r"Imports run one way: (.*?)\. ", text)
    floors = {name: floor for floor, names in enumerate(order.split("->")) for name in names.replace(",", " ").split()}
    upwards = [
        f"{path.relative_to(ROOT)}: {other}"
        for folder in floors
        for path in sorted((ROOT / "src" / "mixupe" / folder).rglob("*.py"))
        if path != ROOT / "src/mixupe/experiment/__init__.py"  # `compare`, as it says there
        for other in re.findall(r"^ *from mixupe\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if other in floors and other != folder and floors[other] <= floors[folder]
    ]
    assert upwards == []
    assert {"data", "training", "tables"} <= set(floors)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    (paper,) = citation["references"]
    assert paper["year"] == 2023
    assert "Zou" in paper["authors"][0].values()


def copy_of_the_project(folder: Path) -> Path:
    """With all that its commands need, and what is installed."""
    for name in ("src", "configs", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def runs_on_tables(project: Path) -> list[str]:
    """Ids, of seed 0."""
    records = [json.loads(path.read_text()) for path in sorted(project.glob("outputs/runs/*/record.json"))]
    return [one["id"] for one in records if one["domain"] == "tabular" and one["seed"] == 0]


def give(project: Path, line: str) -> None:
    """The command in a shell there, with few epochs, trials and no logger; ids in the place of 0123abcd and 4567cdef."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PYTEST"))}
    others = os.pathsep.join(filter(None, [str(project / "src"), environment.get("PYTHONPATH")]))
    environment |= {"PYTHONPATH": others, "PATH": f"{sys.prefix}/bin:{environment['PATH']}"}
    few = "logger=none" if "trainer.epochs=" in line else "logger=none trainer.epochs=2"
    command = line.replace("scripts/train.py", f"scripts/train.py {few}").replace("n_trials=20", "n_trials=2")
    # What is installed is taken as it is.
    command = re.sub("^make ", "make -o .venv/.installed ", command).replace("OVERRIDES='", f"OVERRIDES='{few} ")
    if "0123abcd" in command:
        first, second, *_ = runs_on_tables(project)
        command = command.replace("0123abcd", first[:8]).replace("4567cdef", second[:8])
    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tutorial_is_run(tmp_path: Path) -> None:
    """All but `make quickstart`, which brings packages."""
    project = copy_of_the_project(tmp_path / "project")
    for line in fenced(ROOT / "docs" / "tutorial.md"):
        if line not in ("make quickstart", *OTHERS):
            give(project, line)
    for pattern in ("results/own_csv/table.md", "outputs/pages/*.html", "outputs/compare/*/curves.png"):
        assert list(project.glob(pattern)), pattern
    assert list(project.glob("outputs/exported/*/state_dict.pt"))
    assert len(pd.read_csv(project / "answers.csv")) == len(pd.read_csv(project / "my.csv"))
    assert len(pd.read_csv(project / "runs.csv")) == 4 * 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_first_experiments_and_what_comes_after_them_are_run(tmp_path: Path) -> None:
    """The scripts of README.md and docs/runs.md, on sets that need no package; predictions of tables stand for all."""
    project = copy_of_the_project(tmp_path / "project")
    lines = [line for page in ("README.md", "docs/runs.md") for line in fenced(ROOT / page) if "scripts/" in line]
    for line in lines:
        if "photos/" in line or "MYGRAPHS/" in line or "molecules.smi" in line:  # tests/runs/test_trained.py
            continue
        if "optuna" in line and find_spec("optuna") is None:
            continue
        if "new_rows.csv" in line:
            preparation = load_run(runs_on_tables(project)[0], project / "outputs").file.preparation
            assert preparation is not None
            names = preparation["numeric"]["names"]
            load_wine(as_frame=True).data.set_axis(names, axis=1).to_csv(project / "new_rows.csv", index=False)
        give(project, line.replace("tabular/vehicle", "tabular/wine"))
    assert len(pd.read_csv(project / "runs.csv")) == 10
    assert list(project.glob("outputs/sweeps/*/table.md"))
