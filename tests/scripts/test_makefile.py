"""The Makefile's targets, with scripts and a pip that only say how they were called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ("scripts/data.py", "scripts/train.py", "scripts/table.py")
STUB = """
import sys
line = " ".join(sys.argv)
if "--unchanged" in line:
    sys.exit(0 if "settled" in line else 3)
open("calls.txt", "a").write(line + "\\n")
if "train.py" in line and "stopped" in line:
    sys.exit(75)
if "data.py" in line:
    sys.exit(2 if "wrong" in line else 1 if "unreachable" in line else 0)
sys.exit(1 if "train.py" in line and ("paper5" in line or "paper3" in line) else 0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt", *SCRIPTS, ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(STUB if name.endswith(".py") else "")
    (tmp_path / ".venv/bin/python").unlink()
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / ".venv/.installed").touch()
    (tmp_path / ".venv/.examples").touch()
    return tmp_path


@pytest.fixture
def bare(project: Path) -> Path:
    """The project before anything is installed, with a Python whose venv has a pip that does what pip.txt says."""
    shutil.rmtree(project / ".venv")
    (project / "python").write_text(
        '#!/bin/sh\n[ "$2" = venv ] || exit 0\nmkdir -p .venv/bin\ncp pip .venv/bin/python\nchmod +x .venv/bin/python\n'
    )
    (project / "python").chmod(0o755)
    (project / "pip").write_text('#!/bin/sh\necho "$@" >>calls.txt\n. ./pip.txt\n')
    return project


