"""Archives from outside write inside the folder, or not at all."""

import io
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mixupe.data.archives import staged_folder, unpack, unpacked
from mixupe.errors import UserError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in members:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 3 if kind == tarfile.REGTYPE else 0
    return info


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "inner" / "folder"
    path.mkdir(parents=True)
    return path


def test_zip_keeps_only_the_wanted_members(tmp_path: Path, folder: Path) -> None:
    archive = make_zip(tmp_path / "a.whl", {"pkg/data/a.csv": b"1", "pkg/data/deep/b.csv": b"2", "pkg/code.py": b"3"})
    assert unpack(archive, folder, keep=["pkg/data/*.csv"]) == 2
    assert files_below(folder) == ["pkg/data/a.csv", "pkg/data/deep/b.csv"]
    assert (folder / "pkg/data/a.csv").read_bytes() == b"1"


def test_tar_keeps_only_the_wanted_members(tmp_path: Path, folder: Path) -> None:
    directory = tar_member("./pkg", tarfile.DIRTYPE)
    archive = make_tar(tmp_path / "a.tgz", directory, tar_member("./pkg/a.png"), tar_member("./pkg/b.txt"))
    assert unpack(archive, folder, keep=["pkg/*.png"]) == 1
    assert files_below(folder) == ["pkg/a.png"]


@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "a/../../evil", "a\\..\\evil", "C:/evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, folder: Path, name: str, kind: str) -> None:
    path = tmp_path / "evil"
    archive = make_zip(path, {name: b"x"}) if kind == "zip" else make_tar(path, tar_member(name))
    with pytest.raises(UserError, match="leads out of the folder"):
        unpack(archive, folder)
    assert files_below(tmp_path) == ["evil"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_tar_links_and_devices_are_refused(tmp_path: Path, folder: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "evil.tar.gz", tar_member("a", kind, link="../../outside"))
    with pytest.raises(UserError, match="link or a device"):
        unpack(archive, folder)
    assert files_below(folder) == []


def test_writing_through_a_link_is_refused(tmp_path: Path, folder: Path) -> None:
    link = tar_member("a", tarfile.SYMTYPE, link=str(tmp_path))
    archive = make_tar(tmp_path / "evil.tar.gz", link, tar_member("a/evil"))
    with pytest.raises(UserError, match="link or a device"):
        unpack(archive, folder)
    assert not (tmp_path / "evil").exists()


def test_zip_links_are_refused(tmp_path: Path, folder: Path) -> None:
    info = zipfile.ZipInfo("a")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(info, "../../outside")
    with pytest.raises(UserError, match="link or a device"):
        unpack(tmp_path / "evil.zip", folder)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_large_is_refused_before_it_is_written(tmp_path: Path, folder: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", b"\0" * 100_000)
    else:
        info = tar_member("bomb")
        info.size = 100_000
        make_tar(path, info)
    with pytest.raises(UserError, match="more than 50,000 bytes"):
        unpack(path, folder, max_bytes=50_000)
    assert files_below(folder) == []


def test_a_second_member_of_one_name_is_refused(tmp_path: Path, folder: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", tar_member("a"), tar_member("a"))
    with pytest.raises(UserError, match="twice"):
        unpack(archive, folder)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 broken"])
def test_no_archive_is_told(tmp_path: Path, folder: Path, content: bytes) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.zip cannot be read \(.+\)$") as error:
        unpack(path, folder)
    assert "\n" not in str(error.value)


def make_archive(path: Path) -> Path:
    """Three members of bytes that hardly compress, in the format that the suffix says."""
    members = {f"{number}.bin": random.Random(number).randbytes(3000) for number in range(3)}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in members.items():
                opened.writestr(name, content)
        return path
    kinds: dict[str, Any] = {".tar": "w", ".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}
    with tarfile.open(path, kinds[path.suffix]) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


ARCHIVES = ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_whole_archives_of_each_kind(tmp_path: Path, folder: Path, name: str) -> None:
    assert unpack(make_archive(tmp_path / name), folder) == 3
    assert (folder / "2.bin").read_bytes() == random.Random(2).randbytes(3000)


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5])
def test_cut_off_archives_are_told(tmp_path: Path, folder: Path, name: str, share: float) -> None:
    path = make_archive(tmp_path / name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=rf"{name} cannot be read \(.+\)$") as error:
        unpack(path, folder)
    assert "\n" not in str(error.value)


def test_a_tar_file_cut_off_between_two_members_is_told(tmp_path: Path, folder: Path) -> None:
    path = make_archive(tmp_path / "a.tar")
    path.write_bytes(path.read_bytes()[: 512 + 3072])
    with pytest.raises(UserError, match=r"a\.tar cannot be read \(it is cut off or damaged: its end is missing\)"):
        unpack(path, folder)


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_byte_that_changed_is_told(tmp_path: Path, folder: Path, name: str) -> None:
    path = make_archive(tmp_path / name)
    content = bytearray(path.read_bytes())
    # A tar file has checksums of its headers only.
    content[512 + 3072 + 5 if name == "a.tar" else len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} cannot be read \(.+\)$") as error:
        unpack(path, folder)
    assert "\n" not in str(error.value)


def test_zstandard_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    with pytest.raises(UserError, match=r"a\.tar\.zst cannot be read \(Zstandard is not supported"):
        unpack(tmp_path / "a.tar.zst", folder)


def test_a_users_archive_is_unpacked_once_and_told_apart_by_content(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a.tar.gz")
    first = unpacked(archive, tmp_path / "cache")
    assert files_below(first) == ["0.bin", "1.bin", "2.bin"]
    (first / "0.bin").write_bytes(b"as it was")
    assert unpacked(archive.rename(tmp_path / "b"), tmp_path / "cache") == first
    assert (first / "0.bin").read_bytes() == b"as it was"
    assert unpacked(make_archive(tmp_path / "a.zip"), tmp_path / "cache") != first


def test_a_damaged_archive_of_the_users_leaves_nothing_behind(tmp_path: Path) -> None:
    path = make_archive(tmp_path / "a.tar.gz")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=rf"^dataset\.path: {path} cannot be read \(.+\)$"):
        unpacked(path, tmp_path / "cache")
    assert [entry.suffix for entry in (tmp_path / "cache").iterdir()] == [".lock"]


def test_staged_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "set"
    with staged_folder(target) as staging:
        (staging / "file").write_text("x")
        assert not target.exists()
    assert files_below(tmp_path) == ["set/file"]


def test_interrupted_staged_folder_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with staged_folder(tmp_path / "set") as staging:
            (staging / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_staged_folder_clears_what_a_killed_process_left(tmp_path: Path) -> None:
    stale = tmp_path / ".set.partial"
    stale.mkdir()
    (stale / "old").write_text("x")
    with staged_folder(tmp_path / "set") as staging:
        (staging / "new").write_text("x")
    assert files_below(tmp_path) == ["set/new"]


def test_staged_folder_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(UserError, match="exists already"), staged_folder(tmp_path / "set"):
        pass
