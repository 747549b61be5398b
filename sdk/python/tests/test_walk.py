"""The walk: any value becomes plain JSON values, bounded, and by no code of its own."""

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import gc
import http.cookies
import importlib.util
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import types
import typing
import unittest.mock
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from devpulse._scrub import NAMED, Scrubber
from devpulse._walk import Walk, _head

SCRUBBER = Scrubber()


def walk(**limits: Any) -> Walk:
    return Walk(SCRUBBER, **{"max_seconds": 60.0, **limits})


def shown(value: object) -> Any:
    return walk().value(value)


def named(name: str, module: str = "shop", **attributes: Any) -> Any:
    """A class that says it is from a module."""
    return type(name, (), {"__module__": module, **attributes})


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Point(typing.NamedTuple):
    x: int
    password: str


@dataclasses.dataclass
class Order:
    id: int
    lines: list[int]
    api_key: str = "abc"
    internal: str = dataclasses.field(default="x", repr=False)


@dataclasses.dataclass(frozen=True)
class Slotted:
    __slots__ = ("n", "token")
    n: int
    token: str


class Plain:
    def __init__(self) -> None:
        self.name = "ann"
        self.password = "hunter2"


class Empty:
    pass


class Money:
    def __repr__(self) -> str:
        return "5 EUR"


class Text(str):
    pass


class Number(int):
    pass


