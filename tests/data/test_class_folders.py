"""Folders of files, one a class: what is found, in which part, and what is left out. The files' content is not read."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mixupe.data.base import DataRequest
from mixupe.data.class_folders import ClassFolders, FileKind, find_examples, find_files
from mixupe.errors import UserError

KIND = FileKind("page", (".txt", ".md"), (".pdf",))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of three files."""
    touch(tmp_path / "set", *(f"{name}/{number}.txt" for name in ("cat", "dog") for number in range(3)))
    return tmp_path / "set"


def by_class(found: ClassFolders, folder: Path) -> dict[str, list[str]]:
    return {
        name: [
            file.relative_to(folder).as_posix()
            for file, of in zip(found.files, found.labels, strict=True)
            if of == label
        ]
        for label, name in enumerate(found.class_names)
    }


PLAIN = {"cat": ["cat/0.txt", "cat/1.txt", "cat/2.txt"], "dog": ["dog/0.txt", "dog/1.txt", "dog/2.txt"]}


def test_one_folder_a_class(folder: Path) -> None:
    touch(folder, "cat/deep/er/0.MD")
    found = find_files(folder, KIND)
    assert by_class(found, folder) == PLAIN | {"cat": [*PLAIN["cat"], "cat/deep/er/0.MD"]}
    assert (found.validation, found.test, found.notes) == (None, None, ())


def in_parts(folder: Path, *parts: str) -> Path:
    for part in parts:
        touch(folder / part, "cat/0.txt", "dog/0.txt", "dog/1.txt")
    return folder


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("train", "val", "test"), ("Training", "VALID", "Testing"), ("train_set", "dev", "test_set")],
)
def test_parts_are_kept(tmp_path: Path, train: str, validation: str, test: str) -> None:
    found = find_files(in_parts(tmp_path, train, validation, test), KIND)
    assert found.class_names == ("cat", "dog")
    assert found.validation is not None
    assert found.test is not None
    for part, indices in ((train, [0, 1, 2]), (validation, found.validation), (test, found.test)):
        assert {found.files[index].relative_to(tmp_path).parts[0] for index in indices} == {part}
        assert found.labels[np.array(indices)].tolist() == [0, 1, 1]


def test_a_validation_part_without_a_test_part(tmp_path: Path) -> None:
    found = find_files(in_parts(tmp_path, "train", "val"), KIND)
    assert found.test is None
    assert found.validation is not None
    assert len(found.validation) == 3


def test_hidden_folders_are_left_out_and_said(folder: Path) -> None:
    touch(folder, ".ipynb_checkpoints/0.txt", "__MACOSX/cat/._0.txt", "cat/.ipynb_checkpoints/0-checkpoint.txt")
    found = find_files(folder, KIND)
    assert by_class(found, folder) == PLAIN
    assert found.notes == ("3 hidden folder(s) were left out, the first is .ipynb_checkpoints",)


def test_other_files_are_left_out_and_said(folder: Path) -> None:
    touch(folder, "README.txt", "cat/.0.txt", "cat/0.doc")
    os.mkfifo(folder / "cat" / "pipe.txt")
    found = find_files(folder, KIND)
    assert by_class(found, folder) == PLAIN
    assert found.notes == ("4 file(s) that are not pages were left out, the first is README.txt",)


@pytest.mark.parametrize("target", ["..", "../..", "../dog", "."])
def test_a_link_that_leads_back_is_left_out_and_said(folder: Path, target: str) -> None:
    (folder / "cat" / "self").symlink_to(target)
    found = find_files(folder, KIND)
    assert by_class(found, folder) == PLAIN
    assert found.notes == ("1 link(s) to what is counted in its own place were left out, the first is self",)


def test_links_to_folders_outside_are_followed_once(folder: Path, tmp_path: Path) -> None:
    touch(tmp_path / "outside", "more/0.txt")
    (tmp_path / "outside" / "more" / "circle").symlink_to("..")
    for name in ("a", "b"):
        (folder / "cat" / name).symlink_to(tmp_path / "outside")
    (folder / "emu").symlink_to(tmp_path / "flock")
    touch(tmp_path / "flock", "0.txt")
    found = find_files(folder, KIND)
    assert len(by_class(found, folder)["cat"]) == 4
    assert by_class(found, folder)["emu"] == ["emu/0.txt"]
    assert "link(s) to what is counted in its own place were left out" in found.notes[0]


def test_a_set_of_links_into_a_hidden_store_is_read(tmp_path: Path) -> None:
    """As data version control lays it out."""
    for name in ("cat", "dog"):
        touch(tmp_path / "set" / ".store", f"{name}/0.txt")
        (tmp_path / "set" / name).symlink_to(f".store/{name}")
    assert by_class(find_files(tmp_path / "set", KIND), tmp_path / "set") == {
        "cat": ["cat/0.txt"],
        "dog": ["dog/0.txt"],
    }


