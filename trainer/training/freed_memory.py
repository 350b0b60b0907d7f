"""Memory that tensors have freed stays with the process, for the tensors of the next step."""

from __future__ import annotations

import ctypes

# <malloc.h> of glibc
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, up to 2 GB, and hand it out again.

    Otherwise it gives large blocks back to the system and asks for them anew: a step of DIET then
    takes ten thousand page faults, a tenth of its time. The peak stays what it is, since every step
    needs the same. Other C libraries are left alone.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 2**30)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(M_TOP_PAD, 2**26)