class Table(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise AssertionError("foreign code")

    __iter__ = __len__ = __getitem__ = items  # type: ignore[assignment]


class Row(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError("foreign code")

    __len__ = __iter__  # type: ignore[assignment]


def function() -> None: ...


ME = "tests.test_walk" if __name__.startswith("tests.") else __name__

VALUES: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (3, 3),
    (2**63 - 1, 2**63 - 1),
    (2**63, "9223372036854775808"),
    (-(10**50), "-1" + "0" * 50),
    (1 << 1_000_000, "… (int of 1000001 bits)"),
    (1.5, 1.5),
    (0.0, 0.0),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (1 + 2j, "(1+2j)"),
    ("text", "text"),
    ("a\0b\ud800c", "a\ufffdb\ufffdc"),
    ("x" * 256, "x" * 256),
    ("x" * 257, "x" * 256 + "… (257 characters)"),
    (b"ab\xff", "b'ab\\xff'"),
    (bytearray(b"ab"), "b'ab'"),
    (b"password=hunter2", f"b'password={NAMED}'"),
    ([], []),
    ((1, "a"), [1, "a"]),
    (list(range(12)), [*range(10), "… 2 more"]),
    ({}, {}),
    ({"a": 1}, {"a": 1}),
    ({1: "a", None: "b", (1, "x"): "c", b"k": "d", Color.RED: "e"}, None),
    (dict.fromkeys(range(1000)), {**dict.fromkeys("0123456789"), "…": "990 more"}),
    ({1: "a", "1": "b"}, {"1": "a", "1 #1": "b"}),
    ({"k" * 300: 1}, {"k" * 256: 1}),
    ([[[[1]]]], [[["… (list of 1)"]]]),
    ([[[[]]]], [[[[]]]]),
    ({1}, [1]),
    (frozenset([2]), [2]),
    (collections.deque([1, 2]), [1, 2]),
    (collections.OrderedDict(a=1), {"a": 1}),
    (collections.defaultdict(list, a=[1]), {"a": [1]}),
    (collections.Counter("aa"), {"a": 2}),
    ({"a": 1}.keys(), ["a"]),
    (range(3), "range(0, 3)"),
    (types.SimpleNamespace(a=1, token="x"), {"a": 1, "token": NAMED}),
    (decimal.Decimal("1.10"), "1.10"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (
        datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        "2026-01-02 03:04:00+00:00",
    ),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.timedelta(seconds=90), "0:01:30"),
    (pathlib.Path("/a/b"), str(pathlib.Path("/a/b"))),
    (pathlib.PurePosixPath("/a"), "/a"),
    (Color.RED, "<Color.RED: 1>"),
    (Level.HIGH, "<Level.HIGH: 3>"),
    (function, "<function function>"),
    (len, "<function len>"),
    (Plain().__init__, "<method Plain.__init__>"),  # type: ignore[misc]
    (Plain, f"<class {ME}.Plain>"),
    (int, "<class int>"),
    (os, "<module os>"),
    ((x for x in ()), "<generator <genexpr>>"),
    (ValueError("bad", 3), {"__class__": "ValueError", "args": ["bad", 3]}),
    (KeyError(), "<KeyError>"),
    (Point(1, "hunter2"), {"__class__": f"{ME}.Point", "x": 1, "password": NAMED}),
    (Order(1, [2]), {"__class__": f"{ME}.Order", "id": 1, "lines": [2], "api_key": NAMED}),
    (Slotted(1, "x"), {"__class__": f"{ME}.Slotted", "n": 1, "token": NAMED}),
    (Plain(), {"__class__": f"{ME}.Plain", "name": "ann", "password": NAMED}),
    (Empty(), f"<{ME}.Empty>"),
    (object(), "<object>"),
    (Money(), f"<{ME}.Money> 5 EUR"),
    (Text("abc"), "abc"),
    (Number(3), 3),
    (Table(a=1), {"a": 1}),
    (Row([1, 2]), [1, 2]),
    (threading.Lock(), None),
    (os.environ, "<os._Environ>"),
    (unittest.mock.MagicMock(), "<unittest.mock.MagicMock>"),
    (unittest.mock.Mock(spec=dict), "<unittest.mock.Mock>"),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda v: str(type(v)))
def test_value(value: Any, expected: Any) -> None:
    found = shown(value)
    json.dumps(found, allow_nan=False)
    if expected is not None or value is None:
        assert found == expected
        assert type(found) is type(expected)


def test_keys_that_are_no_strings() -> None:
    found = shown(
        {1: "a", None: "b", (1, "x"): "c", b"k": "d", Color.RED: "e", 1.5: "f", Text("t"): "g"}
    )
    assert found == {
        "1": "a", "None": "b", "1, x": "c", "k": "d", f"<{ME}.Color>": "e", "1.5": "f", "t": "g",
    }  # fmt: skip


def test_secrets_by_name() -> None:
    headers = [(b"cookie", b"sid=1"), (b"host", b"x"), ("Authorization", "y"), ["n", "password"]]
    found = walk().mapping(
        {
            "password": "hunter2",
            "token": None,
            "authorized": True,
            "pin": 1234,
            "max_tokens": 100,
            "tokens": ["a"],
            "headers": headers,
            "nested": {"a": {"db_password": ["x"], b"x-api-key": 1}},
        }
    )
    assert found == {
        "password": NAMED,
        "token": None,
        "authorized": True,
        "pin": NAMED,
        "max_tokens": 100,
        "tokens": NAMED,
        "headers": [
            ["b'cookie'", NAMED],
            ["b'host'", "b'x'"],
            ["Authorization", NAMED],
            ["n", "password"],
        ],
        "nested": {"a": {"db_password": NAMED, "x-api-key": NAMED}},
    }
    assert walk().value("hunter2", "password") == NAMED
    assert walk().value(None, "password") is None


def test_a_secret_that_the_cut_goes_through_is_found() -> None:
    url = "x" * 200 + " postgres://app:" + "p" * 100 + "@db/x"
    assert "ppp" not in shown(url)
    assert "ppp" not in shown(url.encode())
    assert "ppp" not in shown(Text(url))


def test_cycles() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert shown(ring) == [1, "[circular]"]
    a: dict[str, Any] = {}
    b = Plain()
    a["b"] = b
    b.a = a  # type: ignore[attr-defined]
    assert shown(a)["b"]["a"] == "[circular]"
    twice = [1]
    assert shown([twice, twice]) == [[1], [1]]


# What a class can put in the way. Each call of its code is written down.

CALLS: list[str] = []


def _trap(name: str) -> Callable[..., Any]:
    def trap(*args: object, **more: object) -> Any:
        CALLS.append(name)
        raise RuntimeError(name)

    return trap


_TRAPS = (
    "__len__ __iter__ __bool__ __eq__ __hash__ __getattr__ __getattribute__ __contains__ __str__"
    " __getitem__ __format__ __int__ __index__ __float__ __bytes__ __dir__ __sizeof__"
    " __reduce_ex__ __instancecheck__ __subclasscheck__ keys items values"
).split()


class HostileMeta(type):
    __name__ = property(_trap("meta.__name__"))  # type: ignore[assignment]
    __module__ = property(_trap("meta.__module__"))  # type: ignore[assignment]
    __mro__ = property(_trap("meta.__mro__"))  # type: ignore[assignment]
    __dict__ = property(_trap("meta.__dict__"))  # type: ignore[assignment]
    __class__ = property(_trap("meta.__class__"))  # type: ignore[assignment]


for _name in _TRAPS:
    setattr(HostileMeta, _name, _trap(f"meta.{_name}"))

_BODY: dict[str, Any] = {name: _trap(name) for name in _TRAPS}
_BODY["__class__"] = property(_trap("__class__"))
_BODY["__dict__"] = property(_trap("__dict__"))


def _hostile(base: type = object, **more: Any) -> Any:
    cls = type.__call__(HostileMeta, "Hostile", (base,), {**_BODY, **more})
    CALLS.clear()
    return base.__new__(cls)


@pytest.mark.parametrize(
    "base", [object, dict, list, tuple, set, frozenset, str, int, float, bytes, Exception]
)
def test_no_code_of_a_hostile_class_is_run(base: type) -> None:
    value = _hostile(base)
    w = walk()
    found = [w.value(value), w.value([value]), w.value({"a": value}), w.mapping({"a": value})]
    assert CALLS == []
    json.dumps(found)


def test_the_repr_of_a_hostile_class_is_all_that_is_called() -> None:
    value = _hostile(__repr__=lambda self: CALLS.append("__repr__") or "mine")
    assert walk().value([value]) == [f"<{ME}.Hostile> mine"]
    assert CALLS == ["__repr__"]


def _raises(error: BaseException) -> Callable[[object], str]:
    def raiser(self: object) -> str:
        raise error

    return raiser


class StrangeText(str):
    __len__ = __getitem__ = __iter__ = _trap("text")  # type: ignore[assignment]


REPRS = [  # a repr, what is shown
    (_raises(ValueError("x")), "<shop.Thing: ValueError in its repr>"),
    (_raises(SystemExit(3)), "<shop.Thing: SystemExit in its repr>"),
    (_raises(KeyboardInterrupt()), "<shop.Thing: KeyboardInterrupt in its repr>"),
    (_raises(MemoryError()), "<shop.Thing: MemoryError in its repr>"),
    (lambda self: repr(self), "<shop.Thing: RecursionError in its repr>"),
    (lambda self: 3, "<shop.Thing: TypeError in its repr>"),
    (lambda self: "Thing " + "x" * 10_000_000, "Thing " + "x" * 250 + "… (10000006 characters)"),
    (lambda self: "Thing \ud800\0", "Thing \ufffd\ufffd"),
    (lambda self: StrangeText("Thing"), "Thing"),
    (lambda self: "Thing(password='hunter2')", f"Thing(password='{NAMED}')"),
]


@pytest.mark.parametrize(("method", "expected"), REPRS)
def test_repr_is_guarded(method: Callable[[object], str], expected: str) -> None:
    thing = named("Thing", __repr__=method)()
    assert shown(thing) == expected
    assert shown({"a": [thing, 1]}) == {"a": [expected, 1]}


def test_after_a_slow_repr_no_other_is_called() -> None:
    calls = []

    def slow(self: object) -> str:
        calls.append(1)
        time.sleep(0.02)
        return "Slow"

    cls = named("Slow", __repr__=slow)
    w = Walk(SCRUBBER, max_seconds=0.01)
    assert w.value([cls() for _ in range(5)]) == ["Slow", *["<shop.Slow>"] * 4]
    assert w.mapping({"a": cls(), "n": 1, "s": "x"}) == {"a": "<shop.Slow>", "n": 1, "s": "x"}
    assert len(calls) == 1


def test_long_after_the_time_no_container_is_entered() -> None:
    thing = named("Slow", __repr__=lambda self: time.sleep(0.02) or "Slow")()
    for seconds, expected in ((0.001, "… (dict of 1)"), (60.0, {"a": [1]})):
        w = Walk(SCRUBBER, max_seconds=seconds)
        w.value(thing)
        assert w.value({"a": [1]}) == expected
        assert w.mapping({"a": 1, "b": {}, "c": "x"}) == {"a": 1, "b": {}, "c": "x"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("short", "short"),
        ({"id": 1, "token": "x"}, {"id": 1, "token": NAMED}),
        ([1, 2], [1, 2]),
        (Money(), "<shop.Thing>"),
        (None, None),
    ],
)
def test_hook(result: Any, expected: Any) -> None:
    thing = named("Thing", __devpulse_repr__=lambda self: result)()
    assert shown(thing) == expected
    assert shown({"a": thing}) == {"a": expected}


