"""The frames of a stack trace: objects, or lines of text as Python, JavaScript, Java and Go write
them.

As lib/calls*.c does it; the rules stand in lib/calls.h. Texts are UTF-8.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_LAST_MAX = 16
_DIGITS = b"0123456789"


class Call(NamedTuple):
    """One call."""

    file: bytes  # as it was written, may be empty
    function: bytes  # the same; Java's with package and class, Go's with package
    is_library: bool  # not the application's own code
    is_newest_first: bool  # in this language's stacks the innermost call comes first
    is_named_before: bool = False  # the line before it begins with its function


_NONE = Call(b"", b"", False, False)


# Libraries

# Java's packages do not tell whose they are: these are the usual ones.
_JAVA_LIBRARIES = (
    *(b"java.", b"javax.", b"jdk.", b"sun.", b"com.sun.", b"jakarta.", b"kotlin.", b"kotlinx."),
    *(b"scala.", b"groovy.", b"org.codehaus.groovy.", b"clojure.", b"org.springframework."),
    *(b"org.apache.", b"org.hibernate.", b"org.eclipse.", b"org.junit.", b"org.postgresql."),
    *(b"org.slf4j.", b"com.fasterxml.", b"com.google.common.", b"com.mysql.", b"com.zaxxer."),
    *(b"io.netty.", b"io.undertow.", b"io.micrometer.", b"io.quarkus.", b"io.vertx."),
    *(b"net.sf.cglib.", b"okhttp3.", b"reactor."),
)

# The first parts of the import paths of Go's standard library.
_GO_LIBRARIES = frozenset(
    (
        b"archive bufio bytes cmp compress container context crypto database debug encoding errors"
        b" expvar flag fmt go hash html image index internal io iter log maps math mime net os path"
        b" plugin reflect regexp runtime slices sort strconv strings sync syscall testing text time"
        b" unicode unique unsafe"
    ).split()
)
_PACKAGES = (b"site-packages", b"dist-packages", b"node_modules")


@functools.lru_cache(maxsize=1024)
def is_library(file: bytes, function: bytes) -> bool:
    """Whether a call is known to be a library's, or the language's own."""
    is_go = file.endswith(b".go")
    if any(_is_library_folder(f, is_go) for f in file.replace(b"\\", b"/").split(b"/")[:-1]):
        return True
    if is_go:
        return _is_go_library(function)
    if function and (not file or file.endswith((b".java", b".kt", b".scala"))):
        return function.startswith(_JAVA_LIBRARIES)
    return file.startswith((b"<frozen ", b"node:")) or (
        file.startswith(b"internal/") and file.endswith(b".js")
    )


def _is_library_folder(name: bytes, is_go: bool) -> bool:
    if is_go:
        _, at, version = name.partition(b"@")
        return name == b"vendor" or (at != b"" and version.startswith(b"v"))
    return name in _PACKAGES or name.startswith((b"python3.", b"python2."))


def _is_go_library(function: bytes) -> bool:
    """net/http.(*conn).serve is of the package net/http; panic is of none."""
    n = 0
    while n < len(function) and function[n] not in b"./":
        n += 1
    if n == len(function):
        return n > 0
    if function[:n] not in _GO_LIBRARIES:
        return False
    # github.com/… is a module's, though "go" is none: go.uber.org
    return function[n] == 0x2F or b"/" not in function[n:]


# Frames that are objects

# The names of a frame's members; of two that are there the first counts.
_NAMES = {
    "file": "file",
    "line": "line",
    "function": "function",
    "code": "code",
    "inApp": "in_app",
    "filename": "file",
    "fileName": "file",
    "path": "file",
    "abs_path": "file",
    "module": "file",
    "lineno": "line",
    "lineNumber": "line",
    "line_number": "line",
    "func": "function",
    "functionName": "function",
    "method": "function",
    "methodName": "function",
    "name": "function",
    "context_line": "code",
    "source": "code",
    "text": "code",
    "className": "owner",
    "class": "owner",
    "in_app": "in_app",
}
_RANKS = {name: rank for rank, name in enumerate(_NAMES)}
_USUAL_COUNT = 5  # the SDK's, which stand first


def _members(frame: Mapping[str, Any]) -> dict[str, Any]:
    """Each member under the first of its usual names that holds what is fit."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    missing = _USUAL_COUNT  # what follows is not looked at
    for name, value in frame.items():
        member = _NAMES.get(name)
        if member is None:
            continue
        fit = (bool,) if member == "in_app" else (str, int, float)
        if type(value) not in fit:
            continue
        rank = _RANKS[name]
        if rank < ranks.get(member, len(_RANKS)):
            found[member], ranks[member] = value, rank
        missing -= rank < _USUAL_COUNT
        if missing == 0:
            break
    return found


