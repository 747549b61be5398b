"""Exceptions and places in the code as fields of an event."""

import builtins
import copy
import gc
import json
import linecache
import os
import pickle
import sys
import threading
import time
import weakref
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devpulse import _inapp, _places
from devpulse._scrub import NAMED, Scrubber
from devpulse._stack import (
    configure_in_app,
    exception_fields,
    is_in_app,
    mark_reported,
)
from devpulse._walk import Walk

SCRUBBER = Scrubber()
HERE = __file__


def walk(**limits: Any) -> Walk:
    return Walk(SCRUBBER, **{"max_seconds": 60.0, **limits})


def caught(function: Callable[..., object], *args: object) -> BaseException:
    try:
        function(*args)
    except BaseException as exc:
        return exc
    raise AssertionError("it did not raise")


def fields_of(exc: BaseException, **options: Any) -> dict[str, Any]:
    fields = exception_fields(exc, walk(), **options)
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) < 1 << 20
    return fields


def functions(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["function"].rpartition(".")[2] for frame in frames]


def divide(numerator: int, denominator: int) -> float:
    password = "hunter2"
    assert password
    return numerator / denominator  # the line


def via_library(function: Callable[[], object]) -> object:
    return sorted([1], key=lambda _: function())  # type: ignore[arg-type, return-value]


def test_an_error() -> None:
    def outer() -> None:
        divide(3, 0)

    fields = fields_of(caught(outer))
    frames = fields["stacktrace"]
    assert list(fields) == ["name", "details", "file", "line", "source", "locals", "stacktrace"]
    assert (fields["name"], fields["details"]) == ("ZeroDivisionError", "division by zero")
    assert (fields["file"], fields["source"]) == (HERE, "divide")
    assert functions(frames) == ["caught", "outer", "divide"]
    last = frames[-1]
    assert fields["line"] == last["line"]
    assert last["code"] == "    return numerator / denominator  # the line"
    assert last["pre"] == [f'    password = "{NAMED}"', "    assert password"]
    assert last["post"] == ["", ""]
    assert last["locals"] == {"numerator": 3, "denominator": 0, "password": NAMED}
    assert fields["locals"] == last["locals"]
    assert last["inApp"] is True
    assert last["module"] == __name__


def test_locals_can_be_left_out() -> None:
    fields = fields_of(caught(divide, 3, 0), capture_locals=False)
    assert "locals" not in fields
    assert not any("locals" in frame for frame in fields["stacktrace"])
    assert fields["stacktrace"][-1]["code"].strip().startswith("return")


def test_frames_of_libraries() -> None:
    exc = caught(json.loads, "{")
    fields = fields_of(exc)
    assert (fields["name"], fields["source"]) == ("json.decoder.JSONDecodeError", "caught")
    assert fields["file"] == HERE
    last = fields["stacktrace"][-1]
    assert (last["inApp"], last["module"]) == (False, "json.decoder")
    assert last["code"].strip()
    assert not {"locals", "pre", "post"} & set(last)


def test_an_exception_that_was_never_raised() -> None:
    assert fields_of(ValueError("x")) == {"name": "ValueError", "details": "x", "stacktrace": []}


def test_a_traceback_in_place_of_its_own() -> None:
    other = caught(divide, 1, 0)
    fields = fields_of(ValueError("x"), traceback=other.__traceback__)
    assert fields["source"] == "divide"
    assert fields_of(other, traceback=object())["source"] == "divide"


def test_skipped_and_hidden_frames() -> None:
    def hidden(**more: object) -> None:
        __tracebackhide__ = True
        divide(1, 0)

    def hidden_too() -> None:
        __traceback_hide__ = 1
        hidden()

    def asks_pytest() -> None:
        __tracebackhide__ = divide  # pytest calls it; we do not
        hidden_too()

    exc = caught(asks_pytest)
    assert functions(fields_of(exc)["stacktrace"]) == ["caught", "asks_pytest", "divide"]
    assert functions(fields_of(exc, skip={__name__})["stacktrace"]) == []
    decode = caught(json.loads, "{")
    assert functions(fields_of(decode, skip=("json.decoder",))["stacktrace"]) == ["caught", "loads"]


def test_frames_of_this_package_are_left_out() -> None:
    code = compile("call()", _inapp.__file__, "exec")
    exc = caught(exec, code, {"__name__": "devpulse._inapp", "call": lambda: divide(1, 0)})
    assert functions(fields_of(exc)["stacktrace"]) == ["caught", "<lambda>", "divide"]