def test_a_hook_that_raises_or_returns_itself() -> None:
    broken = named("Thing", __devpulse_repr__=_raises(ValueError()))()
    assert shown(broken) == "<shop.Thing: ValueError in its repr>"
    endless = named("Thing", __devpulse_repr__=lambda self: [self])()
    assert shown(endless) == ["<shop.Thing>"]


def test_objects_that_are_secrets() -> None:
    class AccessToken:
        def __init__(self) -> None:
            self.value = "abc"

    class AuthService(AccessToken):
        pass

    cookies = http.cookies.SimpleCookie("sid=abc")
    jar = type("Jar", (dict,), {"__module__": "shop", "__repr__": lambda self: "Jar(sid=abc)"})
    card = named("CreditCard", __repr__=lambda self: "CreditCard(4111)")
    assert shown([cookies, card()]) == ["<http.cookies.SimpleCookie>", "<shop.CreditCard>"]
    assert "abc" not in str(shown(AccessToken()))
    assert shown(AuthService())["value"] == "abc"
    assert shown(jar()) == "Jar(sid=abc)"


@pytest.mark.parametrize(
    "module",
    [
        "sqlalchemy.orm.query",
        "django.db.models.base",
        "numpy",
        "pandas.core.frame",
        "polars",
        "torch",
        "duckdb._relation",
        "django.core.paginator",
    ],
)
def test_types_whose_repr_works_are_named_only(module: str) -> None:
    base = named("Base", module, __repr__=_raises(AssertionError()))
    child = type("Child", (base,), {"__module__": "shop"})
    assert shown(base()) == f"<{module}.Base>"
    assert shown(child()) == "<shop.Child>"


