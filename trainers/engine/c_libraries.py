"""Settings of the C libraries below torch: how OpenMP's threads wait, and that malloc keeps what a training frees.

Threads that wait in a busy loop for long, as they do by default, occupy a core that another thread needs as soon as
anything else runs, such as the rendering of a page: a step that takes 0.05 s then takes 0.8 s. Threads that sleep at
once have to be woken up for each of the hundreds of short operations in a step, which takes longer than they save. In a
step of a small network the next operation comes within some hundredths of a millisecond (docs/decisions/016).

GNU's malloc gives the memory of large tensors back to the system when they are freed. The next step asks for as much,
and the system fills it with zeros, page by page: a fifth of a large convolutional step (docs/decisions/032).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from typing import Any

# A value that the user has set stays. https://www.openmp.org/spec-html/5.2/openmpse133.html
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    # GNU's OpenMP, which torch uses on Linux, looks so often before it sleeps: for 0.03 to 0.1 ms.
    # https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")

# https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT = 2**30  # bytes: so much free memory is kept, and blocks below that size come from it
USUAL = {TRIM_THRESHOLD: 2**26, MMAP_THRESHOLD: 2**25}  # where malloc's own adaptation ends
SET_BY_USERS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")

_lock = threading.Lock()
_inside = 0  # how many `with` blocks of `freed_memory_kept` are open, in all threads


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside the `with` block freed memory is kept; when the last such block ends, it goes back to the system.

    Does nothing where the C library is another one, and where the user has set how it keeps memory."""
    global _inside
    malloc = _malloc()
    if malloc is None:
        yield
        return
    with _lock:
        _inside += 1
        if _inside == 1:
            for name in USUAL:
                malloc.mallopt(name, KEPT)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for name, size in USUAL.items():
                    malloc.mallopt(name, size)
                malloc.malloc_trim(0)


def _malloc() -> Any:
    """The C library of this process, if its malloc is GNU's and the user has not set it up."""
    if any(name in os.environ for name in SET_BY_USERS):
        return None
    with contextlib.suppress(OSError, TypeError, AttributeError):  # TypeError: on Windows
        library = ctypes.CDLL(None)
        if library.mallopt and library.malloc_trim:
            return library
    return None
