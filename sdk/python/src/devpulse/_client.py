"""The process's one client: what init() made, and the way that every event takes.

An event goes from here to one or two sinks (dp-ingest, a database), each with a thread of its own.
Nothing here waits, but for flush() and the end of the process.
"""

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import _internal
from ._context import Scope, new_scope, scope_of
from ._internal import warn_once
from ._options import Options, program_name
from ._process import pid
from ._record import Common, Fields, Record
from ._scrub import Scrubber
from ._sender import Sender
from ._stack import configure_in_app, exception_fields, mark_reported
from ._walk import Walk
from ._worker import Worker

EXIT_SECONDS = 2.0
SHORT_SECONDS, SHORT_EVENTS, LATE_SECONDS = 0.05, 100, 5.0  # of flush_shortly()
_LAST = -100  # of multiprocessing's priorities: after what it does itself
MESSAGE_MAX = 8192  # characters
TYPICAL_BYTES = 400  # of an event that nobody measured

# What remains of an event whose scrubbing failed: nothing that an application put into it.
_SAFE_FIELDS = ("file", "line", "source", "spanId", "parentSpanId", "durationMs")

STATS = ("queued", "unacked", "sent", "acked", "refused", "dropped", "reconnects")


class Client:
    """Makes events complete and hands them to the sinks. Thread-safe."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.scrubber = Scrubber(options.scrub_keys)
        self.system = options.system or program_name()
        self._hook = options.scrub
        self._common, self._pid = _common(options), pid()
        self._withheld = 0
        self._late_until: dict[Worker, float] = {}  # of sinks that flush_shortly() waited for
        self._sinks: tuple[Worker, ...] = _sinks(options, self._notice)

    # Events

    @property
    def common(self) -> Common:
        """The members that all events of this process end with."""
        if self._pid != pid():  # of a fork that Python was not told of
            self._common, self._pid = _common(self.options), pid()
        return self._common

    def walk(self) -> Walk:
        """The budget of a new event."""
        return Walk(self.scrubber)

    def text(self, value: str) -> str:
        """A message, scrubbed, at most MESSAGE_MAX characters of it."""
        if len(value) > MESSAGE_MAX:
            value = f"{value[:MESSAGE_MAX]}… ({len(value)} characters)"
        return self.scrubber.text(value)

    def emit(
        self,
        scope: Scope,
        severity: str,
        type: str,  # noqa: A002 - the event's own word
        fields: Fields,
        *,
        system: str = "",
        cost: int = TYPICAL_BYTES,
        ns: int | None = None,
        args: tuple[Any, ...] = (),
    ) -> Record | None:
        """Queues an event of plain, scrubbed, bounded JSON values, which become this module's, or
        of what makes them of `args` (see Record). Returns what put() does.

        `system`: else the scope's, else that of init(). `cost`: about the bytes of its text.
        `ns`: when it happened, by default now.
        """
        name = system or scope.system or self.system
        return self.put(
            Record(scope.trace_id, severity, name, type, fields, self.common, cost, ns, args)
        )

    def put(self, record: Record) -> Record | None:
        """Queues a record that ends with the members in `common`. Returns it as it goes; None where
        the scrub hook withheld it."""
        if self._hook is not None:
            scrubbed = self._scrubbed(record)
            if scrubbed is None:
                return None
            record = scrubbed
        for sink in self._sinks:
            sink.put(record)
        return record

    def capture_exception(
        self,
        exc: BaseException,
        *,
        mechanism: str,
        handled: bool,
        scope: Scope | None = None,
        severity: str = "error",
        system: str = "",
        extra: Mapping[str, Any] | None = None,
        callers: bool = False,
    ) -> Record | None:
        """An event of type error with stack, source and locals; None where this exception was
        reported in this trace already, and as no less severe, or could not be.

        `extra`: further fields, plain and scrubbed, which win over those of the exception.
        `callers`: whether the stack goes on outwards from the code that caught it, as it runs.
        """
        try:
            scope = scope or scope_of(exc)
            if not mark_reported(exc, scope.trace_id if scope else "", severity):
                return None
            scope = scope or new_scope()
            walk = self.walk()
            fields = exception_fields(
                exc, walk, capture_locals=self.options.capture_locals, callers=callers
            )
            fields["handled"] = handled
            fields["mechanism"] = mechanism
            if scope.span_id:
                fields["parentSpanId"] = scope.span_id
            fields["response"] = "fail"
            fields.update(extra or {})
            cost = walk.spent + TYPICAL_BYTES
            return self.emit(scope, severity, "error", fields, system=system, cost=cost)
        except Exception:
            failed("an exception")
            return None

    def _scrubbed(self, record: Record) -> Record | None:
        """The record as the application's hook leaves it. Where the hook fails, what may hold a
        secret is left out."""
        hook = self._hook
        assert hook is not None
        try:
            event = hook(record.event)
            if event is None:
                self._withheld += 1
                return None
            return record.replaced(event)
        except Exception as error:
            warn_once("scrub", "the scrub hook failed, values are withheld", exc_info=True)
            kept = {k: v for k, v in record.event.items() if k in _SAFE_FIELDS}
            kept["details"] = f"[scrubbed: the scrub hook failed: {error.__class__.__name__}]"
            return record.replaced(kept)

    def _notice(self, text: str) -> Record:
        """An event of our own: what the sender has to say to whoever looks at the events."""
        fields = {"name": "devpulse", "details": text}
        return Record(new_scope().trace_id, "warning", self.system, "log", fields, self.common, 300)

    # Delivery

    def flush(self, timeout: float) -> bool:
        """Waits until all that was captured is acknowledged; False after `timeout` seconds."""
        return self._each("flush", timeout)

    def flush_shortly(self) -> None:
        """For a process that may be killed at any time: waits until all is delivered, for at most
        SHORT_SECONDS a sink. Not behind a long queue, and not for some seconds after a miss."""
        for sink in self._sinks:
            if time.monotonic() < self._late_until.get(sink, 0.0):
                continue
            stats = sink.stats()
            if stats["queued"] + stats["unacked"] > SHORT_EVENTS:
                continue
            if not sink.flush(SHORT_SECONDS):
                self._late_until[sink] = time.monotonic() + LATE_SECONDS

    def flush_at_the_end(self) -> None:
        """For a process whose end may be one that atexit does not hear of: waits until all is
        delivered, for at most EXIT_SECONDS, and not for a sink that was never there."""
        end = time.monotonic() + EXIT_SECONDS
        for sink in self._sinks:
            while not sink.is_away and time.monotonic() < end:
                if sink.flush(SHORT_SECONDS):
                    break

    def close(self, timeout: float) -> bool:
        return self._each("close", timeout)

    def _each(self, what: str, timeout: float) -> bool:
        end = time.monotonic() + timeout
        done = [getattr(s, what)(max(0.0, end - time.monotonic())) for s in self._sinks]
        return all(done)

    def stats(self) -> dict[str, int]:
        totals = dict.fromkeys(STATS, 0)
        for sink in self._sinks:
            prefix = "" if isinstance(sink, Sender) else "db_"
            totals.update({prefix + name: n for name, n in sink.stats().items()})
        totals["withheld"] = self._withheld
        return totals

    def after_fork_in_child(self) -> None:
        self._common, self._pid = _common(self.options), pid()
        self._withheld = 0
        self._late_until.clear()
        for sink in self._sinks:
            sink.after_fork_in_child()


def _common(options: Options) -> Common:
    """What stands in every event."""
    common: dict[str, Any] = {}
    if options.environment:
        common["environment"] = options.environment
    common["process"] = {"pid": os.getpid(), "host": socket.gethostname()}
    return Common(common)


def _sinks(options: Options, notice: Callable[[str], Record]) -> tuple[Worker, ...]:
    limits = {"max_events": options.max_events, "max_bytes": options.max_bytes}
    sender = Sender(options.websocket_url, token=options.token, notice=notice, **limits)
    if options.db_url is None:
        return (sender,)
    from ._database import DatabaseSink

    return sender, DatabaseSink(options.db_url, **limits)


_lock = threading.Lock()
_client: Client | None = None
_retiring: threading.Thread | None = None
_missed = 0  # events before init()
_is_disabled = False


def active() -> Client | None:
    """The client, or None before init() and where DEVPULSE_DISABLED is set."""
    return _client


def install(options: Options) -> None:
    """Makes the client. Again with the same options: nothing; with others: what is queued still
    goes out by the old ones, for at most EXIT_SECONDS. Raises ValueError, and changes nothing."""
    global _client
    with _lock:
        old = _client
        if old is not None and old.options == options:
            return
        _internal.forget_warnings()
        new = Client(options)
        configure_in_app(options.in_app_include, options.in_app_exclude)
        _client = new
        if old is not None:
            _retire(old)
    _close_with_multiprocessing()


def _retire(old: Client) -> None:
    """Lets go out what is queued in a client that was replaced; nobody waits for it."""
    global _retiring
    thread = threading.Thread(target=old.close, args=(EXIT_SECONDS,), daemon=True)
    thread.start()
    _retiring = thread


def disable() -> None:
    global _is_disabled
    _is_disabled = True


def missed() -> None:
    """Counts an event that came before init(), and says so once."""
    global _missed
    if _is_disabled:
        return
    _missed += 1
    warn_once("init", "an event was lost: devpulse.init() was not called yet")


def failed(what: str) -> None:
    """Tells once of a fault of our own, from where it was caught."""
    warn_once(what, "%s could not be reported", what, exc_info=True)


def stats() -> dict[str, int]:
    client = _client
    totals = dict.fromkeys(STATS, 0) if client is None else client.stats()
    totals["dropped"] += _missed
    return totals


def _at_exit() -> None:
    client = _client
    if client is not None:
        client.close(EXIT_SECONDS)
    if _retiring is not None:
        _retiring.join(EXIT_SECONDS)


def _after_fork_in_child() -> None:
    global _lock, _missed, _retiring
    _lock = threading.Lock()
    _missed = 0
    _retiring = None
    _internal.forget_warnings()
    client = _client
    if client is not None:
        client.after_fork_in_child()
        _close_with_multiprocessing()


def _close_with_multiprocessing() -> None:
    """The processes of multiprocessing leave by os._exit(), past atexit, but not without their
    finalizers: those that are registered after they began, which is after the hooks of os.fork().
    """
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None:
        return
    util.register_after_fork(_at_exit, _finalize)
    if process.parent_process() is not None:
        _finalize(_at_exit)


def _finalize(close: Callable[[], None]) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, close, exitpriority=_LAST)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