def recurse(n: int) -> object:
    return divide(1, 0) if n == 0 else recurse(n - 1)


def test_a_long_stack_keeps_both_ends() -> None:
    frames = fields_of(caught(recurse, 300))["stacktrace"]
    assert len(frames) == 26
    assert functions(frames)[:5] == ["caught", *["recurse"] * 4]
    assert frames[5] == {"function": f"… {302 + 1 - 25} more", "inApp": False}
    assert functions(frames)[6:] == [*["recurse"] * 19, "divide"]
    assert frames[-2]["locals"] == {"n": 0}
    assert frames[-3]["locals"] == {"n": 1}


def test_the_callers_of_a_caught_error() -> None:
    """The ten nearest are shown, two of them with their locals."""
    found: dict[str, Any] = {}

    def fail_within(n: int) -> None:
        if n:
            return fail_within(n - 1)
        try:
            divide(1, 0)
        except ZeroDivisionError as exc:
            found.update(fields_of(exc, callers=True))
        return None

    fail_within(40)
    frames = found["stacktrace"]
    told = [frame["locals"].get("n") for frame in frames if "locals" in frame]
    assert told == [2, 1, 0, None]
    assert functions(frames)[-12:-1] == ["fail_within"] * 11, "ten callers, and who caught it"
    assert all(len(frame["pre"]) == 2 for frame in frames[-12:])
    assert functions(frames)[-13].startswith("… ")
    assert len([f for f in frames if f["function"][0] != "…"]) <= 5 + 10 + 10 + 2


def test_a_recursion_error() -> None:
    def endless(n: int) -> int:
        return endless(n + 1)

    fields = fields_of(caught(endless, 0))
    assert fields["name"] == "RecursionError"
    assert len(fields["stacktrace"]) == 26
    assert fields["stacktrace"][5]["function"].startswith("… ")


def test_deep_libraries_leave_room_for_the_application() -> None:
    nested: Any = Uncopyable()
    for _ in range(60):
        nested = [nested]
    frames = fields_of(caught(copy.deepcopy, nested))["stacktrace"]
    names = functions(frames)
    assert names[0] == "caught"
    assert names[5] == f"… {124 - 32} more"
    assert names[-2:] == ["__deepcopy__", "divide"]
    assert len(names) == 5 + 1 + 25 + 2


class Uncopyable:
    def __deepcopy__(self, memo: object) -> object:
        return divide(1, 0)


def chain() -> None:
    try:
        try:
            divide(1, 0)
        except ZeroDivisionError as exc:
            raise KeyError("sku") from exc
    except KeyError:
        raise ValueError("no order")


def test_causes_and_contexts() -> None:
    causes = fields_of(caught(chain))["causes"]
    assert [(c["relation"], c["name"], c["details"]) for c in causes] == [
        ("context", "KeyError", "'sku'"),
        ("cause", "ZeroDivisionError", "division by zero"),
    ]
    assert functions(causes[1]["stacktrace"]) == ["chain", "divide"]
    assert causes[1]["stacktrace"][-1]["locals"]["numerator"] == 1
    # The frame of chain() is in all three tracebacks; its locals come once.
    assert "locals" not in causes[0]["stacktrace"][0]


def test_a_suppressed_context_is_not_told() -> None:
    def suppress() -> None:
        try:
            divide(1, 0)
        except ZeroDivisionError:
            raise ValueError("x") from None

    assert "causes" not in fields_of(caught(suppress))


def test_cyclic_causes() -> None:
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    assert [cause["details"] for cause in fields_of(a)["causes"]] == ["b"]
    a.__cause__ = a
    assert "causes" not in fields_of(a)


def test_long_chains_are_cut() -> None:
    exc = ValueError("0")
    for i in range(1, 2000):
        outer = ValueError(str(i))
        outer.__cause__ = exc
        exc = outer
    causes = fields_of(exc)["causes"]
    assert len(causes) == 21
    assert causes[-1]["name"] == "…"


def group(message: str, members: list[Exception]) -> Any:
    if sys.version_info < (3, 11):
        made = pytest.importorskip("exceptiongroup").ExceptionGroup
    else:
        made = builtins.ExceptionGroup
    return made(message, members)


def test_groups() -> None:
    exc = group("two", [group("inner", [ValueError("a")]), caught(divide, 1, 0)])  # type: ignore[list-item]
    causes = fields_of(exc)["causes"]
    assert [(c["relation"], c["details"].partition(" ")[0]) for c in causes] == [
        ("member", "inner"),
        ("member", "division"),
        ("member", "a"),
    ]
    assert functions(causes[1]["stacktrace"])[-1] == "divide"


