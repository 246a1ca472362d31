"""ImageNet's three archives, in small, unpacked by torchvision."""

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from torchvision.datasets import imagenet as torchvision_imagenet

from mixupe.data.base import DataRequest
from mixupe.data.images import imagenet
from mixupe.data.images.settings import ImageNet
from mixupe.errors import UserError
from tests.data.images.conftest import WriteImage

CONFIG = ImageNet(name="imagenet", domain="images", loader="images.imagenet", image_size=16, workers=0)
SYNSETS = [("n02012849", "crane, a bird"), ("n03126707", "crane, a machine"), ("n00001740", "an inner node")]


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def devkit(path: Path) -> None:
    """data/meta.mat with the synsets (leaves have no children) and the classes of the validation images."""
    fields = [("ILSVRC2012_ID", float), ("WNID", object), ("words", object), ("gloss", object), ("num_children", float)]
    synsets = np.zeros((len(SYNSETS), 1), dtype=fields)
    for row, (wnid, words) in enumerate(SYNSETS):
        synsets[row, 0] = (row + 1, wnid, words, "", 1 if row == 2 else 0)
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": synsets})
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "ILSVRC2012_devkit_t12/data/meta.mat", meta.getvalue())
        add(archive, "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", b"2\n1\n2\n1\n")


@pytest.fixture
def folder(tmp_path: Path, request_here: DataRequest, write_image: WriteImage, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = request_here.root / "imagenet"
    folder.mkdir(parents=True)
    devkit(folder / "ILSVRC2012_devkit_t12.tar.gz")
    with tarfile.open(folder / "ILSVRC2012_img_train.tar", "w") as outer:
        for label, (wnid, _) in enumerate(SYNSETS[:2]):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as archive:
                for number in range(25):
                    image = write_image(tmp_path / "a.JPEG", (20, 24), seed=100 * label + number)
                    add(archive, f"{wnid}_{number}.JPEG", image.read_bytes())
            add(outer, f"{wnid}.tar", inner.getvalue())
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as archive:
        for number in range(1, 5):
            image = write_image(tmp_path / "a.JPEG", (20, 24), seed=1000 + number)
            add(archive, f"ILSVRC2012_val_{number:08}.JPEG", image.read_bytes())
    checksums = {
        part: (name, hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest())
        for part, (name, _) in torchvision_imagenet.ARCHIVE_META.items()
    }
    monkeypatch.setattr(torchvision_imagenet, "ARCHIVE_META", checksums)
    monkeypatch.setattr(imagenet, "TRAIN_IMAGES", 50)
    monkeypatch.setattr(imagenet, "TEST_IMAGES", 4)
    return folder


def test_archives_are_unpacked_and_official_validation_images_are_the_test_part(
    folder: Path, request_here: DataRequest
) -> None:
    bundle = imagenet.load(CONFIG, request_here)
    assert imagenet.is_here(CONFIG, request_here.root)
    assert bundle.spec.class_names == ("crane (n02012849)", "crane (n03126707)")
    assert bundle.spec.input_shape == (3, 16, 16)
    assert bundle.test.labels.tolist() == [0, 0, 1, 1]
    assert len(bundle.train.labels) + len(bundle.validation.labels) == 50


@pytest.mark.parametrize(
    "archive", ["ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"]
)
def test_a_missing_or_broken_archive_is_one_line_that_names_it(
    folder: Path, request_here: DataRequest, archive: str
) -> None:
    content = bytearray((folder / archive).read_bytes())
    (folder / archive).unlink()
    with pytest.raises(UserError, match=f"{archive} is not there; .* put it into {folder}$"):
        imagenet.load(CONFIG, request_here)
    content[100] ^= 1
    (folder / archive).write_bytes(content)
    with pytest.raises(UserError, match=f"{archive} is not present in the root directory or is corrupted") as error:
        imagenet.load(CONFIG, request_here)
    assert "\n" not in str(error.value)


def test_an_interrupted_unpacking_is_noticed(folder: Path, request_here: DataRequest) -> None:
    imagenet.fetch(CONFIG, request_here.root)
    next((folder / "train" / "n02012849").iterdir()).unlink()
    with pytest.raises(UserError, match=r"train holds 49 images instead of 50; delete it and unpack it again"):
        imagenet.load(CONFIG, request_here)
