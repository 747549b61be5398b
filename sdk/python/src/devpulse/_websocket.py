"""The client's side of a WebSocket (RFC 6455), for text messages, on a socket that never blocks.

Nothing here waits but open(), receive() and close(), which have deadlines. A server is not trusted:
whatever it sends, the outcome is a message, or a WebSocketError.
"""

import os
import selectors
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

from ._handshake import HandshakeError, WebSocketError, connect, wait_until_ready, why

__all__ = ["ClosedError", "HandshakeError", "WebSocket", "WebSocketError"]

_READ_MAX = 1 << 20  # bytes read at a time, so that a flood does not keep the caller
_BLOCK = 4096  # bytes masked at a time: larger numbers are slower, and keep other threads waiting
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
_NORMAL, _PROTOCOL_ERROR, _NOT_UTF8, _TOO_LARGE = 1000, 1002, 1007, 1009


class ClosedError(WebSocketError):
    """The server said good-bye."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed by the server ({code}, {reason!r})")
        self.code = code
        self.reason = reason


class WebSocket:
    """An open connection. Not thread-safe."""

    @classmethod
    def open(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        timeout: float = 5.0,
        max_size: int = 2 << 20,
        context: ssl.SSLContext | None = None,
    ) -> "WebSocket":
        """Connects to ws://host[:port][/path][?query] or wss://….

        `timeout`: seconds for all of it, though not for the look-up of the name, and again for
        each address of the host. `max_size`: bytes of a message that is received. `context`: for
        wss, by default ssl.create_default_context(). Raises WebSocketError, as HandshakeError
        where the server refuses; ValueError for another kind of URL.
        """
        sock, subprotocol, rest = connect(url, headers or {}, subprotocols, timeout, context)
        return cls(sock, subprotocol, rest, max_size)

    def __init__(self, sock: socket.socket, subprotocol: str, rest: bytes, max_size: int) -> None:
        """For open(): `rest` is what came with the answer to the handshake."""
        self.subprotocol = subprotocol
        self._socket = sock
        self._max_size = max_size
        self._in = bytearray(rest)
        self._out = bytearray()
        self._pong: bytes | None = None
        self._message: bytearray | None = None  # the fragments so far
        self._is_closing = False
        self._error: WebSocketError | None = None  # to be raised behind the messages before it

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that wait until the socket takes them."""
        return len(self._out)

    def send(self, text: bytes) -> None:
        """Adds a message, UTF-8, to what write_now() sends."""
        self._out += _frame(_TEXT, text)

    def write_now(self) -> bool:
        """Sends what the socket takes now; returns whether that was all."""
        try:
            while self._out or self._pong is not None:
                if not self._out:
                    self._out += _frame(_PONG, self._pong or b"")
                    self._pong = None
                del self._out[: self._socket.send(self._out)]
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            raise WebSocketError(why(error)) from error
        return True

    def receive_now(self) -> list[str]:
        """The messages that have arrived. Pings are answered by the next write_now()."""
        if self._error is not None:
            raise self._error
        messages: list[str] = []
        try:
            self._read()
        except WebSocketError as error:
            self._error = error
        try:
            while (message := self._next_message()) is not None:
                messages.append(message)
        except WebSocketError as error:
            self._error = error
        if self._error is not None and not messages:
            raise self._error
        return messages

    def receive(self, timeout: float) -> str:
        """The next message; WebSocketError when none comes within `timeout` seconds. Messages
        behind it stay for later."""
        deadline = time.monotonic() + timeout
        while (message := self._next_message()) is None:
            self._wait(deadline)
            self._read()
        return message

    def close(self, timeout: float) -> None:
        """Says good-bye, waits `timeout` seconds at most for the answer, closes. Never raises."""
        deadline = time.monotonic() + timeout
        try:
            self._say_goodbye(_NORMAL)
            while True:
                self._wait(deadline)
                self.receive_now()
        except WebSocketError:
            pass
        self.abandon()

    def abandon(self) -> None:
        """Closes the descriptor and says nothing: in the child of a fork the connection lives on
        in its parent."""
        self._socket.close()

    def _wait(self, deadline: float) -> None:
        events = selectors.EVENT_READ
        if not self.write_now():
            events |= selectors.EVENT_WRITE
        wait_until_ready(self._socket, events, deadline)

    def _read(self) -> None:
        room = _READ_MAX
        while room > 0:
            try:
                data = self._socket.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise WebSocketError(why(error)) from error
            if not data:
                raise WebSocketError("the server hung up")
            self._in += data
            room -= len(data)

    def _next_message(self) -> str | None:
        while (frame := self._next_frame()) is not None:
            is_final, opcode, payload = frame
            if opcode == _PING:
                self._pong = payload  # the latest does (section 5.5.3)
            elif opcode == _CLOSE:
                self._take_goodbye(payload)
            elif opcode != _PONG and (message := self._join(is_final, opcode, payload)) is not None:
                return message
        return None

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        """The next whole frame as (is final, opcode, payload), section 5.2."""
        data = self._in
        if len(data) < 2:
            return None
        is_final, opcode, size = data[0] >= 0x80, data[0] & 0x0F, data[1] & 0x7F
        if data[0] & 0x70 or data[1] & 0x80:
            raise self._failure(_PROTOCOL_ERROR, "a frame with reserved bits, or masked")
        if opcode >= _CLOSE and (size > 125 or not is_final):
            raise self._failure(_PROTOCOL_ERROR, "a control frame that is long or in fragments")
        if opcode not in (_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG):
            raise self._failure(_PROTOCOL_ERROR, "a frame that is neither text nor control")
        start = 2 + {126: 2, 127: 8}.get(size, 0)
        if len(data) < start:
            return None
        if start > 2:
            size = int.from_bytes(data[2:start], "big")
        if size + len(self._message or b"") > self._max_size:
            raise self._failure(_TOO_LARGE, f"a message of more than {self._max_size} bytes")
        if len(data) < start + size:
            return None
        payload = bytes(data[start : start + size])
        del data[: start + size]
        return is_final, opcode, payload

    def _join(self, is_final: bool, opcode: int, payload: bytes) -> str | None:
        if (opcode == _TEXT) == (self._message is not None):
            raise self._failure(_PROTOCOL_ERROR, "fragments out of order")
        if self._message is None:
            self._message = bytearray()
        self._message += payload
        if not is_final:
            return None
        message, self._message = self._message, None
        try:
            return message.decode()
        except UnicodeDecodeError:
            raise self._failure(_NOT_UTF8, "a message that is not UTF-8") from None

    def _take_goodbye(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
        self._say_goodbye(_NORMAL)
        self._try_to_write()
        raise ClosedError(code, payload[2:].decode(errors="replace"))

    def _failure(self, code: int, what: str) -> WebSocketError:
        self._in.clear()
        self._say_goodbye(code)
        self._try_to_write()
        return WebSocketError(f"the server sent {what}")

    def _say_goodbye(self, code: int) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._out += _frame(_CLOSE, code.to_bytes(2, "big"))

    def _try_to_write(self) -> None:
        try:
            self.write_now()
        except WebSocketError:
            pass


def _frame(opcode: int, payload: bytes) -> bytes:
    """A final, masked frame (section 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    key = os.urandom(4)
    return head + key + _masked(payload, key)


def _masked(payload: bytes, key: bytes) -> bytes:
    """Each byte XOR that of the key (section 5.3), a block at a time as two large numbers."""
    mask = int.from_bytes(key * (_BLOCK // 4), "little")
    blocks = []
    for start in range(0, len(payload), _BLOCK):
        block = payload[start : start + _BLOCK]
        size = len(block)
        if size < _BLOCK:
            mask &= (1 << 8 * size) - 1
        blocks.append((int.from_bytes(block, "little") ^ mask).to_bytes(size, "little"))
    return b"".join(blocks)
