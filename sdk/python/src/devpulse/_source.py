"""Lines of source code, by `linecache`, without running a loader that is not the interpreter's."""

import linecache
import stat
import zipimport
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

LINE_MAX: Final = 256
FILE_MAX: Final = 4 << 20
_ABSENT_MAX: Final = 1024

_absent: set[str] = set()


def lines_of(frame: FrameType) -> Sequence[str]:
    """The lines of the file that a frame's code stands in, with their ends; none if they cannot be
    had, or the file has more than 4 MiB. Read once in a process."""
    filename = frame.f_code.co_filename
    entry = linecache.cache.get(filename)
    if entry is not None and len(entry) == 4:  # else it is yet to be read, perhaps by any loader
        return entry[2]
    if filename in _absent:
        return ()
    lines: Sequence[str] = ()
    try:
        if type(frame.f_globals.get("__loader__")) is zipimport.zipimporter:
            lines = linecache.getlines(filename, frame.f_globals)
        elif _is_readable(filename):
            lines = linecache.getlines(filename)
    except Exception:
        lines = ()
    if not lines:
        if len(_absent) >= _ABSENT_MAX:
            _absent.clear()
        _absent.add(filename)
    return lines


def line(lines: Sequence[str], number: int) -> str:
    """A line by its number, counted from 1, without its end; at most 256 characters."""
    text = lines[number - 1]
    if len(text) > LINE_MAX:
        text = text[: LINE_MAX - 1] + "…"
    return text.rstrip("\r\n")


def _is_readable(filename: str) -> bool:
    """A regular file of no great size: a code's filename can name anything, even a FIFO."""
    if filename.startswith("<"):
        return False
    found = Path(filename).stat()
    return stat.S_ISREG(found.st_mode) and found.st_size <= FILE_MAX
