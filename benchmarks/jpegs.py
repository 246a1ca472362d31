"""A folder of JPEG files as ImageNet's are laid out: one folder a class, each file another image."""

import io
import itertools
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 10
# Pictures that are encoded; the files are copies of them that differ in a comment, which decoders skip.
PICTURES = 64
SIZE = (400, 320)


def write_jpegs(folder: Path, count: int) -> None:
    """Write `count` files of 400x320 pixels (about 40 kB each) below `folder`/<class>/."""
    pictures = [_picture(number) for number in range(min(PICTURES, count))]
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
    for number, picture in zip(range(count), itertools.cycle(pictures)):
        (folder / str(number % CLASSES) / f"{number:06}.jpg").write_bytes(_with_comment(picture, f"{number:06}"))


def _picture(number: int) -> bytes:
    """Coarse random colors, smoothed, with some grain: compresses as photographs do, which noise does not."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(0, 256, (10, 8, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse).astype(np.int16) + random.integers(-12, 13, (SIZE[1], SIZE[0], 3))
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _with_comment(jpeg: bytes, comment: str) -> bytes:
    """The file with a comment segment after its first marker (ITU T.81, B.2.4.5)."""
    text = comment.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]