def _text(value: Any) -> bytes:
    """Of a string or a number; of None it is empty."""
    if value is None:
        return b""
    return (value if isinstance(value, str) else json.dumps(value)).encode()


_NEWEST_FIRST = frozenset(b"js mjs cjs jsx ts tsx java kt scala go".split())


def _object(frame: Mapping[str, Any]) -> Call | None:
    """None for what stands in for frames that were left out, and for what is none."""
    found = _members(frame)
    if "file" not in found and "owner" not in found:
        return None
    file = _text(found.get("file"))
    function = _text(found.get("function"))
    if "owner" in found and "function" in found:
        function = _text(found["owner"]) + b"." + function
    in_app = found.get("in_app")
    _, dot, ending = file.rpartition(b".")
    return Call(
        file,
        function,
        is_library(file, function) if in_app is None else not in_app,
        dot != b"" and ending in _NEWEST_FIRST,
    )


# Frames that are lines


def _without_number(text: bytes) -> bytes | None:
    """Without :LINE at the end; None where there is none."""
    rest = text.rstrip(_DIGITS)
    return rest[:-1] if len(rest) < len(text) and rest.endswith(b":") else None


def _python(line: bytes) -> Call | None:
    """File "/app/shop/tasks.py", line 97, in split_discount"""
    if not line.startswith(b'File "'):
        return None
    file, quote, rest = line[6:].partition(b'"')
    if not quote or not rest.startswith(b", line "):
        return None
    rest = rest[7:].lstrip(_DIGITS)
    function = rest[5:] if rest.startswith(b", in ") else b""
    return Call(file, function, is_library(file, function), False)


def _js_place(place: bytes, function: bytes) -> tuple[Call, bool]:
    """Of /app/x.js:10:5, file:///app/x.mjs:1:2; or <anonymous>, index 0, native. And whether it
    has a line."""
    without = _without_number(place)
    file = b""
    if without is not None:
        inner = _without_number(without)
        file = without if inner is None else inner
        if file.startswith((b"eval at ", b"<anonymous>")):
            file = b""
    return Call(file, function, not file or is_library(file, b""), True), without is not None


def _js(line: bytes, opening: int) -> Call | None:
    """async Cart.total [as sum] (/app/cart.js:10:5)"""
    closing = line.rfind(b")", opening)
    if closing < 0:
        return None
    function = line[: opening - 1].removeprefix(b"new ")
    if function.endswith(b"]"):
        function = function.partition(b" [as ")[0]
    return _js_place(line[opening + 1 : closing], function)[0]


def _java(line: bytes, opening: int) -> Call | None:
    """java.base/java.util.ArrayList.get(ArrayList.java:427) ~[?:?]"""
    closing = line.find(b")", opening)
    named = line[:opening]
    if closing < 0 or b" " in named or b"." not in named:
        return None
    dollar = named.find(b"$")
    slash = named.rfind(b"/", 0, dollar if dollar >= 0 else len(named))
    function = named[slash + 1 :]
    place = line[opening + 1 : closing]
    without = _without_number(place)
    file = place if without is None else without
    if b"." not in file or b" " in file:  # "Native Method", or C#'s parameters
        file = b""
    return Call(file, function, is_library(b".java", function), True)


def _at(line: bytes) -> Call | None:
    if not line.startswith(b"at "):
        return None
    line = line[3:].removeprefix(b"async ")
    opening = line.find(b"(")
    if opening < 0:
        call, has_line = _js_place(line, b"")
        return call if has_line else None
    if opening == 0:
        return None
    return _js(line, opening) if line[opening - 1] == 0x20 else _java(line, opening)