def test_real_arrays_models_and_rows() -> None:
    numpy = pytest.importorskip("numpy")
    assert shown(numpy.zeros(3)) == "<numpy.ndarray>"
    assert "1.5" in str(shown(numpy.float64(1.5)))


def test_a_real_proxy_is_not_followed() -> None:
    celery = pytest.importorskip("celery")
    app = celery.Celery("shop", set_as_current=False)
    task, shared = app.task(lambda: None), celery.shared_task(lambda: None)
    assert "@task" not in str(shown([task, shared]))
    assert not app.finalized


def test_real_sqlalchemy() -> None:
    orm = pytest.importorskip("sqlalchemy.orm")
    sqlalchemy = pytest.importorskip("sqlalchemy")

    class User:
        def __repr__(self) -> str:
            raise AssertionError("would load")

    users = sqlalchemy.Table(
        "u", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True)
    )
    orm.registry().map_imperatively(User, users)
    assert shown(User()).endswith("User>")


def test_real_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic", minversion="2")

    class Login(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        name: str
        password: str
        internal: int = pydantic.Field(default=1, repr=False)

    found = shown(Login(name="ann", password="hunter2"))
    assert {k: v for k, v in found.items() if k != "__class__"} == {
        "name": "ann",
        "password": NAMED,
    }


def test_budget_of_bytes() -> None:
    w = walk(max_bytes=8000)
    fat = {f"k{i}": ["x" * 200] * 10 for i in range(10)}
    found = w.mapping({f"v{i}": fat for i in range(100)}, 50)
    assert 4000 < w.spent < 8000 + 300
    assert len(json.dumps(found)) < 12_000
    assert found["v0"] and found["v3"], "one variable takes no more than its share"
    assert found["…"] == f"{100 - (len(found) - 1)} more"
    assert w.mapping({"a": 1, "b": 2}) == {"…": "2 more"}


def test_spent_is_about_the_bytes_of_json() -> None:
    for value in (
        "x" * 200,
        list(range(10)),
        {"a": {"b": [1.5, "text", None]}},
        Order(1, [2]),
        [b"ab"] * 9,
    ):
        w = walk()
        size = len(json.dumps(w.value(value), separators=(",", ":")))
        assert size * 0.5 <= w.spent <= size * 4 + 30, value


def test_huge_values_are_not_copied() -> None:
    """10 MB strings, a million members: what is beyond the bounds costs nothing."""
    huge = {
        "text": "y" * 10_000_000,
        "bytes": b"y" * 10_000_000,
        "list": [0] * 1_000_000,
        "dict": dict.fromkeys(range(1_000_000)),
        "set": set(range(1_000_000)),
        "subclass": Text("y" * 10_000_000),
    }
    w = walk()
    began = time.perf_counter()
    for _ in range(100):
        w = walk()
        w.mapping(huge)
    assert time.perf_counter() - began < 1.0  # a copy of them takes 20 ms each time
    assert w.spent < 5000


def _subclass(base: Any) -> Any:
    return type("Child", (base,), {})


def _queue() -> Any:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    for value in LOUD:
        queue.put_nowait(value)
    return queue


LOUD = [*range(10), named("Loud", __repr__=_raises(AssertionError()))()]  # beyond what is shown
LOUD_BY_NUMBER = dict(enumerate(LOUD))


@pytest.mark.parametrize(
    "value",
    [
        _subclass(collections.OrderedDict)(LOUD_BY_NUMBER),
        _subclass(collections.defaultdict)(None, LOUD_BY_NUMBER),
        _subclass(collections.Counter)(LOUD_BY_NUMBER),
        _subclass(collections.deque)(LOUD),
        _subclass(collections.UserDict)(LOUD_BY_NUMBER),
        _subclass(collections.UserDict)(LOUD_BY_NUMBER).keys(),
        _subclass(collections.UserDict)(LOUD_BY_NUMBER).values(),
        _subclass(collections.UserList)(LOUD),
        _subclass(collections.ChainMap)(LOUD_BY_NUMBER),
        collections.OrderedDict(LOUD_BY_NUMBER).values(),
        collections.OrderedDict(LOUD_BY_NUMBER).items(),
        _subclass(types.SimpleNamespace)(all=LOUD),
        _subclass(functools.partial)(print, *LOUD),
        subprocess.CompletedProcess(LOUD, 0),
        _queue(),
    ],
    ids=lambda value: f"{type(value).__mro__[1].__name__} {type(value).__name__}",
)
def test_what_holds_values_is_not_asked_for_the_repr_of_all(value: object) -> None:
    assert "AssertionError" not in json.dumps(shown(value))


def test_children_of_containers_are_shown_as_those() -> None:
    assert shown(_subclass(collections.deque)([1, 2])) == [1, 2]
    assert shown(_subclass(collections.OrderedDict)(a=1)) == {"a": 1}
    done = subprocess.CompletedProcess(["ls", "--password", "x"], 2, stdout=b"y" * 300)
    found = shown(done)
    assert found["returncode"] == 2
    assert found["args"] == ["ls", "--password", NAMED]
    assert found["stdout"].endswith("(300 bytes)")


def test_a_lazy_module_is_not_loaded(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sleeping.py").write_text("raise AssertionError")
    spec = importlib.util.spec_from_file_location("sleeping", tmp_path / "sleeping.py")
    assert spec is not None and spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert shown(module) == "<module sleeping>"


def test_a_dict_that_another_thread_changes() -> None:
    shared: dict[int, int] = {}
    stop = threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            shared[i % 50] = i
            shared.pop((i + 25) % 50, None)
            i += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2000):
            assert isinstance(walk().value(shared), (dict, str))
    finally:
        stop.set()
        thread.join()


def test_a_container_that_changes_while_it_is_read() -> None:
    changed = collections.deque([1, 2])
    items = iter(changed)
    changed.append(3)
    assert _head(items, 5) == []


def test_a_class_in_the_place_of_a_former_one() -> None:
    """What is known of a class is found by its address, which another class can have later."""
    for i in range(200):
        assert shown(named(f"Class{i}")()) == f"<shop.Class{i}>"
        if i % 20 == 0:
            gc.collect()


def test_near_the_recursion_limit() -> None:
    def deep(n: int) -> Any:
        try:
            return deep(n + 1)
        except RecursionError:
            return walk().value({"a": [Plain(), Money()]})

    json.dumps(deep(0))


def _ingest() -> str | None:
    folder = os.environ.get("DEVPULSE_BIN")
    built = pathlib.Path(__file__).parents[3] / "build" / "bin"
    return shutil.which(
        "dp-ingest", path=folder or os.pathsep.join((str(built), os.environ["PATH"]))
    )


@pytest.mark.skipif(_ingest() is None, reason="dp-ingest is not built")
def test_dp_ingest_takes_whatever_comes_out() -> None:
    hostile = [value for value, _ in VALUES] + [
        _hostile(), _hostile(dict), _hostile(str), "\ud83d", "\x7f\x1f\x00", {math.nan: math.inf},
        {"\0": "\ud800", "": 1}, 10**39, 10**40, 10**400, 2.2e-308, 1e-308, 1.797e308, -5e-324,
    ]  # fmt: skip
    events = [
        {"type": "log", "value": walk().value(value, f"name{i}")} for i, value in enumerate(hostile)
    ]
    text = "\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    ingest = _ingest()
    assert ingest is not None
    done = subprocess.run(
        [ingest, "-"], input=text.encode(), capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    stored = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["value"] for event in stored] == [event["value"] for event in events]
    assert not any("repairs" in event for event in stored)


def test_it_runs_without_importing_what_it_recognises() -> None:
    for name in ("numpy", "pandas", "sqlalchemy", "django"):
        code = f"import devpulse._walk, sys; assert {name!r} not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_value_of_a_secret_option_is_hidden():
    arguments = ["mysql", "--password", "hunter2", "-h", "host", "--port", "3306"]
    assert Walk(Scrubber()).value(arguments) == [*arguments[:2], NAMED, *arguments[3:]]
