"""Memory that a process has freed, kept for what it needs next."""

import ctypes
import sys

# malloc.h of the GNU C library; 32 MB is the most that it takes for the first.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1


def keep_freed_memory() -> None:
    """Have malloc keep up to 1 GB that was freed, in the whole process; nothing where there is no GNU C library.

    A step frees tensors of megabytes that the next one needs again. Given back to the system, each of their pages has to be
    mapped and zeroed anew, which took a quarter of the time of a stack of graph networks.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 2**30)
