"""What a line of code says of itself to every event whose stack goes through it: found out once."""

import weakref
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, Final

from ._inapp import APPLICATION, whose
from ._scrub import Scrubber, clean
from ._source import excerpt, lines_of

_MEMO_MAX: Final = 1024


class Place:
    """A line in a piece of code, as a frame of an event, but for the frame's locals."""

    __slots__ = ("_code", "_module", "_post", "_pre", "_shown", "cost", "is_ours", "lines")

    def __init__(
        self,
        code: CodeType,
        module: str,
        number: int | None,
        lines: Sequence[str],
        scrubber: Scrubber,
    ) -> None:
        self._code = weakref.ref(code)
        self._module = module
        self.lines = lines  # of the file
        self.is_ours = whose(code.co_filename, module) == APPLICATION
        shown: dict[str, Any] = {"file": clean(code.co_filename)}
        if number is not None:
            shown["line"] = number
        shown["function"] = clean(_function_of(code))
        shown["module"] = clean(module)
        shown["inApp"] = self.is_ours
        self._shown = shown
        self._pre: Sequence[str] | None = None
        self._post: Sequence[str] = ()
        # About the bytes of it as JSON.
        self.cost = 70 + len(shown["file"]) + len(shown["function"]) + len(module)
        found = excerpt(lines, number, scrubber.code) if number is not None else None
        if found is not None:
            shown["code"] = found.code
            self.cost += len(found.code) + 10
            if self.is_ours:
                self._pre, self._post = found.pre, found.post
                self.cost += 24 + sum(len(line) + 3 for line in found.pre + found.post)

    def is_of(self, code: CodeType, module: str, lines: Sequence[str]) -> bool:
        """Whether it is that place still: objects come to be at the address of others, and files
        are read again."""
        return self._code() is code and self.lines is lines and self._module == module

    def frame(self) -> dict[str, Any]:
        """A frame, the caller's to change."""
        shown = self._shown.copy()
        if self._pre is not None:
            shown["pre"] = [*self._pre]
            shown["post"] = [*self._post]
        return shown


class Places:
    """The places that errors have been through, without the secrets that a scrubber finds."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = weakref.ref(scrubber)
        self._made: dict[tuple[int, int | None], Place] = {}

    def get(self, frame: FrameType, number: int | None, module: str) -> Place:
        """Where a frame is, or was when it was in this line of its file, counted from 1."""
        code = frame.f_code
        lines = lines_of(frame)
        key = (id(code), number)
        place = self._made.get(key)
        if place is None or not place.is_of(code, module, lines):
            if len(self._made) >= _MEMO_MAX:
                self._made.clear()
            scrubber = self._scrubber()
            assert scrubber is not None  # whose event this is
            place = self._made[key] = Place(code, module, number, lines, scrubber)
        return place


_by_scrubber: "weakref.WeakKeyDictionary[Scrubber, Places]" = weakref.WeakKeyDictionary()


def places_of(scrubber: Scrubber) -> Places:
    """The ones that this scrubber has been through."""
    found = _by_scrubber.get(scrubber)
    if found is None:
        found = _by_scrubber[scrubber] = Places(scrubber)
    return found


def forget() -> None:
    """After a change of what counts as the application's. Not one by one: other threads, of which
    each may be at its first error, put theirs in at any time."""
    global _by_scrubber
    _by_scrubber = weakref.WeakKeyDictionary()


def _function_of(code: CodeType) -> str:
    """With its class, as Python tells it since 3.11."""
    name: str = getattr(code, "co_qualname", code.co_name)
    return name
