"""Every declared table composes, without any of its data."""

import functools
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mixupe.experiment.compose import compose_all, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.places import CONFIGS
from mixupe.tables.declared import read_table
from tests.tables.declared import project_tables

NAMES = project_tables()
FOR_GPUS = {
    "cifar100",
    "figure1",
    "fashion_mnist",
    "paper1",
    "paper2",
    "paper3",
    "paper7",
    "paper8",
    "paper_eta",
    "public_command",
}
# Table of the paper -> its domain and the number of runs of the paper: cells, methods and repetitions.
PAPER = {
    "paper1": ("images", 6 * 3 * 5),
    "paper2": ("images", 6 * 3 * 5),
    "paper3": ("images", 3 * 3 * 3),
    "paper4": ("tabular", 14 * 55 * 5 + 10 * 5),
    "paper5": ("speech", 3 * 3 * 5),
    "paper6": ("graphs", (55 + 3 + 17 + 3 * 5) * 10),
    "paper6_nested": ("graphs", (55 + 3 + 17 + 3 * 5) * 10),
    "paper7": ("images", 4 * 5),
    "paper8": ("images", 4 * 5),
    "paper_eta": ("images", 5 * 5),
    "figure1": ("images", 3 * 5),
}
REDUCED = [name for name in NAMES if name.startswith(("reduced", "decomposition"))]


@functools.cache
def settings_of_all(name: str) -> list[Any]:  # RunSettings, whose parts are of many kinds
    """One run of each setting, with seed 0; the user's own files are stood in for."""
    extra = ["seed=0", "data.root=nowhere"]
    if name.startswith("own_"):
        extra.append("dataset.path=nowhere")
    if name == "own_csv":
        extra.append("dataset.target=label")
    with hydra_initialised():
        return compose_all(read_table(name).override_lists(extra))


