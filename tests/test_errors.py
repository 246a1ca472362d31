"""What errors say, in one line."""

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from mixupe.errors import first_line, named, one_line, perhaps, wrong_key
from mixupe.settings import Settings


class _Range(Settings):
    low: Annotated[int, Field(ge=0, strict=True)]
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> "_Range":
        if self.low > self.high:
            raise ValueError("low: is above high")
        return self


@pytest.mark.parametrize(
    ("values", "at", "says"),
    [
        ({"low": "ten", "high": 3}, "part", "part.low: input should be a valid integer, got 'ten'"),
        ({"low": -1, "high": 3}, "", "low: input should be greater than or equal to 0, got -1"),
        ({"low": 1}, "part", "part.high: missing from the config"),
        ({"low": 1, "high": 3, "stride": 1}, "part", "part.stride: unknown key"),
        ({"low": 4, "high": 3}, "part", "part.low: is above high"),
        ({"low": 4, "high": 3}, "", "low: is above high"),
    ],
)
def test_a_wrong_key_is_named(values: dict[str, object], at: str, says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        _Range.model_validate(values)
    assert wrong_key(raised.value, at) == says


def test_a_part_that_is_no_mapping_is_told_so() -> None:
    with pytest.raises(ValidationError) as raised:
        _Range.model_validate(["low"])
    assert wrong_key(raised.value, "part") == "part: must be a mapping of keys, got ['low']"


def test_a_value_without_keys_is_named_by_its_place() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python("x")
    assert wrong_key(raised.value, "seed").startswith("seed: input should be a valid integer")


def test_lines() -> None:
    error = OSError("no space\nleft: ")
    assert one_line(error) == "no space left"
    assert first_line(error) == "no space"
    assert named(error) == "OSError: no space"
    assert one_line(OSError()) == first_line(OSError()) == "OSError"


def test_a_word_like_a_known_one_is_perhaps_that() -> None:
    assert perhaps("hui", ["alcohol", "hue"]) == "; perhaps 'hue' is meant"
    assert perhaps("xyz", ["alcohol", "hue"]) == ""
