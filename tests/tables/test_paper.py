"""Published figures: shown where they belong, never as what they are not, never without a source."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mixupe.errors import UserError
from mixupe.places import CONFIGS
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.compare import comparison_frame, table_frame
from mixupe.tables.declared import look_up
from mixupe.tables.paper import Figure, check_figures, paper_lines, read_figures, with_figures
from mixupe.tables.render import grid, legend, to_csv, to_latex, to_markdown
from tests.tables.test_table import runs as runs

FIGURES = Path(__file__).parents[1] / "data" / "paper" / "figures.yaml"
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
        (
            {key: value for key, value in ERROR.items() if key != "place"},
            "toy.yaml, figure 1: place: missing from the config",
        ),
        ({**ERROR, "source": "  "}, "source: string should have at least 1 character"),
        ({**ERROR, "value": 955}, "value: must be a percentage between 0 and 100, got 955"),
        ({**ERROR, "value": ".5%"}, "value: input should be a valid number"),
        ({**ERROR, "unit": "share"}, "unit: input should be 'error' or 'accuracy'"),
        ({**ERROR, "std": -1}, "std: input should be greater than or equal to 0"),
        ({**ERROR, "n": 0}, "n: input should be greater than 0"),
        ({**ERROR, "std_unit": "percent"}, "std_unit: input should be 'points' or 'fraction'"),
        ({**ERROR, "color": 1}, "color: unknown key"),
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
    names = {path.stem for path in (CONFIGS / "paper").glob("*.yaml")}
    assert names == {f"paper{number}" for number in range(1, 9)} | {"paper_eta"}
    for name in names:
        look_up(name, ["data.root=nowhere"])  # raises where a figure has no row


# Names of the rows where they are not those of the figures.
DATASETS = {"openml/abalone": "openml_abalone_3", "ptc_mr": "ptc"}
MODELS = {"mlp": "mlp_paper", "gin": "gin5", "vit_base_16": "vit_base"}
TABLES = {f"Table {number}": f"paper{number}" for number in range(1, 7)}


def shipped(name: str) -> list[Figure]:
    return read_figures(CONFIGS / "paper", name)


def test_they_hold_exactly_the_papers_figures() -> None:
    printed: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES.values()}
    for entry in yaml.safe_load(FIGURES.read_text()):
        dataset = DATASETS.get(entry["dataset"], entry["dataset"].replace("openml/", "openml_"))
        row = {**entry, "dataset": dataset, "model": MODELS.get(entry["model"], entry["model"])}
        printed[TABLES[entry["place"][:7]]].append(row)
    assert sum(map(len, printed.values())) == 117
    keys = ("dataset", "model", "augmentation", "value", "std", "unit", "source", "place")
    for name, rows in printed.items():
        expected = [{**{key: row[key] for key in keys}, "n": row["repetitions"]} for row in rows]
        assert [{**figure.model_dump(include=set(keys)), "n": figure.n} for figure in shipped(name)] == expected
        fraction = "fraction" if name == "paper6" else "points"
        assert {figure.std_unit for figure in shipped(name)} == {fraction}


def test_they_hold_table_7_and_the_study_of_eta() -> None:
    ablation = {figure.augmentation: figure.value for figure in shipped("paper7")}
    assert ablation == {"none": 24.68, "mixup": 23.03, "erm_penalty": 22.42, "mixupe": 20.23}
    eta = {figure.augmentation.removeprefix("mixupe eta="): figure.value for figure in shipped("paper_eta")}
    assert eta == {"mixup": 23.03, "0.0001": 20.23, "0.001": 20.84, "0.01": 21.01, "0.1": 20.87}
    for figure in (*shipped("paper7"), *shipped("paper_eta")):
        assert (figure.dataset, figure.model, figure.unit, figure.n, figure.std) == (
            "cifar100",
            "preactresnet50",
            "error",
            5,
            None,
        )


def test_they_hold_table_8() -> None:
    expected = {
        "rotation 20": [55.55, 56.48, 60.08, 62.23],
        "rotation 40": [37.73, 36.78, 42.13, 43.08],
        "shear 28.6": [58.16, 60.01, 62.85, 63.94],
        "shear 57.3": [39.34, 39.70, 44.27, 43.87],
        "zoom in 60%": [13.75, 13.12, 11.49, 15.66],
        "zoom in 80%": [52.18, 50.47, 52.70, 54.22],
        "zoom out 120%": [60.02, 61.62, 63.59, 61.39],
        "zoom out 140%": [41.81, 42.02, 45.29, 36.58],
    }
    found: dict[str, list[float]] = {}
    for figure in shipped("paper8"):
        found.setdefault(figure.dataset.removeprefix("cifar100 "), []).append(figure.value)
        assert (figure.model, figure.unit, figure.n, figure.std) == ("preactresnet18", "accuracy", None, None)
    assert found == expected
    methods = [figure.augmentation for figure in shipped("paper8")]
    assert methods == ["mixup", "mixup alpha=2", "manifold_mixup", "mixupe"] * 8


def test_the_gain_of_0_8_on_imagenet_is_coatnets() -> None:
    accuracy = {(figure.model, figure.augmentation): figure.value for figure in shipped("paper3")}
    gains = {model: accuracy[model, "mixupe"] - accuracy[model, "mixup"] for model, _ in accuracy}
    assert gains == pytest.approx({"resnet50": 0.5, "vit_base": 0.7, "coatnet_0": 0.8})


def test_many_figures_of_one_place_have_one_line() -> None:
    figures = shipped("paper1")
    rows = pd.DataFrame([figure.model_dump(include={"dataset", "model", "augmentation"}) for figure in figures])
    (line,) = paper_lines(with_figures(rows, figures))
    assert line.startswith("Published, test error in percent ± standard deviation: Zou et al.")
    assert line.endswith("Table 1 (18 figures).")