@pytest.mark.parametrize("name", NAMES)
def test_every_run_of_a_declared_table_composes(name: str) -> None:
    settings = settings_of_all(name)
    assert len({str(run) for run in settings}) == len(settings), "no run is declared twice"


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_what_it_is_how_it_is_run_and_what_it_costs(name: str) -> None:
    table = read_table(name)
    assert table.name == name
    comment = [line for line in (CONFIGS / "table" / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    assert any(f"make table-{name}" in line or f"make {name}" in line for line in comment)
    assert len({(run.dataset, run.label, run.overrides) for run in table.cells}) == len(table.cells)


@pytest.mark.parametrize("name", PAPER)
def test_a_table_of_the_paper_has_its_domain_and_repetitions(name: str) -> None:
    domain, runs = PAPER[name]
    assert {run.dataset.domain for run in settings_of_all(name)} == {domain}
    assert len(read_table(name).override_lists()) == runs


@pytest.mark.parametrize("name", sorted({*NAMES} - FOR_GPUS))
def test_tables_for_cpus_are_in_float32(name: str) -> None:
    assert {run.trainer.precision for run in settings_of_all(name)} == {"float32"}


def test_no_method_of_the_paper_is_another_than_its_own() -> None:
    for name in PAPER:
        of_paper = [run.augmentation for run in settings_of_all(name) if run.augmentation.name == "mixupe"]
        assert {method.variant for method in of_paper} == {"approximate"}
        assert {method.clean_pass for method in of_paper} == {"separate"}


def test_table_1_is_trained_as_the_paper_says() -> None:
    runs = settings_of_all("paper1")
    assert {(run.optimizer.lr, run.optimizer.momentum, run.optimizer.nesterov) for run in runs} == {(0.1, 0.9, False)}
    assert {run.optimizer.weight_decay for run in runs} == {1e-4}
    assert {(run.trainer.epochs, run.trainer.batch_size, run.protocol) for run in runs} == {(200, 100, "paper")}
    assert {(run.scheduler.warmup, run.scheduler.milestones, run.scheduler.gamma) for run in runs} == {
        (0, (0.5, 0.75), 0.1)
    }
    etas = {
        (run.dataset.name, run.model.name): run.augmentation.eta for run in runs if run.augmentation.name == "mixupe"
    }
    assert etas.pop(("cifar100", "preactresnet50")) == 1e-4
    assert set(etas.values()) == {1e-3}


def test_table_4_has_the_papers_grid_network_and_training() -> None:
    runs = settings_of_all("paper4")
    assert {(run.model.hidden, run.model.dropout) for run in runs} == {((128, 128), 0.0)}
    assert {(run.optimizer.name, run.optimizer.lr, run.optimizer.weight_decay) for run in runs} == {("adam", 0.001, 0)}
    assert {(run.trainer.epochs, run.trainer.batch_size, run.protocol) for run in runs} == {(25, 100, "heldout")}
    iris = [run.augmentation for run in runs if run.dataset.name == "openml_iris"]
    alphas, etas = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5), (1e-4, 1e-3, 1e-2, 1e-1, 1)
    assert [method.alpha for method in iris if method.name == "mixup"] == list(alphas)
    assert [(method.alpha, method.eta) for method in iris if method.name == "mixupe"] == [
        (a, e) for a in alphas for e in etas
    ]
    mnist = [run.augmentation for run in runs if run.dataset.name == "openml_mnist_784"]
    assert [(method.alpha, method.eta) for method in mnist if method.name == "mixupe"] == [
        (a, e) for a in (0.1, 0.5, 1) for e in (0.001, 0.1)
    ]


def test_table_6_and_its_honest_figure_differ_in_the_protocol_alone() -> None:
    assert read_table("paper6").nested == "paper6_nested"
    marked, honest = (
        [
            run.model_dump(mode="json", serialize_as_any=True, exclude={"protocol", "logger"})
            for run in settings_of_all(name)
        ]
        for name in ("paper6", "paper6_nested")
    )
    assert marked == honest
    assert {run.protocol for run in settings_of_all("paper6")} == {"paper"}
    assert {run.protocol for run in settings_of_all("paper6_nested")} == {"heldout"}
    assert "selected on test" in read_table("paper6").title


@pytest.mark.parametrize("name", REDUCED)
def test_what_is_reduced_says_so_and_has_no_figure_of_the_paper_beside_it(name: str) -> None:
    assert "reduced" in read_table(name).title
    assert all("reduced" in run.dataset.name for run in settings_of_all(name))
    assert not (CONFIGS / "paper" / f"{name}.yaml").exists()


def test_no_table_of_the_paper_has_reduced_data() -> None:
    for path in (CONFIGS / "paper").glob("*.yaml"):
        assert not any("reduced" in run.dataset.name or run.dataset.train_size for run in settings_of_all(path.stem))


def test_reduced_tables_share_their_runs() -> None:
    ids = {name: {run_id(run) for run in settings_of_all(name)} for name in REDUCED}
    whole = ids["decomposition"]
    assert ids["reduced7"] <= whole
    assert len(ids["reduced8"] - whole) == 2
    assert len(ids["reduced_eta"] - whole) == 3
    assert len(ids["reduced_rivals"] & whole) == 3


def test_the_public_command_is_trained_as_published() -> None:
    (run,) = [run for run in settings_of_all("public_command") if run.augmentation.name == "mixupe"]
    found = run.model_dump(mode="json", serialize_as_any=True)
    assert found["model"]["name"] == "preactresnet50"
    assert (found["dataset"]["crop_padding"], found["dataset"]["flip"]) == (2, True)
    published = {"alpha": 2.0, "eta": 0.001, "threshold": 1.0, "variant": "v3"}
    assert published.items() <= found["augmentation"].items()
    sgd = {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0001}
    assert found["optimizer"] == sgd
    epochs = found["trainer"]["epochs"]
    assert (epochs, found["trainer"]["batch_size"]) == (800, 100)
    scheduler = found["scheduler"]
    assert scheduler["warmup"] * epochs == 10
    assert scheduler["warmup_start"] * found["optimizer"]["lr"] == pytest.approx(0.01)
    assert [share * epochs for share in scheduler["milestones"]] == [300, 600]
    assert scheduler["gamma"] == 0.1


def test_the_ablation_pairs_every_eta_with_mixup_of_its_alpha() -> None:
    settings = settings_of_all("ablation")
    methods = [(run.dataset.name, run.augmentation.model_dump()) for run in settings]
    points = {(name, method.get("eta"), method["alpha"]) for name, method in methods}
    etas = (None, 0.0, 0.001, 0.01, 0.1, 1.0)
    assert points == {(name, eta, alpha) for name in ("digits", "vehicle") for eta in etas for alpha in (0.2, 1.0, 2.0)}
    assert len({run_id(run) for run in settings}) == len(settings) == 36


@pytest.mark.parametrize("domain", ["images", "tabular", "speech", "graphs"])
def test_a_search_tries_the_same_alphas_for_all_methods(domain: str) -> None:
    """And with each eta of each variant of MixupE, the paper's loss among them."""
    methods = [run.augmentation.model_dump() for run in settings_of_all(f"tune_{domain}")]
    alphas: dict[tuple[object, ...], set[float]] = {}
    for method in methods:
        key = tuple(method.get(name) for name in ("name", "variant", "eta"))
        alphas.setdefault(key, set()).add(method["alpha"])
    (shared,) = {frozenset(values) for values in alphas.values()}
    assert min(shared) <= 0.05
    assert max(shared) >= 2
    assert {key[1] for key in alphas if key[0] == "mixupe"} == {"approximate", "v3"}


@pytest.mark.parametrize("domain", ["images", "tabular", "speech", "graphs"])
def test_rivals_run_on_cells_and_seeds_of_the_offline_table_and_each_searches_as_much(domain: str) -> None:
    rivals, offline = read_table(f"rivals_{domain}"), read_table(f"offline_{domain}")
    known = {(cell.dataset, cell.overrides) for cell in offline.cells}
    assert {(cell.dataset, cell.overrides) for cell in rivals.cells} <= known
    assert set(rivals.seeds) <= set(offline.seeds)
    assert rivals.select is not None
    assert rivals.select.by == "validation"
    tried: dict[str, int] = {}
    for method in rivals.methods():
        tried[method.column] = tried.get(method.column, 0) + 1
    assert tried.pop("none") == 1
    assert set(tried.values()) == {4}
    assert {"mixup", "manifold_mixup", "mixupe", "regmixup"} <= set(tried)


def test_a_table_that_somebody_has_copied_is_none_of_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """configs/table/mine.yaml, not committed: the tests above do not look at it."""
    folder = tmp_path / "configs" / "table"
    folder.mkdir(parents=True)
    (folder / "quickstart.yaml").write_text("name: quickstart")
    git = ["git", "-C", str(folder)]
    monkeypatch.setattr("tests.tables.declared.CONFIGS", tmp_path / "configs")
    assert project_tables.__wrapped__() == ("quickstart",), "without git, all"
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run([*git, *command], check=True)
    (folder / "mine.yaml").write_text("name: quickstart")
    assert project_tables.__wrapped__() == ("quickstart",)