def test_thousands_of_members() -> None:
    exc = group("many", [ValueError(str(i)) for i in range(5000)])
    began = time.perf_counter()
    causes = fields_of(exc)["causes"]
    assert time.perf_counter() - began < 1
    assert len(causes) == 21
    assert causes[-1] == {"relation": "member", "name": "…", "details": "4980 more"}


def test_notes() -> None:
    exc = ValueError("x")
    exc.__notes__ = ["order 4713", "password=hunter2", 3, "y" * 5000]  # type: ignore[attr-defined]
    notes = fields_of(exc)["notes"]
    assert notes[:2] == ["order 4713", f"password={NAMED}"]
    assert notes[2].endswith("… (5000 characters)")
    exc.__notes__ = [str(i) for i in range(100)]  # type: ignore[attr-defined]
    assert fields_of(exc)["notes"][-1] == "… 90 more"
    exc.__notes__ = 3  # type: ignore[attr-defined]
    assert "notes" not in fields_of(exc)


def _raise(*args: object, **more: object) -> Any:
    raise RuntimeError("foreign code")


HOSTILE = [  # what a class of exceptions defines
    {"__str__": _raise},
    {"__str__": lambda self: 3},
    {"__str__": lambda self: "x" * 10_000_000},
    {"__str__": lambda self: "a\0\ud800"},
    {"__traceback__": property(_raise), "__cause__": property(_raise)},
    {"__context__": property(_raise), "__suppress_context__": property(_raise)},
    {"__notes__": property(_raise), "__dict__": property(_raise)},
    {"__getattribute__": _raise, "__setattr__": _raise},
    {"__class__": property(_raise), "__eq__": _raise, "__hash__": None},
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: ",".join(body))
def test_hostile_exceptions(body: dict[str, Any]) -> None:
    cls = type("Odd", (Exception,), {"__module__": "shop.errors", **body})

    def fail() -> None:
        raise cls("message")

    exc = Exception.__new__(cls, "message")
    try:
        fail()
    except BaseException as error:
        exc = error
    fields = fields_of(exc)
    assert fields["name"] == "shop.errors.Odd"
    assert len(fields["details"]) < 5000
    assert fields["source"].endswith("fail")
    assert mark_reported(exc)
    assert not mark_reported(exc)


def test_the_message_is_scrubbed_and_cut() -> None:
    fields = fields_of(ValueError("postgres://app:hunter2@db/x " + "y" * 10_000))
    assert fields["details"].startswith("postgres://[scrubbed: userinfo]@db/x yyy")
    assert fields["details"].endswith("… (10028 characters)")


def test_locals_are_filtered() -> None:
    code = "import os\nclass C: pass\ndef f(): pass\ntotal = 3\n__x__ = 1\n"
    code += "lazy = type('Lazy', (type(os),), {})('lazy')\nboom = 1 / (total - 3)\n"
    exc = caught(exec, compile(code, "<shop>", "exec"), {"__name__": "shop"})
    frame = fields_of(exc)["stacktrace"][-1]
    assert (frame["function"], frame["module"], frame["inApp"]) == ("<module>", "shop", True)
    assert frame["locals"] == {"total": 3}
    assert "code" not in frame


def test_a_namespace_of_foreign_making_is_not_touched() -> None:
    class Namespace(dict):  # type: ignore[type-arg]
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError("foreign code")

    def define() -> None:
        meta = type("Meta", (type,), {"__prepare__": classmethod(lambda *a, **k: Namespace())})

        class Table(metaclass=meta):
            1 / 0

    frames = fields_of(caught(define))["stacktrace"]
    assert frames[-1]["locals"] == {}


def test_the_innermost_frames_get_the_budget() -> None:
    def level(n: int) -> None:
        fat = {f"k{i}": "x" * 200 for i in range(10)}
        assert fat
        if n:
            level(n - 1)
        else:
            divide(1, 0)

    w = walk(max_bytes=20_000)
    frames = exception_fields(caught(level, 30), w)["stacktrace"]
    assert frames[-1]["locals"]["numerator"] == 1
    assert frames[-2]["locals"]["fat"]["k9"] == "x" * 200
    assert frames[0]["locals"]["…"].endswith(" more")
    assert w.spent < 20_000 + 26 * 700


