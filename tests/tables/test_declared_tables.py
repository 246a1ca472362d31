"""Every declared table composes, without any of its data."""

import functools

import pytest

from mixupe.experiment.compose import CONFIGS, compose_all, hydra_initialised
from mixupe.experiment.config import RunSettings
from mixupe.experiment.identity import run_id
from mixupe.tables.build import read_table

NAMES = sorted(path.stem for path in (CONFIGS / "table").glob("*.yaml"))
FOR_GPUS = {"imagenet", "fashion_mnist"}
PAPER_METHODS = ["none", "mixup", "manifold_mixup", "mixupe"]
DOMAINS = {"images": "images", "imagenet": "images", "tabular": "tabular", "speech": "speech", "graphs": "graphs"}


@functools.cache
def settings_of_all(name: str) -> list[RunSettings]:
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
    assert len({str(one) for one in settings}) == len(settings), "no run is declared twice"


@pytest.mark.parametrize("name", NAMES)
def test_a_table_says_what_it_is_how_it_is_run_and_what_it_costs(name: str) -> None:
    table = read_table(name)
    assert table.name == name
    comment = [line for line in (CONFIGS / "table" / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    assert any(f"make table-{name}" in line or f"make {name}" in line for line in comment)
    assert len({(run.dataset, run.label, run.overrides) for run in table.cells}) == len(table.cells)


@pytest.mark.parametrize(("name", "domain"), list(DOMAINS.items()))
def test_the_papers_domains_compare_all_four_methods(name: str, domain: str) -> None:
    assert [method.name for method in read_table(name).methods()] == PAPER_METHODS
    assert {one.dataset.domain for one in settings_of_all(name)} == {domain}


@pytest.mark.parametrize("name", sorted({*NAMES} - FOR_GPUS))
def test_tables_for_cpus_are_in_float32(name: str) -> None:
    assert {one.trainer.precision for one in settings_of_all(name)} == {"float32"}


def test_the_image_table_trains_as_the_published_command_does() -> None:
    (one,) = [
        one for one in settings_of_all("images") if (one.dataset.name, one.augmentation.name) == ("cifar100", "mixupe")
    ]
    found = one.model_dump(mode="json", serialize_as_any=True)
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
    methods = [(one.dataset.name, one.augmentation.model_dump()) for one in settings]
    points = {(name, method.get("eta"), method["alpha"]) for name, method in methods}
    etas = (None, 0.0, 0.001, 0.01, 0.1, 1.0)
    assert points == {(name, eta, alpha) for name in ("digits", "vehicle") for eta in etas for alpha in (0.2, 1.0, 2.0)}
    assert len({run_id(one) for one in settings}) == len(settings) == 36


@pytest.mark.parametrize("domain", ["images", "tabular", "speech", "graphs"])
def test_a_search_tries_the_same_alphas_for_all_methods(domain: str) -> None:
    """And with each eta of each variant of MixupE, the paper's loss among them."""
    methods = [one.augmentation.model_dump() for one in settings_of_all(f"tune_{domain}")]
    alphas: dict[tuple[object, ...], set[float]] = {}
    for method in methods:
        key = tuple(method.get(name) for name in ("name", "variant", "eta"))
        alphas.setdefault(key, set()).add(method["alpha"])
    (shared,) = {frozenset(values) for values in alphas.values()}
    assert min(shared) <= 0.05
    assert max(shared) >= 4
    assert {key[1] for key in alphas if key[0] == "mixupe"} == {"approximate", "v3"}
