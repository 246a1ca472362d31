"""MNIST's four files, in torchvision's layout below data.root; as .gz (whoever compressed them) or not."""

from pathlib import Path

from mixupe.data.images import idx_files

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def raw_folder(root: Path) -> Path:
    """Where torchvision reads the uncompressed files."""
    return root / "MNIST" / "raw"


def problem(root: Path) -> str | None:
    """What is wrong with the files below `root`, in words that name the file; None if all are there and intact."""
    return idx_files.problem(raw_folder(root), SHA256)


def unpack_local(root: Path) -> None:
    """Unpack .gz files that were put into the raw folder by hand."""
    idx_files.unpack_gz(raw_folder(root), SHA256, [raw_folder(root)])
