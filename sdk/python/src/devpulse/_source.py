"""Lines of source code, by `linecache`, without running a loader that is not the interpreter's."""

import linecache
import stat
import zipimport
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

CONTEXT: Final = 2
LINE_MAX: Final = 256
FILE_MAX: Final = 4 << 20
_MEMO_MAX: Final = 1024

_absent: set[str] = set()


class Excerpt(NamedTuple):
    """A line of source code and what stands before and behind it."""

    code: str
    pre: tuple[str, ...]
    post: tuple[str, ...]


def excerpt(lines: Sequence[str], number: int, scrub: Callable[[str], str]) -> Excerpt | None:
    """One of a file's lines, counted from 1, and 2 lines around it, as `scrub` leaves them; at most
    256 characters of each. None if there is no such line."""
    if not 0 < number <= len(lines):
        return None
    first = max(1, number - CONTEXT)
    last = min(len(lines), number + CONTEXT)
    shown = [scrub(_cut(line)) for line in lines[first - 1 : last]]
    middle = number - first
    return Excerpt(shown[middle], tuple(shown[:middle]), tuple(shown[middle + 1 :]))


def _cut(line: str) -> str:
    return line[: LINE_MAX - 1] + "…" if len(line) > LINE_MAX else line.rstrip("\r\n")


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
        if len(_absent) >= _MEMO_MAX:
            _absent.clear()
        _absent.add(filename)
    return lines


def _is_readable(filename: str) -> bool:
    """A regular file of no great size: a code's filename can name anything, even a FIFO."""
    if filename.startswith("<"):
        return False
    found = Path(filename).stat()
    return stat.S_ISREG(found.st_mode) and found.st_size <= FILE_MAX
