"""The folder that data sets are kept in, which may be shared and not the user's to write."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixupe.errors import UserError

_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


@contextmanager
def needs_writable(root: Path) -> Iterator[None]:
    """Loading in it keeps index lists, unpacked files and caches below `root`.

    Raises:
        UserError: one of them may not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_WRITABLE or root not in Path(str(error.filename)).parents:
            raise
        raise UserError(
            f"data.root: {error.filename} may not be written or read ({error.strerror}); splits and caches are kept there,"
            " so give a folder of your own, in which the files may be links"
        ) from error
