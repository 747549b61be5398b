"""The WebSocket client against dp-ingest, and against servers that break every rule."""

import json
import socket
import threading
import time

import pytest

from devpulse._websocket import ClosedError, HandshakeError, WebSocket, WebSocketError
from peers import RawServer, frame, upgrade
from pipeline import Ingest, free_port, wait_for


@pytest.fixture
def ingest(tmp_path):
    with Ingest(tmp_path) as program:
        yield program


def test_a_conversation_with_dp_ingest(ingest):
    websocket = WebSocket.open(ingest.ws_url, subprotocols=["devpulse.v1"])
    assert websocket.subprotocol == "devpulse.v1"
    assert json.loads(websocket.receive(5))["t"] == "hello"
    websocket.send('{"details":"café"}\n[]'.encode())
    assert websocket.write_now()
    assert json.loads(websocket.receive(5))["code"] == "not-object"
    assert json.loads(websocket.receive(5)) == {"t": "ack", "n": 1}
    websocket.close(5)
    assert [e["details"] for e in ingest.events()] == ["café"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        ("/nowhere", {}, 404, "the WebSocket is at / and /ws"),
        ("", {"Host": "evil.example"}, 421, "this Host is not served here"),
        ("", {"Origin": "http://evil.example"}, 403, "pages of this Origin"),
    ],
)
def test_a_refusal_says_why(ingest, path, headers, status, reason):
    with pytest.raises(HandshakeError) as caught:
        WebSocket.open(ingest.ws_url + path, headers=headers)
    assert caught.value.status == status
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("size", [0, 1, 3, 125, 126, 127, 4095, 4097, 65535, 65536, 100_001])
def test_messages_of_every_form_of_length(size):
    payload = bytes(i % 95 + 32 for i in range(size))

    def echo(peer):
        peer.accept("")
        peer.send(frame(peer.read_frame()[1]))
        peer.read_to_end()

    with RawServer(echo) as server:
        websocket = WebSocket.open(server.ws_url)
        websocket.send(payload)
        assert websocket.receive(10).encode() == payload


def test_fragments_with_a_ping_between_make_one_message():
    pongs = []

    def behave(peer):
        peer.accept("")
        peer.send(frame(b"caf", final=False))
        peer.send(frame("é".encode()[:1], 0, final=False))
        peer.send(frame(b"are you there", 9))
        peer.send(frame("é".encode()[1:], 0))
        pongs.append(peer.read_frame())
        peer.say("second")
        peer.read_to_end()

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        assert websocket.receive(5) == "café"
        assert websocket.receive(5) == "second"
    assert pongs == [(10, b"are you there")]


def test_a_flood_of_pings_does_not_grow_the_answers():
    """Nobody reads the pongs: the latest is enough (RFC 6455, section 5.5.3)."""

    def behave(peer):
        peer.accept("")
        peer.send(frame(b"x" * 125, 9) * 20_000)
        peer.say("done")
        peer.read_to_end()

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        assert websocket.receive(10) == "done"
        assert websocket.unsent < 1000


def test_close_is_said_and_answered():
    seen = []

    def behave(peer):
        peer.accept("")
        seen.append(peer.read_frame())
        peer.send(frame(b"\x03\xe8", 8))

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        started = time.monotonic()
        websocket.close(5)
        assert time.monotonic() - started < 2
    assert seen == [(8, b"\x03\xe8")]
    assert websocket.fileno() == -1


def test_close_does_not_wait_longer_than_told():
    def behave(peer):
        peer.accept("")
        peer.read_to_end()  # and no answer

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        started = time.monotonic()
        websocket.close(0.1)
        assert 0.05 < time.monotonic() - started < 2


def test_what_came_before_the_good_bye_is_received_first():
    answered = threading.Event()

    def behave(peer):
        peer.accept("")
        peer.send(frame(b"last words") + frame(b"\x03\xe9going away", 8))
        assert peer.read_frame() == (8, b"\x03\xe8")
        answered.set()

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        assert wait_for(websocket.receive_now) == ["last words"]
        with pytest.raises(ClosedError) as caught:
            websocket.receive_now()
        assert (caught.value.code, caught.value.reason) == (1001, "going away")
        assert answered.wait(5)


