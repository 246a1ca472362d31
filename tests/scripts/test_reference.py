"""docs/reference.md is what scripts/reference.py makes of the settings classes and configs, and leaves out no key."""

import re

import pytest

from mixupe.augmentation.config import settings_class
from mixupe.augmentation.registry import own_methods
from mixupe.data.registry import LOADERS
from mixupe.data.registry import settings_class as dataset_class
from mixupe.models.settings import SETTINGS as MODELS
from mixupe.training.settings import TrainerSettings
from tests.scripts.test_train import load_script

reference = load_script("reference")


def sections() -> dict[str, str]:
    """Text below each heading `### ...`."""
    titled = re.split(r"^### (.+)$", reference.page(), flags=re.MULTILINE)
    return dict(zip(titled[1::2], titled[2::2], strict=True))


def keys_of(text: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))


def test_the_page_is_up_to_date() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "make docs"


def test_every_key_is_there() -> None:
    found = sections()
    every = keys_of(found["Every data set"])
    for loader in LOADERS:
        assert set(dataset_class(loader).model_fields) <= every | keys_of(found[f"loader {loader}"])
    every = keys_of(found["Every model"])
    for builder, (cls, _) in MODELS.items():
        assert set(cls.model_fields) <= every | keys_of(found[f"builder {builder}"])
    for name, method in own_methods().items():
        assert set(settings_class(method, name).model_fields) - {"name"} == keys_of(found[name])
    assert keys_of(found["Every trainer"]) == set(TrainerSettings.model_fields)
    assert {"seed", "protocol", "output_root", "init_from"} == keys_of(found["Of every run"])


def test_every_key_is_described() -> None:
    bare = [
        (part.title, row[0])
        for _, parts in reference.parts()
        for part in parts
        for row in reference.rows(part)
        if not row[3]
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("title", "row"),
    [
        (
            "Every trainer",
            "| `epochs` | whole number > 0 | `60`; `100` (imagenet); `30` (images); `40` (speech) | passes",
        ),
        ("Every trainer", "| `stack` | whole number > 0 or `auto` | `1`; `auto` (graphs, tabular) | runs of a sweep"),
        ("mixupe", "| `eta` | number | `0.001` | >= 0, weight of the penalty"),
        ("loader tabular.csv_file", "| `target` | text | must be given | name of the column that holds the class. |"),
        ("builder mlp", "| `dropout` | number ≥ 0, \\< 1 | `0.1`; `0.0` (mlp_paper) | probability"),
    ],
)
def test_a_row_says_type_default_and_meaning(title: str, row: str) -> None:
    assert row in sections()[title]


def test_places_are_not_in_the_id() -> None:
    (line,) = [line for line in sections()["Every trainer"].splitlines() if "`device`" in line]
    assert "**not in the id**" in line
    assert "**not in the id**" not in next(x for x in sections()["Every trainer"].splitlines() if "`ema`" in x)


def test_entries_of_docstrings() -> None:
    doc = "Title: no entry.\n\nAttributes:\n    a, b: both,\n        on two lines.\n    c: one: two.\n\nRaises:\n    E: no."
    assert reference.documented(doc) == {"a": "both, on two lines.", "b": "both, on two lines.", "c": "one: two."}
