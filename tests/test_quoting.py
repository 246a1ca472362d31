"""Quoted overrides survive the shell and Hydra's grammar."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mixupe.quoting import list_override, plain_or_quoted, quoted, shell_word

VALUES = [
    "data (1).csv",
    "a=b#1.csv",
    "größe",
    ";",
    ",",
    "it's",
    "a\\",
    "a\\'b",
    'say "x"',
    "$HOME!",
    "<11",
    "null",
    "007",
    " a ",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_quoted_value_arrives_as_it_is(value: str) -> None:
    (word,) = shlex.split(shell_word(f"dataset.path={quoted(value)}"))
    assert OverridesParser.create().parse_override(word).value() == value


def test_a_list_arrives_as_it_is() -> None:
    (word,) = shlex.split(list_override("dataset.drop", VALUES))
    assert OverridesParser.create().parse_override(word).value() == VALUES


def test_what_needs_no_quotes_has_none() -> None:
    assert plain_or_quoted("data/my-file.csv") == "data/my-file.csv"
    assert shell_word("dataset.path=data.csv") == "dataset.path=data.csv"
    assert list_override("dataset.drop", ["ash"]) == '"dataset.drop=[ash]"'
    assert shell_word("dataset.path='data (1).csv'") == "\"dataset.path='data (1).csv'\""
