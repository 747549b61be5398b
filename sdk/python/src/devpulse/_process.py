"""Which process this is, asked at every event: what a fork has copied is its parent's.

os.register_at_fork() does not tell of all forks: uWSGI, and others that embed Python, fork by C.
"""

import mmap
import os
import sys
from typing import Final

_WIPE_ON_FORK: Final = 18  # of Linux, since 4.14: madvise(2)

_pid = 0
_page: mmap.mmap | None = None  # its first byte: whether _pid is this process's


def pid() -> int:
    """os.getpid(), without a system call where nothing forked since the last time."""
    global _pid
    if _page is None:
        return os.getpid()
    if not _page[0]:
        _pid = os.getpid()
        _page[0] = 1
    return _pid


def _wiped_page() -> mmap.mmap | None:
    """Memory that is zero in the child of every fork; None where the system has none."""
    if sys.platform != "linux":
        return None
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
    except OSError:
        return None
    return page


def _after_fork_in_child() -> None:
    if _page is not None:
        _page[0] = 0  # an emulator may take the advice and do nothing


_page = _wiped_page()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
