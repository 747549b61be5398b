"""Lines of source code, by `linecache`, without running a loader that is not the interpreter's."""

import linecache
import stat
import weakref
import zipimport
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from ._scrub import Scrubber

CONTEXT: Final = 2
LINE_MAX: Final = 256
FILE_MAX: Final = 4 << 20
_MEMO_MAX: Final = 1024

_absent: set[str] = set()


class Excerpt(NamedTuple):
    """A line of source code and what stands before and behind it."""

    lines: Sequence[str]  # of which it was made
    code: str
    pre: tuple[str, ...]
    post: tuple[str, ...]
    cost: int  # about the bytes of pre and post as JSON


class Excerpts:
    """Excerpts without secrets. What was made is kept, as the same places fail again."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrub = weakref.WeakMethod(scrubber.code)
        self._made: dict[tuple[str, int], Excerpt] = {}

    def get(self, frame: FrameType, number: int) -> Excerpt | None:
        """The line of a frame's file, counted from 1, and 2 lines around it; at most 256 characters
        of each. None if there is no such line."""
        lines = lines_of(frame)
        if not 0 < number <= len(lines):
            return None
        key = (frame.f_code.co_filename, number)
        made = self._made.get(key)
        if made is None or made.lines is not lines:
            if len(self._made) >= _MEMO_MAX:
                self._made.clear()
            made = self._made[key] = self._make(lines, number)
        return made

    def _make(self, lines: Sequence[str], number: int) -> Excerpt:
        first = max(1, number - CONTEXT)
        last = min(len(lines), number + CONTEXT)
        pre = tuple(self._line(lines[n - 1]) for n in range(first, number))
        post = tuple(self._line(lines[n - 1]) for n in range(number + 1, last + 1))
        cost = 24 + sum(len(line) + 3 for line in pre + post)
        return Excerpt(lines, self._line(lines[number - 1]), pre, post, cost)

    def _line(self, text: str) -> str:
        text = text[: LINE_MAX - 1] + "…" if len(text) > LINE_MAX else text.rstrip("\r\n")
        scrub = self._scrub()
        return scrub(text) if scrub is not None else ""


_by_scrubber: "weakref.WeakKeyDictionary[Scrubber, Excerpts]" = weakref.WeakKeyDictionary()


def excerpts_of(scrubber: Scrubber) -> Excerpts:
    """The ones that this scrubber has been through."""
    found = _by_scrubber.get(scrubber)
    if found is None:
        found = _by_scrubber[scrubber] = Excerpts(scrubber)
    return found


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
