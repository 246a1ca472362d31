"""All records of the page as one small JSON text, from which its script draws a run when it is asked for."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mixupe.experiment.store import Record

# Equal in most runs, or in all seeds of a cell: kept once, and named by their place in a list.
SHARED = ("config", "code", "versions", "hardware", "examples")
# Significant digits; more would not be seen, and the JSON record has them all.
DIGITS = 5
CURVE_DIGITS = 4


def compact(tables: Mapping[str, Iterable[Record]]) -> dict[str, Any]:
    """`runs`: table -> id -> record with rounded figures and its SHARED parts as indices into `shared`, name -> list.

    A run that two tables have has a record in each, which may differ in what was measured when it ran.
    """
    shared: dict[str, dict[str, int]] = {name: {} for name in SHARED}
    runs = {table: {record["id"]: _small(record, shared) for record in records} for table, records in tables.items()}
    return {"runs": runs, "shared": {name: [json.loads(text) for text in texts] for name, texts in shared.items()}}


def _small(record: Record, shared: dict[str, dict[str, int]]) -> dict[str, Any]:
    small = {key: rounded(value) for key, value in record.items() if key not in SHARED}
    # The seed stands in the record itself; without it, the seeds of a cell share one config.
    config = {key: value for key, value in record["config"].items() if key != "seed"}
    for name in SHARED:
        text = json.dumps({**record, "config": config}[name], sort_keys=True)
        small[name] = shared[name].setdefault(text, len(shared[name]))
    small["timing"] = record["timing"]
    if "curves" in record:
        small["curves"] = rounded(record["curves"], CURVE_DIGITS)
    return small


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Plain values with every float rounded to significant digits."""
    match value:
        case float():
            return float(f"{value:.{digits}g}")
        case dict():
            return {key: rounded(one, digits) for key, one in value.items()}
        case list():
            return [rounded(one, digits) for one in value]
    return value


def script_json(value: Any) -> str:
    """JSON that can stand in a <script> element: nothing in it can end the element or open another."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
