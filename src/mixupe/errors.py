"""The one error that is shown to users, and what errors of libraries say, as parts of its line."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

# A discriminated union puts the tag of its choice first, which is no part of the key.
_TAGS = {"sgd", "adam", "adamw", "step", "cosine", "every"}


class UserError(Exception):
    """Bad input: one line that names the key or file, what is wrong and what is allowed. Shown without a traceback."""


def one_line(error: object) -> str:
    """All that it says."""
    return " ".join(str(error).split()).rstrip(".:") or type(error).__name__


def first_line(error: object) -> str:
    """What it begins with: some go on with advice on other programs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


def perhaps(word: str, known: Iterable[str], before: str = "; ") -> str:
    """`; perhaps 'hue' is meant`, after `before`; nothing where none of the known words is like it."""
    closest = get_close_matches(word, list(known), n=1)
    return f"{before}perhaps {closest[0]!r} is meant" if closest else ""


def named(error: BaseException) -> str:
    """`RuntimeError: no space left`, its first line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def wrong_key(error: "ValidationError", at: str = "") -> str:
    """`trainer.epochs: should be a valid integer, got 'ten'`: the first complaint about settings at the key `at`."""
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    parts = [str(part) for part in first["loc"]]
    if parts and parts[0] in _TAGS:
        parts = parts[1:]
    key = ".".join([at, *parts] if at else parts)
    if first["type"] == "value_error" and isinstance(first["input"], dict):  # of several keys, and names them itself
        return f"{key}.{message}" if key else message
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if first["type"] == "missing":
        return f"{key}: missing from the config"
    if first["type"] == "model_type":
        message = "must be a mapping of keys"  # the library's words name a class
    return f"{key}: {message[0].lower()}{message[1:]}, got {first['input']!r}"
