"""Records beside a table: a file each, or all in one packed file."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from mixupe.errors import UserError
from mixupe.experiment.kept import PACKED, keep, kept_ids, kept_record, kept_records, read_kept, recorded_tables
from mixupe.files import write_json


def record(number: int, error: float = 5.0) -> dict[str, Any]:
    curves = {"validation_error": [error, error]}
    config = {"id": "of something else", "augmentation": {"name": "mixup é"}}
    return {"config": config, "id": f"{number:016x}", "metrics": {"test_error": error}, "curves": curves}


def without_curves(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "curves"}


def test_packed_records_are_read_as_files_are(tmp_path: Path) -> None:
    three = [record(number, error=number / 3) for number in (3, 1, 2)]
    keep(tmp_path / "files", three, packed=False)
    keep(tmp_path / "pack", three, packed=True)
    assert [path.name for path in (tmp_path / "pack").iterdir()] == [PACKED]
    for table in (tmp_path / "files", tmp_path / "pack"):
        assert kept_ids(table) == [record(number)["id"] for number in (1, 2, 3)]
        assert kept_ids(table, "0000000000000002") == [record(2)["id"]]
        assert read_kept(table, record(4)["id"]) is None
    assert read_kept(tmp_path / "files", three[0]["id"]) == three[0]
    assert read_kept(tmp_path / "pack", three[0]["id"]) == without_curves(three[0])
    assert recorded_tables(tmp_path) == ["files", "pack"]
    assert [(table.name, one["id"][-1]) for table, one in kept_records(tmp_path)] == [
        *(("files", digit) for digit in "123"),
        *(("pack", digit) for digit in "123"),
    ]


def test_equal_records_give_equal_bytes_in_any_order(tmp_path: Path) -> None:
    keep(tmp_path / "a", [record(1), record(2)], packed=True)
    for number in (2, 1):
        keep(tmp_path / "b", [dict(reversed(record(number).items()))], packed=True)
    assert (tmp_path / "a" / PACKED).read_bytes() == (tmp_path / "b" / PACKED).read_bytes()
    lines = gzip.decompress((tmp_path / "a" / PACKED).read_bytes()).decode().splitlines()
    assert [json.loads(line)["id"][-1] for line in lines] == ["1", "2"]


def test_kept_records_stay_as_they_are(tmp_path: Path) -> None:
    for packed in (False, True):
        table = tmp_path / str(packed)
        keep(table, [record(1, error=5.0)], packed)
        keep(table, [record(1, error=6.0), record(2)], packed)
        found = read_kept(table, record(1)["id"])
        assert found is not None
        assert found["metrics"] == {"test_error": 5.0}
        assert len(kept_ids(table)) == 2


def test_a_table_that_becomes_packed_keeps_its_files(tmp_path: Path) -> None:
    keep(tmp_path, [record(1)], packed=False)
    keep(tmp_path, [record(1), record(2)], packed=True)
    assert kept_ids(tmp_path) == [record(1)["id"], record(2)["id"]]
    assert kept_record(tmp_path, record(1)["id"]).exists()


@pytest.mark.parametrize("damage", ["cut off", "no gzip", "another line", "no text"])
def test_a_damaged_pack_is_one_error_that_names_it(tmp_path: Path, damage: str) -> None:
    keep(tmp_path, [record(1), record(2)], packed=True)
    path = tmp_path / PACKED
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut off": whole[:-12],
            "no gzip": b"version 1 of a pointer",
            "another line": gzip.compress(gzip.decompress(whole) + b"{}\n"),
            "no text": gzip.compress(b"\xff\xfe"),
        }[damage]
    )
    with pytest.raises(UserError, match=rf"^{path} is damaged; restore it from version control, or remove it"):
        read_kept(tmp_path, record(1)["id"])


def test_a_damaged_file_beside_a_pack_does_not_hide_it(tmp_path: Path) -> None:
    keep(tmp_path, [record(1)], packed=True)
    write_json(kept_record(tmp_path, record(1)["id"]), {})
    assert read_kept(tmp_path, record(1)["id"]) == without_curves(record(1))
