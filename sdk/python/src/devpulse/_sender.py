"""Delivery to dp-ingest over a WebSocket, by the subprotocol devpulse.v1 (dp-ingest(1)).

    hello   ◀── {"t":"hello","v":1,"max":BYTES,"win":N}
    events  ──▶ a message is some events, one a line
    nack    ◀── {"t":"nack","n":N,"i":I,"eventId":ID,"code":CODE,"why":TEXT}   event I of message N
    ack     ◀── {"t":"ack","n":N}          all of the first N messages are written, or were refused

What is not acknowledged when the connection ends is sent again on the next one, in order and with
the same ids, by which the store knows what it has. A server that speaks no subprotocol is sent
events all the same; they are done with when the system has taken them.
"""

import json
import random
import selectors
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ._buffer import MAX_BYTES, MAX_EVENTS
from ._internal import logger, warn_once
from ._record import Record
from ._websocket import HandshakeError, WebSocket, WebSocketError
from ._worker import Worker

PROTOCOL = "devpulse.v1"
_OPEN_SECONDS = 5.0
_GOODBYE_SECONDS = 0.5
_DELAY_MIN, _DELAY_MAX = 0.2, 10.0  # seconds between attempts to connect
_NOTICE_SECONDS = 10.0  # between notices of dropped events
_MESSAGE_MAX = 256 * 1024  # bytes, unless one event has more
_MESSAGE_EVENTS = 1000
_ANSWER_MAX = 64 * 1024  # bytes; the server's messages are short
_PLAIN_MAX = 1 << 20  # bytes of an event for a server that names no limit
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass
class _Message:
    """One that is not acknowledged. A record that was refused is None."""

    records: list[Record | None]
    refused_more: int = 0  # refused ones that the server did not name

    @property
    def left(self) -> int:
        return len(self.records) - self.records.count(None)


