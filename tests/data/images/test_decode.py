"""Image files to pixels, and the file of decoded pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mixupe.data.images.decode import Pixels, decoded, read_image, to_pixels
from mixupe.settings import UserError
from tests.data.images.conftest import WriteImage


def decode(path: Path) -> Pixels:
    return to_pixels(read_image(path, channels=3))


def test_grey_palette_and_transparent_images_become_rgb_on_white(tmp_path: Path) -> None:
    transparent = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    transparent.putpixel((1, 0), (10, 20, 30, 255))
    transparent.save(tmp_path / "a.png")
    Image.new("LA", (2, 1), (0, 0)).save(tmp_path / "b.png")
    Image.new("L", (2, 1), 7).save(tmp_path / "c.png")
    assert decode(tmp_path / "a.png")[:, 0].T.tolist() == [[255, 255, 255], [10, 20, 30]]
    assert decode(tmp_path / "b.png")[:, 0].T.tolist() == [[255] * 3] * 2
    assert decode(tmp_path / "c.png")[:, 0].T.tolist() == [[7] * 3] * 2
    assert to_pixels(read_image(tmp_path / "c.png", channels=1)).tolist() == [[[7, 7]]]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".bmp"])
@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_broken_image_is_one_line_with_its_name(
    tmp_path: Path, write_image: WriteImage, suffix: str, damage: str
) -> None:
    path = write_image(tmp_path / f"broken{suffix}", size=(64, 64))
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "text": b"no image", "empty": b""}[damage])
    with pytest.raises(UserError, match=f"broken{suffix}") as error:
        read_image(path, channels=3)
    assert "\n" not in str(error.value)


def test_decoded_pixels_are_kept_and_renewed_when_a_file_changes(tmp_path: Path, write_image: WriteImage) -> None:
    paths = [write_image(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    calls: list[Path] = []

    def counted(path: Path) -> Pixels:
        calls.append(path)
        return decode(path)

    first = decoded(paths, counted, (3, 8, 8), tmp_path / "cache", what="test")
    again = decoded(paths, counted, (3, 8, 8), tmp_path / "cache", what="test")
    assert len(calls) == 3
    assert np.array_equal(first, again)
    assert np.array_equal(first[1], decode(paths[1]))
    paths[1].write_bytes(write_image(tmp_path / "other.bmp", seed=9).read_bytes())
    changed = decoded(paths, counted, (3, 8, 8), tmp_path / "cache", what="test")
    assert np.array_equal(changed[1], decode(tmp_path / "other.bmp"))


def test_nothing_is_kept_when_a_file_is_broken_or_has_another_size(tmp_path: Path, write_image: WriteImage) -> None:
    good = write_image(tmp_path / "good.png")
    wide = write_image(tmp_path / "wide.png", size=(9, 8))
    with pytest.raises(UserError, match=r"wide\.png has shape \(3, 8, 9\) instead of \(3, 8, 8\)"):
        decoded([good, wide], decode, (3, 8, 8), tmp_path / "cache", what="test")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]
