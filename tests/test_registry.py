"""A key of a config stands for a module, wherever that lies."""

import pytest

import mixupe.settings
from mixupe.errors import UserError
from mixupe.registry import registered_module

MODULES = {"old.place": "mixupe.settings", "other": "mixupe.absent"}


def test_a_key_is_not_the_place_of_its_module() -> None:
    assert registered_module("dataset.loader", "old.place", MODULES, ()) is mixupe.settings


@pytest.mark.parametrize("name", ["nowhere.at_all", None])
def test_what_is_neither_registered_nor_importable_is_named(name: object) -> None:
    with pytest.raises(UserError) as raised:
        registered_module("dataset.loader", name, MODULES, ())
    expected = f"dataset.loader: {name!r} is unknown, allowed are old.place, other, or an import path; "
    assert str(raised.value).startswith(expected)


def test_a_module_from_elsewhere_must_have_what_is_needed() -> None:
    assert registered_module("dataset.loader", "mixupe.settings", MODULES, ("Settings",)) is mixupe.settings
    with pytest.raises(UserError, match=r"^dataset.loader: mixupe.settings has no load, which every module"):
        registered_module("dataset.loader", "mixupe.settings", MODULES, ("Settings", "load"))