def test_causes_beyond_the_budget_have_no_stack() -> None:
    causes = exception_fields(caught(chain), walk(max_bytes=100))["causes"]
    assert [(cause["name"], "stacktrace" in cause) for cause in causes] == [
        ("KeyError", False),
        ("ZeroDivisionError", False),
    ]


def test_nothing_is_kept() -> None:
    class Big:
        pass

    def hold() -> None:
        big = Big()
        watch.append(weakref.ref(big))
        divide(1, 0)

    watch: list[weakref.ref[Big]] = []
    gc.collect()
    gc.disable()
    try:
        exc: BaseException | None = caught(hold)
        assert exc is not None
        fields = fields_of(exc)
        exc = None
        assert watch[0]() is None, "a reference or a cycle keeps the frame"
    finally:
        gc.enable()
    assert fields["stacktrace"]


def test_a_running_frame_keeps_nothing_longer() -> None:
    class Big:
        pass

    def work() -> object:
        big = Big()
        watch = weakref.ref(big)
        try:
            divide(1, 0)
        except ZeroDivisionError as exc:
            assert fields_of(exc)["stacktrace"][0]["locals"]["big"].endswith("Big>")
        del big
        return watch()

    assert work() is None


def test_a_dict_of_locals_that_the_application_has_is_not_emptied() -> None:
    value = 3
    mine = locals()
    try:
        divide(1, 0)
    except ZeroDivisionError as exc:
        fields_of(exc)
    assert mine["value"] == value


def test_mark_is_of_the_object_and_the_trace() -> None:
    exc = ValueError("x")
    assert mark_reported(exc, "a")
    assert not mark_reported(exc, "a")
    assert mark_reported(exc, "b"), "one object, raised again in another trace"
    assert not mark_reported(exc, ""), "it has left the trace"
    assert not mark_reported(exc, "b", "warning")
    assert mark_reported(pickle.loads(pickle.dumps(exc)), "b"), "a copy in another process"


def _in(folder: str, *parts: str) -> str:
    return str(Path(folder, *parts))


STDLIB = str(Path(os.__file__).parent)
PLACES = [
    ("/srv/shop/cart.py", "shop.cart", True),
    (_in(STDLIB, "json", "decoder.py"), "json.decoder", False),
    (_in(STDLIB, "site-packages", "flask", "app.py"), "flask.app", False),
    ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml", False),
    ("C:\\venv\\Lib\\site-packages\\x.py", "x", False),
    ("<frozen importlib._bootstrap>", "importlib._bootstrap", False),
    ("<stdin>", "__main__", True),
    ("<string>", "shop.models", True),
    ("<string>", "collections", False),
    ("<attrs generated init shop.Order>", "shop", False),
    (_inapp.__file__, "devpulse._inapp", False),
]


@pytest.mark.parametrize(("filename", "module", "expected"), PLACES)
def test_is_in_app(filename: str, module: str, expected: bool) -> None:
    assert is_in_app(filename, module) is expected
    assert is_in_app(filename, module) is expected


def test_is_in_app_can_be_told() -> None:
    library = "/x/site-packages/ours/a.py"
    order = type("Order", (), {"__module__": "shop"})()
    order.id = 3
    assert walk().value(order) == {"__class__": "shop.Order", "id": 3}
    try:
        configure_in_app(include=["ours"], exclude=["ours.vendor", "shop"])
        assert is_in_app(library, "ours.a")
        assert not is_in_app(library, "ours.vendor.b")
        assert not is_in_app(library, "oursx")
        assert not is_in_app("/srv/shop/a.py", "shop.a")
        assert walk().value(order) == "<shop.Order>", "its attributes are a library's"
    finally:
        configure_in_app()
    assert not is_in_app(library, "ours.a")


def test_where_code_is_depends_on_its_module_and_on_what_was_told() -> None:
    code = compile("1 / 0", "/srv/shop.py", "exec")

    def is_ours(module: str) -> bool:
        shown = fields_of(caught(exec, code, {"__name__": module}))["stacktrace"][-1]
        assert shown["module"] == module
        return bool(shown["inApp"])

    assert is_ours("shop") and is_ours("shop.vendor")
    try:
        configure_in_app(exclude=["shop.vendor"])
        assert is_ours("shop") and not is_ours("shop.vendor") and is_ours("shop")
    finally:
        configure_in_app()


def run_file(path: Path, **namespace: Any) -> dict[str, Any]:
    """The innermost frame of what a file raises."""
    code = compile(path.read_text(errors="replace"), str(path), "exec")
    namespace.setdefault("__name__", "shop")
    frame: dict[str, Any] = fields_of(caught(exec, code, namespace))["stacktrace"][-1]
    return frame


