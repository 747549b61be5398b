"""An exception becomes the fields of an event.

Nothing made here keeps an exception, a traceback or a frame: all is text when the functions return.
Attributes of exceptions are read by the descriptors of BaseException, so that a class which defines
them anew is not asked.
"""

import builtins
import os
import sys
from collections import deque
from collections.abc import Container, Iterable
from itertools import islice
from sys import getrefcount
from types import FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, Final, NamedTuple

from . import _inapp, _kinds, _places
from ._inapp import APPLICATION, THIS_PACKAGE, is_in_app, whose
from ._kinds import is_subclass, mro, type_name
from ._places import places_of
from ._record import SEVERITIES
from ._walk import CUT, Walk

__all__ = ["configure_in_app", "exception_fields", "is_in_app", "mark_reported"]

LOCALS_MAX: Final = 50
NAMES_MAX: Final = 500
DETAILS_MAX: Final = 4096
NOTES_MAX: Final = 10
NOTE_MAX: Final = 1024
CAUSES_MAX: Final = 20

_MARK: Final = "__devpulse_reported__"
_HIDE: Final = ("__tracebackhide__", "__traceback_hide__")

_traceback_of = BaseException.__dict__["__traceback__"].__get__
_cause_of = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__
_suppresses_context = BaseException.__dict__["__suppress_context__"].__get__
_attributes_of = BaseException.__dict__["__dict__"].__get__
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)  # since Python 3.11
_members_of: Any = _GROUP.__dict__["exceptions"].__get__ if _GROUP is not None else None

_Call = tuple[FrameType, int | None]  # a frame, and the line that it was in


class _Limits(NamedTuple):
    """How many frames of a stack are shown: the innermost ones of each sort, and the outermost. And
    how many of the application's tell their locals, the innermost ones."""

    app: int
    library: int
    outer: int
    telling: int


_OF_ERROR = _Limits(app=20, library=25, outer=5, telling=25)
_OF_CALLERS = _Limits(app=10, library=10, outer=5, telling=2)
_OF_CAUSE = _Limits(app=10, library=5, outer=2, telling=12)


def exception_fields(
    exc: BaseException,
    walk: Walk,
    *,
    capture_locals: bool = True,
    traceback: TracebackType | None = None,
    callers: bool = False,
    skip: Container[str] = (),
) -> dict[str, Any]:
    """The fields of an error: name, details, stacktrace, and where there are any file, line,
    source, locals, causes and notes.

    `traceback`: in place of the exception's own. `callers`: with the calls that led to where it was
    caught, which no traceback has; only while that code runs. `skip`: names of modules whose frames
    are left out, as those of this package are. Of a long stack the 20 innermost frames of the
    application and the 25 innermost others stay, and the 5 outermost, of callers 10, 10 and 5;
    notes stand for the rest. Locals come of the application's frames, the innermost first and those
    of causes last, until the walk's budget is spent; of callers, of which there may be many that
    have nothing to do with it, the nearest two tell theirs.
    """
    stack = _Stack(walk, capture_locals, skip)
    if type(traceback) is not TracebackType:
        traceback = _traceback_of(exc)
    fields: dict[str, Any] = {
        "name": type_name(type(exc)),
        "details": walk.text(str, exc, DETAILS_MAX),
    }
    calls = _calls(traceback)
    frames = stack.frames(calls, _OF_ERROR)
    if callers and calls:
        frames = stack.frames(_callers(calls[0][0].f_back), _OF_CALLERS) + frames
    fields |= _place(frames)
    fields["stacktrace"] = frames
    causes = _causes(exc, stack)
    if causes:
        fields["causes"] = causes
    notes = _notes(exc, walk)
    if notes:
        fields["notes"] = notes
    return fields


