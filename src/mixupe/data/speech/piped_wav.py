"""WAV files that were written to a pipe: their header was never completed, so it does not say how much follows."""

import io
import struct
from pathlib import Path

# What programs write for a size they do not know yet is 0 or about the largest number of 31 or 32 bits.
_OPEN_SIZE = 0x7FFF0000


def patched_pipe(path: Path) -> Path | io.BytesIO:
    """The path; or, of a WAV file with an open size, its bytes with a header that says "to the end of the file"."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return path
        length = path.stat().st_size
        (riff_size,) = struct.unpack("<I", head[4:8])
        while len(chunk := file.read(8)) == 8:
            size = int(struct.unpack("<I", chunk[4:])[0])
            start = file.tell()
            if chunk[:4] == b"data":
                # A recording without samples has a complete header too: then the size of the whole is right.
                is_open = size >= _OPEN_SIZE or (size == 0 and riff_size + 8 != length)
                return _complete(path, start) if is_open and start < length else path
            file.seek(size + size % 2, io.SEEK_CUR)
    return path


def _complete(path: Path, start: int) -> io.BytesIO:
    """The file's bytes with the sizes of the whole and of the data, which begin at `start`, filled in."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 4, len(content) - 8)
    struct.pack_into("<I", content, start - 4, len(content) - start)
    return io.BytesIO(content)