def test_source_at_the_ends_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "short.py"
    path.write_text("1 / 0")
    frame = run_file(path)
    assert (frame["code"], frame["pre"], frame["post"]) == ("1 / 0", [], [])


def test_source_that_is_odd(tmp_path: Path) -> None:
    gone = tmp_path / "gone.py"
    gone.write_text("1 / 0")
    code = compile("1 / 0", str(gone), "exec")
    gone.unlink()
    assert "code" not in fields_of(caught(exec, code, {"__name__": "shop"}))["stacktrace"][-1]

    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\xff\xfe\x00" * 100)
    code = compile("1 / 0", str(binary), "exec")
    assert "code" not in fields_of(caught(exec, code, {"__name__": "shop"}))["stacktrace"][-1]

    long = tmp_path / "long.py"
    long.write_text("x = '" + "y" * 1_000_000 + "'; 1 / 0\n")
    assert run_file(long)["code"] == "x = '" + "y" * 250 + "…"

    huge = tmp_path / "huge.py"
    huge.write_text("1 / 0\n#" + "y" * (5 << 20))
    assert "code" not in run_file(huge)
    assert str(huge) not in linecache.cache


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_file_that_would_block(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.py"
    os.mkfifo(fifo)
    code = compile("1 / 0", str(fifo), "exec")
    assert "code" not in fields_of(caught(exec, code, {"__name__": "shop"}))["stacktrace"][-1]


def test_a_foreign_loader_is_not_asked() -> None:
    class Loader:
        get_source = _raise

    code = compile("1 / 0", "/nowhere/shop.py", "exec")
    frame = fields_of(caught(exec, code, {"__name__": "shop", "__loader__": Loader()}))
    assert "code" not in frame["stacktrace"][-1]


def test_source_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "shop.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("zipped_shop.py", "def fail():\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(str(archive))
    import zipped_shop  # type: ignore[import-not-found]

    frame = fields_of(caught(zipped_shop.fail))["stacktrace"][-1]
    assert (frame["code"], frame["inApp"]) == ("    return 1 / 0", True)


def test_a_file_that_was_read_again() -> None:
    """linecache forgets what changed; so do the excerpts made of it."""
    name = "<cell 1>"
    code = compile("1 / 0\n", name, "exec")
    for text in ("1 / 0\n", "1 / 0  # again\n"):
        linecache.cache[name] = (len(text), None, [text], name)
        frame = fields_of(caught(exec, code, {"__name__": "__main__"}))["stacktrace"][-1]
        assert frame["code"] == text.rstrip()
    del linecache.cache[name]


def test_excerpts_cannot_be_spoiled_by_a_reader() -> None:
    first = fields_of(caught(divide, 1, 0))["stacktrace"][-1]
    first["pre"].clear()
    assert len(fields_of(caught(divide, 1, 0))["stacktrace"][-1]["pre"]) == 2


def test_scrubbers_do_not_share_excerpts() -> None:
    other = Walk(Scrubber(["numer"]), max_seconds=60)
    code = compile("numerator = 'abc'; 1 / 0", "<cell 2>", "exec")
    linecache.cache["<cell 2>"] = (1, None, ["numerator = 'abc'; 1 / 0\n"], "<cell 2>")
    exc = caught(exec, code, {"__name__": "__main__"})
    assert "abc" in fields_of(exc)["stacktrace"][-1]["code"]
    assert "abc" not in exception_fields(exc, other)["stacktrace"][-1]["code"]
    del linecache.cache["<cell 2>"]


def test_init_may_run_beside_first_errors() -> None:
    """Each is of a scrubber that is new."""
    over = threading.Event()

    def errors() -> None:
        while not over.is_set():
            kept = [copy.copy(SCRUBBER) for _ in range(3000)]
            for scrubber in kept:
                _places.places_of(scrubber)

    thread = threading.Thread(target=errors)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            configure_in_app()
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_the_event_stays_below_a_mebibyte() -> None:
    """The worst of all: frames, causes and strings of which each character takes six bytes."""

    def level(n: int) -> None:
        worst = ["\x01" * 256 for _ in range(10)]
        all_of_it = [worst, [worst, worst], {"a": worst, "b": [worst]}]
        assert all_of_it
        if n:
            level(n - 1)
        raise ValueError("\x01" * 10_000)

    exc = caught(level, 40)
    for _ in range(30):
        outer = caught(level, 40)
        outer.__cause__ = exc
        exc = outer
    fields_of(exc)