def test_what_came_before_the_end_is_received_first():
    gone = threading.Event()

    def behave(peer):
        peer.accept("")
        peer.say("last words")
        peer.socket.shutdown(socket.SHUT_WR)
        gone.set()
        peer.read_to_end()

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url)
        assert gone.wait(20)
        assert websocket.receive_now() == ["last words"]
        with pytest.raises(WebSocketError, match="hung up"):
            websocket.receive_now()


def test_abandon_leaves_the_connection_to_the_parent():
    """The other holder of the descriptor can still use the connection."""

    def echo(peer):
        peer.accept("")
        peer.send(frame(peer.read_frame()[1]))
        peer.read_to_end()

    with RawServer(echo) as server:
        websocket = WebSocket.open(server.ws_url)
        copy = WebSocket(websocket._socket.dup(), "", b"", 1000)
        copy.abandon()
        websocket.send(b"still here")
        assert websocket.receive(5) == "still here"


def answering(answer):
    """A server that answers every handshake with these bytes; KEY stands for the right digest."""

    def behave(peer):
        key = peer.read_request()["sec-websocket-key"]
        good = upgrade(key)
        peer.send(answer(good) if callable(answer) else answer)
        peer.read_to_end()

    return behave


def endless_headers(peer):
    peer.read_request()
    while True:
        peer.send(b"HTTP/1.1 101 X\r\n" + b"X-More: and more\r\n" * 1000)


