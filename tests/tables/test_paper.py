"""Published figures: shown where they belong, never as what they are not, never without a source."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mixupe.experiment.compose import CONFIGS
from mixupe.settings import UserError
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.compare import comparison_frame
from mixupe.tables.paper import Figure, check_figures, paper_lines, read_figures, with_figures
from mixupe.tables.render import grid, legend, to_csv, to_latex, to_markdown
from mixupe.tables.rows import table_frame
from tests.tables.test_table import runs as runs

SOURCED = {"source": "Somebody et al., 2020", "place": "Table 1"}
REFERENCE = "Somebody et al., 2020, Table 1"
ERROR = {"dataset": "wine", "model": "mlp", "augmentation": "mixup", "value": 95.5, "unit": "accuracy", **SOURCED}
DIGITS = {"dataset": "digits", "model": "preactresnet18", "augmentation": "mixupe"}
DIFFERENCE = {**DIGITS, "kind": "difference", "against": "mixup", "unit": "accuracy", "value": 0.8, **SOURCED}


def write(folder: Path, *entries: Any) -> Path:
    (folder / "toy.yaml").write_text(yaml.safe_dump(list(entries)))
    return folder


@pytest.fixture
def frame(runs: list[DeclaredRun], tmp_path: Path) -> pd.DataFrame:
    figures = read_figures(write(tmp_path, ERROR, DIFFERENCE), "toy")
    check_figures(figures, [run.names for run in runs], "toy")
    return with_figures(table_frame(runs, comparison_frame(runs)), figures)


def test_no_file_means_no_figures(tmp_path: Path) -> None:
    assert read_figures(tmp_path, "toy") == []


def test_an_accuracy_is_shown_as_error_and_a_difference_as_a_difference(frame: pd.DataFrame) -> None:
    rows = frame.set_index(["dataset", "augmentation"])["paper"]
    assert rows["wine", "mixup"] == "4.5"
    assert rows["digits", "mixupe"] == "-0.8 vs mixup"
    assert rows.notna().sum() == 2
    lines = to_csv(frame).splitlines()
    assert lines[2].endswith(',,,,,4.5,"Somebody et al., 2020, Table 1"')
    assert lines[6].endswith(',-0.8 vs mixup,"Somebody et al., 2020, Table 1"')
    assert lines[1].endswith(",,"), "empty where there is none"


def test_all_files_show_it_with_its_source(frame: pd.DataFrame, runs: list[DeclaredRun]) -> None:
    header, body = grid(frame)
    assert header[-2:] == ["mixup (published)", "mixupe (published)"]
    assert [line[-2:] for line in body] == [["4.5", "-"], ["-", "-0.8 vs mixup"]]
    line = f"Published for digits preactresnet18 mixupe: -0.8 vs mixup (points of test error); {REFERENCE}."
    assert line in paper_lines(frame)
    assert line in legend(frame, runs)
    assert f"- {line}" in to_markdown("Toy", frame, comparison_frame(runs), runs)
    latex = to_latex("Toy", frame)
    assert line in latex
    assert r"digits & preactresnet18" in latex
    assert r"-0.8 vs mixup \\" in latex


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({**ERROR, "source": None}, "toy.yaml, figure 1: source: input should be a valid string"),
        ({key: value for key, value in ERROR.items() if key != "place"}, "toy.yaml, figure 1: place: field required"),
        ({**ERROR, "source": "  "}, "source: string should have at least 1 character"),
        ({**ERROR, "value": 955}, "value: must be a percentage between 0 and 100, got 955"),
        ({**ERROR, "value": ".5%"}, "value: input should be a valid number"),
        ({**ERROR, "unit": "share"}, "unit: input should be 'error' or 'accuracy'"),
        ({**ERROR, "colour": 1}, "colour: extra inputs are not permitted"),
        ({**ERROR, "kind": "difference"}, "`against` belongs to kind=difference"),
        ({**ERROR, "against": "none"}, "`against` belongs to kind=difference"),
        ("wine", "toy.yaml, figure 1: "),
    ],
)
def test_a_wrong_entry_is_one_line(tmp_path: Path, entry: Any, says: str) -> None:
    with pytest.raises(UserError) as caught:
        read_figures(write(tmp_path, entry), "toy")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_figures_for_a_row_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="figure 2: a second one for wine mlp mixup"):
        read_figures(write(tmp_path, ERROR, ERROR), "toy")


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text("figures: []")
    with pytest.raises(UserError, match=r"toy\.yaml in configs/paper: must be a list"):
        read_figures(tmp_path, "toy")


@pytest.mark.parametrize(
    ("change", "names"),
    [({"model": "gin"}, "wine gin mixup"), ({"dataset": "beer"}, "beer mlp mixup")],
)
def test_a_figure_without_a_declared_row_is_refused(
    runs: list[DeclaredRun], change: dict[str, str], names: str
) -> None:
    with pytest.raises(UserError, match=f"has no row {names}; it has wine mlp none, wine mlp mixup"):
        check_figures([Figure.model_validate({**ERROR, **change})], [run.names for run in runs], "toy")


def test_a_difference_to_a_method_that_is_not_there_is_refused(runs: list[DeclaredRun]) -> None:
    with pytest.raises(UserError, match="has no row digits preactresnet18 cutout"):
        check_figures([Figure.model_validate({**DIFFERENCE, "against": "cutout"})], [run.names for run in runs], "toy")


def test_the_files_that_ship_are_sound() -> None:
    names = [path.stem for path in (CONFIGS / "paper").glob("*.yaml")]
    assert "imagenet" in names
    for name in names:
        assert (CONFIGS / "table" / f"{name}.yaml").exists()
        assert read_figures(CONFIGS / "paper", name)
