# dp-ingest over WebSockets: the three protocols, bad input, handshakes and limits, with peers by
# hand (peer.py), python3-websockets and python3-wsproto.

bats_require_minimum_version 1.5.0
load helpers

teardown() { stop_background; }

start_ingest() {
	PORT=$(free_port)
	export PORT
	background ingest dp-ingest --listen "127.0.0.1:$PORT" "$@"
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
}

# The details of the events that were written, comma-separated.
details() { jq -r .details "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,; }
lines_of() { [ "$(wc -l <"$1")" = "$2" ]; }
details_are() { [ "$(details)" = "$1" ]; }

@test "a plain client: one event, an array or NDJSON a message, on / and /ws; nothing comes back" {
	start_ingest
	python <<'PY'
from peer import *

with WebSocket() as ws:
    ws.send({"details": "1"}, [{"details": "2"}, {"details": "3"}])
    ws.send('{"details":"4"}\n{"details":"5"}\n', "bad", "", '{"details":"6"}')
    assert ws.read(0.3) is None and ws.closed is None
with WebSocket("/ws") as ws:
    ws.send({"details": "7"})
PY
	retry_until details_are 1,2,3,4,5,6,7
}

@test "devpulse.v1: a greeting, acks in order, and a nack before the ack that covers it" {
	start_ingest --window 7
	python <<'PY'
from peer import *

ws = acknowledged()
assert ws.hello == {"t": "hello", "v": 1, "max": 1048576, "win": 7}, ws.hello
ws.send({"details": "1"})
assert ws.read() == {"t": "ack", "n": 1}
event_id = "019a0000-0000-7000-8000-000000000001"
ws.send({"details": "2"}, {"eventId": event_id, "traceId": 5}, "nonsense", "",
        [{"details": "3"}, {"unknown": 1}, {"details": "4"}], "[]", {"details": "5"})
nacks, acks = [], []
while not acks or acks[-1] < 8:
    f = ws.read()
    if f["t"] == "ack":
        assert not acks or f["n"] > acks[-1], "acks only rise"
        acks.append(f["n"])
    else:
        assert not acks or f["n"] > acks[-1], "a nack behind its ack"
        nacks.append(f)
got = [(f["n"], f.get("i"), f["eventId"], f["code"]) for f in nacks]
assert got == [
    (3, None, event_id, "wrong-type"),
    (4, None, None, "not-json"),
    (5, None, None, "empty"),
    (6, 1, None, "no-known-field"),
], got
assert all(f["why"] for f in nacks)
assert ws.read(0.2) is None and ws.closed is None
PY
	[ "$(details)" = 1,2,3,4,5 ]
}

@test "devpulse.v1: of many refused events the first 100 are named, the rest counted" {
	start_ingest
	python <<'PY'
from peer import *

ws = acknowledged()
ws.send("x\n" * 250, {"details": "good"})
nacks = ws.acked(2)
assert [f["i"] for f in nacks[:100]] == list(range(100))
assert len(nacks) == 101 and nacks[100]["code"] == "more" and nacks[100]["count"] == 150, nacks[100]
PY
	[ "$(details)" = good ]
}

@test "bad input: each kind has its answer, is counted, logged once, and costs only itself" {
	start_ingest
	python <<'PY'
from peer import *

deep = "{\"details\":" + "[" * 70 + "]" * 70 + "}"
keys = json.dumps({"details": "x", "locals": {str(i): i for i in range(1001)}})
cases = [
    ("not-json", "{"), ("not-json", '{"details":"x" y}'), ("not-json", "{'details':1}"),
    ("not-object", "5"), ("not-object", '"x"'), ("not-object", "[[]]"),
    ("no-known-field", '{"other":1}'), ("no-known-field", "{}"),
    ("wrong-type", '{"traceId":5}'), ("bad-trace-id", '{"traceId":"%s"}' % ("x" * 129)),
    ("too-deep", deep), ("too-many-keys", keys), ("bad-number", '{"details":1e400}'),
    ("not-json", '{"details":NaN}'), ("empty", ""), ("empty", " \n"),
]
ws = acknowledged()
ws.send({"details": "first"})
for _, text in cases:
    ws.send(text)
ws.send('{"details":"a\\u0000b"}', {"details": "last"})
nacks = ws.acked(len(cases) + 3)
got = [(f["n"] - 2, f["code"]) for f in nacks]
want = [(i, code) for i, (code, _) in enumerate(cases)]
assert got == want, [pair for pair in zip(got, want) if pair[0] != pair[1]]
PY
	[ "$(jq -c .details "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,)" = '"first","a�b","last"' ]
	[ "$(grep -c 'refused from 127.0.0.1: not-json: ' "$BATS_TEST_TMPDIR/ingest.err")" = 1 ]
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'accepted 3, refused 16 \(.*not-json 4.*empty 2'
	run ! grep -q libwebsockets "$BATS_TEST_TMPDIR/ingest.err"
}

@test "close codes: what RFC 6455 and the limits demand, and what came before is kept" {
	start_ingest
	python <<'PY'
from peer import *

MiB = 1 << 20
cases = [  # what, frames, code
    ("binary", [frame(BINARY, b"{}")], 1003),
    ("an empty binary one", [frame(BINARY)], 1003),
    ("a fragmented binary one", [frame(BINARY, b"{", fin=False), frame(0, b"}")], 1003),
    ("no UTF-8", [frame(TEXT, b'{"details":"\xff"}')], 1007),
    ("a surrogate", [frame(TEXT, b'{"details":"\xed\xa0\x80"}')], 1007),
    ("no UTF-8 in no JSON", [frame(TEXT, b"nonsense \xc3\x28")], 1007),
    ("half a character at the end", [frame(TEXT, b'{"details":"\xc3', fin=False), frame(0)], 1007),
    ("a message too large", [frame(TEXT, b"x" * (MiB + 1))], 1009),
    ("a frame too large, announced", [frame(TEXT, b"x", length=MiB + 1)], 1009),
    ("a frame of 2^62 bytes, announced", [frame(TEXT, b"x", length=1 << 62)], 1009),
    ("fragments too large", [frame(TEXT, b"x" * MiB, fin=False), frame(0, b"x")], 1009),
    ("too many fragments", [frame(TEXT, b"", fin=False)] + [frame(0, b"", fin=False)] * 1030, 1008),
    ("a continuation of nothing", [frame(0, b"{}")], 1002),
    ("a message within a message", [frame(TEXT, b"{", fin=False), frame(TEXT, b"{}")], 1002),
    ("opcode 3", [frame(3, b"{}")], 1002),
    ("opcode 11", [frame(11)], 1002),
    ("a reserved bit", [frame(TEXT, b"{}", rsv=4)], 1002),
    ("a fragmented ping", [frame(PING, fin=False)], 1002),
    ("a close", [frame(CLOSE, struct.pack(">H", 1000))], 1000),
]
for what, frames, code in cases:
    with acknowledged() as ws:
        ws.send({"details": "ok"})
        ws.acked(1)
        ws.raw(*frames)
        assert (got := ws.code(5)) == code, (what, got)
PY
	[ "$(grep -c '"details":"ok"' "$BATS_TEST_TMPDIR/ingest.out")" = 19 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 19 ]
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'accepted 19, refused 12 \(.*binary 3, bad-utf8 4, too-large 4, too-many-fragments 1\)'
}

@test "messages in fragments, of up to exactly 1 MiB and 1024 frames, with pings between them" {
	start_ingest
	python <<'PY'
from peer import *

ws = acknowledged()
text = json.dumps({"details": "fragments \u20ac\U0001f600"}, ensure_ascii=False).encode()
ws.raw(frame(TEXT, text[:1], fin=False), *[frame(0, text[i:i + 1], fin=False) for i in range(1, len(text))],
       frame(PING, b"between"), frame(0, b""))
assert ws.read_frame() == (PONG, b"between")
full = '{"details":"%s"}' % ("x" * (1048576 - 14))
ws.send(full)
ws.raw(frame(TEXT, full[:500000], fin=False), frame(0, full[500000:]))
ws.raw(frame(TEXT, b"", fin=False), *[frame(0, b"", fin=False)] * 1022, frame(0, b'{"details":"1024"}'))
assert ws.acked(4) == []
# byte by byte on the wire
for byte in frame(TEXT, b'{"details":"bytes"}'):
    ws.socket.sendall(bytes([byte]))
assert ws.acked(5) == []
PY
	[ "$(jq -r '.details | if length > 20 then length else . end' "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,)" = \
		"fragments €😀,1048562,1048562,1024,bytes" ]
}

@test "handshakes that are not exactly right are refused with a status" {
	start_ingest
	python <<'PY'
from peer import *

nul = "localhost\0.evil.example"
cases = [
    ("as it should be", handshake(), [101]),
    ("with a query", handshake("/ws?x=1"), [101]),
    ("a local Origin", handshake(more="Origin: http://localhost:8088\n"), [101]),
    ("another case", handshake().replace("websocket", "WebSocket").replace(": Upgrade", ": keep-alive, UPGRADE"), [101]),
    ("another path", handshake("/other"), [404]),
    ("a path below", handshake("/ws/"), [404]),
    ("a foreign Origin", handshake(more="Origin: https://evil.example\n"), [403]),
    ("a foreign Origin that begins well", handshake(more="Origin: http://localhost.evil.example\n"), [403]),
    ("Origin null", handshake(more="Origin: null\n"), [403]),
    ("an old Origin header", handshake(more="Sec-WebSocket-Origin: http://evil.example\n"), [403]),
    ("another Host", handshake(host="evil.example"), [421]),
    ("two Hosts", handshake(host="localhost\nHost: localhost"), [421]),
    ("a Host with a NUL", handshake(host=nul), [421, 403, 0]),
    ("no Host", handshake().replace("Host: localhost\n", ""), [421]),
    ("an Upgrade with a NUL", handshake().replace("websocket", "websocket\0x"), [0]),
    ("a version with a NUL", handshake(version="13\0x"), [426]),
    ("version 12", handshake(version="12"), [426]),
    ("version 13x", handshake(version="13x"), [426]),
    ("two versions", handshake(version="13\nSec-WebSocket-Version: 13"), [426]),
    ("no version", handshake(version="\n").replace("Sec-WebSocket-Version: \n", ""), [426]),
    ("a short key", handshake(key="AAAA"), [400]),
    ("a long key", handshake(key="A" * 200), [400]),
    ("a key that is not base64", handshake(key="!" * 22 + "=="), [400]),
    ("no key", handshake(key="").replace("Sec-WebSocket-Key: \n", ""), [400]),
    ("no Connection header", handshake().replace("Connection: Upgrade\n", ""), [400]),
    ("Connection: close", handshake().replace("Connection: Upgrade", "Connection: close"), [400]),
    ("by POST", handshake().replace("GET", "POST"), [400]),
    ("with a body", handshake(more="Content-Length: 5\n") + "12345", [400]),
    ("an unknown subprotocol", handshake(protocol="graphql-ws"), [400]),
    ("our name for none", handshake(protocol="no subprotocol"), [400]),
    ("a name of ours cut off", handshake(protocol="devpulse.v"), [400]),
    ("a long list", handshake(protocol="devpulse.v1, " + "x" * 120), [400]),
    ("a filter on nothing", handshake("/?colour=red", "devpulse.tail.v1"), [400]),
    ("a filter without value", handshake("/?severity", "devpulse.tail.v1"), [400]),
    ("a severity that is none", handshake("/?severity=loud", "devpulse.tail.v1"), [400]),
]


def status_of(text):  # reads no further than the head, as 101 does not end
    with dial() as s:
        s.sendall(text.replace("\n", "\r\n").encode())
        head = s.recv(4096)
        return int(head.split()[1]) if head else 0


bad = [(what, got) for what, text, want in cases if (got := status_of(text)) not in want]
assert not bad, bad
assert "Sec-WebSocket-Version: 13" in request(handshake(version="8"))
assert "colour" in request(handshake("/?colour=red", "devpulse.tail.v1"))
with acknowledged("unknown, devpulse.v1"):  # one of them is known
    pass
assert "Sec-WebSocket-Extensions" not in request(
    handshake(more="Sec-WebSocket-Extensions: permessage-deflate\n").replace("13", "12"))
PY
	run ! grep -q libwebsockets "$BATS_TEST_TMPDIR/ingest.err"
}

@test "who is too slow is cut off: connecting, in a message, in a body; who is held up is not" {
	start_ingest
	local stuck_port
	stuck_port=$(free_port)
	mkfifo "$BATS_TEST_TMPDIR/stuck"
	exec 7<>"$BATS_TEST_TMPDIR/stuck" # never read
	# shellcheck disable=SC2016 # expanded there
	background stuck bash -c 'exec dp-ingest --listen "127.0.0.1:$0" >"$1"' "$stuck_port" "$BATS_TEST_TMPDIR/stuck"
	retry_until file_has "$BATS_TEST_TMPDIR/stuck.err" listening
	python "$stuck_port" <<'PY'
import sys, threading
from peer import *

results = {}


def run(name):
    def start(fn):
        def timed():
            t = time.monotonic()
            got = fn()
            results[name] = (got, time.monotonic() - t)
        threads.append(threading.Thread(target=timed))
        threads[-1].start()
    return start


threads = []


@run("silent")
def _():
    with dial() as s:
        return read_all(s)


@run("dripping headers")
def _():
    with dial() as s:
        try:
            for c in "GET / HTTP/1.1\r\nX: " + "x" * 200:
                s.sendall(c.encode())
                time.sleep(0.2)
        except ConnectionError:
            return b""


@run("a message that drips")
def _():
    with acknowledged() as ws:
        ws.raw(frame(TEXT, '{"details":', fin=False))
        while ws.closed is None:
            ws.raw(frame(0, " ", fin=False))
            ws.read(0.5)
        return ws.closed


@run("a frame that stops")
def _():
    with acknowledged() as ws:
        ws.raw(frame(TEXT, "x", length=1000))
        return ws.code()


@run("a body that drips")
def _():
    with dial() as s:
        s.sendall(b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000\r\n\r\n{")
        s.settimeout(0.5)
        while True:
            try:
                return s.recv(1000).split()[1]
            except socket.timeout:
                s.sendall(b" ")


held = WebSocket(port=int(sys.argv[1]))  # its last message is half read for 12 s
held.socket.settimeout(0.5)
try:
    while True:
        held.send({"details": "x" * 100000})
except socket.timeout:
    pass

patient = WebSocket()  # many messages, each in time
for _ in range(24):
    patient.raw(frame(TEXT, '{"details":', fin=False))
    time.sleep(0.5)
    patient.raw(frame(0, '"patient"}'))
for ws in patient, held:
    assert ws.read(0.1) is None and ws.closed is None
for t in threads:
    t.join()
bad = {k: v for k, v in results.items() if v[1] > 14 or v[1] < 4}
assert not bad, bad
assert [results[k][0] for k in ("a message that drips", "a frame that stops", "a body that drips")] == [
    1008, 1008, b"408"], results
PY
	exec 7>&-
	[ "$(grep -c patient "$BATS_TEST_TMPDIR/ingest.out")" = 24 ]
}

@test "incomplete messages have at most 64 MiB together: beyond it 1013, and 503 for a body" {
	start_ingest
	python <<'PY'
from peer import *

part = frame(TEXT, b"x" * 1000000, fin=False)
head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n"
held = [WebSocket() for _ in range(67)]
for ws in held:
    ws.raw(part, frame(PING))
    assert ws.read_frame()[0] == PONG
with WebSocket() as ws, dial() as poster:
    ws.raw(part)
    assert ws.code(5) == 1013
    poster.sendall(head + b"x" * 1000000)
    assert poster.recv(100).startswith(b"HTTP/1.1 503 ")
held.pop().socket.close()
held.pop().socket.close()
held[0].raw(frame(0, b"y"))  # complete, though no event


def fits():
    with WebSocket() as ws:
        ws.raw(part, frame(PING))
        return ws.read_frame()[0] == PONG


is_true(fits)
PY
}

@test "a client that never reads can send as much as it likes" {
	start_ingest
	python <<'PY'
from peer import *

with WebSocket() as ws:
    for _ in range(50):
        ws.raw(*[frame(TEXT, '{"traceId":"t","details":"x"}')] * 1000)
    ws.raw(frame(PING, b"end"))
    while ws.read_frame() != (PONG, b"end"):
        pass
PY
	retry_until lines_of "$BATS_TEST_TMPDIR/ingest.out" 50000
}

@test "--idle-timeout: who sends or answers pings stays, who does neither goes" {
	start_ingest --idle-timeout 2
	python <<'PY'
from peer import *

sender, reader, idle = WebSocket(), WebSocket(), WebSocket()  # only `reader` answers pings
pings = 0
reader.socket.settimeout(0.2)
end = time.monotonic() + 5
while time.monotonic() < end:
    sender.send({"details": "x"})
    try:
        opcode, payload = reader.read_frame()
        if opcode == PING:
            reader.raw(frame(PONG, payload))
            pings += 1
    except socket.timeout:
        pass
assert pings >= 2
for ws in sender, reader:
    ws.raw(frame(PING, b"still here"))
    while (f := ws.read_frame()) != (PONG, b"still here"):
        assert f[0] == PING, f
assert idle.code(1) is not None
PY
}

@test "devpulse.tail.v1: what matches the filter, to each subscriber, and nothing from them" {
	start_ingest
	python <<'PY'
from peer import *


def tail(query=""):
    return WebSocket("/" + query, "devpulse.tail.v1")


everything, errors, one = tail(), tail("?severity=error,warning"), tail("?trace=a%20b&system=api")
comma = tail("?trace=x,a%5C,b,y")
with acknowledged() as ws:
    ws.send({"traceId": "a b", "system": "api", "details": "1"},
            {"traceId": "a b", "system": "web", "details": "2", "severity": "fatal"},
            {"traceId": "c", "system": "api", "details": "3", "severity": "warn"}, "bad",
            {"traceId": "a b", "system": "api", "details": "4"},
            {"traceId": "a,b", "details": "5"})
    ws.acked(6)
assert [everything.read()["details"] for _ in range(5)] == ["1", "2", "3", "4", "5"]
assert comma.read()["details"] == "5"
assert [errors.read()["details"] for _ in range(2)] == ["2", "3"]
assert [one.read()["details"] for _ in range(2)] == ["1", "4"]
assert errors.read(0.1) is None and errors.closed is None
everything.send({"details": "mine"})
assert everything.code() == 1008
PY
	[ "$(details)" = 1,2,3,4,5 ]
}

@test "devpulse.tail.v1: a slow subscriber loses events, is told how many, and slows nobody" {
	start_ingest
	python "$ingest_pid" <<'PY'
import sys
from peer import *

slow, quick = WebSocket(protocol="devpulse.tail.v1"), WebSocket(protocol="devpulse.tail.v1")
slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
pad = "x" * 10000
start = rss_kb(sys.argv[1])
with acknowledged() as ws:
    for i in range(1, 2001):
        ws.send({"line": i, "details": pad})
        if i % 50 == 0:
            ws.acked(i)
            for _ in range(50):
                assert quick.read()["details"]
    ws.send({"line": 2001, "details": "last"})
grown = rss_kb(sys.argv[1]) - start
assert grown < 20000 or os.environ.get("SAN"), grown
assert quick.read()["details"] == "last"
last = dropped = 0  # the gaps are told where they are
while f := slow.read(2):
    if f.get("t") == "dropped":
        dropped += f["n"]
        last += f["n"]
    else:
        last += 1
        assert f["line"] == last, (f["line"], last)
assert dropped > 100 and last == 2001, (dropped, last)
PY
}

@test "foreign peers: python3-websockets" {
	start_ingest
	python <<'PY'
import asyncio, json, os, websockets

URL = "ws://127.0.0.1:%s/" % os.environ["PORT"]


async def main():
    async with websockets.connect(URL, subprotocols=["devpulse.v1"]) as ws:
        assert ws.subprotocol == "devpulse.v1"
        assert json.loads(await ws.recv())["t"] == "hello"
        await ws.send(json.dumps({"details": "acknowledged"}))
        assert json.loads(await ws.recv()) == {"t": "ack", "n": 1}
        await asyncio.wait_for(await ws.ping(), 5)
    assert ws.close_code == 1000
    async with websockets.connect(URL) as ws:
        assert ws.subprotocol is None
        await ws.send(json.dumps({"details": "plain"}))
        await ws.send(iter(['{"details":', '"in parts"}']))
    try:
        async with websockets.connect(URL, origin="http://evil.example"):
            raise AssertionError
    except websockets.InvalidHandshake as e:  # its kind differs from version to version
        assert "403" in str(e)


asyncio.run(main())
PY
	retry_until details_are "acknowledged,plain,in parts"
}

@test "foreign peers: python3-wsproto" {
	start_ingest
	python <<'PY'
import os, socket
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

s = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
ws = WSConnection(ConnectionType.CLIENT)
s.sendall(ws.send(Request(host="localhost", target="/ws", subprotocols=["devpulse.v1"])))
seen = []


def until(kind):
    while not any(isinstance(e, kind) for e in seen):
        ws.receive_data(s.recv(4096) or None)
        seen.extend(ws.events())
    found = next(e for e in seen if isinstance(e, kind))
    seen.remove(found)
    return found


assert until(AcceptConnection).subprotocol == "devpulse.v1"
assert '"hello"' in until(TextMessage).data
s.sendall(ws.send(TextMessage(data='{"details":"wsp', message_finished=False)))
s.sendall(ws.send(TextMessage(data='roto"}')))
assert until(TextMessage).data == '{"t":"ack","n":1}'
s.sendall(ws.send(CloseConnection(code=1000)))
assert until(CloseConnection).code == 1000
PY
	[ "$(details)" = wsproto ]
}

@test "devpulse.tail.v1: a filter in its language" {
	start_ingest
	python <<'PY'
from urllib.parse import quote, quote_plus
from peer import *


def tail(*filters, encode=quote):
    query = "&".join("filter=" + encode(f) for f in filters)
    return WebSocket("/?" + query, "devpulse.tail.v1")


slow = tail('duration>500ms severity>=warning "a & b"')
plus = tail('locals."x y"=1,2 details~+', encode=quote_plus)
two = tail("system=api", "-noise")
with acknowledged() as ws:
    ws.send({"details": "A & B", "durationMs": 500.5, "severity": "error"},
            {"details": "a & b", "durationMs": 500, "severity": "error"},
            {"details": "a & b", "durationMs": 501, "severity": "info"},
            {"details": "1+1", "locals": {"x y": 2}},
            {"details": "noise", "system": "api"},
            {"details": "signal", "system": "api"},
            {"details": "a & b", "durationMs": 9000, "severity": "warning"})
    ws.acked(7)
assert [slow.read()["durationMs"] for _ in range(2)] == [500.5, 9000]
assert plus.read()["details"] == "1+1" and plus.read(0.1) is None
assert two.read()["details"] == "signal" and two.read(0.1) is None
answer = request(handshake("/?filter=" + quote("é system="), "devpulse.tail.v1"))
assert " 400 " in answer and "the filter, character 10: a value is expected" in answer, answer
PY
}
