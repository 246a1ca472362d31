"""Images of any of Pillow's modes as grey or RGB of 8 bits a channel."""

import numpy as np
import numpy.typing as npt
from PIL import Image

MODES = {1: "L", 3: "RGB"}

# Formats whose grey images of more than 8 bits Pillow scales to 16, although it may keep them in 32.
_SIXTEEN_BITS = ("PNG", "PPM")


def in_8_bits(image: Image.Image, channels: int) -> Image.Image:
    """The image as grey (channels 1) or RGB (3); transparency goes on white.

    16 bits are divided by 257. Numbers without a range of their own are not guessed at: 32-bit integers must be 0 to 255,
    floats 0 to 1.

    Raises:
        ValueError: other 32-bit integers or floats.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN_BITS):
        image = _from_16_bits(image)
    elif image.mode == "I":
        image = Image.fromarray(_within(np.asarray(image), 255, "32-bit integers"))
    elif image.mode == "F":
        image = Image.fromarray(np.rint(_within(np.asarray(image), 1, "floats") * 255).astype(np.uint8))
    elif image.has_transparency_data:
        image = on_white(image)
    elif image.mode == "LAB":  # Pillow knows no way straight to grey
        image = image.convert("RGB")
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])


def on_white(image: Image.Image) -> Image.Image:
    """The image composited on white, as RGBA."""
    # From grey with premultiplied alpha, Pillow knows the way to LA only.
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    pixels = ((values + 128) // 257).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):  # the grey that a PNG calls transparent
        pixels[values == transparent] = 255
    return Image.fromarray(pixels)


def _within(values: npt.NDArray[np.generic], largest: int, what: str) -> npt.NDArray[np.generic]:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= largest):  # nor if they are NaN
        raise ValueError(
            f"its pixels are {what} from {low:g} to {high:g}, allowed are 0 to {largest}; convert it to 8 bits"
        )
    return values.astype(np.uint8) if largest == 255 else values
