"""A thread that carries events from a buffer to where they are kept.

It is started by the first put() in a process, never at import or init(). A process that is forked
begins anew with the first put() of its own: with an empty buffer, for what the parent has queued
the parent sends.

How a sink is written: derive from Worker, carry events in `_work()`.

    def _work(self) -> None:
        while self._wait_for_batch():
            records = self._buffer.take(1000, 1 << 20)
            try:
                store(records)
            except Away:
                self._buffer.put_back()
                self._wait(1.0)
            else:
                self._buffer.done(len(records))
"""

import selectors
import socket
import sys
import threading
import time

from ._buffer import MAX_BYTES, MAX_EVENTS, Buffer
from ._internal import logger, warn_once
from ._process import pid
from ._record import Record

LINGER = 0.02  # seconds that an event waits for company
_AWAKE = 0.5  # seconds of quiet until a put has to wake the thread, which costs 10 us
_ENOUGH = 256  # events that wait no longer
_PAUSE = 1.0  # seconds before what failed unexpectedly is tried again


class Worker:
    """put(), flush(), close(), stats() and after_fork_in_child() are for the application's threads,
    all that begins with an underscore is for the worker's own."""

    def __init__(self, name: str, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        """`name` is the thread's; for the limits see Buffer."""
        self._name = name
        self._limits = (max_events, max_bytes)
        self._renewals: dict[int, threading.Lock] = {}
        self._selector: selectors.BaseSelector | None = None
        self._waker: socket.socket | None = None
        self._wakened: socket.socket | None = None
        self._begin()

    def _begin(self) -> None:
        """The state of a process that has put nothing yet."""
        self._buffer = Buffer(*self._limits)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._start_again_at = 0.0
        self._is_asleep = True  # a put must wake the thread, or start it
        self._flushes: list[None] = []  # as many as wait; its methods are atomic
        self._since: float | None = None  # when the oldest queued event was seen
        self._quiet_at = 0.0  # the end of the time in which the thread looks by itself
        self._end_at: float | None = None  # close() waits until then
        self._pid = pid()

    # For the application

    def put(self, record: Record) -> None:
        """Queues a record; it costs about a microsecond, whatever the sink is doing."""
        if pid() != self._pid:
            self._renew()
        self._buffer.put(record)
        if self._is_asleep:
            self._rouse()

    def flush(self, timeout: float) -> bool:
        """Waits, `timeout` seconds at most, until all that was put before has arrived (or was
        refused or dropped); returns whether that is so."""
        if pid() != self._pid:
            self._renew()
        flushes = self._flushes
        flushes.append(None)
        try:
            if self._buffer.queued or self._buffer.in_flight:
                self._rouse()
            return self._buffer.wait_done(timeout)
        finally:
            flushes.pop()

    def close(self, timeout: float) -> bool:
        """Flushes, for `timeout` seconds at most, and ends the thread; returns what flush() does.
        What is put afterwards is dropped."""
        if pid() != self._pid:
            self._renew()
        deadline = time.monotonic() + timeout
        self._end_at = deadline
        if self._thread is None and self._buffer.queued:
            self._start_again_at = 0.0
            self._start()
        if self._thread is not None:
            self._wake()
            self._thread.join(max(0.0, deadline - time.monotonic()))
        elif self._buffer.queued and self._selector is not None:
            self._main()  # the interpreter ends, and starts no threads any more
        is_done = self._buffer.wait_done(0.0)
        self._buffer.drop_all()
        if not self._is_running():
            self._close_descriptors()
        self._is_asleep = True
        return is_done

    @property
    def is_away(self) -> bool:
        """Whether the place that events are carried to was tried, and never there so far."""
        return False

    def stats(self) -> dict[str, int]:
        """Counts of events. A sink adds its own."""
        dropped = self._buffer.dropped
        return {
            "queued": self._buffer.queued,
            "unacked": self._buffer.in_flight,
            "dropped": sum(dropped.values()),
            **{f"dropped_{severity}": count for severity, count in dropped.items()},
        }

    def after_fork_in_child(self) -> None:
        """Forgets what is the parent's, without touching it. put() notices by itself where a
        process forks without Python's hooks, as uWSGI does."""
        self._abandon()
        self._close_descriptors()
        self._begin()

    def _renew(self) -> None:
        # No lock of the parent's can be trusted, the child may have several threads already, and
        # setdefault() is atomic: one lock for each process.
        with self._renewals.setdefault(pid(), threading.Lock()):
            if pid() != self._pid:
                self.after_fork_in_child()

    def _rouse(self) -> None:
        """Makes the thread look at the buffer."""
        self._is_asleep = False
        if self._thread is None and self._end_at is None:
            self._start()
        else:
            self._wake()
        if self._end_at is not None and not self._is_running():
            self._buffer.drop_all()
            self._is_asleep = True

    def _wake(self) -> None:
        waker = self._waker  # close(), in another thread, may let go of it meanwhile
        if waker is not None:
            try:
                waker.send(b"\0")
            except OSError:  # it has bytes enough, or the thread has ended
                pass

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> bool:
        """Returns whether there is a thread. Where none can be had puts try again, not often."""
        if not self._starting.acquire(blocking=False):
            return True
        try:
            if self._thread is None and time.monotonic() >= self._start_again_at:
                self._open_waker()
                thread = threading.Thread(target=self._main, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
                _warn_of_uwsgi()
        except (RuntimeError, OSError) as error:
            self._start_again_at = time.monotonic() + _PAUSE
            if self._end_at is None:
                warn_once("thread", "no thread can be started, events wait: %s", error)
        finally:
            self._starting.release()
        if self._thread is None:
            self._is_asleep = True
            return False
        return True

    def _open_waker(self) -> None:
        if self._selector is not None:
            return
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakened, selectors.EVENT_READ)

    def _close_descriptors(self) -> None:
        for descriptor in (self._selector, self._waker, self._wakened):
            if descriptor is not None:
                descriptor.close()
        self._selector = self._waker = self._wakened = None

    # For the thread

    def _work(self) -> None:
        """Carries events until _is_over(). What it raises is told once, and it is called again."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """In the child of a fork: closes inherited descriptors, and forgets what was on its way.
        Nothing may go out by them, not even a farewell: they are the parent's."""

    def _main(self) -> None:
        while True:
            try:
                self._work()
                break
            except Exception:
                warn_once("worker", "%s failed, and goes on", self._name)
                logger.debug("%s failed", self._name, exc_info=True)
                self._buffer.put_back()
                self._wait(_PAUSE)
            if self._is_over():
                break

    def _is_over(self) -> bool:
        """Whether close() was called, and nothing is left or its time is up."""
        if self._end_at is None:
            return False
        is_empty = not self._buffer.queued and not self._buffer.in_flight
        return is_empty or self._seconds_left(1.0) == 0

    def _seconds_left(self, wanted: float) -> float:
        """`wanted`, or less where close() waits no longer than that."""
        if self._end_at is None:
            return wanted
        return min(wanted, max(0.0, self._end_at - time.monotonic()))

    def _is_hurried(self) -> bool:
        """Whether flush() or close() waits: no event waits for company then."""
        return self._end_at is not None or bool(self._flushes)

    def _due_in(self) -> float | None:
        """Seconds until the queued events are to go, 0 for now, or until it is time to look again;
        None when there were none for a while: the next put is to wake the thread."""
        queued = self._buffer.queued
        now = time.monotonic()
        if not queued:
            self._since = None
            return LINGER if now < self._quiet_at else None
        self._quiet_at = now + _AWAKE
        if queued >= _ENOUGH or self._is_hurried():
            return 0.0
        if self._since is None:
            self._since = now
        return max(0.0, self._since + LINGER - now)

    def _wait_for_batch(self) -> bool:
        """Waits until there are events that are to go; False once there will be none."""
        while not self._is_over():
            due = self._due_in()
            if due == 0:
                return True
            self._wait(due, for_events=due is None)
        return False

    def _wait(self, seconds: float | None, *, for_events: bool = False) -> None:
        """Sleeps until something that is registered with the selector is ready, flush() or close()
        is called, the time is up, or, if wanted, an event is put."""
        assert self._selector is not None
        if for_events:
            self._is_asleep = True
            if self._buffer.queued:
                self._is_asleep = False
                return
        if self._end_at is not None:
            seconds = self._seconds_left(_PAUSE if seconds is None else seconds)
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._wakened:
                self._drain_waker()
        self._is_asleep = False

    def _drain_waker(self) -> None:
        assert self._wakened is not None
        try:
            while self._wakened.recv(4096):
                pass
        except OSError:
            pass


def _warn_of_uwsgi() -> None:
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    if options is not None and not ("enable-threads" in options or "threads" in options):
        warn_once("uwsgi", "uWSGI runs no threads without --enable-threads: no event is sent")
