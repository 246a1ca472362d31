"""The narrowest networks leave memory alone, on this CPU and on one without AVX-512."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What torch and oneDNN choose on a CPU that has no more; nothing changes where that is so, or where there is no AVX2.
AVX2_ONLY = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
# glibc then looks at each piece of memory that is freed: without it, most of what is damaged goes unseen.
CHECKER = "libc_malloc_debug.so.0"


def _checked_memory() -> dict[str, str]:
    try:
        ctypes.CDLL(CHECKER)
    except OSError:  # another C library
        return {}
    return {"MALLOC_CHECK_": "3", "LD_PRELOAD": CHECKER}


@pytest.mark.parametrize("switches", [{}, AVX2_ONLY], ids=["this-cpu", "avx2"])
def test_no_narrow_network_damages_memory(switches: dict[str, str]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.narrow"],
        cwd=ROOT,
        env={**environment, **_checked_memory(), **switches},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"ended with {done.returncode} at {done.stdout.splitlines()[-1:]}: {done.stderr[-500:]}"
    )
