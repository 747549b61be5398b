# dp-ingest as a program: standard input, the port it listens on, POST, and its standard output
# when that stalls or ends.

bats_require_minimum_version 1.5.0
load helpers

teardown() { stop_background; }

# Starts dp-ingest on a free port, $PORT, its events to $BATS_TEST_TMPDIR/ingest.out.
start_ingest() {
	PORT=$(free_port)
	export PORT
	background ingest dp-ingest --listen "127.0.0.1:$PORT" "$@"
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
}

# The same with a command behind a pipe; its output is in reader.out.
start_ingest_into() {
	local fifo=$BATS_TEST_TMPDIR/pipe
	mkfifo "$fifo"
	PORT=$(free_port)
	export PORT
	# shellcheck disable=SC2016 # expanded there
	background reader bash -c 'exec "$@" <"$0"' "$fifo" "$@"
	dp-ingest --listen "127.0.0.1:$PORT" --idle-timeout 3 >"$fifo" 2>"$BATS_TEST_TMPDIR/ingest.err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
}

lines_of() { [ "$(wc -l <"$1")" = "$2" ]; }

@test "standard input: good lines pass, bad ones are reported with their number" {
	printf '%s\n' '{"traceId":"a","details":"1"}' 'nonsense' '' '   ' '[1]' '{"other":1}' >"$BATS_TEST_TMPDIR/in"
	printf '{"traceId":"a","details":"no newline"}' >>"$BATS_TEST_TMPDIR/in"
	dp-ingest - <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/out" | paste -sd,)" = "1,no newline" ]
	file_has "$BATS_TEST_TMPDIR/err" '^dp-ingest: warning: refused from line 2: not-json: '
	file_has "$BATS_TEST_TMPDIR/err" '^dp-ingest: warning: refused from line 5: not-object: '
	file_has "$BATS_TEST_TMPDIR/err" \
		'^dp-ingest: warning: events passed 2, refused 3 \(not-json 1, not-object 1, no-known-field 1\)$'
}

@test "standard input: nothing is said when nothing is refused, and what passed passes unchanged" {
	echo '{"traceId":"a","details":"1"}' | dp-ingest - >"$BATS_TEST_TMPDIR/once" 2>"$BATS_TEST_TMPDIR/err"
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	dp-ingest - <"$BATS_TEST_TMPDIR/once" >"$BATS_TEST_TMPDIR/twice"
	cmp "$BATS_TEST_TMPDIR/once" "$BATS_TEST_TMPDIR/twice"
}

@test "standard input: a kind of refusal is logged once, and counted" {
	seq 1000 | sed 's/.*/not json/' | dp-ingest - 2>"$BATS_TEST_TMPDIR/err"
	[ "$(grep -c 'refused from' "$BATS_TEST_TMPDIR/err")" = 1 ]
	file_has "$BATS_TEST_TMPDIR/err" 'passed 0, refused 1000 \(not-json 1000\)'
}

@test "standard input: a line beyond 1 MiB is refused, its neighbours pass" {
	{
		echo '{"details":"before"}'
		printf '{"details":"%s"}\n' "$(head -c 1100000 /dev/zero | tr '\0' x)"
		echo '{"details":"behind"}'
	} | dp-ingest - >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/out" | paste -sd,)" = before,behind ]
	file_has "$BATS_TEST_TMPDIR/err" 'line 2: too-large'
}

@test "standard input: an event passes at once, though more may come" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	# shellcheck disable=SC2016 # expanded there
	background filter bash -c 'exec dp-ingest - <"$0"' "$BATS_TEST_TMPDIR/in"
	echo '{"details":"first"}' >&7
	retry_until lines_of "$BATS_TEST_TMPDIR/filter.out" 1
	kill -TERM "$filter_pid"
	wait_for "$filter_pid"
	[ "$status" = 0 ]
	exec 7>&-
}

