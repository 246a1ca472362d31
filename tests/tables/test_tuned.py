"""What a search has seen: its data sets do not count where its choices are used, and its seeds are not used again."""

from pathlib import Path

import pytest
import yaml

from mixupe.errors import UserError
from mixupe.report.content import section
from mixupe.tables.build import build_table, evaluate
from mixupe.tables.declared import look_up, read_table, tuned_sets
from tests.tables.declared import project_tables
from tests.tables.fake import fake_runs

SEARCH = {
    "name": "hunt",
    "title": "Hunt",
    "metric": "validation_error",
    "seeds": [100, 101],
    "augmentations": {"mixup": ["augmentation.alpha=1,2"]},
    "cells": [{"dataset": "tabular/wine", "overrides": ["dataset.train_size=50"]}],
}
TOY = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0, 1, 2],
    "augmentations": {"mixup": [], "mixupe": []},
    "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}],
    "tuned_on": "hunt",
}


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Its tables."""
    folder = tmp_path / "configs" / "table"
    folder.mkdir(parents=True)
    for table in (SEARCH, TOY):
        (folder / f"{table['name']}.yaml").write_text(yaml.safe_dump(table, sort_keys=False))
    monkeypatch.setattr("mixupe.tables.declared.CONFIGS", tmp_path / "configs")
    monkeypatch.setattr("mixupe.report.content.pictures", lambda *_: [])
    return folder


def test_the_sets_of_the_search_are_not_counted(project: Path, tmp_path: Path) -> None:
    table = read_table("toy")
    assert tuned_sets(table) == {"wine": "hunt"}, "however many of its examples the search used"
    runs = fake_runs(table, tmp_path, lambda run: 5.0 + run.settings.seed * (run.method == "mixup"))
    comparisons = evaluate(table, runs).comparisons
    assert comparisons.set_index("dataset")["tuned_on"].to_dict() == {"wine": "hunt", "iris": ""}
    page = section(table, runs)
    assert [sentence.split(":")[0] for sentence in page.sentences] == ["mixupe against mixup over 1 data set"] * 2
    assert page.sentences[1].endswith("tuned on these, so they do not count.")
    assert [grid.caption for grid in page.more] == [
        *("Over the data sets", "On the data sets tuned on, which do not count", "Paired differences")
    ]
    assert any(note.startswith("Not counted above: wine.") for note in page.notes)


def test_a_table_without_a_search_was_tuned_on_nothing(project: Path) -> None:
    assert tuned_sets(read_table("hunt")) == {}


def test_a_seed_of_the_search_is_refused(project: Path, tmp_path: Path) -> None:
    extra = [f"output_root={tmp_path}/outputs"]
    look_up("toy", extra, tmp_path / "results")
    with pytest.raises(UserError, match=r"^seed: 101 chose the settings of toy in hunt; use others than 100, 101$"):
        build_table("toy", [*extra, "seed=7,101"], tmp_path / "results")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("search", "says"), [("toy", "table.tuned_on: toy is no search"), ("nowhere", "'nowhere' is unknown")]
)
def test_what_is_no_search_is_refused(project: Path, search: str, says: str) -> None:
    (project / "toy.yaml").write_text(yaml.safe_dump({**TOY, "tuned_on": search}))
    with pytest.raises(UserError, match=says):
        look_up("toy")


def seeds_of(name: str) -> set[int]:
    table = read_table(name)
    return {seed for cell in table.cells for seed in cell.seeds or table.seeds}


def test_no_declared_table_has_a_seed_of_a_search() -> None:
    names = project_tables()
    searches = [name for name in names if read_table(name).is_search]
    assert len(searches) >= 4
    of_searches = set().union(*map(seeds_of, searches))
    for name in set(names) - set(searches):
        assert not seeds_of(name) & of_searches, name


@pytest.mark.parametrize(
    ("domain", "sets"),
    [
        ("images", {"digits", "emoji"}),
        ("tabular", {"vehicle", "sonar", "vowel"}),
        ("speech", {"spoken_digits_90", "spoken_digits_300"}),
        ("graphs", {"mutag", "cuneiform"}),
    ],
)
def test_the_offline_tables_say_what_they_were_tuned_on(domain: str, sets: set[str]) -> None:
    assert set(tuned_sets(read_table(f"offline_{domain}"))) == sets
