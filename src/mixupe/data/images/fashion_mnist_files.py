"""Fashion-MNIST's four files: from the Debian package dataset-fashion-mnist, else from torchvision's own download.

Debian compressed the files again, so they are the same images but not the same .gz: see `idx_files`.
"""

import shutil
from pathlib import Path

from mixupe.data.images import idx_files
from mixupe.data.packages import fetch_package, package_is_here, package_path
from mixupe.settings import UserError

PACKAGE = "dataset-fashion-mnist"

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
    return idx_files.problem(raw_folder(root), SHA256)


def unpack_local(root: Path) -> None:
    """Unpack .gz files that are below `root` already: put into the raw folder by hand, or in the Debian package."""
    folders = [raw_folder(root)]
    if package_is_here(PACKAGE, root):
        folders.append(package_path(PACKAGE, root) / "usr" / "share" / "datasets" / "fashion-mnist")
    idx_files.unpack_gz(raw_folder(root), SHA256, folders)


def fetch_debian_package(root: Path) -> str | None:
    """Bring the Debian package where apt-get exists; returns why not, or None."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    try:
        fetch_package(PACKAGE, root)
    except UserError as error:
        return str(error)
    return None
