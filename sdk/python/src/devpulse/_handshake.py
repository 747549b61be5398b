"""How a WebSocket is opened: the connection, TLS, and the handshake (RFC 6455, section 4.1).

Everything has a limit and a deadline. Whatever the server answers, the outcome is an open
connection, or a WebSocketError that says why not.
"""

import base64
import codecs
import hashlib
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

# socket.getaddrinfo() wants this codec, whose first use imports it. If a process is forked in the
# midst of that, the child never finds it: "unknown encoding: idna".
codecs.lookup("idna")

T = TypeVar("T")

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_HEAD_MAX = 16 * 1024  # bytes of the answer
_BODY_MAX = 2048  # bytes of it that may say why it is a refusal
_BODY_SECONDS = 1.0


class WebSocketError(Exception):
    """The connection could not be made, or is of no more use."""


class HandshakeError(WebSocketError):
    """The server answered, and not by opening a WebSocket."""

    def __init__(self, status: int, reason: str) -> None:
        """`status` is HTTP's; `reason` the first line of the body, else of the answer."""
        super().__init__(f"{status} {reason}".rstrip())
        self.status = status
        self.reason = reason


def connect(
    url: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str],
    timeout: float,
    context: ssl.SSLContext | None,
) -> tuple[socket.socket, str, bytes]:
    """Returns a socket that does not block, the subprotocol that the server chose ("" for none),
    and what came behind its answer. For the arguments see WebSocket.open()."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("a URL as ws://localhost:8008 is wanted")
    is_secure = parts.scheme == "wss"
    deadline = time.monotonic() + timeout
    address = (parts.hostname, parts.port or (443 if is_secure else 80))
    sock: socket.socket | None = None
    try:
        sock = socket.create_connection(address, timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(sock)
        if is_secure:
            sock.settimeout(max(0.01, deadline - time.monotonic()))
            context = context or ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=parts.hostname)
        sock.setblocking(False)
        key = base64.b64encode(os.urandom(16))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        request = _request(target, host, key, headers or {}, subprotocols)
        subprotocol, rest = _shake_hands(sock, request, key, subprotocols, deadline)
        return sock, subprotocol, rest
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, (OSError, UnicodeError, OverflowError)):
            raise WebSocketError(why(error)) from error
        raise


def _keep_alive(sock: socket.socket) -> None:
    """A machine that is gone is noticed within a minute, though nothing is sent to it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _request(
    target: str, host: str, key: bytes, headers: Mapping[str, str], subprotocols: Sequence[str]
) -> bytes:
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key.decode(),
        "Sec-WebSocket-Version": "13",
        **({"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}),
        **headers,
    }
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any(c in line for line in lines for c in "\r\n\0"):
        raise WebSocketError("the URL or the token holds a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _shake_hands(
    sock: socket.socket, request: bytes, key: bytes, offered: Sequence[str], deadline: float
) -> tuple[str, bytes]:
    """Returns the subprotocol, "" for none, and what came behind the answer (section 4.1)."""
    unsent = bytearray(request)
    while unsent:
        del unsent[: _io(sock, lambda: sock.send(unsent), selectors.EVENT_WRITE, deadline)]
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > _HEAD_MAX:
            raise WebSocketError("the answer to the handshake has no end")
        data += _receive(sock, deadline) or _hung_up()
    head, _, rest = data.partition(b"\r\n\r\n")
    status, reason, headers = _parse_head(head)
    if status != 101:
        raise HandshakeError(status, _first_line(sock, rest, deadline) or reason)
    digest = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
    subprotocol = headers.get("sec-websocket-protocol", "")
    is_upgrade = "upgrade" in headers.get("connection", "").lower()
    if headers.get("upgrade", "").lower() != "websocket" or not is_upgrade:
        raise WebSocketError("the answer to the handshake is none of a WebSocket server")
    if headers.get("sec-websocket-accept") != digest:
        raise WebSocketError("the answer to the handshake has a wrong Sec-WebSocket-Accept")
    if "sec-websocket-extensions" in headers or (subprotocol and subprotocol not in offered):
        raise WebSocketError("the server chose what was not offered")
    return subprotocol, rest


def _parse_head(head: bytes) -> tuple[int, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, answer = first.partition(" ")
    status, _, reason = answer.partition(" ")
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()):
        raise WebSocketError("what answers is no HTTP server")
    pairs = (line.partition(":") for line in lines)
    return int(status), reason, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _first_line(sock: socket.socket, body: bytes, deadline: float) -> str:
    """The first line of a refusal's body, which says why; "" where it is none for people."""
    deadline = min(deadline, time.monotonic() + _BODY_SECONDS)
    try:
        while b"\n" not in body and len(body) < _BODY_MAX and (more := _receive(sock, deadline)):
            body += more
    except (WebSocketError, OSError):
        pass
    line = body[:_BODY_MAX].partition(b"\n")[0].decode(errors="replace").strip()
    return line[:200] if line.isprintable() and not line.startswith("<") else ""


def _receive(sock: socket.socket, deadline: float) -> bytes:
    return _io(sock, lambda: sock.recv(4096), selectors.EVENT_READ, deadline)


def _hung_up() -> bytes:
    raise WebSocketError("the server hung up in the handshake")


def _io(sock: socket.socket, operation: Callable[[], T], event: int, deadline: float) -> T:
    """The result of an operation of the socket, once it does not block."""
    while True:
        try:
            return operation()
        except ssl.SSLWantWriteError:
            wait_until_ready(sock, selectors.EVENT_WRITE, deadline)
        except ssl.SSLWantReadError:
            wait_until_ready(sock, selectors.EVENT_READ, deadline)
        except (BlockingIOError, InterruptedError):
            wait_until_ready(sock, event, deadline)


def wait_until_ready(sock: socket.socket, event: int, deadline: float) -> None:
    """Until the socket is ready; WebSocketError at the deadline."""
    if event & selectors.EVENT_READ and isinstance(sock, ssl.SSLSocket) and sock.pending():
        return
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise WebSocketError("no answer in time")


def why(error: Exception) -> str:
    """What to tell a person: "connection refused", not its number."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:200].lower()
