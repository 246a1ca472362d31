"""Unpacking zip and tar files from outside: nothing is written outside the folder, and nothing is half-written."""

import hashlib
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from filelock import FileLock

from mixupe.data.content import file_digest
from mixupe.errors import UserError, first_line

MAX_BYTES = 20 * 2**30
MAX_MEMBERS = 2_000_000

_ZSTANDARD = b"\x28\xb5\x2f\xfd"
# What zipfile, tarfile and the decompressors raise on damaged files; ValueError covers names that are no text.
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError, ValueError),
)


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """An empty folder that becomes `target` when the block ends without an error and is removed otherwise.

    An interrupt thus leaves either the whole folder or none. Two processes must not stage one target at the same
    time: hold a lock.

    Raises:
        UserError: the target exists.
    """
    if target.exists():
        raise UserError(f"{target} exists already")
    staging = target.with_name(f".{target.name}.partial")
    # What a killed process left behind.
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def unpack(archive: Path, folder: Path, *, keep: Sequence[str] = ("*",), max_bytes: int = MAX_BYTES) -> int:
    """Unpack the members of a zip or tar file whose path matches one of the patterns.

    Args:
        archive: .zip, .whl, .tar, .tar.gz, .tgz, .tar.xz, ...; recognised by its content.
        folder: exists; members go to their path below it. Give a `staged_folder` where half an archive would do harm.
        keep: shell patterns over the whole member path, in which `*` also matches `/`.
        max_bytes: limit on the unpacked size of what is kept.

    Returns:
        Number of files written.

    Raises:
        UserError: the file is no such archive, is damaged or cut off; or a kept member has an absolute path or `..` in
            it, is a link or a device, or goes over the limit. Members written before stay.
    """
    written, size = 0, 0
    try:
        for name, count, source in _members(archive, keep):
            size += count
            if size > max_bytes:
                raise UserError(f"{archive}: holds more than {max_bytes:,} bytes; not unpacked")
            path = _inside(folder, name, archive)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive: a second member of one name must not overwrite the first.
            with source, path.open("xb") as sink:
                shutil.copyfileobj(source, sink)
            written += 1
    except FileExistsError as error:
        raise UserError(f"{archive}: {error.filename} is in it twice or exists already") from error
    except _DAMAGE as error:
        raise UserError(f"{archive} cannot be read ({first_line(error)})") from error
    return written


def unpacked(archive: Path, cache: Path, names: Sequence[str] = ("*",)) -> Path:
    """The folder below `cache` with what a user's archive holds, unpacked the first time; told apart by content.

    Args:
        names: of the files that are wanted, at any depth.

    Raises:
        UserError: as `unpack`, or none of the files is in it; the message begins with dataset.path.
    """
    try:
        key = hashlib.sha256(f"{file_digest(archive)} {sorted(names)}".encode()).hexdigest()[:16]
        folder = cache / key
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{key}.lock"):
            if not folder.is_dir():
                with staged_folder(folder) as staging:
                    if unpack(archive, staging, keep=[*names, *(f"*/{name}" for name in names)]) == 0:
                        raise UserError(f"{archive} holds none of {', '.join(names)}")
    except OSError as error:
        raise UserError(f"dataset.path: {archive} cannot be unpacked into {cache} ({error.strerror})") from error
    except UserError as error:
        raise UserError(f"dataset.path: {error}") from error
    return folder


def _members(archive: Path, keep: Sequence[str]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """(path, size in bytes, content) of each kept regular file."""
    with archive.open("rb") as file:
        head = file.read(4)
    if head == _ZSTANDARD:
        raise UserError(f"{archive} cannot be read (Zstandard is not supported; unpack it, or pack it as .tar.gz)")
    # One that was cut off has lost what zipfile knows it by.
    if head.startswith(b"PK") or zipfile.is_zipfile(archive):
        yield from _zip_members(archive, keep)
    else:
        yield from _tar_members(archive, keep)


def _zip_members(archive: Path, keep: Sequence[str]) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(archive) as opened:
        for number, info in enumerate(opened.infolist()):
            _check_count(number, archive)
            if info.is_dir() or not _kept(info.filename, keep):
                continue
            # The upper half of external_attr is the Unix mode, 0 where the archive was not made on Unix.
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise UserError(f"{archive}: {info.filename!r} is a link or a device; not unpacked")
            yield info.filename, info.file_size, opened.open(info)


def _tar_members(archive: Path, keep: Sequence[str]) -> Iterator[tuple[str, int, IO[bytes]]]:
    with tarfile.open(archive) as opened:
        for number, info in enumerate(opened):
            _check_count(number, archive)
            name = info.name.removeprefix("./")
            if info.isdir() or not _kept(name, keep):
                continue
            content = opened.extractfile(info) if info.isreg() else None
            if content is None:
                raise UserError(f"{archive}: {name!r} is a link or a device; not unpacked")
            yield name, info.size, content
        _check_end(opened)


def _check_end(opened: tarfile.TarFile) -> None:
    """tarfile takes a member that it cannot make out for the end; the real end is a block of zeros.

    Raises:
        ReadError: it is not there.
    """
    assert opened.fileobj is not None
    opened.fileobj.seek(opened.offset)
    if opened.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is cut off or damaged: its end is missing")
    while opened.fileobj.read(2**20):  # the checksum of a compressed file is looked at where it ends
        pass


def _check_count(number: int, archive: Path) -> None:
    if number >= MAX_MEMBERS:
        raise UserError(f"{archive}: holds more than {MAX_MEMBERS:,} members; not unpacked")


def _kept(name: str, keep: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in keep)


def _inside(folder: Path, name: str, archive: Path) -> Path:
    """The path for a member. Backslashes and drive letters are refused too: Windows would follow them."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
        raise UserError(f"{archive}: {name!r} leads out of the folder; not unpacked")
    return folder.joinpath(*parts)
