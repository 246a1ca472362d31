"""The records that a table keeps beside it, under version control: a file each, or all packed into one.

A table of tens of thousands of runs is packed (`packed: true` in its config). The packed file has one record a line, sorted
by id, without its learning curves, which are two thirds of its size; equal records give equal bytes.
"""

import functools
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mixupe.errors import UserError
from mixupe.experiment.store import Record, read_record
from mixupe.files import write_bytes, write_json

PACKED = "records.jsonl.gz"
_ID = re.compile(r'\{"id":"([0-9a-f]+)",')


def kept_record(table: Path, run_id: str) -> Path:
    """Where the table with the folder `table` keeps the record of a run, unless it is packed."""
    return table / "records" / f"{run_id}.json"


def read_kept(table: Path, run_id: str) -> Record | None:
    """The record of that run; None where the table has none, or a damaged one in a file of its own.

    Raises:
        UserError: the packed file is damaged.
    """
    record = read_record(kept_record(table, run_id), run_id)
    if record is not None:
        return record
    line = _lines(table).get(run_id)
    return None if line is None else json.loads(line)


def kept_ids(table: Path, beginning: str = "") -> list[str]:
    """Ids of the runs whose records the table keeps, damaged ones among them, that begin so; sorted."""
    files = (path.stem for path in (table / "records").glob(f"{beginning}*.json"))
    return sorted({*files, *(run_id for run_id in _lines(table) if run_id.startswith(beginning))})


def recorded_tables(results: Path) -> list[str]:
    """Names of the tables below `results` that keep any record, sorted."""
    return [table.name for table in sorted(results.glob("*/")) if kept_ids(table)]


def kept_records(results: Path, beginning: str = "") -> Iterator[tuple[Path, Record]]:
    """The folder of a table and a whole record that it keeps: all below `results` of runs whose ids begin so."""
    for table in sorted(results.glob("*/")):
        for run_id in kept_ids(table, beginning):
            record = read_kept(table, run_id)
            if record is not None:
                yield table, record


def keep(table: Path, records: Sequence[Record], packed: bool) -> None:
    """Add records to those that the table keeps; those that it has stay as they are."""
    new = [record for record in records if read_kept(table, record["id"]) is None]
    if not packed:
        for record in new:
            write_json(kept_record(table, record["id"]), record)
    elif new:
        lines = {**_lines(table), **{record["id"]: _line(record) for record in new}}
        text = "".join(f"{lines[run_id]}\n" for run_id in sorted(lines))
        write_bytes(table / PACKED, gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _line(record: Record) -> str:
    """Its id first, so that a line is found without parsing them all."""
    rest = {name: value for name, value in record.items() if name not in ("id", "curves")}
    return f'{{"id":"{record["id"]}",' + json.dumps(rest, sort_keys=True, separators=(",", ":"))[1:]


def _lines(table: Path) -> Mapping[str, str]:
    """Run id -> its packed record, not parsed yet; empty where the table is not packed."""
    path = table / PACKED
    try:
        stat = path.stat()
    except FileNotFoundError:
        return {}
    return _unpacked(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _unpacked(path: Path, _modified: int, _size: int) -> Mapping[str, str]:
    damaged = f"{path} is damaged; restore it from version control, or remove it to take its records from the run store"
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(damaged) from error
    found = {match[1]: line for line in lines if (match := _ID.match(line))}
    if len(found) != len(lines):
        raise UserError(damaged)
    return found
