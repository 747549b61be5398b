"""Any value of an application becomes plain JSON values, within the bounds of one event.

Values of exact builtin types are walked; of all others no method is called but `__repr__` or
`__devpulse_repr__`, guarded, and neither where the class is known to work in its repr (_kinds).
What comes out is accepted by every reader of devpulse-event(5): numbers within its limits, strings
without U+0000 and surrogates.

What was cut says so: "… (990 characters)" at the end of a string, "… 990 more" at the end of a
list, "…": "990 more" in an object, "… (dict of 990)" for what is too deep.
"""
# ruff: noqa: ARG002 - the ways to show a value share two signatures

import collections
import types
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import perf_counter
from typing import Any, Final

from ._internal import warn_once
from ._kinds import How, Kind, instance_dict, kind_of, type_name
from ._leaves import INT_MAX, LEAVES, SCALARS, floating, integer
from ._scrub import INNOCENT, NAMED, SECRET_UNLESS_NUMBER, Scrubber, clean

CUT: Final = "…"
CIRCULAR: Final = "[circular]"

_PAIR_NAME_MAX = 64
_FAILED = object()
HOOK: Final = "__devpulse_repr__"
STRING_MAX: Final = 256  # characters, unless a walk says otherwise

_Path = tuple[int, ...]  # the ids of the containers around a value
_Items = Iterable[tuple[Any, Any]]


