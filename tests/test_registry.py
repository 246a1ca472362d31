"""A key of a config stands for a module, wherever that lies."""

import pytest

import mixupe.settings
from mixupe.registry import registered_module
from mixupe.settings import UserError

MODULES = {"old.place": "mixupe.settings", "other": "mixupe.absent"}


def test_a_key_is_not_the_place_of_its_module() -> None:
    assert registered_module("dataset.loader", "old.place", MODULES) is mixupe.settings


@pytest.mark.parametrize("name", ["mixupe.settings", None, ["other"]])
def test_what_is_not_registered_is_named(name: object) -> None:
    with pytest.raises(UserError) as raised:
        registered_module("dataset.loader", name, MODULES)
    assert str(raised.value) == f"dataset.loader: {name!r} is unknown, allowed are old.place, other"
