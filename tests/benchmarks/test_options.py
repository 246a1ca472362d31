"""What a benchmark accepts."""

import pytest
import torch

from benchmarks.options import Options, checked_options
from mixupe.errors import UserError


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("cpu", 0, 5, False), "--threads: must be at least 1, got 0"),
        (("cpu", 1, 4, False), "--repeat: must be at least 5 without --quick, got 4"),
        (("cpu", 1, 0, True), "--repeat: must be at least 1, got 0"),
    ],
)
def test_wrong_values_are_named(values: tuple[str, int, int, bool], says: str) -> None:
    with pytest.raises(UserError, match=f"^{says}$"):
        checked_options(*values)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"^--device: cuda was asked for, but no CUDA device is available"):
        checked_options("cuda", 1, 5, False)
    assert checked_options("auto", 1, 5, False).device == torch.device("cpu")


def test_sizes_follow_device_and_quick() -> None:
    def size(device: str, quick: bool) -> int:
        return Options(torch.device(device), 1, 5, quick).size(cpu=1, gpu=2, quick=3)

    assert (size("cpu", False), size("cuda", False), size("cpu", True)) == (1, 2, 3)