class Sender(Worker):
    """Sends events to dp-ingest. See Worker for what the application calls."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        notice: Callable[[str], Record] | None = None,
    ) -> None:
        """`token` is what dp-ingest has in its --token-file. `notice` makes an event of a text that
        whoever looks at the events should know. Of wss the certificate must be of an authority
        that the system trusts, or that OpenSSL's SSL_CERT_FILE names."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._notice = notice
        super().__init__("devpulse-sender", max_events, max_bytes)

    def _begin(self) -> None:
        super()._begin()
        self._websocket: WebSocket | None = None
        self._taken: deque[Record] = deque()  # in flight by the buffer's count, not yet sent
        self._messages: deque[_Message] = deque()  # not acknowledged, on this connection
        self._first = 1  # the number of the first of them
        self._max = self._window = 1  # of hello
        self._is_proven = False  # an acknowledgement came on this connection
        self._was_proven = False  # on any
        self._is_told = False  # that the server is away
        self._reason = "no answer in time"  # of the last failure
        self._delay = _DELAY_MIN
        self._connections = self._sent = self._acked = self._refused = 0
        self._noticed: dict[str, int] = {}  # dropped events that a notice told of
        self._next_notice_at = 0.0

    def close(self, timeout: float) -> bool:
        before = sum(self._buffer.dropped.values())
        is_done = super().close(timeout)
        lost = sum(self._buffer.dropped.values()) - before
        if lost > 0 and not self._is_told:
            self._is_told = True
            logger.warning("%s: %s; events lost at the end: %d", self._where, self._reason, lost)
        return is_done

    @property
    def is_away(self) -> bool:
        return self._is_told and not self._was_proven

    def stats(self) -> dict[str, int]:
        """Counts of events. `sent` counts what was sent again, too; what is sent to a server that
        does not acknowledge is never `acked`. `connected` is 0 or 1."""
        return {
            **super().stats(),
            "sent": self._sent,
            "acked": self._acked,
            "refused": self._refused,
            "reconnects": max(0, self._connections - 1),
            "connected": int(self._websocket is not None),
        }

    # The connection

    def _work(self) -> None:
        self._disconnect()
        while self._wait_for_batch():
            try:
                self._converse(self._connect())
            except WebSocketError as error:
                self._take_failure(error)
                if self._end_at is not None and not self._was_proven:
                    return  # nobody was ever there: the process need not wait to end
                self._wait_to_connect()
        self._say_goodbye()

    def _connect(self) -> WebSocket:
        timeout = max(0.05, self._seconds_left(_OPEN_SECONDS))
        websocket = WebSocket.open(
            self._url,
            headers=self._headers,
            subprotocols=[PROTOCOL],
            timeout=timeout,
            max_size=_ANSWER_MAX,
        )
        self._websocket = websocket
        if websocket.subprotocol:
            self._take_hello(_parsed(websocket.receive(timeout)))
        else:
            self._max, self._window = _PLAIN_MAX, 1
            warn_once("plain", "%s acknowledges nothing: what is lost is not noticed", self._where)
        assert self._selector is not None
        self._selector.register(websocket, _READ)
        self._connections += 1
        return websocket

    def _disconnect(self) -> None:
        """What was not acknowledged is queued again."""
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            self._unwatch(websocket)
            websocket.abandon()
        self._taken.clear()
        self._messages.clear()
        self._first = 1
        self._is_proven = False
        self._buffer.put_back()

    def _abandon(self) -> None:
        if self._websocket is not None:
            self._websocket.abandon()

    def _say_goodbye(self) -> None:
        websocket = self._websocket
        if websocket is not None:
            self._unwatch(websocket)
            websocket.close(self._seconds_left(_GOODBYE_SECONDS))
            self._websocket = None

    def _watch(self, websocket: WebSocket, events: int) -> None:
        assert self._selector is not None
        if self._selector.get_key(websocket).events != events:
            self._selector.modify(websocket, events)

    def _unwatch(self, websocket: WebSocket) -> None:
        assert self._selector is not None
        try:
            self._selector.unregister(websocket)
        except KeyError:  # it broke before it was registered
            pass

    def _take_failure(self, error: WebSocketError) -> None:
        """Told unless it is the end of a connection that worked, which the next may mend; at the
        end of all close() tells what is lost."""
        was_proven = self._is_proven
        self._disconnect()
        self._reason = _reason(error)
        if not was_proven and not self._is_told and self._end_at is None:
            self._is_told = True
            logger.warning("%s: %s; events wait until it is there", self._where, self._reason)
        logger.debug("%s: %s", self._where, error)

    def _wait_to_connect(self) -> None:
        delay = min(self._delay, _DELAY_MAX)
        self._delay = min(2 * delay, _DELAY_MAX)
        if self._is_hurried():
            delay = _DELAY_MIN
        self._wait(delay * random.uniform(0.5, 1.0))

    @property
    def _where(self) -> str:
        """The URL without what may be secret in it."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    # The conversation

    def _converse(self, websocket: WebSocket) -> None:
        """Until it is over, or the connection is: WebSocketError."""
        while not self._is_over():
            for text in websocket.receive_now():
                if websocket.subprotocol:
                    self._take_answer(_parsed(text))
            is_written = websocket.write_now()
            if is_written and not websocket.subprotocol:
                self._take_ack(len(self._messages))
            self._watch(websocket, _READ if is_written else _READ | _WRITE)
            may_send = is_written and len(self._messages) < self._window
            due = 0.0 if self._taken else self._due_in()
            if may_send and due == 0 and self._send_message(websocket):
                self._wait(0.0)  # so that answers are read, and green threads have a turn
            elif may_send and due != 0:
                self._wait(due, for_events=due is None)
            else:
                self._wait(None)  # for an answer, or room in the connection

    def _send_message(self, websocket: WebSocket) -> bool:
        """Returns whether anything was taken: there is something, and room in flight."""
        limit = min(self._max, _MESSAGE_MAX)
        if not self._taken:
            self._taken.extend(self._buffer.take(_MESSAGE_EVENTS, limit))
        if not self._taken:
            return False
        texts: list[bytes] = []
        records: list[Record | None] = []
        size = 0
        while self._taken:
            record = self._taken[0]
            text = self._text(record)
            if text is not None:
                size += len(text) + 1
                if texts and size > limit:
                    break
                texts.append(text)
                records.append(record)
            self._taken.popleft()
        if texts:
            websocket.send(b"\n".join(texts))
            self._messages.append(_Message(records))
            self._sent += len(records)
        return True

    def _text(self, record: Record) -> bytes | None:
        """None where it cannot be sent: then it is dropped, and counted so."""
        try:
            text = record.encode()
        except Exception as error:
            warn_once("encode", "an event could not be written as JSON and is dropped: %r", error)
        else:
            if len(text) <= self._max:
                return text
            warn_once("large", "an event of %d bytes is dropped, it is too large", len(text))
        self._buffer.remove(record, dropped=True)
        return None

    # What the server says

    def _take_hello(self, hello: dict[str, Any]) -> None:
        if hello.get("t") != "hello":
            raise WebSocketError("the server did not say hello")
        self._max = _positive(hello.get("max"))
        self._window = _positive(hello.get("win"))

    def _take_answer(self, answer: dict[str, Any]) -> None:
        kind = answer.get("t")
        if kind == "ack":
            self._take_ack(_positive(answer.get("n")) - self._first + 1)
        elif kind == "nack":
            self._take_nack(answer)

    def _take_ack(self, count: int) -> None:
        """The first `count` unacknowledged messages arrived."""
        if count > len(self._messages):
            raise WebSocketError("the server acknowledged what was not sent")
        if count > 0:
            self._prove()
            self._tell_of_dropped()
        for _ in range(count):
            message = self._messages.popleft()
            self._first += 1
            if self._websocket is not None and self._websocket.subprotocol:
                self._acked += message.left - message.refused_more
            self._buffer.done(message.left)  # which may end a flush(): all else is done before

    def _take_nack(self, nack: dict[str, Any]) -> None:
        code = str(nack.get("code"))[:100]
        where = _positive(nack.get("n")) - self._first
        if not 0 <= where < len(self._messages):
            raise WebSocketError("the server refused what was not sent")
        message = self._messages[where]
        if code == "more":
            message.refused_more = min(_positive(nack.get("count")), message.left)
            self._refused += message.refused_more
            return
        index = nack.get("i", 0)
        if not isinstance(index, int) or not 0 <= index < len(message.records):
            raise WebSocketError("the server refused what was not sent")
        record = message.records[index]
        if record is not None:
            message.records[index] = None
            self._buffer.remove(record)
            self._refused += 1
            why = f"{code}: {nack.get('why')}"[:200]
            warn_once(f"nack {code}", "an event was refused: %r", why)

    def _prove(self) -> None:
        """This connection works."""
        if self._is_proven:
            return
        self._is_proven = self._was_proven = True
        self._delay = _DELAY_MIN
        self._next_notice_at = 0.0
        if self._is_told:
            self._is_told = False
            dropped = sum(self._buffer.dropped.values()) - sum(self._noticed.values())
            logger.info("%s is there again; events dropped meanwhile: %d", self._where, dropped)

    def _tell_of_dropped(self) -> None:
        """Sends an event that says how many others were dropped since the last such event."""
        now = time.monotonic()
        dropped = dict(self._buffer.dropped)
        if self._notice is None or dropped == self._noticed or now < self._next_notice_at:
            return
        counts = {s: n - self._noticed.get(s, 0) for s, n in dropped.items()}
        self._noticed = dropped
        self._next_notice_at = now + _NOTICE_SECONDS
        if total := sum(counts.values()):
            parts = ", ".join(f"{n} {s}" for s, n in reversed(counts.items()) if n)
            text = f"{total} events were dropped before they could be sent ({parts})"
            self._buffer.put(self._notice(text))


def _parsed(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise WebSocketError("the server does not speak devpulse.v1")
    return answer


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise WebSocketError("the server does not speak devpulse.v1")
    return value


def _reason(error: WebSocketError) -> str:
    if isinstance(error, HandshakeError) and error.status == 401:
        return "a token is wanted, and the right one: init(token=…) or DEVPULSE_TOKEN (401)"
    if isinstance(error, HandshakeError) and error.status < 400:
        return f"what is there takes no events ({error})"  # such as dp-http
    return str(error)
