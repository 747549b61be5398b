"""A peer for the tests, over a raw socket: HTTP and WebSocket (RFC 6455) by hand, so that what is
malformed can be sent, too. The port of dp-ingest is in $PORT."""

import base64
import json
import os
import socket
import struct
import time

PORT = int(os.environ.get("PORT", "0"))
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def dial(port=PORT):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    return s


def read_all(s):
    """Everything until the other side closes."""
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def request(text):
    """Sends the bytes of a request, LF as CR LF; returns what is answered until the close."""
    if isinstance(text, str):
        text = text.replace("\n", "\r\n").encode()
    with dial() as s:
        s.sendall(text)
        return read_all(s).decode(errors="replace")


def status(text):
    """The status that a request is answered with, 0 where the connection is just closed."""
    answer = request(text)
    return int(answer.split()[1]) if answer else 0


def post(body, content_type="application/json", path="/events", headers=""):
    body = body.encode() if isinstance(body, str) else body
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    )
    answer = request(head.encode() + body)
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


def handshake(path="/", protocol=None, key=None, version="13", host="localhost", more=""):
    if key is None:
        key = base64.b64encode(os.urandom(16)).decode()
    offer = f"Sec-WebSocket-Protocol: {protocol}\n" if protocol else ""
    return (
        f"GET {path} HTTP/1.1\nHost: {host}\nUpgrade: websocket\nConnection: Upgrade\n"
        f"Sec-WebSocket-Key: {key}\nSec-WebSocket-Version: {version}\n{offer}{more}\n"
    )


def frame(opcode, payload=b"", fin=True, rsv=0, length=None):
    """The bytes of a masked frame; `length` to declare another length than there is."""
    payload = payload.encode() if isinstance(payload, str) else payload
    n = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if n < 126:
        head += bytes([0x80 | n])
    elif n < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", n)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", n)
    mask = os.urandom(4)
    pad = mask * (len(payload) // 4 + 1)
    masked = (
        int.from_bytes(payload, "big") ^ int.from_bytes(pad[: len(payload)], "big")
    ).to_bytes(len(payload), "big")
    return head + mask + masked


class WebSocket:
    def __init__(self, path="/", protocol=None, more="", port=PORT, wait=True):
        """Without `wait` it is not one yet, but after upgraded()."""
        self.socket = dial(port)
        self.data = b""
        self.closed = None  # the code of the server's close frame
        self.socket.sendall(handshake(path, protocol, more=more).replace("\n", "\r\n").encode())
        if wait:
            self.upgraded()

    def upgraded(self):
        while b"\r\n\r\n" not in self.data:
            chunk = self.socket.recv(65536)
            assert chunk, "the upgrade was refused: %r" % self.data
            self.data += chunk
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *events):
        """Each as a message of its own; what is no text as JSON."""
        for e in events:
            self.socket.sendall(frame(TEXT, e if isinstance(e, (str, bytes)) else json.dumps(e)))

    def raw(self, *frames):
        self.socket.sendall(b"".join(frames))

    def _take(self, n):
        while len(self.data) < n:
            chunk = self.socket.recv(1 << 20)
            if not chunk:
                raise EOFError
            self.data += chunk
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def read_frame(self):
        first, n = self._take(2)
        if n == 126:
            (n,) = struct.unpack(">H", self._take(2))
        elif n == 127:
            (n,) = struct.unpack(">Q", self._take(8))
        return first & 15, self._take(n)

    def read(self, timeout=20):
        """The next text message, as JSON; None where none comes in time or the server closes."""
        self.socket.settimeout(timeout)
        try:
            while True:
                opcode, payload = self.read_frame()
                if opcode == TEXT:
                    return json.loads(payload)
                if opcode == CLOSE:
                    self.closed = struct.unpack(">H", payload[:2])[0] if payload else 1005
                    self.raw(frame(CLOSE, payload[:2]))
                    return None
        except (socket.timeout, BlockingIOError):
            return None
        except (EOFError, ConnectionError):
            self.closed = self.closed or 1006
            return None

    def code(self, timeout=20):
        """Reads until the close; its code, 1006 where there was no close frame, None where the
        connection stays open for so long."""
        end = time.monotonic() + timeout
        while self.closed is None and time.monotonic() < end:
            self.read(max(end - time.monotonic(), 0.01))
        return self.closed

    def acked(self, n):
        """Reads until message n is acknowledged; the nacks that came before."""
        nacks = []
        while True:
            f = self.read()
            assert f is not None, f"no ack, closed: {self.closed}"
            if f["t"] == "nack":
                nacks.append(f)
            if f["t"] == "ack" and f["n"] >= n:
                return nacks


def greeted(ws):
    ws.hello = ws.read()
    assert ws.hello["t"] == "hello", ws.hello
    return ws


def acknowledged(protocol="devpulse.v1", more=""):
    """A devpulse.v1 WebSocket behind its greeting."""
    return greeted(WebSocket(protocol=protocol, more=more))


def many_acknowledged(count):
    """So many, which ask at the same time."""
    many = [WebSocket(protocol="devpulse.v1", wait=False) for _ in range(count)]
    for ws in many:
        ws.upgraded()
    return [greeted(ws) for ws in many]


def status_kb(pid, name):
    """Of proc(5): VmRSS, or VmHWM, its highest."""
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith(name)).split()[1])


def rss_kb(pid):
    return status_kb(pid, "VmRSS")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        user, system = f.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def is_true(check, timeout=10):
    """Waits for something to become true."""
    end = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)
