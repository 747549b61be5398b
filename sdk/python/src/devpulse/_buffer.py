"""What is on its way: queued, and in flight, which is taken but not known to have arrived.

An application's thread may come here from anywhere: in a signal handler, in a destructor that the
garbage collector runs while this very thread is inside `put()`. So `put()` never waits for a lock.
It appends to a deque, which is atomic, and now and then moves what has gathered there, the intake,
into the queues: if the lock is free. If it is not, its holder or the next put does that.
"""

import threading
import time
from collections import deque

from ._record import Record

MAX_EVENTS = 10_000
MAX_BYTES = 4 << 20

# In the order in which they are given up.
SEVERITIES = ("debug", "info", "warning", "error")

_INTAKE_EVENTS = 64
_DROP_SECONDS = 0.2
_INTAKE_COST = 4096  # a record above it is accounted for at once

_Entry = tuple[int, int, Record]  # number in order of arrival, accounted cost, record


class Buffer:
    """One bound over what is queued and what is in flight; any number of threads put, one takes.

    Above `max_events` or `max_bytes` (estimated bytes of JSON) the oldest queued debug event is
    dropped, then info, then warning, and errors when nothing else is queued. What is in flight is
    never dropped, for it may have arrived; it may fill half of either bound, no more, and is
    subject to the rule again once it is put back. The intake is small, and beyond the bound.
    """

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.dropped = dict.fromkeys(SEVERITIES, 0)  # events given up, by severity
        self._max_events = max(1, max_events)
        self._max_bytes = max_bytes
        self._intake: deque[Record] = deque()
        self._intake_events = min(_INTAKE_EVENTS, self._max_events)
        self._lock = threading.Lock()  # of all that follows
        self._changed = threading.Condition(self._lock)
        self._queues: dict[str, deque[_Entry]] = {severity: deque() for severity in SEVERITIES}
        self._flight: deque[_Entry] = deque()
        self._flight_bytes = 0
        self._bytes = 0  # of queues and flight
        self._arrivals = 0

    @property
    def queued(self) -> int:
        """Events that wait to be taken."""
        return len(self._intake) + sum(map(len, self._queues.values()))

    @property
    def in_flight(self) -> int:
        """Events that are taken and neither done nor put back."""
        return len(self._flight)

    @property
    def bytes(self) -> int:
        """Estimated bytes of what is queued and in flight, but for the intake."""
        return self._bytes

    def put(self, record: Record) -> None:
        """Queues a record. Never waits, never raises."""
        intake = self._intake
        intake.append(record)
        if len(intake) >= self._intake_events or record.cost > _INTAKE_COST:
            self._settle_if_free()

    def take(self, max_events: int, max_bytes: int) -> list[Record]:
        """Moves the oldest queued events into flight, as many as both limits and half of the bounds
        allow, and returns them. One at least, however large, when nothing else is in flight."""
        with self._lock:
            self._settle()
            events = min(max_events, self._max_events // 2 - len(self._flight))
            room = min(max_bytes, self._max_bytes // 2 - self._flight_bytes)
            taken: list[Record] = []
            while run := self._oldest_run():
                queue, end = run
                while queue and queue[0][0] < end:
                    entry = queue[0]
                    _, cost, record = entry
                    if self._flight and (len(taken) >= events or cost > room):
                        return taken
                    queue.popleft()
                    self._flight.append(entry)
                    self._flight_bytes += cost
                    room -= cost
                    taken.append(record)
            return taken

    def done(self, count: int) -> None:
        """The first `count` events in flight have arrived."""
        with self._lock:
            for _ in range(min(count, len(self._flight))):
                self._forget(self._flight.popleft()[1])
            self._changed.notify_all()

    def remove(self, record: Record, *, dropped: bool = False) -> None:
        """This one in flight need not arrive: it was refused, or is dropped and counted so."""
        with self._lock:
            for i, (_, cost, candidate) in enumerate(self._flight):
                if candidate is record:
                    del self._flight[i]
                    self._forget(cost)
                    self.dropped[_known(record.severity)] += dropped
                    break
            self._changed.notify_all()

    def put_back(self) -> None:
        """Queues again, before all others, what is in flight."""
        with self._lock:
            self._settle()
            while self._flight:
                number, cost, record = self._flight.pop()
                self._bytes += record.cost - cost  # exact by now
                self._queues[_known(record.severity)].appendleft((number, record.cost, record))
            self._flight_bytes = 0
            self._shed()

    def drop_all(self) -> None:
        """Gives up what is queued. Called at the end, perhaps by a handler of a signal that came
        while this thread was in here: so it does not insist."""
        if not self._lock.acquire(timeout=_DROP_SECONDS):
            return
        try:
            self._settle()
            for severity, queue in self._queues.items():
                self._drop_oldest(severity, len(queue))
            self._changed.notify_all()
        finally:
            self._lock.release()

    def wait_done(self, timeout: float) -> bool:
        """Waits, `timeout` seconds at most, until nothing is left of what was put before; returns
        whether that is so. What was dropped counts as gone."""
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(0.0, timeout)):
            return False
        try:
            self._settle()
            last = self._arrivals
            return self._changed.wait_for(
                lambda: self._oldest() > last, max(0.0, deadline - time.monotonic())
            )
        finally:
            self._lock.release()

    def _settle_if_free(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()
        elif len(self._intake) > self._max_events:
            # The lock's holder has not run for so long: this bound must hold all the same.
            try:
                record = self._intake.pop()
            except IndexError:
                return
            self.dropped[_known(record.severity)] += 1

    def _settle(self) -> None:
        """Moves the intake into the queues."""
        intake, queues, other = self._intake, self._queues, self._queues["info"]
        number, total = self._arrivals, self._bytes
        while intake:
            record = intake.popleft()
            cost = record.cost
            number += 1
            total += cost
            queues.get(record.severity, other).append((number, cost, record))
        self._arrivals, self._bytes = number, total
        self._shed()

    def _shed(self) -> None:
        events = len(self._flight) + sum(map(len, self._queues.values()))
        if events <= self._max_events and self._bytes <= self._max_bytes:
            return
        for severity, queue in self._queues.items():
            while queue and (events > self._max_events or self._bytes > self._max_bytes):
                self._drop_oldest(severity, 1)
                events -= 1
        self._changed.notify_all()

    def _drop_oldest(self, severity: str, count: int) -> None:
        queue = self._queues[severity]
        for _ in range(count):
            self._bytes -= queue.popleft()[1]
        self.dropped[severity] += count

    def _forget(self, cost: int) -> None:
        self._bytes -= cost
        self._flight_bytes -= cost

    def _oldest_run(self) -> tuple[deque[_Entry], float] | None:
        """The queue that has the oldest event, and the number at which it is another's turn."""
        heads = sorted((queue[0][0], severity) for severity, queue in self._queues.items() if queue)
        if not heads:
            return None
        return self._queues[heads[0][1]], heads[1][0] if len(heads) > 1 else float("inf")

    def _oldest(self) -> float:
        """The number of the oldest event of all, infinite where there is none."""
        ends = (self._flight, *self._queues.values())
        return min((entries[0][0] for entries in ends if entries), default=float("inf"))


def _known(severity: str) -> str:
    return severity if severity in SEVERITIES else "info"
