"""A data folder that is not the user's."""

import errno
import re
from pathlib import Path

import pytest

from mixupe.data.root import needs_writable
from mixupe.errors import UserError


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(UserError, match=r"^data\.root: .*splits may not be written.*a folder of your own"),
        needs_writable(tmp_path),
    ):
        raise OSError(number, "no", str(tmp_path / "splits"))


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "no", "/elsewhere/a.csv"), OSError(errno.ENOSPC, "full", "x"), OSError("?")]
)
def test_other_errors_stay_what_they_are(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(OSError, match=re.escape(str(error))), needs_writable(tmp_path):
        raise error
