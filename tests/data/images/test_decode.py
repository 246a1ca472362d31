"""Image files to pixels, and the file of decoded pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from mixupe.data.images.decode import SUFFIXES, Pixels, decoded, read_image, to_pixels
from mixupe.errors import UserError
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


def _corner(path: Path) -> list[list[int]]:
    """Which of the four corners of a grey image are dark."""
    pixels = to_pixels(read_image(path, channels=1))[0]
    return [[int(pixels[row, column] < 100) for column in (0, -1)] for row in (0, -1)]


@pytest.fixture
def dark_corner() -> Image.Image:
    """White but for its first quarter."""
    image = Image.new("RGB", (32, 16), "white")
    image.paste("black", (0, 0, 16, 8))
    return image


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".jpg", "RGB"), (".tif", "RGB"), (".png", "RGB"), (".png", "RGBA"), (".webp", "RGB"), (".webp", "RGBA")],
)
def test_images_are_turned_the_way_the_camera_says(
    tmp_path: Path, dark_corner: Image.Image, suffix: str, mode: str
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    dark_corner.convert(mode).save(tmp_path / f"a{suffix}", exif=exif)
    assert _corner(tmp_path / f"a{suffix}") == [[0, 1], [0, 0]]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_data_costs_no_pixels(tmp_path: Path, dark_corner: Image.Image) -> None:
    """An orientation, and a number of a camera's that is stored as text; then data that ends in the middle."""
    entries = b"\x00\x02" + b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    entries += b"\x01\x1a\x00\x02\x00\x00\x00\x04abc\x00"
    whole = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + entries + bytes(4)
    for number, exif in enumerate((whole, whole[:24], b"Exif\x00\x00")):
        dark_corner.save(tmp_path / f"{number}.jpg", exif=exif, quality=95)
        assert sum(sum(row) for row in _corner(tmp_path / f"{number}.jpg")) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_of_a_format_that_is_read(tmp_path: Path, suffix: str) -> None:
    grey = suffix in (".pgm", ".pfm", ".pbm")
    image = Image.new("L" if grey else "RGB", (32, 32), 255 if grey else (255, 255, 255))
    image.convert({".pbm": "1", ".pfm": "F"}.get(suffix, image.mode)).save(tmp_path / f"a{suffix}")
    if suffix == ".pfm":
        Image.new("F", (32, 32), 1.0).save(tmp_path / "a.pfm")
    assert to_pixels(read_image(tmp_path / f"a{suffix}", channels=3)).min() >= 254


def test_what_a_file_is_counts_not_what_it_is_called(tmp_path: Path, write_image: WriteImage) -> None:
    path = write_image(tmp_path / "a.bmp")
    expected = decode(path)
    assert np.array_equal(decode(path.rename(tmp_path / "a.jpg")), expected)


def test_a_telephone_s_picture_pair_is_its_first(tmp_path: Path, dark_corner: Image.Image) -> None:
    dark_corner.save(tmp_path / "a.mpo", save_all=True, append_images=[Image.new("RGB", (32, 16))])
    assert _corner((tmp_path / "a.mpo").rename(tmp_path / "a.jpg")) == [[1, 0], [0, 0]]


def test_formats_that_start_other_programs_are_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    path = (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png cannot be decoded \(cannot identify"):
        read_image(path, channels=3)


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