class Walk:
    """The budget of one event, shared by all values that are put into it.

    `depth`: containers within each other; `breadth`: members of each; `string`: characters;
    `max_bytes`: of JSON, about; `max_seconds`: spent in here. Once the time is over no repr is
    called any more, and after four times as long no container is entered: these are bounded by
    their bytes, and the time of a busy machine is not theirs. The clock is looked at between
    values, as nothing can interrupt a repr.
    """

    __slots__ = (
        "_closed", "_deadline", "_grace", "_late", "_left", "_names", "_scrub", "_share", "_stop",
        "breadth", "depth", "max_bytes", "scrubber", "spent", "string",
    )  # fmt: skip

    def __init__(
        self,
        scrubber: Scrubber,
        *,
        depth: int = 3,
        breadth: int = 10,
        string: int = STRING_MAX,
        max_bytes: int = 65536,
        max_seconds: float = 0.005,
    ) -> None:
        self.scrubber = scrubber
        self.depth = depth
        self.breadth = breadth
        self.string = string
        self.max_bytes = max_bytes
        self.spent = 0
        self._share = max_bytes // 8
        self._stop = max_bytes
        self._left = max_seconds
        self._deadline = 0.0
        self._grace = 3 * max_seconds
        self._late = False
        self._closed = False
        self._names = scrubber.name
        self._scrub = scrubber.text

    def value(self, value: object, name: str = "") -> Any:
        """The value as JSON values; "[scrubbed: name]" if the name is one of a secret."""
        self._stop = self.max_bytes
        self._deadline = perf_counter() + self._left
        self._look_at_the_clock()
        try:
            verdict, _ = self._names(name)
            return NAMED if verdict and _hides(verdict, value) else self._any(value, ())
        except Exception as error:
            return self._gave_up(error)
        finally:
            self._left = self._deadline - perf_counter()

    def mapping(self, values: Mapping[str, object], breadth: int | None = None) -> dict[str, Any]:
        """The members of a dictionary, or of a frame's locals, each as value() has it, and none
        with more than an eighth of the budget."""
        found: dict[str, Any] = {}
        self._deadline = perf_counter() + self._left
        try:
            items = _head(values.items(), self.breadth if breadth is None else breadth)
            self._members(found, items, len(values), ())
        except Exception as error:
            found[CUT] = self._gave_up(error)
        finally:
            self._left = self._deadline - perf_counter()
        return found

    def text(self, make: Callable[[Any], str], value: object, limit: int) -> str:
        """What a foreign function such as str() makes of a value, cut at `limit` characters; its
        name in angle brackets if it fails. Called even if there is no time left."""
        begin = perf_counter()
        try:
            found = make(value)
            head = str.__getitem__(found, slice(limit * 2))
            length = str.__len__(found)
        except BaseException as error:  # whatever it is, it is not the application's affair
            return f"<{type_name(type(value))}: {type_name(type(error))} in its {make.__name__}>"
        finally:
            self._left -= perf_counter() - begin
        return self.string_of(head, length, limit)

    def string_of(self, head: str, length: int, limit: int) -> str:
        """A string without secrets, cut at `limit` characters. `head` is its beginning, longer than
        `limit` if it is: a secret is told by what follows."""
        text = self._scrub(clean(head))
        if length > limit and (length > len(head) or len(text) > limit):
            text = f"{text[:limit]}{CUT} ({length} characters)"
        self.spent += len(text) + 3
        return text

    def _gave_up(self, error: Exception) -> str:
        warn_once("walk", "a value could not be walked: %s", type_name(type(error)))
        return CUT

    def _any(self, value: Any, path: _Path) -> Any:
        cls = type(value)
        if cls is str:
            return self._str(value, path)
        leaf = LEAVES.get(id(cls))
        if leaf is not None:
            return self._leaf(leaf(value))
        show = _EXACT.get(id(cls))
        if show is not None:
            return show(self, value, path)
        kind = kind_of(cls)
        if self._names(kind.noun)[0] != INNOCENT and kind.how in _TELLING:
            return self._type_alone(value, kind, path)
        return _FOREIGN[kind.how](self, value, kind, path)

    def _members(
        self, found: dict[str, Any], items: _Items, total: int, path: _Path
    ) -> dict[str, Any]:
        """Adds members to an object: `items`, the first of `total`. The outermost are variables:
        each has a budget of its own within the event's."""
        names = self._names
        done = 0
        for key, value in items:
            if not path:
                self._next_variable()
            if self.spent >= self._stop:
                break
            verdict, name = names(key if type(key) is str else self._key(key))
            if name in found:
                name = f"{name} #{done}"
            self.spent += len(name) + 4
            done += 1
            cls = type(value)
            if verdict != INNOCENT and _hides(verdict, value):
                self.spent += len(NAMED)
                found[name] = NAMED
            elif cls is str:
                found[name] = self._str(value, path)
            elif value is None or (cls is int and -INT_MAX <= value <= INT_MAX):
                self.spent += 8
                found[name] = value
            else:
                found[name] = self._any(value, path)
        if done < total:
            found[CUT] = f"{total - done} more"
        return found

    def _next_variable(self) -> None:
        stop = self.spent + self._share
        self._stop = stop if stop < self.max_bytes else self.max_bytes
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        late = perf_counter() - self._deadline
        self._late = late > 0
        self._closed = late > self._grace

    def _key(self, key: Any) -> str:
        """A key that is no string, as one."""
        if type(key) is bytes:
            return key[: self.string].decode("latin-1")
        if type(key) is tuple:
            return ", ".join(map(self._key_part, key[: self.breadth]))
        return self._key_part(key)

    def _key_part(self, key: Any) -> str:
        cls = type(key)
        if cls is str:
            return self.string_of(key[: self.string * 2], len(key), self.string)
        if id(cls) in SCALARS:
            return str(LEAVES[id(cls)](key))
        kind = kind_of(cls)
        if kind.how == How.STR:
            return self._key_part(str.__getitem__(key, slice(self.string)))
        return f"<{kind.name}>"

    def _str(self, value: str, path: _Path) -> str:
        length = len(value)
        if length > self.string:
            return self.string_of(value[: self.string * 2], length, self.string)
        if not value.isascii() or "\0" in value:
            value = clean(value)
        if length > 6:
            value = self._scrub(value)
        self.spent += length + 3
        return value

    def _leaf(self, shown: Any) -> Any:
        self.spent += len(shown) + 3 if type(shown) is str else 10
        return shown

    def _bytes(self, value: bytes | bytearray, path: _Path) -> str:
        text = self._scrub(repr(bytes(value[: self.string * 2])))
        if len(value) > self.string or len(text) > self.string + 3:
            text = f"{text[: self.string]}{CUT} ({len(value)} bytes)"
        self.spent += len(text) + 3
        return text

    def _dict(self, value: dict[Any, Any], path: _Path) -> Any:
        length = dict.__len__(value)
        self.spent += 2
        if not length:
            return {}
        if self._closed or len(path) >= self.depth or id(value) in path:
            return self._not_entered(value, length, path)
        items = _head(dict.items(value), self.breadth)
        return self._members({}, items, length, (*path, id(value)))

    def _not_entered(self, value: object, length: int, path: _Path) -> str:
        self.spent += 20
        if id(value) in path:
            return CIRCULAR
        return f"{CUT} ({type_name(type(value))} of {length})"

    def _sequence(self, value: Any, items: Iterable[Any], length: int, path: _Path) -> Any:
        self.spent += 2
        if not length:
            return []
        if self._closed or len(path) >= self.depth or id(value) in path:
            return self._not_entered(value, length, path)
        head = _head(items, self.breadth)
        path = (*path, id(value))
        if length == 2 and len(head) == 2 and self._is_secret_pair(*head):
            return [self._any(head[0], path), NAMED]
        found: list[Any] = []
        is_secret = False
        for item in head:
            if self.spent >= self._stop:
                break
            if is_secret:
                found.append(NAMED)
                is_secret = False
            elif type(item) is int and -INT_MAX <= item <= INT_MAX:
                self.spent += 8
                found.append(item)
            else:
                self.spent += 1
                found.append(self._any(item, path))
                is_secret = type(item) is str and item[:1] == "-" and self._is_option(item)
        if len(found) < length:
            found.append(f"{CUT} {length - len(found)} more")
        return found

    def _is_option(self, item: str) -> bool:
        """Whether a secret follows in a list of arguments: ["login", "--password", "x"]."""
        name = item[:_PAIR_NAME_MAX].lstrip("-")
        return "=" not in name and self._names(name)[0] != INNOCENT

    def _is_secret_pair(self, first: Any, second: object) -> bool:
        """A header as servers and clients have it: (b"cookie", b"sid=1")."""
        if type(first) is bytes and len(first) <= _PAIR_NAME_MAX:
            first = first.decode("latin-1")
        if type(first) is not str or len(first) > _PAIR_NAME_MAX:
            return False
        verdict, _ = self._names(first)
        return verdict != INNOCENT and _hides(verdict, second)

    def _list(self, value: list[Any], path: _Path) -> Any:
        return self._sequence(value, list.__iter__(value), len(value), path)

    def _tuple(self, value: tuple[Any, ...], path: _Path) -> Any:
        return self._sequence(value, tuple.__iter__(value), len(value), path)

    def _builtin(self, value: Any, path: _Path) -> Any:
        return self._sequence(value, iter(value), len(value), path)

    def _namespace(self, value: types.SimpleNamespace, path: _Path) -> Any:
        return self._dict(instance_dict(value), path)

    def _class(self, value: Any, kind: Kind, path: _Path) -> str:
        text = f"<class {type_name(value)}>"
        self.spent += len(text)
        return text

    def _type_alone(self, value: object, kind: Kind, path: _Path) -> str:
        text = f"<{kind.name}>"
        self.spent += len(text) + 3
        return text

    def _called(self, function: Callable[[Any], Any], value: object) -> Any:
        """What a foreign function says of a value; _FAILED if it must not be called any more."""
        if self._late:
            return _FAILED
        try:
            return function(value)
        except BaseException as error:  # SystemExit too: it was not the application that called
            return f"<{type_name(type(value))}: {type_name(type(error))} in its repr>"
        finally:
            self._look_at_the_clock()

    def _repr(self, value: object, kind: Kind, path: _Path) -> str:
        text = self._called(str if kind.how == How.STRING else repr, value)
        if text is _FAILED:
            return self._type_alone(value, kind, path)
        head = str.__getitem__(text, slice(self.string * 2))
        shown = self.string_of(head, str.__len__(text), self.string)
        if kind.how == How.STRING or kind.name.rpartition(".")[2] in shown:
            return shown
        return f"<{kind.name}> {shown}"

    def _hook(self, value: Any, kind: Kind, path: _Path) -> Any:
        found = self._called(lambda it: type.__getattribute__(type(it), HOOK)(it), value)
        cls = type(found)
        if (
            (id(cls) in _EXACT or id(cls) in LEAVES)
            and len(path) <= self.depth
            and id(value) not in path
        ):
            return self._any(found, (*path, id(value)))
        return self._type_alone(value, kind, path)

    def _fields(self, value: object, kind: Kind, path: _Path) -> Any:
        attributes = list(dict.items(instance_dict(value)))
        for name, slot in kind.slots:
            try:
                attributes.append((name, slot.__get__(value)))
            except AttributeError:
                continue
        shown = [(k, v) for k, v in attributes if type(k) is str and k not in kind.hidden]
        return self._object(value, kind, shown, path)

    def _named_tuple(self, value: Any, kind: Kind, path: _Path) -> Any:
        fields = zip(kind.fields, tuple.__iter__(value), strict=False)
        return self._object(value, kind, list(fields), path)

    def _exception(self, value: Any, kind: Kind, path: _Path) -> Any:
        arguments = _arguments_of(value)
        return self._object(value, kind, [("args", arguments)] if arguments else [], path)

    def _object(self, value: object, kind: Kind, fields: list[tuple[str, Any]], path: _Path) -> Any:
        if id(value) in path:
            return CIRCULAR
        if not fields or self._closed or len(path) >= self.depth:
            return self._type_alone(value, kind, path)
        self.spent += len(kind.name) + 16
        head: dict[str, Any] = {"__class__": kind.name}
        path = (*path, id(value))
        return self._members(head, fields[: self.breadth], len(fields), path)

    def _module(self, value: Any, kind: Kind, path: _Path) -> Any:
        return self._leaf(LEAVES[id(types.ModuleType)](value))

    def _as_str(self, value: Any, kind: Kind, path: _Path) -> str:
        head = str.__getitem__(value, slice(self.string * 2))
        return self.string_of(head, str.__len__(value), self.string)

    def _as_bytes(self, value: Any, kind: Kind, path: _Path) -> str:
        return self._bytes(bytes.__getitem__(value, slice(None)), path)

    def _as_int(self, value: Any, kind: Kind, path: _Path) -> Any:
        return self._leaf(integer(int.__index__(value)))

    def _as_float(self, value: Any, kind: Kind, path: _Path) -> Any:
        return self._leaf(floating(float.__float__(value)))

    def _as_dict(self, value: Any, kind: Kind, path: _Path) -> Any:
        return self._dict(value, path)

    def _as_sequence(self, value: Any, kind: Kind, path: _Path) -> Any:
        base = _SEQUENCES[kind.how]
        return self._sequence(value, base.__iter__(value), base.__len__(value), path)