@test "standard input, WebSocket and POST normalise alike" {
	start_ingest
	local event='{"z":1e2,"line":12345678901234567890,"details":"a\u0000b","severity":"WARN","timestamp":"2026-01-02T03:04:05+02:00","traceId":"t","eventId":"019A0000-0000-7000-8000-000000000001","a":{"b":1,"b":2}}'
	EVENT=$event python <<'PY'
import os
from peer import *

with acknowledged() as ws:
    ws.send(os.environ["EVENT"])
    ws.acked(1)
assert post(os.environ["EVENT"])[0] == 200
PY
	echo "$event" | dp-ingest - >>"$BATS_TEST_TMPDIR/ingest.out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 3 ]
	[ "$(sed 's/"receivedAt":"[^"]*"//' "$BATS_TEST_TMPDIR/ingest.out" | sort -u | wc -l)" = 1 ]
	jq -e '.eventId == "019a0000-0000-7000-8000-000000000001" and .severity == "warning"' \
		"$BATS_TEST_TMPDIR/ingest.out" >/dev/null
	grep -q '"line":12345678901234567890' "$BATS_TEST_TMPDIR/ingest.out"
}

listeners() { ss -ltnHp | sed -n "s/.* \([^ ]*\):$1 .*pid=$2,.*/\1/p"; }

@test "it listens on the address it was told, and nowhere else" {
	start_ingest
	[ "$(listeners "$PORT" "$ingest_pid")" = 127.0.0.1 ]
	[ "$(ss -ltnHp | grep -c "pid=$ingest_pid,")" = 1 ]
	need_ipv6
	background six dp-ingest --listen "[::1]:$PORT"
	retry_until file_has "$BATS_TEST_TMPDIR/six.err" "listening on ws://\[::1\]:$PORT/"
	[ "$(listeners "$PORT" "$six_pid")" = "[::1]" ]
	curl -fsS "http://[::1]:$PORT/livez"
}

@test "port 0 is any free port, named in the ready line" {
	background ingest dp-ingest --listen 127.0.0.1:0
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" \
		'^dp-ingest: info: listening on ws://127.0.0.1:[1-9][0-9]*/ \(events, also POST /events\)$'
	PORT=$(sed -n 's/.*127.0.0.1:\([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/ingest.err")
	[ "$(curl -fsS "http://127.0.0.1:$PORT/livez")" = ok ]
}

@test "a port in use: one line, exit 1" {
	start_ingest
	run --separate-stderr dp-ingest --listen "127.0.0.1:$PORT"
	[ "$status" = 1 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "dp-ingest: error: cannot listen on 127.0.0.1:$PORT: Address already in use; "*--listen* ]]
}

@test "an address that is not here: one line, exit 1" {
	run --separate-stderr dp-ingest --listen 192.0.2.1:8008 --insecure
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"192.0.2.1:8008: Cannot assign requested address; "* ]]
}

@test "beyond this machine it wants a token, or --insecure" {
	run --separate-stderr dp-ingest --listen 0.0.0.0:8008
	[ "$status" = 2 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *--token-file*--insecure* ]]
	PORT=$(free_port)
	background ingest dp-ingest --listen "0.0.0.0:$PORT" --insecure
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
	[ "$(listeners "$PORT" "$ingest_pid")" = 0.0.0.0 ]
}

@test "POST takes an object, an array and NDJSON, and tells what it refused" {
	start_ingest
	python <<'PY'
from peer import *

assert post('{"details":"one"}') == (200, '{"accepted":1,"refusedCount":0,"refused":[]}\n')
code, text = post('[{"details":"two"},{"x":1},{"details":"three"}]')
answer = json.loads(text)
assert code == 200 and answer["accepted"] == 2 and answer["refusedCount"] == 1, answer
assert answer["refused"][0]["index"] == 1 and answer["refused"][0]["code"] == "no-known-field"
code, text = post('{"details":"four"}\nbad\n{"details":"five"}\n', "application/x-ndjson; charset=utf-8")
assert code == 200 and json.loads(text)["accepted"] == 2, text
code, text = post("[]")
assert code == 200 and json.loads(text)["accepted"] == 0, text
code, text = post("bad")
answer = json.loads(text)
assert code == 400 and answer["status"] == 400 and answer["refused"][0]["code"] == "not-json", text
code, text = post("")
assert code == 400 and json.loads(text)["refused"][0]["code"] == "empty", text
code, text = post("bad\n" * 300, "application/x-ndjson")
answer = json.loads(text)
assert code == 400 and len(answer["refused"]) == 100 and answer["refusedCount"] == 300, code
code, text = post('{"details":"%s"}' % ("x" * 1100000))
assert code == 400 and json.loads(text)["refused"][0]["code"] == "too-large", text
code, text = post(b'{"details":"\xff"}')
assert code == 400 and json.loads(text)["refused"][0]["code"] == "bad-utf8", text
PY
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,)" = one,two,three,four,five ]
}