def _go(line: bytes, before: bytes) -> Call | None:
    """/app/main.go:42 +0x1d, and before it main.(*Server).handle(0xc000010000, {0x1, 0x2})"""
    offset = line.rfind(b" ")
    file = _without_number(line[:offset] if offset >= 0 else line)
    if file is None or len(file) < 4 or not file.endswith(b".go"):
        return None
    function = before.removeprefix(b"created by ")
    is_begin = len(function) == len(before)
    if not is_begin:
        function = function.partition(b" in goroutine ")[0]
    if function.endswith(b")"):
        opening = function.rfind(b"(")
        function = function[:opening] if opening >= 0 else function
    return Call(file, function, is_library(file, function), True, is_begin and function != b"")


def _line(line: bytes, before: bytes) -> Call | None:
    """A line of a stack's text; None where it is no frame."""
    inner = line.lstrip(b" \t|")  # of a group of exceptions there is a line in the margin
    has_margin = len(inner) < len(line)
    if inner.startswith(b"F") and has_margin:
        return _python(inner)
    call = _at(inner) if inner.startswith(b"a") else None
    if call is None and has_margin and inner:
        return _go(inner, before)
    return call


# Stacks


class Calls:
    """What a whole stack says: of an array of objects and lines, or one text. Of several exceptions
    in a text the one that was raised last comes first, as far as it has a call of the
    application."""

    def __init__(self) -> None:
        self.has_calls = False
        self.headline = b""  # the line that names the error: Python's below the frames
        self._top = _NONE
        self._any = _NONE  # the innermost so far; that of the application is _top
        self._has_app = False
        self._is_below_calls = False  # Python names the error behind its frames
        self._is_done = False
        self._before = b""
        self._is_headline_before = False

    @property
    def top(self) -> Call:
        """The application's innermost call, else the innermost."""
        return self._top if self._has_app else self._any

    def read(self, stack: object) -> None:
        if isinstance(stack, str):
            self.read_text(stack.encode())
        if not isinstance(stack, list) or self._take_last_objects(stack):
            return
        for item in stack:
            if self._is_done:
                return
            if isinstance(item, str):
                self.read_text(item.encode())
            elif isinstance(item, dict) and (call := _object(item)) is not None:
                self._take_call(call)

    def read_text(self, text: bytes) -> None:
        for line in text.removesuffix(b"\n").split(b"\n") if text else ():
            if self._is_done:
                return
            self._take_line(line.removesuffix(b"\r"))

    def _take_last_objects(self, stack: Sequence[object]) -> bool:
        """Of frames in Python's order, the last first: so the application's is found soon. False,
        with nothing taken, where a frame is in another order, a line, or there is none of the
        application."""
        if not all(isinstance(item, dict) for item in stack):
            return False
        for item in reversed(stack[-_LAST_MAX:]):
            call = _object(item)  # type: ignore[arg-type]
            if call is None:
                continue
            if call.is_newest_first:
                return False
            if not call.is_library:
                self._take_call(call)
                return True
        return False

    def _take_call(self, call: Call) -> None:
        if call.is_library and call.is_newest_first and call.function == b"panic":
            # Go's is called by what failed; above it stands who recovered.
            self._has_app = self.has_calls = False
        if not self.has_calls or not call.is_newest_first:
            self._any = call
        if not call.is_library and (not self._has_app or not call.is_newest_first):
            self._top = call
            self._has_app = True
        self.has_calls = True
        self._is_below_calls = not call.is_newest_first

    def _take_line(self, line: bytes) -> None:
        call = _line(line, self._before)
        is_headline = False
        if call is None:
            is_headline = self._take_other(line)
        else:
            if call.is_named_before and self._is_headline_before:
                self.headline = b""  # Go's function it was
            self._take_call(call)
        self._before = line
        self._is_headline_before = is_headline

    def _take_other(self, line: bytes) -> bool:
        """A line that is no frame. Returns whether it becomes the headline."""
        inner = line.lstrip(b" |")
        # The members of a group of exceptions follow, each with a stack of its own.
        if len(inner) > 2 and inner.startswith(b"+-"):
            self._is_done = True
        if len(inner) < len(line) or not line:
            return False
        is_headline = self._is_below_calls or (
            not self.has_calls
            and not self.headline
            and not line.startswith((b"goroutine ", b"Traceback ("))
        )
        if is_headline:
            self.headline = line
        self._is_below_calls = False
        return is_headline
