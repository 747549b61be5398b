"""Servers that behave as no real one does, byte by byte, for the tests of the transport."""

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable

from pipeline import PATIENCE

HELLO = '{"t":"hello","v":1,"max":1048576,"win":1000}'


class RawServer:
    """Listens on a free port and calls `behave(connection)` for each client, each in
    a thread of its own."""

    def __init__(
        self,
        behave: Callable[["Peer"], None],
        *,
        host: str = "127.0.0.1",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._behave = behave
        self._context = context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        self.ws_url = f"{'wss' if context else 'ws'}://localhost:{self.port}"
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        with contextlib.suppress(OSError, EOFError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock:
                self._behave(Peer(sock))

    def close(self) -> None:
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def __enter__(self) -> "RawServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Peer:
    """A client, as the server sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._in = sock.makefile("rb")

    def read_request(self) -> dict[str, str]:
        """The headers of the handshake, names in lower case."""
        headers = {}
        while line := self._in.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if not headers:
            raise EOFError
        return headers

    def accept(self, subprotocol: str = "devpulse.v1", greeting: str = HELLO) -> None:
        """A correct answer to the handshake, and hello where there is a subprotocol."""
        self.send(upgrade(self.read_request()["sec-websocket-key"], subprotocol))
        if subprotocol and greeting:
            self.say(greeting)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, text: str) -> None:
        self.send(frame(text.encode()))

    def read_frame(self) -> tuple[int, bytes]:
        """The client's next frame as (opcode, payload), unmasked; EOFError when there is none."""
        first, second = self._exactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
        assert second & 0x80, "a client must mask its frames"
        key = self._exactly(4)
        payload = self._exactly(size)
        return first & 0x0F, bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))

    def read_events(self) -> list[dict]:
        """The events of the client's next text message."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == 1:
                return [json.loads(line) for line in payload.split(b"\n")]

    def read_to_end(self) -> None:
        while self._in.read1(65536):
            pass

    def _exactly(self, size: int) -> bytes:
        data = self._in.read(size)
        if len(data) < size:
            raise EOFError
        return data


def upgrade(key: str, subprotocol: str = "", more: Iterable[str] = ()) -> bytes:
    """The answer to a handshake."""
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(payload: bytes, opcode: int = 1, *, final: bool = True, bits: int = 0) -> bytes:
    """A server's frame; `bits` are added to its first byte."""
    size = len(payload)
    head = bytes((opcode | (0x80 if final else 0) | bits,))
    if size < 126:
        head += bytes((size,))
    elif size < 1 << 16:
        head += b"\x7e" + size.to_bytes(2, "big")
    else:
        head += b"\x7f" + size.to_bytes(8, "big")
    return head + payload
