"""The base of every settings class: configs are checked against these before any work starts."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Settings(BaseModel):
    """Immutable settings; unknown keys and wrong types are errors that name the key."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)


PositiveInt = Annotated[int, Field(gt=0, strict=True)]
NonNegativeInt = Annotated[int, Field(ge=0, strict=True)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


def written_as(pattern: str, words: str) -> BeforeValidator:
    """Says in words what a text must be; where a pattern alone refuses it, the message is the regular expression."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.search(pattern, value):
            raise ValueError(f"must be {words}")
        return value

    return BeforeValidator(check)


_DEVICE = r"^(auto|cpu|cuda(:\d+)?)$"
Device = Annotated[str, Field(pattern=_DEVICE), written_as(_DEVICE, "auto, cpu, cuda or a GPU by its number, cuda:0")]
