"""The declared table `verdict`: what it promises of its data sets and methods."""

from collections import Counter

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.settings import RunSettings
from mixupe.tables.declared import read_table

TABLE = read_table("verdict")
# The same rows under another name, or within another set: one of each at most.
SAME = (
    {"digits", "optdigits", "openml_optdigits"},
    {"spoken_digits_90", "spoken_digits_300", "free_spoken_digits"},
    {"australian", "crx"},
    {"ptc", "ptc_mr"},
    {"contraceptive", "openml_cmc"},
    {"iris", "openml_iris"},
    {"letter", "openml_letter"},
    {"penbased", "openml_pendigits"},
    {"mnist", "openml_mnist_784"},
)
# Without a class that the rows could tell.
NO_CLASSES = {"titanic", "bupa"}


@pytest.fixture(scope="module")
def cells() -> list[RunSettings]:
    """The first run of each cell."""
    with hydra_initialised():
        return [
            compose_settings(TABLE.seed_lists(cell, methods[0])[0][:-1]) for cell, methods in TABLE.methods_by_cell()
        ]


def test_at_least_sixty_sets_and_none_twice(cells: list[RunSettings]) -> None:
    sets = Counter((one.dataset.name, getattr(one.dataset, "vendor", None)) for one in cells)
    assert len(sets) >= 60
    assert set(sets.values()) == {1}
    names = {name for name, _ in sets}
    assert not names & NO_CLASSES
    for same in SAME:
        assert len(names & same) <= 1, same
    assert Counter(one.dataset.domain for one in cells).keys() == {"tabular", "images", "speech", "graphs"}


def test_ten_seeds_and_equally_many_settings_of_every_method() -> None:
    for cell, methods in TABLE.methods_by_cell():
        assert (cell.seeds or TABLE.seeds) == tuple(range(10))
        settings = Counter(method.column for method in methods)
        assert settings.pop("none") == 1
        assert set(settings.values()) == {6 if cell.dataset.startswith(("tabular/", "openml/")) else 4}, cell.dataset


def test_float32_and_no_more_training_rows_than_it_says(cells: list[RunSettings]) -> None:
    for one in cells:
        assert one.trainer.precision == "float32"
        assert one.protocol == "heldout"
        most = 2500 if one.dataset.domain == "tabular" else 400
        share = (1 - (one.dataset.test_fraction or 0.2)) * (1 - one.dataset.validation_fraction)
        examples = one.dataset.card.examples
        assert examples is not None
        assert (one.dataset.train_size or 0.95 * share * examples) <= most, one.dataset.name