def configure_in_app(include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
    """Prefixes of module names that are the application's wherever they are, and that are not;
    `exclude` wins. For the whole process."""
    _inapp.configure(include, exclude)
    _kinds.forget()
    _places.forget()


def mark_reported(exc: BaseException, trace_id: str = "", severity: str = "error") -> bool:
    """Marks an exception that middleware, signals and log records meet one after the other. False
    if it was marked before, in this trace; outside of all ("") in any, as it has left that. What
    was a warning when it was logged, and then became an error, is to be reported as one.

    The mark is of this object in this process only: it does not hold for a copy that travelled
    within a pickle, nor for another trace in which an application raises the same object again.
    """
    mark = f"{os.getpid()}:{id(exc)}:"
    attributes = _attributes_of(exc)
    known = dict.get(attributes, _MARK)
    if type(known) is str and known.startswith(mark):
        rank, _, known_trace_id = known[len(mark) :].partition(":")
        if trace_id in ("", known_trace_id) and SEVERITIES.index(severity) <= int(rank):
            return False
    dict.__setitem__(attributes, _MARK, f"{mark}{SEVERITIES.index(severity)}:{trace_id}")
    return True


def _calls(traceback: TracebackType | None) -> list[_Call]:
    """A traceback's calls, outermost first."""
    calls: list[_Call] = []
    while traceback is not None:
        calls.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return calls


def _callers(frame: FrameType | None) -> list[_Call]:
    """The calls that are running, outermost first."""
    calls: list[_Call] = []
    while frame is not None:
        calls.append((frame, frame.f_lineno))
        frame = frame.f_back
    calls.reverse()
    return calls


def _place(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Where it happened: the innermost frame of the application, else the innermost."""
    for frame in reversed(frames):
        if frame["inApp"]:
            return _place_of(frame)
    return _place_of(frames[-1]) if frames else {}


def _place_of(frame: dict[str, Any]) -> dict[str, Any]:
    place = {"file": frame["file"], "line": frame.get("line"), "source": frame["function"]}
    if place["line"] is None:  # code that a generator made may have none
        del place["line"]
    if "locals" in frame:
        place["locals"] = frame["locals"]
    return place


class _Stack:
    """Makes the frames of an event. Locals of a frame that is in several tracebacks come once."""

    def __init__(self, walk: Walk, capture_locals: bool, skip: Container[str]) -> None:
        self._walk = walk
        self._skip = skip
        self._places = places_of(walk.scrubber)
        self._capture_locals = capture_locals
        self._walked: set[int] = set()

    def leaves_out(self, frame: FrameType, owner: int, module: str) -> bool:
        """Whether a frame is not to be seen: this package's, one to skip, one that hides itself."""
        names = frame.f_code.co_varnames
        return (
            owner == THIS_PACKAGE
            or module in self._skip
            or ((_HIDE[0] in names or _HIDE[1] in names) and _hides_itself(frame))
        )

    def frames(self, calls: list[_Call], limits: _Limits) -> list[dict[str, Any]]:
        """Calls as frames of an event, outermost first; notes stand for those beyond the limits."""
        app, library, outer, telling = limits
        frames: list[dict[str, Any]] = []
        left_out = 0
        for i in range(len(calls) - 1, -1, -1):
            frame, number = calls[i]
            module = _module_of(frame)
            owner = whose(frame.f_code.co_filename, module)
            if self.leaves_out(frame, owner, module):
                continue
            ours = owner == APPLICATION
            if i >= outer:
                app -= ours
                library -= not ours
                if (app if ours else library) < 0:
                    left_out += 1
                    continue
            if left_out:
                frames.append(_note(left_out))
                left_out = 0
            telling -= ours
            frames.append(self._frame(frame, number, module, ours and telling >= 0))
        if left_out:
            frames.append(_note(left_out))
        frames.reverse()
        return frames

    def _frame(
        self, frame: FrameType, number: int | None, module: str, with_locals: bool
    ) -> dict[str, Any]:
        """One frame; its locals too, if they are wanted and were not told before."""
        place = self._places.get(frame, number, module)
        shown = place.frame()
        self._walk.spent += place.cost
        if with_locals and self._capture_locals and id(frame) not in self._walked:
            self._walked.add(id(frame))
            shown["locals"] = self._locals(frame)
        return shown

    def _locals(self, frame: FrameType) -> dict[str, Any]:
        values = frame.f_locals
        if type(values) not in _LOCALS_TYPES:  # of a class whose metaclass prepares its own
            return {}
        items = list(islice(values.items(), NAMES_MAX))
        if frame.f_code.co_name == "<module>":
            items = [(name, value) for name, value in items if not _is_definition(value)]
        shown = {name: v for name, v in items if name[:1] not in "_.@" or _is_written(name)}
        if _HAS_SNAPSHOTS and frame.f_code.co_flags & _OPTIMIZED and getrefcount(values) == 3:
            values.clear()
        return self._walk.mapping(shown, LOCALS_MAX)


def _own_f_locals() -> Any:
    return sys._getframe().f_locals


# Until Python 3.12 a function's f_locals are a copy, which the frame keeps: what its variables let
# go of later would stay alive as long as it runs. So the copy is emptied, unless somebody else has
# it, as the result of locals(): else its references are the frame, a variable, and an argument.
_HAS_SNAPSHOTS: Final = sys.version_info < (3, 13)
_OPTIMIZED: Final = 1  # inspect.CO_OPTIMIZED: the code of a function

_LOCALS_TYPES: Final = (dict, type(_own_f_locals()))  # the second is a proxy since Python 3.13


def _is_written(name: str) -> bool:
    """Whether the name is not one that the compiler or pytest gave, as `.0`, `@py_assert1`."""
    return name[:2] != "__" and name[:1] not in ".@"


def _is_definition(value: object) -> bool:
    """An import or a definition in a module, which says nothing about what happened."""
    cls = type(value)
    if cls is ModuleType or cls is FunctionType:
        return True
    return any(base is type or base is ModuleType for base in mro(cls))


def _note(n: int) -> dict[str, Any]:
    return {"function": f"{CUT} {n} more", "inApp": False}


def _module_of(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else ""


def _hides_itself(frame: FrameType) -> bool:
    values = frame.f_locals
    for name in _HIDE:
        value = values.get(name)
        if type(value) in (bool, int, str) and value:
            return True
    return False


def _causes(exc: BaseException, stack: _Stack) -> list[dict[str, Any]]:
    """The exceptions behind one, nearest first: causes, contexts, and members of groups."""
    walk = stack._walk
    waiting = deque([exc])
    seen = {id(exc)}
    causes: list[dict[str, Any]] = []
    beyond = 0
    while waiting:
        related, more = _related(waiting.popleft())
        beyond += more
        for relation, other in related:
            if id(other) in seen:
                continue
            seen.add(id(other))
            if len(causes) >= CAUSES_MAX:
                beyond += 1
                continue
            waiting.append(other)
            causes.append(_cause(relation, other, stack))
    if beyond:
        relation = causes[-1]["relation"]
        causes.append({"relation": relation, "name": CUT, "details": f"{beyond} more"})
    walk.spent += 60 * len(causes)
    return causes


def _cause(relation: str, exc: BaseException, stack: _Stack) -> dict[str, Any]:
    walk = stack._walk
    shown: dict[str, Any] = {
        "relation": relation,
        "name": type_name(type(exc)),
        "details": walk.text(str, exc, NOTE_MAX),
    }
    if walk.spent < walk.max_bytes:
        shown["stacktrace"] = stack.frames(_calls(_traceback_of(exc)), _OF_CAUSE)
    notes = _notes(exc, walk)
    if notes:
        shown["notes"] = notes
    return shown


def _related(exc: BaseException) -> tuple[list[tuple[str, BaseException]], int]:
    """What is directly behind an exception, and how many members of a large group are not told."""
    related: list[tuple[str, BaseException]] = []
    cause = _cause_of(exc)
    context = _context_of(exc)
    if cause is not None:
        related.append(("cause", cause))
    elif context is not None and not _suppresses_context(exc):
        related.append(("context", context))
    members = _members(exc)
    related.extend(("member", member) for member in members[:CAUSES_MAX] if _is_exception(member))
    return related, max(0, len(members) - CAUSES_MAX)


def _is_exception(value: object) -> bool:
    return is_subclass(type(value), BaseException)


def _members(exc: BaseException) -> tuple[Any, ...]:
    """The members of an exception group: the interpreter's, or on Python 3.10 that of the package
    exceptiongroup, which keeps them in an attribute of the instance."""
    if _GROUP is not None:
        found = _members_of(exc) if is_subclass(type(exc), _GROUP) else ()
    elif any(type_name(base) == "exceptiongroup.BaseExceptionGroup" for base in mro(type(exc))):
        found = dict.get(_attributes_of(exc), "_exceptions")
    else:
        found = ()
    return found if type(found) is tuple else ()


def _notes(exc: BaseException, walk: Walk) -> list[str]:
    found = dict.get(_attributes_of(exc), "__notes__")
    if type(found) is not list and type(found) is not tuple:
        return []
    notes = [
        walk.string_of(note[: NOTE_MAX * 2], len(note), NOTE_MAX)
        for note in found[:NOTES_MAX]
        if type(note) is str
    ]
    if len(found) > NOTES_MAX:
        notes.append(f"{CUT} {len(found) - NOTES_MAX} more")
    return notes
