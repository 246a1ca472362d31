"""Files as they come: compressed, damaged, in other encodings."""

import bz2
import datetime as dt
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.table_file import is_parquet, read_csv, read_parquet, read_table
from mixupe.errors import UserError

TEXT = "size,näme\n" + "".join(f"{row}.5,Größe {row % 3}\n" for row in range(400))


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("table.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def write(tmp_path: Path, content: bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def read(path: Path, encoding: str = "utf-8") -> pd.DataFrame:
    assert not is_parquet(path)
    return read_csv(path, ",", ".", encoding)


def complaint(path: Path, encoding: str = "utf-8") -> str:
    with pytest.raises(UserError) as caught:
        read(path, encoding)
    message = str(caught.value)
    assert message.startswith(f"dataset.path: {path} cannot be read (")
    assert "\n" not in message
    assert len(message) - len(str(path)) < 200
    return message


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_file_is_read(tmp_path: Path, kind: str) -> None:
    frame = read(write(tmp_path, PACKERS[kind](TEXT.encode()), f"table.csv.{kind}"))
    assert frame.shape == (400, 2)


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_that_is_cut_off_is_one_line(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](TEXT.encode())
    complaint(write(tmp_path, packed[: len(packed) // 3], f"table.csv.{kind}"))


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])  # a tar file has no sum over its content
def test_an_archive_with_a_wrong_byte_is_one_line(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](TEXT.encode()))
    packed[len(packed) // 2] ^= 0xFF
    complaint(write(tmp_path, bytes(packed), f"table.csv.{kind}"))


@pytest.mark.parametrize("kind", [*PACKERS, "zst"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, kind: str) -> None:
    complaint(write(tmp_path, TEXT.encode(), f"table.csv.{kind}"))


def test_what_is_no_gzip_file_is_called_so(tmp_path: Path) -> None:
    assert "it is cut off or no .gz archive" in complaint(write(tmp_path, TEXT.encode(), "table.csv.gz"))


def test_a_zip_file_with_two_tables_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, zipped(TEXT.encode()), "table.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", TEXT)
    assert "Multiple files" in complaint(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    frame = read(write(tmp_path, TEXT.encode(encoding)), encoding)
    assert list(frame) == ["size", "näme"]
    assert frame.iloc[0].to_list() == [0.5, "Größe 0"]


def test_the_mark_before_utf_8_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    for start in ("", '"'):
        text = f"{start}size{start},näme\n1,a\n"
        assert list(read(write(tmp_path, text.encode("utf-8-sig")))) == ["size", "näme"]


def test_another_encoding_is_named(tmp_path: Path) -> None:
    assert complaint(write(tmp_path, TEXT.encode("latin-1"))).endswith(
        "(it is not in utf-8; give its encoding, such as dataset.encoding=latin-1)"
    )
    assert complaint(write(tmp_path, TEXT.encode("utf-16"))).endswith("(it is in UTF-16; give dataset.encoding=utf-16)")
    assert "not in ascii" in complaint(write(tmp_path, TEXT.encode()), "ascii")


def test_a_nul_is_told_instead_of_cutting_its_cell(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,label\n1,x\n2,y\0z\n")
    assert "line 3 holds a NUL byte" in complaint(path)


@pytest.mark.parametrize("name", ["table.pq", "TABLE.PARQUET", "table", "table.csv"])
def test_parquet_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    pd.DataFrame({"x": [1, 2]}).to_parquet(path)
    assert is_parquet(path)
    assert list(read_parquet(path)["x"]) == [1, 2]


def test_a_named_index_of_parquet_is_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [3, 4], "dose": [0.5, 0.1], "label": ["a", "b"]})
    for index in (["age"], ["age", "dose"]):
        frame.set_index(index).to_parquet(tmp_path / "table.parquet")
        pd.testing.assert_frame_equal(read_parquet(tmp_path / "table.parquet"), frame, check_like=True)


@pytest.mark.parametrize("name", ["table.pq", "TABLE.PARQUET"])
def test_what_is_called_parquet_and_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="does not begin as a Parquet file does"):
        is_parquet(write(tmp_path, TEXT.encode(), name))


def test_parquet_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"x": range(1000)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"table\.parquet cannot be read \("):
        read_parquet(path)


DAY = dt.date(2024, 1, 2)


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([[1.0, 2.0], [3.0]], "lists"),
        ([{"a": 1}, {"a": 2}], "dicts"),
        ([b"x", b"y"], "bytes"),
        ([DAY, None], "dates or times"),
        ([dt.time(1, 2), dt.time(3, 4)], "dates or times"),
        (pd.Categorical([DAY, DAY]), "dates or times"),
        (pd.to_timedelta(["1s", "2s"]), r"timedelta64\[ns\]"),
        (pd.to_datetime(["2024-01-02", "2024-01-03"]), r"datetime64\[ns\]"),
        (pd.to_datetime(["2024-01-02", "2024-01-03"], utc=True), r"datetime64\[ns, UTC\]"),
        (pd.period_range("2024-01", periods=2, freq="M"), r"period\[M\]"),
    ],
)
def test_what_is_neither_number_nor_text_is_refused(tmp_path: Path, values: Any, held: str) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"the day": values}).to_parquet(path)
    message = rf"column 'the day' of toy holds {held}; numbers .* leave it out: \"dataset\.drop=\['the day'\]\""
    with pytest.raises(UserError, match=message):
        clean(read_parquet(path), "toy")


def test_decimals_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"price": [Decimal("1.50"), None, Decimal("-2.25")]}).to_parquet(path)
    column = clean(read_parquet(path), "toy")["price"]
    assert column.dtype == float
    assert column.dropna().to_list() == [1.5, -2.25]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a;b\n1,5;2,5\n", r"; its separator is not ',': write it as the file that the model was trained on$"),
        ("a,b\n1,2\n".encode("utf-16"), r"\(it is in UTF-16; write it as the file that the model was trained on\)$"),
        (b"a,b\n1,\xe9\n", r"\(it is not in utf-8; write it as the file that the model was trained on\)$"),
        (b"a,b\n1,\0\n", r"a NUL byte"),
    ],
)
def test_a_file_for_a_trained_model_has_no_keys_to_be_read_by(tmp_path: Path, content: bytes, says: str) -> None:
    path = write(tmp_path, content, "new.csv")
    with pytest.raises(UserError, match=rf"^file: .*{says}"):
        read_table(path, "file", ",", ".", "utf-8")