HANDSHAKES = {
    "nothing at all": (lambda peer: peer.read_to_end(), "no answer in time"),
    "hangs up": (lambda peer: peer.read_request(), "hung up"),
    "endless headers": (endless_headers, "has no end"),
    "garbage": (answering(b"\xff\xfe\x00SSH-2.0\r\n\r\n"), "no HTTP server"),
    "status of digits of another script": (
        answering(b"HTTP/1.1 " + b"\xb9\xb2\xb3 X\r\n\r\n"),
        "no HTTP server",
    ),
    "wrong accept key": (
        answering(lambda good: good.replace(b"Accept: ", b"Accept: A")),
        "Sec-WebSocket-Accept",
    ),
    "no accept key": (
        answering(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        "Sec-WebSocket-Accept",
    ),
    "no upgrade": (
        answering(lambda good: good.replace(b"Upgrade: websocket", b"Upgrade: h2c")),
        "none of a WebSocket server",
    ),
    "no connection": (
        answering(lambda good: good.replace(b"Connection: Upgrade\r\n", b"")),
        "none of a WebSocket server",
    ),
    "an extension": (
        answering(lambda good: good[:-2] + b"Sec-WebSocket-Extensions: deflate\r\n\r\n"),
        "not offered",
    ),
    "another subprotocol": (
        answering(lambda good: good[:-2] + b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"),
        "not offered",
    ),
    "a redirect": (
        answering(b"HTTP/1.1 302 Found\r\nLocation: ws://evil/\r\nContent-Length: 0\r\n\r\n"),
        "302 Found",
    ),
    "a page": (
        answering(b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html>\n<p>hello"),
        "200 OK",
    ),
    "an endless reason": (
        answering(b"HTTP/1.1 503 Busy\r\n\r\n" + b"x" * 100_000),
        "503 xxx",
    ),
    "control characters as reason": (
        answering(b"HTTP/1.1 503 Busy\r\n\r\n\x1b[2Jgone\n"),
        "503 Busy",
    ),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_hostile_handshake(name):
    behave, expected = HANDSHAKES[name]
    with RawServer(behave) as server:
        started = time.monotonic()
        with pytest.raises(WebSocketError, match=expected) as caught:
            WebSocket.open(server.ws_url, subprotocols=["devpulse.v1"], timeout=1.5)
        assert time.monotonic() - started < 10
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("masked", b"\x81\x81\0\0\0\0x", "masked"),
        ("reserved bit", frame(b"x", bits=0x40), "reserved"),
        ("binary", frame(b"x", 2), "neither text nor control"),
        ("unknown opcode", frame(b"x", 5), "neither text nor control"),
        ("unknown control", frame(b"x", 11), "neither text nor control"),
        ("long ping", b"\x89\x7e\x00\x80" + b"x" * 128, "control frame"),
        ("fragmented ping", frame(b"x", 9, final=False), "control frame"),
        ("continuation of nothing", frame(b"x", 0), "out of order"),
        ("text within fragments", frame(b"x", final=False) + frame(b"y"), "out of order"),
        ("announced 2^63", b"\x81\x7f" + b"\xff" * 8, "more than 1000 bytes"),
        ("too large", frame(b"x" * 1001), "more than 1000 bytes"),
        ("too large in sum", frame(b"x" * 999, final=False) + frame(b"xx", 0), "more than 1000"),
        ("not UTF-8", frame(b"\xff\xfe"), "not UTF-8"),
        ("surrogate", frame(b"\xed\xa0\x80"), "not UTF-8"),
        ("hangs up within a frame", b"\x81\x05x", "hung up"),
        ("close without a code", frame(b"", 8), "1005"),
        ("close that is not UTF-8", frame(b"\x03\xe8\xff", 8), "1000"),
        ("garbage", bytes(range(255, 200, -1)), "."),
    ],
)
def test_a_hostile_server(name, data, expected):
    def behave(peer):
        key = peer.read_request()["sec-websocket-key"]
        peer.send(upgrade(key) + data)
        peer.socket.shutdown(socket.SHUT_WR)
        peer.read_to_end()

    with RawServer(behave) as server:
        websocket = WebSocket.open(server.ws_url, max_size=1000)
        with pytest.raises(WebSocketError, match=expected):
            websocket.receive(5)
        websocket.close(0)


def test_a_server_that_drips_is_cut_off_by_the_deadline():
    stop = threading.Event()

    def drip(peer):
        peer.read_request()
        while not stop.wait(0.05):
            peer.send(b"H")

    with RawServer(drip) as server:
        started = time.monotonic()
        with pytest.raises(WebSocketError):
            WebSocket.open(server.ws_url, timeout=0.5)
        assert 0.4 < time.monotonic() - started < 5
        stop.set()


def test_a_server_that_reads_nothing_does_not_block():
    def stall(peer):
        peer.accept("")
        stop.wait(20)

    stop = threading.Event()
    with RawServer(stall) as server:
        websocket = WebSocket.open(server.ws_url)
        started = time.monotonic()
        while websocket.write_now():
            websocket.send(b"x" * 100_000)
        assert websocket.unsent > 0
        with pytest.raises(WebSocketError, match="no answer in time"):
            websocket.receive(0.1)
        websocket.close(0.1)
        assert time.monotonic() - started < 10
        stop.set()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"ws://localhost:{free_port()}", "refused"),
        ("ws://host.invalid", "."),
        ("ws://localhost:1/\r\nX: y", "."),
    ],
)
def test_nobody_there(url, expected):
    with pytest.raises(WebSocketError, match=expected):
        WebSocket.open(url, timeout=2)


@pytest.mark.parametrize("url", ["http://localhost", "ws://", "localhost:8008", "ws://h:x"])
def test_what_is_no_url_of_a_websocket(url):
    with pytest.raises(ValueError):
        WebSocket.open(url)


def test_a_token_with_a_line_break_is_not_sent():
    with (
        RawServer(lambda peer: peer.read_to_end()) as server,
        pytest.raises(WebSocketError, match="line break"),
    ):
        WebSocket.open(server.ws_url, headers={"Authorization": "Bearer x\r\nX: y"}, timeout=2)


def test_a_server_on_ipv6():
    def behave(peer):
        peer.accept("")
        peer.say("six")
        peer.read_to_end()

    try:
        server = RawServer(behave, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        assert WebSocket.open(f"ws://[::1]:{server.port}").receive(5) == "six"