def _hides(verdict: int, value: object) -> bool:
    """Whether a value under a secret name is hidden: None, True and False are not, as they tell no
    secret and often the cause."""
    if value is None or value is True or value is False:
        return False
    cls = type(value)
    return verdict != SECRET_UNLESS_NUMBER or (cls is not int and cls is not float)


def _head(items: Iterable[Any], n: int) -> list[Any]:
    """The first n; none if another thread changes the container just now."""
    try:
        return list(islice(items, n))
    except RuntimeError:
        return []


_arguments_of: Callable[[Any], tuple[Any, ...]] = BaseException.__dict__["args"].__get__

_Show = Callable[[Walk, Any, _Path], Any]

_BY_TYPE: dict[type, _Show] = {
    str: Walk._str,
    bytes: Walk._bytes,
    bytearray: Walk._bytes,
    dict: Walk._dict,
    collections.OrderedDict: Walk._dict,
    collections.defaultdict: Walk._dict,
    collections.Counter: Walk._dict,
    list: Walk._list,
    tuple: Walk._tuple,
    set: Walk._builtin,
    frozenset: Walk._builtin,
    collections.deque: Walk._builtin,
    type({}.keys()): Walk._builtin,
    type({}.values()): Walk._builtin,
    type({}.items()): Walk._builtin,
    type(collections.OrderedDict().keys()): Walk._builtin,
    type(collections.OrderedDict().values()): Walk._builtin,
    type(collections.OrderedDict().items()): Walk._builtin,
    types.SimpleNamespace: Walk._namespace,
}
# By identity, as LEAVES.
_EXACT: dict[int, _Show] = {id(cls): show for cls, show in _BY_TYPE.items()}

