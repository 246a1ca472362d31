"""A user's own folder of images."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mixupe.data.base import DataRequest
from mixupe.data.images import image_folder, new_images
from mixupe.data.images.settings import ImageFolder
from mixupe.data.images.streaming import StreamingImages
from mixupe.data.images.tensor_images import TensorImages
from mixupe.errors import UserError
from tests.data.images.conftest import WriteImage


def config(path: Path, **values: Any) -> ImageFolder:
    return ImageFolder.model_validate(
        {"name": "mine", "domain": "images", "loader": "images.image_folder", "path": path, "workers": 0, **values}
    )


@pytest.fixture
def photos(tmp_path: Path, write_image: WriteImage) -> Path:
    """photos/{cat,dog}/*.png: 10 images of several sizes each."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(10):
            write_image(tmp_path / "photos" / name / f"{number}.png", (12 + number, 16), seed=20 * label + number)
    return tmp_path / "photos"


def test_one_folder_a_class(photos: Path, request_here: DataRequest) -> None:
    bundle = image_folder.load(config(photos, image_size=8), request_here)
    assert bundle.spec.class_names == ("cat", "dog")
    assert bundle.spec.input_shape == (3, 8, 8)
    assert isinstance(bundle.train, TensorImages)
    assert [len(part.labels) for part in (bundle.train, bundle.validation, bundle.test)] == [13, 3, 4]
    assert torch.bincount(bundle.test.labels).tolist() == [2, 2]
    assert bundle.notes == ()


def test_parts_train_and_test_are_kept(photos: Path, tmp_path: Path, request_here: DataRequest) -> None:
    (tmp_path / "both").mkdir()
    photos.rename(tmp_path / "both" / "train")
    for name in ("cat", "dog"):
        (tmp_path / "both" / "test" / name).mkdir(parents=True)
        for number in range(3):
            file = f"{name}/{number}.png"
            (tmp_path / "both" / "train" / file).rename(tmp_path / "both" / "test" / file)
    bundle = image_folder.load(config(tmp_path / "both", channels=1), request_here)
    assert bundle.spec.input_shape == (1, 32, 32)
    assert bundle.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert bundle.test_part == "own"
    assert len(bundle.train.labels) + len(bundle.validation.labels) == 14


def test_val_is_the_validation_part_and_the_test_part_is_drawn_beside_it(
    photos: Path, request_here: DataRequest
) -> None:
    for name in ("cat", "dog"):
        for part, numbers in (("train", range(7)), ("val", range(7, 10))):
            (photos / part / name).mkdir(parents=True)
            for number in numbers:
                (photos / name / f"{number}.png").rename(photos / part / name / f"{number}.png")
        (photos / name).rmdir()
    bundle = image_folder.load(config(photos, test_fraction=0.3), request_here)
    assert bundle.validation.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert [len(part.labels) for part in (bundle.train, bundle.test)] == [10, 4]
    kept, streamed = (image_folder.load(config(photos, in_memory=chosen), request_here) for chosen in (True, False))
    assert kept.split_digest == streamed.split_digest


def test_a_class_may_be_called_train(photos: Path, request_here: DataRequest) -> None:
    (photos / "cat").rename(photos / "train")
    assert image_folder.load(config(photos), request_here).spec.class_names == ("dog", "train")


def test_other_files_are_counted(photos: Path, request_here: DataRequest) -> None:
    (photos / "README.txt").write_text("mine")
    (photos / "cat" / ".DS_Store").write_text("")
    (photos / "cat" / "notes.doc").write_text("")
    notes = image_folder.load(config(photos), request_here).notes
    assert notes == ("3 file(s) that are not images were left out, the first is README.txt",)


def test_copies_of_an_image_are_on_one_side(photos: Path, request_here: DataRequest) -> None:
    for number in range(4):
        shutil.copy(photos / "cat" / "0.png", photos / "cat" / f"copy{number}.png")
    bundle = image_folder.load(config(photos, image_size=8), request_here)
    assert bundle.notes == ("4 image(s) are exact copies of others; copies are split as one",)
    sides = []
    for part in (bundle.train, bundle.validation, bundle.test):
        assert isinstance(part, TensorImages)
        sides.append(len(part.pixels) - len(torch.unique(part.pixels.flatten(1), dim=0)))
    assert sorted(sides) == [0, 0, 4]


def test_a_copy_in_another_class_is_said(photos: Path, request_here: DataRequest) -> None:
    shutil.copy(photos / "cat" / "0.png", photos / "dog" / "copy.png")
    assert "1 of them are in another class" in image_folder.load(config(photos), request_here).notes[1]


def test_images_with_few_shades_are_said(tmp_path: Path, request_here: DataRequest) -> None:
    for number in range(10):
        path = tmp_path / "dim" / "ab"[number % 2] / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 4096, (8, 8), dtype=np.uint16)  # 12 bits in 16
        Image.fromarray(pixels).save(path)
    (note,) = image_folder.load(config(tmp_path / "dim", image_size=8), request_here).notes
    assert note.startswith("no pixel is brighter than 16 of 255")


def test_streaming_sees_the_same_split(photos: Path, request_here: DataRequest) -> None:
    kept, streamed = (image_folder.load(config(photos, in_memory=chosen), request_here) for chosen in (True, False))
    assert isinstance(streamed.train, StreamingImages)
    assert streamed.split_digest == kept.split_digest
    assert streamed.spec == kept.spec
    assert "random resized crops instead of crop_padding" in streamed.notes[0]


def test_auto_streams_what_is_too_large(
    photos: Path, request_here: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "MEMORY_BYTES", 20 * 3 * 32 * 32 - 1)
    assert isinstance(image_folder.load(config(photos), request_here).train, StreamingImages)
    monkeypatch.setattr(image_folder, "MEMORY_BYTES", 20 * 3 * 32 * 32)
    assert isinstance(image_folder.load(config(photos), request_here).train, TensorImages)


def _nothing(photos: Path) -> None:
    shutil.rmtree(photos)


def _a_file(photos: Path) -> None:
    shutil.rmtree(photos)
    photos.write_text("")


def _empty(photos: Path) -> None:
    shutil.rmtree(photos)
    photos.mkdir()


def _one_class(photos: Path) -> None:
    shutil.rmtree(photos / "dog")


def _class_without_images(photos: Path) -> None:
    (photos / "bird").mkdir()
    (photos / "bird" / "song.wav").write_text("")


def _class_with_one_image(photos: Path) -> None:
    (photos / "bird").mkdir()
    shutil.copy(photos / "cat" / "0.png", photos / "bird")


def _corrupt(photos: Path) -> None:
    (photos / "dog" / "7.png").write_bytes((photos / "dog" / "7.png").read_bytes()[:100])


def _broken_link(photos: Path) -> None:
    (photos / "cat" / "zz.png").symlink_to("nowhere.png")


def _out_of_a_telephone(photos: Path) -> None:
    (photos / "cat" / "IMG_0001.HEIC").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_nothing, "photos is not there or is not a folder"),
        (_a_file, "photos is not there or is not a folder"),
        (_empty, r"photos has 0 class folder\(s\), at least 2 are needed"),
        (_one_class, r"photos has 1 class folder\(s\), at least 2 are needed"),
        (_class_without_images, "bird holds no image, allowed are .jpg"),
        (_class_with_one_image, r"class 'bird' of .*photos has 1 image\(s\), at least 3 are needed"),
        (_corrupt, r"dog.7\.png cannot be decoded"),
        (_broken_link, r"cat.zz\.png is a link to nowhere\.png, which is not there"),
        (_out_of_a_telephone, r"IMG_0001\.HEIC cannot be read: \.heic is not supported, allowed are \.jpg"),
    ],
)
def test_what_cannot_be_used_is_one_line(photos: Path, request_here: DataRequest, damage: object, message: str) -> None:
    assert callable(damage)
    damage(photos)
    with pytest.raises(UserError, match=message) as error:
        image_folder.load(config(photos), request_here)
    assert "\n" not in str(error.value)


def test_files_that_are_streamed_are_checked_first_and_once(
    photos: Path, request_here: DataRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mixupe.data.long_work.LARGE", 1)
    image_folder.load(config(photos, in_memory=False), request_here)
    assert capsys.readouterr().err.startswith("looking for damaged ones among ")

    def refuse(*_: object) -> None:
        raise AssertionError("an image was decoded again")

    with monkeypatch.context() as patch:
        patch.setattr("mixupe.data.images.decode.read_image", refuse)
        bundle = image_folder.load(config(photos, in_memory=False), request_here)
    broken = sorted(photos.rglob("*.png"))[bundle.ids["test"][0]]  # training would not come to it
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(UserError, match=f"image {broken} cannot be decoded"):
        image_folder.load(config(photos, in_memory=False), request_here)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("size", [(32, 32), (50, 40)])
def test_new_images_are_seen_as_those_of_the_set(
    tmp_path: Path, request_here: DataRequest, write_image: WriteImage, in_memory: bool, size: tuple[int, int]
) -> None:
    files = [write_image(tmp_path / "set" / "ab"[n % 2] / f"{n:02}.png", size, seed=n) for n in range(12)]
    settings = config(tmp_path / "set", in_memory=in_memory)
    bundle = image_folder.load(settings, request_here)
    names = sorted(files)
    new = new_images.read([names[n] for n in bundle.ids["test"]], settings, bundle.spec, bundle.preparation or {})
    (expected, _), (seen, _) = (
        next(iter(split.batches([torch.arange(len(new.names))]))) for split in (bundle.test, new.split)
    )
    torch.testing.assert_close(seen, expected)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_one_line(photos: Path, request_here: DataRequest) -> None:
    (photos / "cat").chmod(0)
    try:
        with pytest.raises(UserError, match="cat cannot be read"):
            image_folder.load(config(photos), request_here)
    finally:
        (photos / "cat").chmod(0o700)


def test_content_version_is_of_names_and_bytes_not_of_place_and_time(photos: Path, tmp_path: Path) -> None:
    before = image_folder.content_version(config(photos))
    moved = photos.rename(tmp_path / "moved")
    os.utime(moved / "cat" / "0.png", (0, 0))
    assert image_folder.content_version(config(moved)) == before
    (moved / "cat" / "0.png").write_bytes((moved / "dog" / "0.png").read_bytes())
    changed = image_folder.content_version(config(moved))
    assert changed != before
    (moved / "cat" / "1.png").rename(moved / "cat" / "11.png")
    assert image_folder.content_version(config(moved)) not in (before, changed)


def test_unchanged_files_are_read_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = image_folder.content_version(config(photos))

    def refuse(*_: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr("hashlib.file_digest", refuse)
    assert image_folder.content_version(config(photos)) == before


def test_path_and_workers_are_no_part_of_a_run() -> None:
    for name in ("path", "workers"):
        assert ImageFolder.model_fields[name].json_schema_extra == {"identity": False}