@test "POST: content types, sizes and curl" {
	start_ingest
	local url=http://127.0.0.1:$PORT/events
	code() { curl -sS -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' "$@"; }
	[ "$(code -d '{"details":"form"}' "$url")" = 415 ]
	jq -e '.status == 415 and .title == "Unsupported Media Type"' "$BATS_TEST_TMPDIR/answer"
	[ "$(code -H 'Content-Type: text/plain' -d '{"details":"text"}' "$url")" = 415 ]
	[ "$(code -H 'Content-Type: application/json' -d '{"details":"json"}' "$url")" = 200 ]
	# more than a megabyte: curl asks with "Expect: 100-continue" first
	yes '{"details":"many"}' | head -c 7999995 >"$BATS_TEST_TMPDIR/body"
	[ "$(code -H 'Content-Type: application/x-ndjson' --data-binary "@$BATS_TEST_TMPDIR/body" "$url")" = 200 ]
	jq -e '.accepted == 421052 and .refusedCount == 1' "$BATS_TEST_TMPDIR/answer"
	head -c 9000000 /dev/zero >"$BATS_TEST_TMPDIR/body"
	[ "$(code -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/body" "$url")" = 413 ]
	[ "$(code -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/body" "$url")" = 413 ]
	[ "$(code -H 'Origin: http://evil.example' -H 'Content-Type: application/json' -d '{"details":"x"}' "$url")" = 403 ]
	[ "$(code -H 'Origin: http://localhost:8088' -H 'Content-Type: application/json' -d '{"details":"y"}' "$url")" = 200 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 421054 ]
}

@test "HTTP: what is not exactly right is refused, and the connection ends" {
	start_ingest
	python <<'PY'
from peer import *

body = '{"details":"x"}'
n = len(body)
P = "POST /events HTTP/1.1\n"
H = "Host: localhost\n"
J = "Content-Type: application/json\n"
L = f"Content-Length: {n}\n"
cases = [  # what, request, statuses allowed (0: just closed)
    ("as it should be", P + H + J + L + "\n" + body, [200]),
    ("no Host", P + J + L + "\n" + body, [421]),
    ("another Host", P + "Host: evil.example\n" + J + L + "\n" + body, [421]),
    ("two Hosts", P + H + H + J + L + "\n" + body, [421]),
    ("Host with a NUL", P + "Host: localhost\0evil\n" + J + L + "\n" + body, [421, 403, 0]),
    ("a foreign Origin", P + H + "Origin: https://evil.example\n" + J + L + "\n" + body, [403]),
    ("Origin null", P + H + "Origin: null\n" + J + L + "\n" + body, [403]),
    ("two Origins", P + H + "Origin: http://localhost\n" * 2 + J + L + "\n" + body, [403]),
    ("no length", P + H + J + "\n" + body, [411]),
    ("length 15x", P + H + J + "Content-Length: 15x\n\n" + body, [400]),
    ("length 0xf", P + H + J + "Content-Length: 0xf\n\n" + body, [400]),
    ("length +15", P + H + J + "Content-Length: +15\n\n" + body, [400]),
    ("length -1", P + H + J + "Content-Length: -1\n\n" + body, [400]),
    ("length 15, 15", P + H + J + "Content-Length: 15, 15\n\n" + body, [400]),
    ("two lengths", P + H + J + L + L + "\n" + body, [400]),
    ("a length of 2^64 + 15", P + H + J + "Content-Length: 18446744073709551631\n\n" + body, [400]),
    ("a length too large", P + H + J + "Content-Length: 8388609\n\n", [413]),
    ("chunked", P + H + J + "Transfer-Encoding: chunked\n\n0\n\n", [411]),
    ("chunked with a length", P + H + J + L + "Transfer-Encoding: chunked\n\n" + body, [411]),
    ("another type", P + H + "Content-Type: text/plain\n" + L + "\n" + body, [415]),
    ("no type", P + H + L + "\n" + body, [415]),
    ("a type with a NUL", P + H + "Content-Type: application/json\0x\n" + L + "\n" + body, [415]),
    ("another path", P.replace("/events", "/other") + H + J + L + "\n" + body, [404]),
    ("GET /events", "GET /events HTTP/1.1\n" + H + "\n", [405]),
    ("PUT /events", P.replace("POST", "PUT") + H + J + L + "\n" + body, [405]),
    ("OPTIONS /events", "OPTIONS /events HTTP/1.1\n" + H + "\n", [405]),
    ("GET /", "GET / HTTP/1.1\n" + H + "\n", [426]),
    ("GET /livez", "GET /livez HTTP/1.1\n" + H + "\n", [200]),
    ("GET /livez for another Host", "GET /livez HTTP/1.1\nHost: evil\n\n", [421]),
    ("GET /nothing", "GET /nothing HTTP/1.1\n" + H + "\n", [404]),
    ("a path with %00", "GET /livez%00 HTTP/1.1\n" + H + "\n", [0, 400, 403, 404]),
    ("an absolute URI", "GET http://localhost/livez HTTP/1.1\n" + H + "\n", [0, 400, 403]),
    ("CONNECT", "CONNECT localhost:80 HTTP/1.1\n" + H + "\n", [0]),
    ("CONNECT and more", "CONNECT x:80 HTTP/1.1\n" + H + "\n" + "raw" * 100, [0]),
    ("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", [0, 403]),
    ("h2 by prior knowledge", "PRI * HTTP/2.0\n\nSM\n\n", [0, 403]),
    ("headers without end", "GET / HTTP/1.1\n" + H + "X: " + "x" * 8000 + "\n\n", [0, 400, 403, 426]),
    ("upgrade to h2c", "GET / HTTP/1.1\n" + H + "Connection: Upgrade, HTTP2-Settings\n"
     "Upgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n", [0]),
    ("upgrade to something", "GET / HTTP/1.1\n" + H + "Connection: Upgrade\nUpgrade: foo\n\n", [0, 403]),
    ("upgrade to something, and more behind it",
     ("GET / HTTP/1.1\n" + H + "Connection: keep-alive, Upgrade\nUpgrade: foo\n\n") * 3, [0, 403]),
]
bad = [(what, got) for what, text, want in cases if (got := status(text)) not in want]
assert not bad, bad

# What stands behind a request is never taken for another one.
two = request(P + H + J + L + "\n" + body + P + H + J + L + "\n" + body)
assert two.count("HTTP/1.1") == 1 and " 200 " in two, two
two = request("GET /livez HTTP/1.1\n" + H + "\n" + P + H + J + L + "\n" + body)
assert two.count("HTTP/1.1") == 1, two
# A body beyond its length is not taken either, one short of it neither.
assert status(P + H + J + f"Content-Length: {n}\n\n" + body + "{" * 50000) == 200
with dial() as s:
    s.sendall((P + H + J + f"Content-Length: {n + 1}\n\n" + body).replace("\n", "\r\n").encode())
    s.shutdown(socket.SHUT_WR)
    assert read_all(s) == b""
PY
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 3 ]
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
}

