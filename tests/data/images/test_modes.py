"""Every mode that Pillow knows as 8-bit grey or RGB, tested by value."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mixupe.data.images.decode import read_image, to_pixels
from mixupe.data.images.modes import in_8_bits
from mixupe.errors import UserError

# Grey of RGB by ITU-R 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 50.
GREY = 124
# RGB (200, 100, 50), and (200, 100, 50) with an alpha of 51, a fifth, on white.
COLOR, FAINT = (200, 100, 50), (244, 224, 214)


def filled(mode: str, value: Any) -> Image.Image:
    image = Image.new(mode, (3, 2))
    for x in range(3):
        for y in range(2):
            image.putpixel((x, y), value)
    return image


def palette(mode: str) -> Image.Image:
    image = Image.new(mode, (3, 2))
    image.putpalette([0, 0, 0, *COLOR])
    for x in range(3):
        for y in range(2):
            image.putpixel((x, y), 1 if mode == "P" else (1, 51))
    return image


MODES: dict[str, tuple[Image.Image, tuple[int, ...], int]] = {
    "1": (filled("1", 1), (255, 255, 255), 255),
    "L": (filled("L", 7), (7, 7, 7), 7),
    "LA": (filled("LA", (100, 51)), (224, 224, 224), 224),
    "La": (filled("La", (20, 51)), (224, 224, 224), 224),
    "P": (palette("P"), COLOR, GREY),
    "PA": (palette("PA"), FAINT, 229),
    "RGB": (filled("RGB", COLOR), COLOR, GREY),
    "RGBA": (filled("RGBA", (*COLOR, 51)), FAINT, 229),
    "RGBa": (filled("RGBa", (40, 20, 10, 51)), FAINT, 229),
    "RGBX": (filled("RGBX", (*COLOR, 0)), COLOR, GREY),
    "CMYK": (filled("CMYK", (55, 155, 205, 0)), COLOR, GREY),
    "YCbCr": (filled("YCbCr", (124, 86, 182)), COLOR, GREY),
    "LAB": (filled("LAB", (137, 128 + 36, 128 + 45)), COLOR, GREY),
    "HSV": (filled("HSV", (14, 191, 200)), COLOR, GREY),
    "I": (filled("I", 200), (200, 200, 200), 200),
    "F": (filled("F", 0.5), (128, 128, 128), 128),
    **{mode: (filled(mode, 257 * 90), (90, 90, 90), 90) for mode in ("I;16", "I;16L", "I;16B", "I;16N")},
}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_by_value(mode: str) -> None:
    image, color, grey = MODES[mode]
    assert image.mode == mode
    for channels, expected in ((3, color), (1, (grey,))):
        pixels = to_pixels(in_8_bits(image, channels))
        assert pixels.shape == (channels, 2, 3)
        # Rounding on the way through alpha, hue or lightness costs some steps.
        tolerance = {"LAB": 5, "HSV": 3, "YCbCr": 2}.get(mode, 1)
        assert np.abs(pixels.astype(int) - np.array(expected)[:, None, None]).max() <= tolerance, pixels[:, 0, 0]


RAMP = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm", ".jp2"])
def test_16_bits_are_divided_by_257(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / f"a{suffix}")
    pixels = to_pixels(read_image(tmp_path / f"a{suffix}", channels=1))
    assert np.array_equal(pixels[0], np.arange(256).reshape(16, 16))
    assert (to_pixels(read_image(tmp_path / f"a{suffix}", channels=3)) == pixels).all()


def test_16_bits_are_rounded_not_cut(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 128, 129, 385, 386, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert to_pixels(read_image(tmp_path / "a.png", channels=1)).tolist() == [[[0, 0, 1, 1, 2, 255]]]


def test_big_endian_tiff(tmp_path: Path) -> None:
    image = Image.frombytes("I;16B", (16, 16), RAMP.astype(">u2").tobytes())
    image.save(tmp_path / "a.tif")
    assert np.array_equal(np.array(read_image(tmp_path / "a.tif", 1)).ravel(), np.arange(256))


def test_transparent_grey_of_16_bits_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[257 * 5, 257 * 6]], dtype=np.uint16)).save(tmp_path / "a.png", transparency=257 * 5)
    assert np.array(read_image(tmp_path / "a.png", 1)).tolist() == [[255, 6]]


def test_lab_out_of_a_file(tmp_path: Path) -> None:
    MODES["LAB"][0].save(tmp_path / "a.tif")
    color = to_pixels(read_image(tmp_path / "a.tif", 3))[:, 0, 0]
    assert np.abs(color.astype(int) - COLOR).max() <= 5


def test_floats_from_0_to_1(tmp_path: Path) -> None:
    values = np.array([[0, 0.25, 0.5, 1]], dtype=np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.array(read_image(tmp_path / "a.tif", 1)).tolist() == [[0, 64, 128, 255]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0, 300]], dtype=np.int32), "32-bit integers from 0 to 300, allowed are 0 to 255"),
        (np.array([[-1, 3]], dtype=np.int32), "32-bit integers from -1 to 3"),
        (np.array([[0, 1.5]], dtype=np.float32), r"floats from 0 to 1\.5, allowed are 0 to 1"),
        (np.array([[0, -0.5]], dtype=np.float32), r"floats from -0\.5 to 0"),
        (np.array([[0, np.nan]], dtype=np.float32), "floats from nan to nan"),
    ],
)
def test_numbers_of_no_known_range_are_refused(tmp_path: Path, values: npt.NDArray[Any], message: str) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=rf"a\.tif cannot be decoded \(its pixels are {message}") as error:
        read_image(tmp_path / "a.tif", 1)
    assert "\n" not in str(error.value)
