"""Fashion-MNIST's four files: from the Debian package dataset-fashion-mnist, else from torchvision's own download.

Debian compressed the files again, so they are the same images but not the same .gz, and torchvision, whose checksums
are of the .gz, refuses them. Here the uncompressed files are checked, whoever compressed them.
"""

import gzip
import hashlib
import math
import shutil
import struct
import zlib
from pathlib import Path

from mixupe.data.packages import fetch_package, package_is_here, package_path
from mixupe.files import replacing
from mixupe.settings import UserError

PACKAGE = "dataset-fashion-mnist"

# SHA-256 of the uncompressed files, and what their headers must say (the IDX format: magic number, then the sizes).
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def raw_folder(root: Path) -> Path:
    """Where torchvision reads the uncompressed files."""
    return root / "FashionMNIST" / "raw"


def problem(root: Path) -> str | None:
    """What is wrong with the files below `root`, in words that name the file; None if all are there and intact."""
    for name in SHA256:
        path = raw_folder(root) / name
        if not path.is_file():
            return f"{path} is not there"
        if reason := _broken(path.read_bytes(), name):
            return f"{path} {reason}"
    return None


def unpack_local(root: Path) -> None:
    """Unpack .gz files that are below `root` already: put into the raw folder by hand, or in the Debian package."""
    folders = [raw_folder(root)]
    if package_is_here(PACKAGE, root):
        folders.append(package_path(PACKAGE, root) / "usr" / "share" / "datasets" / "fashion-mnist")
    for name in SHA256:
        target = raw_folder(root) / name
        if target.is_file() and not _broken(target.read_bytes(), name):
            continue
        target.unlink(missing_ok=True)  # torchvision never downloads over a file that is there, however broken
        for folder in folders:
            content = _unzipped(folder / f"{name}.gz")
            if content is not None and not _broken(content, name):
                target.parent.mkdir(parents=True, exist_ok=True)
                with replacing(target) as partial:
                    partial.write_bytes(content)
                break


def fetch_debian_package(root: Path) -> str | None:
    """Bring the Debian package where apt-get exists; returns why not, or None."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    try:
        fetch_package(PACKAGE, root)
    except UserError as error:
        return str(error)
    return None


def _unzipped(source: Path) -> bytes | None:
    """The uncompressed content; None where the file is not there or is broken."""
    try:
        return gzip.decompress(source.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None


def _broken(content: bytes, name: str) -> str | None:
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
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        return "is broken: its SHA-256 is not the published file's"
    return None