@test "a token, in a header or a subprotocol, by file or variable" {
	(umask 077 && echo 0123456789abcdef >"$BATS_TEST_TMPDIR/token")
	start_ingest --token-file "$BATS_TEST_TMPDIR/token"
	python <<'PY'
from peer import *

good, bad = "0123456789abcdef", "0123456789abcdeF"
assert post('{"details":"x"}')[0] == 401
assert post('{"details":"x"}', headers=f"Authorization: Bearer {bad}\r\n")[0] == 401
assert post('{"details":"1"}', headers=f"Authorization: Bearer {good}\r\n")[0] == 200
assert "WWW-Authenticate: Bearer" in request(handshake())
assert status(handshake(more=f"Authorization: Bearer {bad}\n")) == 401
assert status(handshake(protocol=f"devpulse.v1, bearer.{bad}")) == 401
assert status(handshake(protocol=f"bearer.{good}")) == 400
with WebSocket(more=f"Authorization: Bearer {good}\n") as ws:
    ws.send({"details": "2"})
for protocol in f"devpulse.v1, bearer.{good}", f"bearer.{good},devpulse.v1":
    with acknowledged(protocol) as ws:
        ws.send({"details": "3"})
        ws.acked(1)
PY
	retry_until lines_of "$BATS_TEST_TMPDIR/ingest.out" 4
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
	chmod 644 "$BATS_TEST_TMPDIR/token"
	run --separate-stderr dp-ingest --token-file "$BATS_TEST_TMPDIR/token"
	[ "$status" = 2 ]
	[[ $stderr == *chmod* ]]
	DEVPULSE_TOKEN=short run dp-ingest
	[ "$status" = 2 ]
}

