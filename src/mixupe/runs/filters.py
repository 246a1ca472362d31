"""Which runs are meant: states, `key=value`, beginnings of ids, names; all of them must hold."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import yaml

from mixupe.errors import UserError
from mixupe.runs.stored import StoredRun

STATES = ("done", "running", "interrupted", "failed")
_FACTS: dict[str, Callable[[StoredRun], Any]] = {
    "state": lambda run: run.state.lower(),
    "table": lambda run: run.table,
    "id": lambda run: run.id,
    "dataset": lambda run: run.names[0],
    "model": lambda run: run.names[1],
    "augmentation": lambda run: run.names[2],
}


def chosen(runs: Sequence[StoredRun], filters: Sequence[str]) -> list[StoredRun]:
    """Those for which every filter holds.

    Args:
        runs: all.
        filters: a state; `key=value`, where several values may stand with commas between them, and the key may be its last
            part where that is clear; the beginning of an id; or the name of a data set, model, augmentation or table.

    Raises:
        UserError: a key that no run has, or a word that is none of these.
    """
    left = list(runs)
    for text in filters:
        holds = _holds(text, runs)
        left = [run for run in left if holds(run)]
    return left


def _holds(text: str, runs: Sequence[StoredRun]) -> Callable[[StoredRun], bool]:
    if "=" in text:
        return _key_holds(text, runs)
    state = "interrupted" if text.lower() == "stopped" else text.lower()  # as the list has it
    if state in STATES:
        return lambda run: run.state.lower() == state
    words = [text, text.rpartition("/")[2]]  # dataset=tabular/wine is called wine
    if any(word in (*run.names, run.table) for run in runs for word in words):
        return lambda run: any(word in (*run.names, run.table) for word in words)
    if any(run.id.startswith(text) for run in runs):
        return lambda run: run.id.startswith(text)
    names = sorted({name for run in runs for name in (*run.names, run.table) if name})
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise UserError(
        f"filter: {text!r} is no state ({', '.join(STATES)}), no key=value, no beginning of an id and no name; names are"
        f" {shown or '(there are no runs)'}"
    )


def _key_holds(text: str, runs: Sequence[StoredRun]) -> Callable[[StoredRun], bool]:
    key, _, given = text.partition("=")
    if key in _FACTS:
        allowed = {value.rpartition("/")[2] if key == "dataset" else value for value in given.split(",")}
        return lambda run: str(_FACTS[key](run)) in allowed
    if key == "output_root":
        raise UserError("filter: 'output_root' is where runs lie, in no run's config; give it as --output-root FOLDER")
    known = {name for run in runs for name in run.flat}
    full = [key] if key in known else sorted(name for name in known if name.endswith(f".{key}"))
    if len(full) != 1:
        if full:
            raise UserError(f"filter: {key!r} may be {' or '.join(full)}")
        keys = sorted({*known, *_FACTS})
        close = get_close_matches(key, keys, n=5, cutoff=0.4) or keys
        raise UserError(f"filter: {key!r} is in no run's config; allowed are its keys, such as {', '.join(close[:8])}")
    # A list has commas of its own.
    wanted = [_value(given)] if given.startswith("[") else [_value(part) for part in given.split(",")]
    return lambda run: full[0] in run.flat and _value(run.flat[full[0]]) in wanted


def _value(text: Any) -> Any:
    """As YAML reads it, so that 0.50 is 0.5; 1e-3, which it reads as text, is a number. What is no YAML is text."""
    try:
        value = yaml.safe_load(text) if isinstance(text, str) else text
    except yaml.YAMLError:
        return text
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
