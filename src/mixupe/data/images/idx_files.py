"""IDX files, the format of MNIST and its relatives: four files a set, checked by the SHA-256 of what is in them.

torchvision's checksums are of the .gz files, so it refuses the same images compressed by someone else. Here the
uncompressed content is checked, whoever compressed it, and put where torchvision reads it.
"""

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixupe.data.content import file_digest
from mixupe.files import replacing


@dataclass(frozen=True)
class IdxSet:
    """A set of four files.

    Attributes:
        folder: where torchvision keeps it, below data.root.
        sha256: name of an uncompressed file -> SHA-256 of its content.
    """

    folder: str
    sha256: Mapping[str, str]

    def raw_folder(self, root: Path) -> Path:
        """Where torchvision reads the uncompressed files."""
        return root / self.folder / "raw"

    def problem(self, folder: Path) -> str | None:
        """What is wrong with the uncompressed files in `folder`, in words that name the file; None if all are intact."""
        for name, sha256 in self.sha256.items():
            path = folder / name
            if not path.is_file():
                return f"{path} is not there"
            if file_digest(path) != sha256:
                return (
                    f"{path} is broken: its {path.stat().st_size} bytes have another SHA-256 than the published file's"
                )
        return None

    def unpack_gz(self, target: Path, sources: Sequence[Path]) -> None:
        """Make the uncompressed files in `target` from the first intact .gz of that name in one of the source folders."""
        for name, sha256 in self.sha256.items():
            path = target / name
            if path.is_file() and file_digest(path) == sha256:
                continue
            path.unlink(missing_ok=True)  # torchvision never downloads over a file that is there, however broken
            for folder in sources:
                content = _unzipped(folder / f"{name}.gz")
                if content is not None and hashlib.sha256(content).hexdigest() == sha256:
                    with replacing(path) as partial:
                        partial.write_bytes(content)
                    break


MNIST = IdxSet(
    "MNIST",
    {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)
FASHION_MNIST = IdxSet(
    "FashionMNIST",
    {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
)


def _unzipped(source: Path) -> bytes | None:
    """The uncompressed content; None where the file is not there or is broken."""
    try:
        return gzip.decompress(source.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None
