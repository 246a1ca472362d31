"""The records of a table as one small text, from which the page's script draws a run when it is asked for."""

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any

from mixupe.experiment.record import CURVES
from mixupe.experiment.store import Record

# Equal in most runs, or in all seeds of a cell: kept once, and named by their place in a list.
SHARED = ("config", "code", "versions", "hardware", "examples")
# Significant digits; more would not be seen, and the JSON record has them all.
DIGITS = 5
CURVE_DIGITS = 4
# All that the page shows of a run; the JSON record beside the table has the rest.
SHOWN = ("id", "seed", "protocol", "split", "metrics", "parameters", "notes")


def packed(records: Iterable[Record]) -> str:
    """The records of a table as base64 of deflated JSON, which the page's script inflates when a run is asked for."""
    text = json.dumps(compact(records), sort_keys=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def compact(records: Iterable[Record]) -> dict[str, Any]:
    """`runs`: id -> what is shown of it, its SHARED parts as indices into `shared`: name -> list."""
    shared: dict[str, dict[str, int]] = {name: {} for name in SHARED}
    runs = {record["id"]: _small(record, shared) for record in records}
    return {"runs": runs, "shared": {name: [json.loads(text) for text in texts] for name, texts in shared.items()}}


def _small(record: Record, shared: dict[str, dict[str, int]]) -> dict[str, Any]:
    small = {key: rounded(record[key]) for key in SHOWN}
    # The seed stands in the record itself; without it, the seeds of a cell share one config.
    config = {key: value for key, value in record["config"].items() if key != "seed"}
    for name in SHARED:
        text = json.dumps({**record, "config": config}[name], sort_keys=True)
        small[name] = shared[name].setdefault(text, len(shared[name]))
    small["timing"] = {key: record["timing"][key] for key in ("seconds", "finished")}
    if "curves" in record:
        small["curves"] = rounded({name: record["curves"][name] for name in CURVES}, CURVE_DIGITS)
    return small


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Plain values with every float rounded to significant digits."""
    match value:
        case float():
            return float(f"{value:.{digits}g}")
        case dict():
            return {key: rounded(item, digits) for key, item in value.items()}
        case list():
            return [rounded(item, digits) for item in value]
    return value


def script_json(value: Any) -> str:
    """JSON that can stand in a <script> element: nothing in it can end the element or open another."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