def make(project: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The finished process, and how the scripts were called."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(
        ["make", *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    calls = (project / "calls.txt").read_text().splitlines() if (project / "calls.txt").exists() else []
    return done, [" ".join(call.split()) for call in calls]


def test_a_table_is_run_then_built_and_logged(project: Path) -> None:
    done, calls = make(project, "table-toy", "SEEDS=0,1", "OVERRIDES=trainer.device=cpu", "LAUNCHER=joblib")
    assert done.returncode == 0, done.stderr
    assert calls == [
        "scripts/data.py fetch --table toy seed=0,1 trainer.device=cpu",
        "scripts/train.py --multirun table=toy hydra/launcher=joblib seed=0,1 trainer.device=cpu",
        "scripts/table.py toy --wandb seed=0,1 trainer.device=cpu",
    ]


def test_a_table_that_nothing_has_changed_is_left_as_it_is(project: Path) -> None:
    done, calls = make(project, "table-settled")
    assert (done.returncode, calls) == (0, [])


def test_a_table_in_a_time_box_is_built_from_what_there_is(project: Path) -> None:
    done, calls = make(project, "table-toy", "MINUTES=9")
    assert done.returncode == 0, done.stderr
    assert calls[1:] == [
        "scripts/train.py --multirun table=toy hydra.sweeper.minutes=9",
        "scripts/table.py toy --wandb --partial",
    ]


def test_a_table_whose_sweep_was_stopped_is_not_built(project: Path) -> None:
    done, calls = make(project, "table-stopped")
    assert "Error 75" in done.stderr
    assert [call.split()[0] for call in calls] == ["scripts/data.py", "scripts/train.py"]


def test_a_data_set_that_cannot_be_brought_keeps_no_run_from_starting_but_a_wrong_table_does(project: Path) -> None:
    done, calls = make(project, "table-unreachable")
    assert done.returncode == 0
    assert [call.split()[0] for call in calls] == list(SCRIPTS)
    done, calls = make(project, "table-wrong")
    assert done.returncode == 2
    assert len(calls) == 4


def test_a_fresh_table_has_places_of_its_own(project: Path) -> None:
    done, calls = make(project, "table-toy", "FRESH=1")
    assert done.returncode == 0
    own = "output_root=outputs/fresh/toy hydra.sweeper.results=outputs/fresh/toy/results"
    assert calls == [
        "scripts/data.py fetch --table toy --fresh",
        f"scripts/train.py --multirun table=toy {own}",
        "scripts/table.py toy --wandb --fresh",
    ]


def test_a_table_that_fails_is_named_at_the_end_and_the_others_are_made(project: Path) -> None:
    done, calls = make(project, "tables")
    assert done.returncode == 2
    assert "error: not complete: paper5 paper3" in done.stderr
    built = [call.split()[1] for call in calls if "table.py" in call]
    expected = ["paper1", "paper2", "paper4", "paper5", "paper6_nested", "paper6", "paper3"]
    assert built == expected, "a table is built from what there is"


def test_all_tables_are_planned_at_once(project: Path) -> None:
    done, calls = make(project, "tables-offline", "DRY=1", "SEEDS=0")
    assert done.returncode == 0
    offline = "offline_images offline_tabular offline_speech offline_graphs"
    assert calls == [f"scripts/table.py {offline} --dry seed=0"]
    assert make(project, "table-toy", "DRY=1", "FRESH=1")[1][1:] == ["scripts/table.py toy --dry --fresh"]


@pytest.mark.parametrize(
    ("target", "tables"),
    [
        ("paper-4", "paper4"),
        ("paper-6", "paper6_nested paper6"),
        ("paper-eta", "paper_eta"),
        ("paper-figure1", "figure1"),
        ("table-paper4", "paper4"),
        ("table-images", "paper1 paper2"),
        ("table-tabular", "paper4"),
        ("table-speech", "paper5"),
        ("table-graphs", "paper6_nested paper6"),
        ("table-imagenet", "paper3"),
        ("paper", "paper1 paper2 paper3 paper4 paper5 paper6_nested paper6 paper7 paper8 paper_eta figure1"),
    ],
)
def test_the_papers_tables_have_their_numbers_and_domains(project: Path, target: str, tables: str) -> None:
    done, calls = make(project, target, "DRY=1", "SEEDS=0")
    assert done.returncode == 0, done.stderr
    assert calls == [f"scripts/table.py {tables} --dry seed=0"]


def test_a_table_of_the_paper_is_run_as_any_other(project: Path) -> None:
    done, calls = make(project, "paper-6", "LAUNCHER=joblib", "MINUTES=9")
    assert done.returncode == 0, done.stderr
    assert [call for call in calls if "train.py" in call] == [
        f"scripts/train.py --multirun table={name} hydra/launcher=joblib hydra.sweeper.minutes=9"
        for name in ("paper6_nested", "paper6")
    ]


def test_figure_2_is_a_script(project: Path) -> None:
    (project / "scripts/figure2.py").write_text(STUB)
    done, calls = make(project, "figure2", "OVERRIDES=model=preactresnet18")
    assert (done.returncode, calls) == (0, ["scripts/figure2.py model=preactresnet18"])


def test_help_lists_every_target_that_has_a_text(project: Path) -> None:
    done, _ = make(project, "help")
    targets = [
        line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line and "## " in line
    ]
    assert "figure2" in targets
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")] == targets


def test_an_installation_says_first_what_it_takes(bare: Path) -> None:
    (bare / "pip.txt").write_text("echo 'WARNING: a package was yanked' >&2")
    done, calls = make(bare, "lint", f"PYTHON={bare}/python")
    assert done.returncode == 0, done.stderr
    first, *_ = done.stdout.splitlines()
    assert first.startswith("Installing Python packages into .venv, once: ")
    assert "6 GB" in first
    assert "minutes" in first
    assert done.stderr.splitlines()[0] == "WARNING: a package was yanked", "what pip says is not hidden"
    assert calls[0].startswith("-m pip install --quiet")
    assert "Installing" not in make(bare, "lint")[0].stdout


def test_an_installation_that_fails_says_why_and_is_tried_again(bare: Path) -> None:
    (bare / "pip.txt").write_text("echo 'ERROR: No space left on device' >&2; exit 3")
    done, _ = make(bare, "lint", f"PYTHON={bare}/python")
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        "ERROR: No space left on device",
        "error: pip could not install them, for the reason above; the same command tries again",
    ]
    (bare / "pip.txt").write_text("")
    again, calls = make(bare, "lint", f"PYTHON={bare}/python")
    assert again.returncode == 0
    assert sum("pip install" in call for call in calls) == 2


def test_what_the_examples_need_is_for_the_tests_alone(bare: Path) -> None:
    (bare / "pip.txt").write_text("")
    for target, installed in (
        ("lint", [".[dev]"]),
        ("quickstart", [".[dev]"]),
        ("test", [".[dev]", ".[examples,optuna]"]),
    ):
        done, calls = make(bare, target, f"PYTHON={bare}/python")
        assert done.returncode == 0, done.stderr
        assert [call.split()[-1] for call in calls if "pip install" in call] == installed, target


@pytest.fixture
def tested(project: Path) -> Path:
    """The project with tests of its own and this Python's pytest."""
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (project / ".venv/bin/python").chmod(0o755)
    (project / "tests").mkdir()
    return project


def test_a_test_that_kills_its_worker_is_named_and_ends_the_run(tested: Path) -> None:
    killer = "import os\ndef test_before(): pass\ndef test_that_aborts(): os.abort()\ndef test_after(): pass\n"
    (tested / "tests/test_killer.py").write_text(killer)
    (tested / "tests/test_other.py").write_text("def test_fine(): pass\n")
    done, _ = make(tested, "test", "TEST_LIMIT=120")
    assert done.returncode == 2
    assert "crashed while running 'tests/test_killer.py::test_that_aborts'" in done.stdout
    assert "TEST_LIMIT" not in done.stderr, "it ended by itself"


def test_a_run_of_tests_that_does_not_end_is_ended(tested: Path) -> None:
    (tested / "tests/test_endless.py").write_text("import time\ndef test_endless(): time.sleep(600)\n")
    done, _ = make(tested, "test", "TEST_LIMIT=3")
    assert done.returncode == 2
    assert "error: the tests were not over after TEST_LIMIT=3" in done.stderr
