"""A cache folder of OpenML's in scikit-learn's layout, as a user would copy it."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path


def put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()))
    return path


def make_cache(
    root: Path,
    attributes: Sequence[tuple[str, str]],
    rows: Sequence[str],
    number: int = 7,
    targets: Sequence[str] = ("class",),
) -> Path:
    """The four files of set `number`; returns the ARFF's path.

    Args:
        attributes: name and kind of each column: `numeric`, or `{a,b}`; one called `row` numbers the rows.
    """
    api = root / "openml" / "openml.org" / "api" / "v1" / "json" / "data"
    header = ["@relation toy", *(f"@attribute {name} {kind}" for name, kind in attributes), "@data"]
    arff = "\n".join([*header, *rows]) + "\n"
    description = {
        "id": str(number),
        "name": "toy",
        "description": "a toy",
        "version": "1",
        "format": "ARFF",
        "status": "active",
        "url": f"https://example.org/data/v1/download/{number}/toy.arff",
        "md5_checksum": hashlib.md5(arff.encode(), usedforsecurity=False).hexdigest(),
    }
    features = [
        {
            "index": str(index),
            "name": name,
            "data_type": "numeric" if kind == "numeric" else "nominal",
            **({} if kind == "numeric" else {"nominal_value": kind.strip("{}").split(",")}),
            "is_target": str(name in targets).lower(),
            "is_ignore": "false",
            "is_row_identifier": str(name == "row").lower(),
            "number_of_missing_values": "0",
        }
        for index, (name, kind) in enumerate(attributes)
    ]
    put(api / f"{number}.gz", json.dumps({"data_set_description": description}))
    put(api / "features" / f"{number}.gz", json.dumps({"data_features": {"feature": features}}))
    quality = [{"name": "NumberOfInstances", "value": str(float(len(rows)))}]
    put(api / "qualities" / f"{number}.gz", json.dumps({"data_qualities": {"quality": quality}}))
    for listing in ("status/active/.gz", "data_version/1.gz"):
        found = {"data": {"dataset": [{"did": number, "version": 1, "status": "active"}]}}
        put(api / "list" / "data_name" / "toy" / "limit" / "2" / listing, json.dumps(found))
    return put(root / "openml" / "openml.org" / "data" / "v1" / "download" / str(number) / "toy.arff.gz", arff)
