"""IDX files, the format of MNIST and its relatives: four files a set, checked by the SHA-256 of what is in them.

torchvision's checksums are of the .gz files, so it refuses the same images compressed by someone else. Here the
uncompressed content is checked, whoever compressed it, and put where torchvision reads it.
"""

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixupe.files import replacing

# Uncompressed file name -> SHA-256.
Checksums = Mapping[str, str]


def problem(folder: Path, checksums: Checksums) -> str | None:
    """What is wrong with the uncompressed files in `folder`, in words that name the file; None if all are intact."""
    for name, sha256 in checksums.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is not there"
        if reason := _broken(path.read_bytes(), name, sha256):
            return f"{path} {reason}"
    return None


def unpack_gz(target: Path, checksums: Checksums, sources: Sequence[Path]) -> None:
    """Make the uncompressed files in `target` from the first intact .gz of that name in one of the source folders."""
    for name, sha256 in checksums.items():
        path = target / name
        if path.is_file() and not _broken(path.read_bytes(), name, sha256):
            continue
        path.unlink(missing_ok=True)  # torchvision never downloads over a file that is there, however broken
        for folder in sources:
            content = _unzipped(folder / f"{name}.gz")
            if content is not None and not _broken(content, name, sha256):
                target.mkdir(parents=True, exist_ok=True)
                with replacing(path) as partial:
                    partial.write_bytes(content)
                break


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of an intact file: images (N, H, W), labels (N,)."""
    content = path.read_bytes()
    dimensions = content[3]
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 * (1 + dimensions)).reshape(shape)


def _unzipped(source: Path) -> bytes | None:
    """The uncompressed content; None where the file is not there or is broken."""
    try:
        return gzip.decompress(source.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None


def _broken(content: bytes, name: str, sha256: str) -> str | None:
    """Why `content` is not the file of that name; None if it is."""
    dimensions = 3 if "idx3" in name else 1
    header = struct.calcsize(f">{1 + dimensions}I")
    if len(content) < header:
        return f"is broken: it ends in its header, after {len(content)} bytes"
    magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", content)
    if magic != 0x800 + dimensions:
        return f"is broken: its magic number is {magic:#06x} instead of {0x800 + dimensions:#06x}"
    if len(content) != header + math.prod(sizes):
        return f"is broken: it holds {len(content)} bytes instead of {header + math.prod(sizes)}"
    if hashlib.sha256(content).hexdigest() != sha256:
        return "is broken: its SHA-256 is not the published file's"
    return None