def test_a_file_linked_within_its_class_counts_once(folder: Path) -> None:
    (folder / "cat" / "9.txt").symlink_to("0.txt")
    found = find_files(folder, KIND)
    assert by_class(found, folder) == PLAIN
    assert found.notes == ("1 link(s) to what is counted in its own place were left out, the first is 9.txt",)


def test_classes_that_may_be_one_are_said(folder: Path) -> None:
    touch(folder, "Cat/0.txt")
    found = find_files(folder, KIND)
    assert found.class_names == ("Cat", "cat", "dog")
    assert found.notes == ("the classes 'Cat' and 'cat' differ in capitals or blanks only; they are counted as two",)


def _link_in_two_classes(folder: Path) -> None:
    (folder / "cat" / "9.txt").symlink_to("../dog/0.txt")


def _link_in_two_parts(folder: Path) -> None:
    in_parts(folder.rename(folder.with_name("train")).parent, "test")
    (folder.parent / "test" / "cat" / "9.txt").symlink_to("../../train/cat/0.txt")
    (folder.parent / "train").rename(folder.parent / "part")
    folder.mkdir()
    (folder.parent / "part").rename(folder / "train")
    (folder.parent / "test").rename(folder / "test")


def _broken_file(folder: Path) -> None:
    (folder / "cat" / "zz.txt").symlink_to("nowhere.txt")


def _broken_class(folder: Path) -> None:
    (folder / "emu").symlink_to("/nowhere")


def _circle(folder: Path) -> None:
    (folder / "cat" / "zz.txt").symlink_to("zz.txt")


def _flat_test(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    touch(folder, "test/0.txt")
    folder.with_name("moved").rename(folder / "train")


def _flat_parts(folder: Path) -> None:
    for old, new in (("cat", "train"), ("dog", "test")):
        (folder / old).rename(folder / new)


def _unreadable(folder: Path) -> None:
    touch(folder, "cat/0.PDF")


def _class_that_training_does_not_have(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    touch(folder, "test/Cat/0.txt")
    folder.with_name("moved").rename(folder / "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_link_in_two_classes, "cat/9.txt and {}/dog/0.txt are one file, in two classes or parts"),
        (_link_in_two_parts, "test/cat/9.txt are one file, in two classes or parts"),
        (_broken_file, "cat/zz.txt is a link to nowhere.txt, which is not there"),
        (_broken_class, "emu is a link to /nowhere, which is not there"),
        (_circle, "cat/zz.txt is a link to zz.txt, which is not there"),
        (_flat_test, "test has 0 class folder(s), at least 1 are needed"),
        (_flat_parts, "train has 0 class folder(s), at least 2 are needed"),
        (_unreadable, "cat/0.PDF cannot be read: .pdf is not supported, allowed are .txt, .md"),
        (_class_that_training_does_not_have, "test/Cat is a class that {}/train does not have"),
    ],
)
def test_what_cannot_be_used_is_one_line(folder: Path, change: Callable[[Path], None], message: str) -> None:
    change(folder)
    with pytest.raises(UserError) as error:
        find_files(folder, KIND)
    assert message.format(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parts", "protocol", "needed"),
    [
        ((), "heldout", 3),
        ((), "paper", 2),
        (("train", "test"), "heldout", 2),
        (("train", "val"), "heldout", 2),
        (("train", "val", "test"), "heldout", 1),
    ],
)
def test_each_part_that_is_drawn_needs_a_file_a_class(
    tmp_path: Path, parts: tuple[str, ...], protocol: str, needed: int
) -> None:
    request = DataRequest(tmp_path, 0, "heldout" if protocol == "heldout" else "paper")
    for part in parts or ("",):
        touch(tmp_path / "set" / part, "cat/0.txt", "cat/1.txt", "cat/2.txt", "dog/0.txt")
    if needed == 1:
        assert len(find_examples(tmp_path / "set", KIND, request).files) == 4 * len(parts)
        return
    with pytest.raises(UserError, match=rf"class 'dog' of .*set has 1 page\(s\), at least {needed} are needed"):
        find_examples(tmp_path / "set", KIND, request)


def test_a_name_of_another_encoding_is_one_line(folder: Path) -> None:
    (folder / "cat").rename(folder / os.fsdecode(b"caf\xe9"))
    with pytest.raises(UserError, match=r"not in UTF-8, b'caf\\xe9'; rename it") as error:
        find_files(folder, KIND)
    str(error.value).encode()
