"""From image files to uint8 pixels, once; the decoded pixels of a set are kept in a file beside the data."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from PIL import Image, ImageOps

from mixupe.data.images.modes import in_8_bits
from mixupe.data.long_work import shown
from mixupe.errors import UserError, one_line
from mixupe.files import replacing

Pixels = npt.NDArray[np.uint8]

# Raised when the same files would be decoded to other pixels.
DECODER_VERSION = 2

# Formats that are read, whatever a file is called. Not all that Pillow knows: for some it starts other programs.
FORMATS = (
    "AVIF",
    "BMP",
    "DIB",
    "GIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "PCX",
    "PNG",
    "PPM",
    "QOI",
    "SGI",
    "TGA",
    "TIFF",
    "WEBP",
)
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif"),
    *(".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".pcx", ".qoi", ".sgi"),
)
# Photographs all the same: leaving them out would leave out half of what a telephone took.
UNREADABLE = (".heic", ".heif", ".jxl")


def read_image(path: Path, channels: int) -> Image.Image:
    """The decoded image, grey (channels 1) or RGB (3), turned the way the camera says; transparency goes on white.

    Raises:
        UserError: the file is not there or is no image that can be decoded to its end, or its numbers have no known
            range (see `in_8_bits`).
    """
    try:
        with Image.open(path, formats=FORMATS) as opened:
            opened.load()
            with suppress(Exception):  # broken EXIF data says nothing about the pixels: they stay as they are
                ImageOps.exif_transpose(opened, in_place=True)
            return in_8_bits(opened, channels)
    # What Pillow raises on broken files differs from format to format.
    except Exception as error:
        what = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be decoded ({one_line(error)})"
        raise UserError(f"dataset: image {path} {what}") from error


def to_pixels(image: Image.Image) -> Pixels:
    """(C, H, W)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def decoded(
    paths: Sequence[Path], decode: Callable[[Path], Pixels], shape: tuple[int, int, int], cache: Path, what: str
) -> Pixels:
    """Pixels of many files, (N, C, H, W), read-only and mapped from a file that is written the first time.

    Args:
        paths: N files.
        decode: from a file to its pixels of that shape.
        shape: (C, H, W).
        cache: folder for the file with the decoded pixels.
        what: says how they were decoded; it and the files' names, sizes and times decide which cached file fits.

    Raises:
        UserError: a file cannot be decoded or has another shape.
    """
    target = cache / f"{_fingerprint(paths, shape, what)}.npy"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_file():
            with replacing(target) as partial:
                _decode_all(paths, decode, shape, partial)
    pixels: Pixels = np.load(target, mmap_mode="r", allow_pickle=False)
    return pixels


def check_all(paths: Sequence[Path], channels: int, cache: Path) -> None:
    """Decode every file, the first time, so that a broken one stops a run that streams them before it has trained.

    Args:
        paths, channels: as `read_image`.
        cache: folder for the mark that these files, by name, size and time, are sound.

    Raises:
        UserError: as `read_image`.
    """
    mark = cache / f"{_fingerprint(paths, (channels, 0, 0), 'sound')}.sound"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(mark.with_suffix(".lock")):
        if not mark.is_file():
            what = f"looking for damaged ones among {len(paths):,} images, once"
            _for_each(lambda index: read_image(paths[index], channels), len(paths), what)
            mark.touch()


def _decode_all(
    paths: Sequence[Path], decode: Callable[[Path], Pixels], shape: tuple[int, int, int], target: Path
) -> None:
    pixels = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(len(paths), *shape))

    def decode_into(index: int) -> None:
        image = decode(paths[index])
        if image.shape != shape:
            raise UserError(f"dataset: image {paths[index]} has shape {image.shape} instead of {shape} (C, H, W)")
        pixels[index] = image

    _for_each(decode_into, len(paths), f"decoding {len(paths):,} images, once")
    pixels.flush()


def _for_each(work: Callable[[int], object], count: int, what: str) -> None:
    """Do it for 0 to count - 1, in threads: Pillow lets others run while it decodes. `what` it is is shown if it is long."""
    with ThreadPoolExecutor() as pool:
        try:
            for _ in shown(pool.map(work, range(count)), count, what):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # or the other files would be decoded first
            raise


def _fingerprint(paths: Sequence[Path], shape: tuple[int, int, int], what: str) -> str:
    digest = hashlib.sha256(f"{DECODER_VERSION} {what} {shape}".encode())
    for path in paths:
        status = path.stat()
        digest.update(f"\0{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
