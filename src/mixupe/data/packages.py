"""Data that travels inside packages: brought without their dependencies, checked against a pinned SHA-256, unpacked."""

from pathlib import Path

from mixupe.settings import UserError


def package_path(package: str, root: Path) -> Path:
    """The folder below `root` with the unpacked files of that package.

    Raises:
        UserError: it is not there; the message says how to bring it.
    """
    folder = root / "packages" / package
    if not package_is_here(package, root):
        raise UserError(f"data: {folder} is not there; bring it with `python scripts/data.py fetch`")
    return folder


def package_is_here(package: str, root: Path) -> bool:
    return (root / "packages" / package).is_dir()


def fetch_package(package: str, root: Path) -> None:
    """Bring the package's files into `package_path(package, root)`; does nothing where they are there."""
    raise NotImplementedError(package)
