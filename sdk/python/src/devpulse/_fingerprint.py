"""Which errors are the same: a fingerprint of an event of severity error, for groups of errors.

As lib/fingerprint.c does it, byte for byte; the rules stand in lib/fingerprint.h.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._calls import Calls
from ._fingerprint_message import message_of
from ._fingerprint_place import place_of

_TEXT_MAX = 200  # bytes of each text
_TYPE_DIGITS_MAX = 3  # Http404; more are an id
_SOURCE_MAX = 100  # bytes of a function's name; longer ones are code

_not_in_class = re.compile(rb"[\x00-\x20\x7f]").search
_digits = re.compile(rb"[0-9]").findall
_class = re.compile(rb"[0-9A-Za-z_.$*]*").match
_has_lower = re.compile(rb"[a-z]").search


class Fingerprint(NamedTuple):
    """`id`: 16 hexadecimal digits. Of the other three each may be empty."""

    id: str
    type: str
    place: str
    message: str


def fingerprint_of(event: Mapping[str, Any]) -> Fingerprint:
    """Of a normalised event."""
    calls = Calls()
    type_, message = _read(event, calls)
    texts = (type_, _place(event, calls), message_of(message, _TEXT_MAX))
    return Fingerprint(_hash(texts), *(text.decode() for text in texts))


@functools.lru_cache(maxsize=256)
def _hash(texts: tuple[bytes, bytes, bytes]) -> str:
    """FNV-1a (64 bits), of each text with a NUL behind it."""
    value = 0xCBF29CE484222325
    for c in b"".join(text + b"\0" for text in texts):
        value = (value ^ c) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _text(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else b""


def _read(event: Mapping[str, Any], calls: Calls) -> tuple[bytes, bytes]:
    """The class of the error, and what is said of it. Reads the calls."""
    details = event.get("details")
    text = _text(details.get("message") if isinstance(details, dict) else details)
    stack = event.get("stacktrace")
    if isinstance(stack, (str, list)):
        calls.read(stack)
    else:  # one within the details is as good
        calls.read_text(text)
        if calls.has_calls and calls.headline:
            text = calls.headline
    name = _text(event.get("name"))
    if (calls.has_calls or event["type"] in ("error", "exception")) and _is_class(name):
        if not text and not isinstance(details, str):
            text = calls.headline or _text(event.get("message"))
        return name, _without_class(text, name)
    text = text or calls.headline or _text(event.get("message")) or name or _text(event["type"])
    type_, text = _split_class(text)
    return type_ or _split_class(calls.headline)[0], text


def _is_class(name: bytes) -> bool:
    """Whether an event's name is that of a class, in any language."""
    return (
        0 < len(name) <= _TEXT_MAX
        and _not_in_class(name) is None
        and len(_digits(name)) <= _TYPE_DIGITS_MAX
    )


def _last_name(type_: bytes) -> bytes:
    return type_.rpartition(b".")[2]


def _is_class_of_message(type_: bytes) -> bool:
    """Whether what stands before a message is a class: CardDeclined, java.io.IOException,
    zlib.error; not FATAL, example.com."""
    name = _last_name(type_)
    if not name or not _is_class(type_):
        return False
    if len(name) < len(type_) and name in (b"error", b"timeout"):
        return True
    return b"A" <= name[:1] <= b"Z" and _has_lower(name, 1) is not None


def _without_preface(text: bytes) -> bytes:
    """What a browser, Java's main thread and Go put before an error."""
    if text.startswith(b'Exception in thread "'):
        _, end, rest = text[21:].partition(b'" ')
        return rest if end else text
    for preface in (b"Uncaught ", b"(in promise) ", b"panic: "):
        text = text.removeprefix(preface)
    return text


def _split_class(text: bytes) -> tuple[bytes, bytes]:
    """ "Class: message", "Class [CODE]: message" and "Class": the class, empty where there is none,
    and the message."""
    text = _without_preface(text)
    match = _class(text, 0, _TEXT_MAX + 1)
    assert match is not None
    type_, rest = match.group(), text[match.end() :]
    if rest.startswith(b": ") or rest == b":":
        rest = rest[1:]
    elif rest.startswith(b"\n"):
        rest = b""
    elif rest and not rest.startswith(b" ["):
        return b"", text
    return (type_, rest) if _is_class_of_message(type_) else (b"", text)


def _without_class(text: bytes, type_: bytes) -> bytes:
    """Without "Class: " where it is the known one, with or without its package."""
    found, rest = _split_class(text)
    return rest if found and _last_name(found) == _last_name(type_) else text


def _place(event: Mapping[str, Any], calls: Calls) -> bytes:
    if calls.has_calls:
        file, function = calls.top.file, calls.top.function
    else:
        file, function = _text(event.get("file")), _text(event.get("source"))
        if len(function) > _SOURCE_MAX or b"\n" in function:
            function = b""  # a piece of code
    return _place_of(file, function)


@functools.lru_cache(maxsize=256)
def _place_of(file: bytes, function: bytes) -> bytes:
    return place_of(file, function, _TEXT_MAX)
