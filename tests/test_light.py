"""What is known before anything is computed is said without importing what computes: what no method is asked, without
torch; a method knows its values, and imports torch alone.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import mixupe

REPOSITORY = Path(__file__).parents[1]
# Each of these takes as long to import as all else together, or longer.
HEAVY = (
    *("torch", "torchvision", "torchaudio", "torch_geometric", "torchmetrics", "timm"),
    *("pandas", "scipy", "sklearn", "matplotlib", "wandb"),
)
# Runs a script as `python SCRIPT ARGUMENT ...` does, and says on the last line what it has imported.
WATCHED = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, "scripts")
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
    code = 0
except SystemExit as error:
    code = error.code
print(f"\\nimported: {' '.join(name for name in HEAVY if name in sys.modules)}")
sys.exit(code)
""".replace("HEAVY", repr(HEAVY))


def script(*arguments: str, line: str = "") -> tuple[int, str, str]:
    """Exit status, output and what the script has imported of HEAVY; `line` is what the shell wants completed."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY / "src"), "COMP_LINE": line},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    output, _, imported = done.stdout.rpartition("imported: ")
    return done.returncode, output + done.stderr, imported.strip()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["augmentation.etaa=1"], "error: augmentation.etaa: unknown key (given: 1), allowed are augmentation.name,"),
        (["dataset.crop_padding=-1"], "error: dataset.crop_padding: input should be greater than or equal to 0"),
        (["model=gin5", "dataset=mutag", "model.layers=1"], "error: model.layers: input should be greater than"),
        (["model=foo"], "error: model: "),
        (["trainer.epochs=0"], "error: trainer.epochs: input should be greater than 0"),
        (["--multirun", "augmentation.etaa=1,2"], "error: augmentation.etaa: unknown key (given: 1)"),
    ],
)
def test_a_wrong_command_line_is_refused_without_torch(arguments: list[str], line: str) -> None:
    status, output, imported = script("scripts/train.py", *arguments)
    assert (status, imported) == (2, ""), output
    assert output.strip().startswith(line)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["augmentation.eta=much"], "error: augmentation.eta: input should be a valid number"),
        (["augmentation.eta=-1"], "error: augmentation.eta: must be a finite number >= 0, got -1"),
    ],
)
def test_a_wrong_value_of_a_method_is_refused_with_torch_alone(arguments: list[str], line: str) -> None:
    status, output, imported = script("scripts/train.py", *arguments)
    assert (status, imported) == (2, "torch"), output
    assert output.strip().startswith(line)


@pytest.mark.parametrize("flags", [["--help"], ["--cfg", "job"], ["-sc", "query=bash"]])
def test_hydras_own_questions_are_answered_without_torch(flags: list[str]) -> None:
    status, output, imported = script("scripts/train.py", *flags, line="train.py augmentation.")
    assert (status, imported) == (0, "")
    assert "augmentation" in output


def test_a_plan_is_made_with_torch_alone() -> None:
    status, output, imported = script("scripts/table.py", "baselines", "paper4", "--dry")
    assert (status, imported) == (0, "torch")
    assert "to do; minutes spent" in output


def test_runs_are_listed_without_torch() -> None:
    status, output, imported = script("scripts/runs.py", "list", "offline_tabular", "state=done", "seed=0")
    assert (status, imported) == (0, ""), output
    assert "runs (the last 30; --all shows all)" in output


def test_a_sweep_with_nothing_to_do_ends_with_torch_alone(tmp_path: Path) -> None:
    options = [f"output_root={tmp_path}", f"hydra.sweep.dir={tmp_path}/sweep"]
    status, output, imported = script("scripts/train.py", "--multirun", "table=tune_graphs", *options)
    assert (status, imported) == (0, "torch"), output
    assert "0 to do" in output


def test_import_mixupe_is_light_and_gives_every_name() -> None:
    light = "import mixupe, sys; assert 'torch' not in sys.modules; assert mixupe.MixupE(1.0, 0.1).eta == 0.1"
    subprocess.run([sys.executable, "-c", light], check=True, timeout=100)
    assert set(mixupe.__all__) <= set(dir(mixupe))
    for name in mixupe.__all__:
        assert getattr(mixupe, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'MixupF'"):
        mixupe.MixupF  # noqa: B018


def test_the_classifier_needs_nothing_of_the_framework_but_what_its_extra_names() -> None:
    others = ["hydra", "omegaconf", "torchvision", "torchmetrics", "torch_geometric", "timm", "wandb", "matplotlib"]
    light = f"import sys, mixupe.sklearn; assert not set({others!r}) & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", light], check=True, timeout=200)