_FOREIGN: dict[How, Callable[[Walk, Any, Kind, _Path], Any]] = {
    How.NAME: Walk._type_alone,
    How.REPR: Walk._repr,
    How.STRING: Walk._repr,
    How.HOOK: Walk._hook,
    How.FIELDS: Walk._fields,
    How.NAMED_TUPLE: Walk._named_tuple,
    How.EXCEPTION: Walk._exception,
    How.CLASS: Walk._class,
    How.STR: Walk._as_str,
    How.INT: Walk._as_int,
    How.FLOAT: Walk._as_float,
    How.BYTES: Walk._as_bytes,
    How.DICT: Walk._as_dict,
    How.LIST: Walk._as_sequence,
    How.TUPLE: Walk._as_sequence,
    How.SET: Walk._as_sequence,
    How.FROZENSET: Walk._as_sequence,
    How.DEQUE: Walk._as_sequence,
    How.MODULE: Walk._module,
}

# The ways that tell what an object is made of: not for one of class Cookies or AccessToken.
_TELLING = frozenset((How.REPR, How.FIELDS, How.NAMED_TUPLE))

_SEQUENCES: dict[How, Any] = {
    How.LIST: list,
    How.TUPLE: tuple,
    How.SET: set,
    How.FROZENSET: frozenset,
    How.DEQUE: collections.deque,
}