@test "a name can be allowed" {
	start_ingest --allow-host devbox,other.example
	[ "$(curl -fsS -H "Host: devbox:$PORT" "http://127.0.0.1:$PORT/livez")" = ok ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: devbox2' "http://127.0.0.1:$PORT/livez")" = 421 ]
}

@test "beyond --max-connections clients are sent away, and taken again when there is room" {
	start_ingest --max-connections 3
	python <<'PY'
from peer import *

held = [WebSocket() for _ in range(3)]
assert "503" in request("")
held.pop().socket.close()
is_true(lambda: status("GET /livez HTTP/1.1\nHost: localhost\n\n") == 200)
PY
}

@test "out of descriptors: it says so, waits without spinning, and goes on" {
	start_ingest
	python "$ingest_pid" <<'PY'
import subprocess, sys
from peer import *


def limit(n):
    subprocess.run(["prlimit", "--pid", sys.argv[1], f"--nofile={n}:1024"], check=True)


limit(8)  # more than it polls, which would be refused as well; fewer than it has
s = dial()
s.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
used = cpu_seconds(sys.argv[1])
time.sleep(0.5)
assert cpu_seconds(sys.argv[1]) - used < 0.2
limit(1024)
assert b" 200 OK" in read_all(s)
PY
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'error: cannot accept connections: Too many open files'
}

@test "while standard output stalls, memory stays flat, nobody is cut off, and all arrives in the end" {
	# shellcheck disable=SC2016 # expanded there
	start_ingest_into bash -c 'read -r line; echo "$line"; until [ -e "$0/go" ]; do sleep 0.1; done; cat' \
		"$BATS_TEST_TMPDIR"
	python "$ingest_pid" "$BATS_TEST_TMPDIR" <<'PY'
import sys, threading
from peer import *

pid, folder = sys.argv[1], sys.argv[2]
big = json.dumps({"traceId": "big", "details": "x" * 50000})
pings, sender, acked = WebSocket(), WebSocket(), acknowledged()
acked.send({"details": "first"})
acked.acked(1)

sent = 0
sender.socket.settimeout(1)
start = rss_kb(pid)
try:  # until nothing more is taken
    while sent < 2000:
        sender.socket.sendall(frame(TEXT, big))
        sent += 1
except socket.timeout:
    pass
assert 80 < sent < 2000, sent
many = [WebSocket() for _ in range(20)]  # each of these has some of its own to say
for ws in many:
    ws.send({"traceId": "many", "details": "y" * 20000})
waiting = []
poster = threading.Thread(target=lambda: waiting.append(post('{"traceId":"post","details":"z"}')))
poster.start()
acked.send({"traceId": "acked", "details": "second"})
pings.raw(frame(PING, b"are you there"))
assert pings.read_frame() == (PONG, b"are you there")
assert acked.read(0.5) is None and not waiting  # not written: not acknowledged
# One more, with bytes behind its body: they wait, too, and nothing spins meanwhile.
behind = dial()
body = b'{"traceId":"post","details":"z"}'
behind.sendall(b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n%sGET / HTTP/1.1\r\n\r\n" % (len(body), body))
time.sleep(0.1)
used = cpu_seconds(pid)
assert behind.recv(0) == b"" and acked.read(0.5) is None
assert (used := cpu_seconds(pid) - used) < 0.2, used
time.sleep(4)  # beyond the idle time-out: who is not read from cannot answer pings
grown = rss_kb(pid) - start
assert grown < 40000 or os.environ.get("SAN"), grown
# the rest of the frame that was cut off, once there is room again
open(folder + "/go", "w").close()
assert acked.acked(2) == []
poster.join(20)
assert waiting[0][0] == 200, waiting
answer = read_all(behind)
assert answer.count(b"HTTP/1.1") == 1 and b" 200 OK" in answer, answer
print(sent)
PY
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
	retry_until grep -q '"traceId":"acked"' "$BATS_TEST_TMPDIR/reader.out"
	[ "$(grep -c '"traceId":"many"' "$BATS_TEST_TMPDIR/reader.out")" = 20 ]
	[ "$(grep -c '"traceId":"post"' "$BATS_TEST_TMPDIR/reader.out")" = 2 ]
	[ "$(grep -c '"traceId":"big"' "$BATS_TEST_TMPDIR/reader.out")" -ge 80 ]
}

@test "SIGTERM: what was taken is written and acknowledged, clients are told 1001, exit 0" {
	start_ingest
	python "$ingest_pid" <<'PY'
import os, signal, sys
from peer import *

plain, acked, tail = WebSocket(), acknowledged(), WebSocket(protocol="devpulse.tail.v1")
for i in range(200):
    acked.send({"details": "%d" % i})
plain.send({"details": "plain"})
acked.raw(frame(TEXT, '{"details":"half', fin=False))
acked.acked(200)
os.kill(int(sys.argv[1]), signal.SIGTERM)
assert acked.code(5) == 1001
assert plain.code(5) == 1001
while tail.read(5):
    pass
assert tail.closed == 1001
PY
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 201 ]
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'info: connections 3, events received 201, accepted 201$'
}

@test "SIGTERM while standard output is stuck: 5 s, then it says what was not written, exit 1" {
	# shellcheck disable=SC2016 # expanded there
	start_ingest_into bash -c 'read -r line; until [ -e "$0/go" ]; do sleep 0.1; done' "$BATS_TEST_TMPDIR"
	python <<'PY'
from peer import *

with WebSocket() as ws:
    for _ in range(20):
        ws.send({"details": "x" * 50000})
    ws.raw(frame(PING))
    assert ws.read_frame()[0] == PONG
with dial() as s, acknowledged() as ws:  # there is room, but nothing more is written
    s.sendall(b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              b"Content-Length: 15\r\n\r\n" + b'{"details":"x"}')
    ws.send({"details": "x"}, "bad")
    assert ws.read()["t"] == "nack" and ws.read(0.3) is None and ws.closed is None
    s.settimeout(0.2)
    try:
        raise AssertionError(s.recv(1000))
    except socket.timeout:
        pass
PY
	kill -TERM "$ingest_pid"
	wait_for "$ingest_pid"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'error: standard output took nothing more for 5 s: [1-9][0-9]* bytes'
	touch "$BATS_TEST_TMPDIR/go"
}

@test "when the reader of the pipe ends, it says so, tells its clients 1001, and exits 1" {
	start_ingest_into head -n 1
	python <<'PY'
from peer import *

with acknowledged() as ws:
    ws.send({"details": "one"})
    ws.acked(1)
    sent = 1
    while ws.closed is None and sent < 1000:
        ws.send({"details": "more"})
        sent += 1
        ws.read(0.05)
    assert ws.closed == 1001, ws.closed
PY
	wait_for "$ingest_pid"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'error: cannot write to standard output: Broken pipe; .*restart'
}

@test "standard output that is full: exit 1 with a message" {
	PORT=$(free_port)
	export PORT
	dp-ingest --listen "127.0.0.1:$PORT" >/dev/full 2>"$BATS_TEST_TMPDIR/ingest.err" 3>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
	python <<'PY'
from peer import *

with acknowledged() as ws:
    ws.send({"details": "one"})
    assert ws.code(5) == 1001
PY
	wait_for "$ingest_pid"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/ingest.err" 'error: cannot write to standard output: No space left on device'
}

# Each command of the manual's EXAMPLES, with the port of this test.
examples_of() {
	sed -n 's/^\.Dl \$ //p' "$ROOT/man/$1.1" | sed "s/\\\\(dq/\"/g; s/:8008/:$PORT/g"
}

@test "the examples of the manual work" {
	start_ingest
	export DEVPULSE_DB=sqlite:///$BATS_TEST_TMPDIR/events.db DEVPULSE_LISTEN=127.0.0.1:0
	cp "$ROOT/examples/events.ndjson" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	local command
	examples_of dp-ingest >commands
	[ "$(wc -l <commands)" = 4 ]
	while read -r command; do
		case $command in
		"dp-ingest | dp-store") # has no end of its own
			background pair bash -c "$command"
			retry_until file_has pair.err listening
			pgrep -P "$pair_pid" >>pids
			;;
		*) bash -c "$command" </dev/null || { echo "failed: $command" >&2; return 1; } ;;
		esac
	done <commands
	grep -q '"details":"hello"' ingest.out
	[ "$(query "$DEVPULSE_DB" 'select count(*) > 10 from events')" = 1 ]
}
