#!/usr/bin/env bats
# dp-tail: what it shows of stdin and of dp-http, and that it misses and repeats nothing.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	unset NO_COLOR CLICOLOR_FORCE FORCE_COLOR CLICOLOR COLUMNS DEVPULSE_TOKEN_FILE
	export TZ=UTC
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() { stop_background; }

mission='{"traceId":"trace-123","timestamp":"2025-09-16T07:12:00Z","severity":"error","system":"backend","file":"app.py","line":42,"source":"function foo()","locals":{"var":"value"},"stacktrace":["line1","line2"],"response":"fail","details":"Database insert failed","environment":"dev"}'

lines_in() { [ "$(wc -l <"$1")" = "$2" ]; }

# numbered TRACE FROM TO: events whose details are these numbers.
numbered() { seq "$2" "$3" | sed "s/.*/{\"traceId\":\"$1\",\"details\":\"&\"}/"; }

store() { dp-ingest - | dp-store 2>/dev/null; }

@test "stdin: the mission's event, for people" {
	diff - <(dp-tail - <<<"$mission") <<-'END'
	── Tue 2025-09-16 ──
	07:12:00.000 ERROR backend    error    Database insert failed  fail  app.py:42: function foo()
	             trace=trace-123
	             stack
	               line1
	               line2
	             locals
	               var = "value"
	END
}

@test "stdin: lines are folded to COLUMNS, or to the terminal's width" {
	COLUMNS=40 dp-tail - <<<"$mission" >folded
	[ "$(wc -L <folded)" -le 40 ]
	[ "$(sed -n 2p folded)" = '07:12:00.000 ERROR backend error' ]
	echo "$mission" >event
	script -qec 'stty cols 50; dp-tail - <event' /dev/null | tr -d '\r' |
		sed 's/\x1b\[[0-9;]*m//g; s/\x1b]8;;[^\x1b]*\x1b\\//g' >folded
	[ "$(sed -n 2,3p folded)" = "$(printf '%s\n%s' \
		'07:12:00.000 ERROR backend error Database insert' '  failed  fail  app.py:42: function foo()')" ]
}

@test "stdin: -o json gives the bytes that dp-ingest gives" {
	printf '%s\n' "$mission" '{"traceId":"a","big":123456789012345678901234567890,"x":1.10,"details":"é\u001b"}' |
		dp-ingest - >events
	dp-tail -o json - <events >out
	cmp out events
	dp-tail --output=json --trace a - <events >out
	diff out <(sed -n 2p events)
	jq -c '. + {_pos: "x:1", _cursor: "y"}' <events | dp-tail -o json - | jq -e 'has("_pos") or has("_cursor") | not'
}

@test "stdin: filters mean the same as in a query" {
	local expected
	{
		echo '{"traceId":"a","severity":"fatal","system":"api","type":"query","details":"1"}'
		echo '{"traceId":"b","severity":"info","system":"web","type":"log","details":"2"}'
		echo '{"traceId":"c","severity":"warn","system":"api","type":"log","details":"3"}'
		echo '{"traceId":"a,b","system":"db","details":"4"}'
		printf '%s\n' '{"traceId":"a\\b","system":"db","details":"5"}'
	} | dp-ingest - >events
	export DEVPULSE_DB
	DEVPULSE_DB=$(new_database sqlite)
	dp-store <events
	start_http
	while read -r expected args; do
		# shellcheck disable=SC2086 # words
		[ "$(dp-tail -o json $args - <events | jq -r .details | tr -d '\n')" = "$expected" ]
		# shellcheck disable=SC2086
		[ "$(dp-tail -o json --no-follow $args | jq -r .details | tr -d '\n')" = "$expected" ]
	done <<-'END'
	12345
	1 --severity error
	13 --severity error,WARN
	13 --system api
	3 --system api --type log
	2 -t b
	12 --trace a,b
	4 --trace a\,b
	5 -t a\\b
	145 -t a,a\,b,a\\b
	END
}

@test "stdin: what is no event is told once, and what is around it shown" {
	printf '%s\n' '{"details":"one"}' 'no json' '' '[1]' 'neither' '{"details":"two"}' >events
	printf '{"details":"three"}' >>events
	run --separate-stderr dp-tail - <events
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 3 ]
	[[ "${lines[0]}" == *one* && "${lines[1]}" == *two* && "${lines[2]}" == *three* ]]
	[[ "$stderr" == *'dp-tail: warning: line 2 is no event: '* ]]
	[[ "$stderr" == *'dp-tail: warning: 3 lines were no events'* ]]
}

@test "stdin: a line longer than any event is skipped" {
	{
		echo '{"details":"one"}'
		head -c 3000000 /dev/zero | tr '\0' x
		printf '\n%s\n' '{"details":"two"}'
	} | dp-tail - >out 2>err
	lines_in out 2
	file_has err 'line 2 is no event: it is longer'
}

@test "stdin: an event is shown at once, and a stop signal ends with 0" {
	local signal
	for signal in TERM INT; do
		mkfifo in
		exec 7<>in
		background tail bash -c 'exec dp-tail - <in'
		echo '{"details":"one"}' >&7
		retry_until file_has tail.out one
		echo '{"details":"two"}' >&7
		retry_until file_has tail.out two
		kill -"$signal" "$tail_pid"
		wait_for "$tail_pid"
		exec 7>&-
		rm in
		[ "$status" = 0 ]
		[ ! -s tail.err ]
	done
}

@test "stdin: after a stop signal comes what the writer says last" {
	mkfifo in
	exec 7<>in
	background tail bash -c 'exec dp-tail - <in'
	echo '{"details":"one"}' >&7
	retry_until file_has tail.out one
	kill -INT "$tail_pid"
	sleep 0.3 # the writer's
	echo '{"details":"two"}' >&7
	exec 7>&-
	wait_for "$tail_pid"
	[ "$status" = 0 ]
	file_has tail.out two
	[ ! -s tail.err ]
}

@test "stdin: a signal ends it while nobody reads what it writes" {
	mkfifo out
	exec 7<>out
	background tail bash -c 'exec dp-tail - < <(yes "{\"details\":\"x\"}") >out'
	retry_until pipe_is_full
	kill "$tail_pid"
	wait_for "$tail_pid"
	exec 7>&-
	[ "$status" = 0 ]
}

# Whether dp-tail has written what a pipe holds, 64 KiB, but for less than a write.
pipe_is_full() { awk '/^wchar/ { exit $2 <= 60 * 1024 }' "/proc/$tail_pid/io"; }

@test "nothing of an event reaches the terminal raw" {
	cat >events <<'END'
{"traceId":"t","severity":"error","system":"a\u001b[31m","type":"b\u009b1m","name":"n\u0007","details":"d\u001b]0;x\u0007\r\u202e","file":"f\u001b","source":"s\u0085","key\u001b":"v\u007f","locals":{"l\u001b[1m":["v\u001b[2J"],"s":"\u001bc"},"stacktrace":["\u001b[3J",{"file":"\u001b","code":"\u009b"}]}
END
	dp-tail --color never - <events >out
	[ "$(wc -l <out)" -gt 5 ]
	[ "$(LC_ALL=C.UTF-8 tr -d '\n' <out | LC_ALL=C.UTF-8 grep -cP '[\x00-\x1f\x7f-\x9f\x{202e}]')" = 0 ]
}

@test "stdout: a reader that goes away ends it quietly, one that is full is a failure" {
	set +o pipefail
	numbered t 1 20000 | { dp-tail - 2>err; echo $? >status; } | head -n 1 >out
	lines_in out 1
	[ "$(cat status)" = 0 ]
	[ ! -s err ]
	dp-tail - <<<"$mission" 2>err >/dev/full && return 1
	[ "$(cat err)" = 'dp-tail: error: cannot write to stdout: No space left on device' ]
}

# colored yes|no [VARIABLE=VALUE...] -- [OPTION...]: to a pipe, or where $on_terminal is set to one.
colored() {
	local want=$1 out
	shift
	while [ "$1" != -- ]; do
		local -x "${1?}"
		shift
	done
	shift
	echo "$mission" >event
	if [ -n "${on_terminal:-}" ]; then
		out=$(script -qec "dp-tail $* - <event" /dev/null)
	else
		out=$(dp-tail "$@" - <event)
	fi
	case $out in
	*$'\x1b['*) [ "$want" = yes ] ;;
	*) [ "$want" = no ] ;;
	esac
}

@test "colour: --color, NO_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM, terminal, in this order" {
	export TERM=xterm-256color
	colored no --
	colored yes -- --color always
	colored yes NO_COLOR=1 TERM=dumb -- --color always
	colored yes CLICOLOR_FORCE=1 --
	colored yes FORCE_COLOR=1 --
	colored yes FORCE_COLOR=1 CLICOLOR=0 TERM=dumb --
	colored no CLICOLOR_FORCE=0 FORCE_COLOR=0 --
	colored no NO_COLOR=1 CLICOLOR_FORCE=1 --
	colored no CLICOLOR_FORCE=1 -- --color never
	local on_terminal=1
	colored yes --
	colored yes NO_COLOR= --
	colored no NO_COLOR=1 --
	colored no CLICOLOR=0 --
	colored no TERM=dumb --
	colored no CLICOLOR_FORCE=1 -- --color never
}

@test "wrong usage: one line that says what and why, exit 2" {
	local expected args
	while IFS='|' read -r args expected; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr dp-tail $args </dev/null
		[ "$status" = 2 ]
		[ -z "$output" ]
		[ "$stderr" = "dp-tail: error: $expected" ]
	done <<-'END'
	--url localhost:8088|--url: a URL is wanted as http://127.0.0.1:8088
	--url ftp://localhost|--url: a URL is wanted as http://127.0.0.1:8088
	--url http://|--url: a URL is wanted as http://127.0.0.1:8088
	--url http://me:secret@localhost|--url: no user belongs into it; a token is given by --token-file
	--url http://localhost/?x|--url: only dp-http's address is wanted, as http://127.0.0.1:8088
	-n some|--lines: a whole number from 0 to 1000000 is wanted, not 'some'
	-n -1|--lines: a whole number from 0 to 1000000 is wanted, not '-1'
	-n 5 -|--lines is for dp-http: of stdin all events are shown
	-o xml|--output: pretty, short, json, logfmt, raw or md is wanted
	-o raw --format %m|--format and --output: one of them is wanted
	--format %q|--format: %t %S %s %y %T %m %p %d %e %i %{path} and %% are known, with a width up to 200 as %-10s
	--time now|--time: local, utc, relative, delta or none is wanted
	--since soon|--since: a time is expected, as 15m, 2h, 7d (ago), 2026-01-31 or 2026-01-31T12:00Z
	-p loud|--priority: a severity is one of error, warning, info, debug
	-c 0|--count: a whole number from 1 to 1000000000 is wanted, not '0'
	-W 0|--wait: a whole number from 1 to 1000000000 is wanted, not '0'
	--fail-on some|--fail-on: a severity is one of error, warning, info, debug
	--timeline x -o raw|--timeline: --output is pretty or json
	--completion csh|--completion: bash, zsh or fish is wanted
	--color yes|--color: auto, always or never is wanted
	--severity loud|--severity: a severity is one of error, warning, info, debug
	--trace=|--trace: an empty value
	--token-file /nonexistent|--token-file: cannot use the token in /nonexistent: No such file or directory
	END
	DEVPULSE_URL=nowhere run dp-tail
	[ "$status" = 2 ]
	[ "$output" = 'dp-tail: error: DEVPULSE_URL: a URL is wanted as http://127.0.0.1:8088' ]
	DEVPULSE_URL=nowhere run dp-tail --no-retry -u http://127.0.0.1:1
	[ "$status" = 1 ]
	[[ "$output" == 'dp-tail: error: http://127.0.0.1:1 is away: '* ]]
	DEVPULSE_URL=nowhere dp-tail --help >help
	DEVPULSE_TOKEN=short run dp-tail
	[ "$status" = 2 ]
	[[ "$output" == *DEVPULSE_TOKEN* ]]
}

# dp-http on $DEVPULSE_DB; on the same port as before, where there was one.
start_http() {
	DEVPULSE_HTTP_LISTEN=${DEVPULSE_HTTP_LISTEN:-127.0.0.1:$(free_port)}
	export DEVPULSE_HTTP_LISTEN DEVPULSE_URL=http://$DEVPULSE_HTTP_LISTEN
	background http dp-http "$@"
	retry_until curl -fsS "$DEVPULSE_URL/livez"
}

start_all() {
	DEVPULSE_DB=$(new_database "$1")
	export DEVPULSE_DB
	store </dev/null
	start_http
}

shown() { jq -r .details tail.out | tr '\n' ' '; }

history_then_live() {
	start_all "$1"
	{
		numbered abc123 1 30
		numbered other 100 130
	} | store
	background tail dp-tail --trace abc123 -o json
	retry_until lines_in tail.out 30
	numbered other 131 135 | store
	numbered abc123 31 40 | store
	retry_until lines_in tail.out 40
	[ "$(shown)" = "$(seq -s ' ' 40) " ]
	[ "$(cat tail.out)" = "$(query "$DEVPULSE_DB" "select body from events where trace_id = 'abc123' order by seq")" ]
	kill "$tail_pid"
	wait_for "$tail_pid"
	[ "$status" = 0 ]
	[ ! -s tail.err ]
}

@test "history, then live, in order, to the byte: SQLite" { history_then_live sqlite; }

@test "history, then live, in order, to the byte: PostgreSQL" { history_then_live postgresql; }

no_gap_no_repeat() {
	local i
	start_all "$1"
	numbered t 1 5 | store
	background tail dp-tail -t t -o json -c 32 --cursor-file cursor
	retry_until lines_in tail.out 5
	for i in 1 2 3; do
		numbered t $((i * 10 + 1)) $((i * 10 + 5)) | store
		kill -9 "$http_pid"
		wait "$http_pid" || true
		numbered t $((i * 10 + 6)) $((i * 10 + 9)) | store
		retry_until lines_in tail.err $((2 * i - 1))
		start_http
		retry_until lines_in tail.out $((5 + 9 * i))
		retry_until lines_in tail.err $((2 * i))
	done
	wait_for "$tail_pid"
	[ "$status" = 0 ]
	[ "$(dp-tail --no-follow -t t --cursor-file cursor 2>&1)" = 'dp-tail: info: no event matches' ]
	[ "$(shown)" = '1 2 3 4 5 11 12 13 14 15 16 17 18 19 21 22 23 24 25 26 27 28 29 31 32 33 34 35 36 37 38 39 ' ]
	[ "$(grep -c "dp-tail: warning: $DEVPULSE_URL is away: .*; retrying" tail.err)" = 3 ]
	[ "$(grep -c "dp-tail: info: $DEVPULSE_URL is back" tail.err)" = 3 ]
}

@test "dp-http killed in the middle of a stream: no gap, no repeat: SQLite" {
	no_gap_no_repeat sqlite
}

@test "dp-http killed in the middle of a stream: no gap, no repeat: PostgreSQL" {
	no_gap_no_repeat postgresql
}

@test "dp-http killed in the middle of a long history: no gap, no repeat" {
	start_all sqlite
	numbered t 1 30000 | store
	# shellcheck disable=SC2016 # for the other shell
	background tail bash -c \
		'exec dp-tail -t t -o json > >(while read -r line; do echo "$line"; done)'
	retry_until test -s tail.out
	kill -9 "$http_pid"
	wait "$http_pid" || true
	start_http
	RETRY_SECONDS=90 retry_until lines_in tail.out 30000
	diff <(jq -r .details tail.out) <(seq 30000)
	file_has tail.err 'is back'
}

@test "a dp-http that ends orderly and comes back is not even mentioned" {
	start_all sqlite
	numbered t 1 2 | store
	background tail dp-tail -o json
	retry_until lines_in tail.out 2
	kill "$http_pid"
	wait "$http_pid" || true
	start_http
	numbered t 3 3 | store
	retry_until lines_in tail.out 3
	[ "$(shown)" = '1 2 3 ' ]
	run file_has tail.err 'error'
	[ "$status" = 1 ]
}

@test "started before dp-http is there" {
	DEVPULSE_DB=$(new_database sqlite)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_DB DEVPULSE_HTTP_LISTEN DEVPULSE_URL=http://$DEVPULSE_HTTP_LISTEN
	background tail dp-tail -t abc123
	retry_until file_has tail.err "warning: $DEVPULSE_URL is away: Connection refused; retrying; is ./devpulse up running\?$"
	numbered abc123 1 1 | store
	start_http
	retry_until file_has tail.out 'log      1'
	lines_in tail.err 2
}

@test "another database behind the same URL: told, and followed from there" {
	start_all sqlite
	numbered t 1 3 | store
	background tail dp-tail -o json
	retry_until lines_in tail.out 3
	kill "$http_pid"
	wait "$http_pid" || true
	rm events.db*
	numbered t 11 12 | store
	start_http
	retry_until file_has tail.err 'has another database now'
	retry_until follows
	numbered t 13 14 | store
	retry_until lines_in tail.out 5
	[ "$(shown)" = '1 2 3 13 14 ' ]
}

# Whether somebody follows.
follows() { curl -fsS "$DEVPULSE_URL/readyz?verbose" | grep -q '"followers":[1-9]'; }

@test "-n: how many to begin with" {
	start_all sqlite
	numbered t 1 30 | store
	[ "$(dp-tail --no-follow | wc -l)" = 20 ]
	[ "$(dp-tail --no-follow -n 3 -o json | jq -r .details | tr '\n' ' ')" = '28 29 30 ' ]
	[ "$(dp-tail --no-follow -n all | wc -l)" = 30 ]
	[ "$(dp-tail --no-follow -t t | wc -l)" = 30 ]
	[ "$(dp-tail --no-follow -t t -n 2 | wc -l)" = 2 ]
	run --separate-stderr dp-tail --no-follow -n 0
	[ "$status" = 0 ]
	[ -z "$output" ]
	run --separate-stderr dp-tail --no-follow -t nosuch
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ "$stderr" = 'dp-tail: info: no event matches' ]
}

@test "a filter with characters of its own goes through the query string" {
	start_all sqlite
	printf '%s\n' '{"traceId":"a","system":"a&b=c d+é,%41#","details":"1"}' \
		'{"traceId":"b","system":"a","details":"2"}' | store
	[ "$(dp-tail --no-follow --system 'a&b=c d+é\,%41#' -o json | jq -r .details)" = 1 ]
	[ "$(dp-tail --no-follow --system 'x,a' -o json | jq -r .details)" = 2 ]
}

@test "| head -n 1 ends it, although nothing more comes" {
	start_all sqlite
	numbered t 1 3 | store
	{ timeout 10 dp-tail 2>err; echo $? >status; } | head -n 1 >out
	lines_in out 1
	[ "$(cat status)" = 0 ]
	[ ! -s err ]
}

@test "--no-retry: exit 1 with a line" {
	run --separate-stderr dp-tail --no-retry -u "http://127.0.0.1:$(free_port)"
	[ "$status" = 1 ]
	[[ "$stderr" == "dp-tail: error: http://127.0.0.1:"*" is away: Connection refused; is ./devpulse up running?" ]]
	start_all sqlite
	background tail dp-tail --no-retry
	retry_until follows
	kill "$http_pid"
	wait_for "$tail_pid"
	[ "$status" = 1 ]
	lines_in tail.err 1
}

@test "dp-ingest's port: said to be none of dp-http" {
	local port
	port=$(free_port)
	background ingest dp-ingest --listen "127.0.0.1:$port"
	retry_until curl -fsS "http://127.0.0.1:$port/livez"
	run dp-tail -u "http://127.0.0.1:$port"
	[ "$status" = 1 ]
	[[ "$output" == "dp-tail: error: http://127.0.0.1:$port: this is not dp-http (HTTP status 404): is it the port of dp-ingest?"* ]]
	[ "${#lines[@]}" = 1 ]
}

@test "SIGINT under --no-follow: exit 130" {
	local url
	url=http://127.0.0.1:$(free_port)
	background tail dp-tail --no-follow -u "$url"
	retry_until file_has tail.err 'is away'
	kill -INT "$tail_pid"
	wait_for "$tail_pid"
	[ "$status" = 130 ]
	background tail dp-tail -u "$url"
	retry_until file_has tail.err 'is away'
	kill -INT "$tail_pid"
	wait_for "$tail_pid"
	[ "$status" = 0 ]
}

@test "a token: from a file, from the variable, wrong, or none" {
	DEVPULSE_DB=$(new_database sqlite)
	export DEVPULSE_DB
	numbered t 1 1 | store
	(umask 077 && echo 0123456789abcdef >token && echo fedcba9876543210 >wrong)
	start_http --token-file token
	[ "$(dp-tail --no-follow --token-file token | wc -l)" = 1 ]
	[ "$(DEVPULSE_TOKEN_FILE=token dp-tail --no-follow | wc -l)" = 1 ]
	[ "$(DEVPULSE_TOKEN=0123456789abcdef dp-tail --no-follow | wc -l)" = 1 ]
	[ "$(DEVPULSE_TOKEN=fedcba9876543210 dp-tail --no-follow --token-file token | wc -l)" = 1 ]
	run --separate-stderr dp-tail --token-file wrong
	[ "$status" = 1 ]
	[[ "$stderr" == "dp-tail: error: $DEVPULSE_URL: "*'; give its token by --token-file' ]]
	run --separate-stderr dp-tail
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "a person is told that a trace is waited for" {
	start_all sqlite
	background tail script -qefc 'dp-tail --trace abc123' /dev/null
	retry_until file_has tail.out 'dp-tail: info: waiting for trace abc123'
	numbered abc123 7 7 | store
	retry_until file_has tail.out ' 7'
}

serve='
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
for answer in answers:
    c, _ = s.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += c.recv(4096)
    open("requests", "ab").write(request)
    c.sendall(answer)
    c.close()
'

# A server of a few lines that answers what it is told: what dp-http never does. Each connection gets
# the next of `answers`; the requests are kept in the file `requests`.
fake_server() {
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_URL=http://$DEVPULSE_HTTP_LISTEN
	{ cat && echo "$serve"; } >server.py
	background server /usr/bin/python3 server.py "${DEVPULSE_HTTP_LISTEN##*:}"
	retry_until file_has server.out ready
}

@test "a stream that is cut anywhere goes on behind the last whole event; rubbish is left out" {
	fake_server <<'PY'
head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
def event(n): return b'id: %d\ndata: {"traceId":"t","details":"%d"}\n\n' % (n, n)
answers = [
    head + b"retry: 1\nid: 0\n\n" + event(1) + event(2)[:-1],
    b"HTTP/1.1 503 Away\r\nContent-Type: application/problem+json\r\n\r\n"
    b'{"title":"Away","detail":"abc"}',
    head + event(2) + b"id: 3\ndata: no event\n\n: comment\n\nid: 4\ndata: " + b"x" * 3000000 + b"\n\n" + event(5),
    head + event(6),
    b"HTTP/1.1 403 No\r\nContent-Type: application/problem+json\r\n\r\n"
    b'{"title":"Closed","detail":"to\\ryou"}',
]
PY
	run --separate-stderr dp-tail -o json
	[ "$status" = 1 ]
	[ "$(jq -r .details <<<"$output" | tr '\n' ' ')" = '1 2 5 6 ' ]
	[[ "$stderr" == *"is away: Away: abc; retrying"* ]]
	[[ "$stderr" == *"sent what is no event, left out: "* ]]
	[[ "$stderr" == *"sent an event that is longer than one can be: left out"* ]]
	[[ "$stderr" == *"is back"* ]]
	[[ "$stderr" == *"error: $DEVPULSE_URL: Closed: to\\ryou"* ]]
	[ "$(grep -c '^GET /api/events?follow=1&n=20 HTTP/1.1' requests)" = 5 ]
	[ "$(tr -d '\r' <requests | grep -cx "User-Agent: dp-tail/$(version_built)")" = 5 ]
	diff <(grep -i '^last-event-id' requests | tr -d '\r') <(printf 'Last-Event-ID: %s\n' 1 1 5 6)
}

@test "--since and since= mean the same instant when the stream is begun again" {
	fake_server <<'PY'
head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
answers = [head + b"id: 1\n\n", head + b"id: 1\n\n", b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"]
PY
	run dp-tail --since 1h since=2h x
	[ "$(grep -c '^GET ' requests)" = 3 ]
	[ "$(grep '^GET ' requests | sort -u | wc -l)" = 1 ]
	grep -qiE '^GET /api/events\?follow=1&n=all&filter=since%3d20[0-9t%a-]+\.[0-9]{6}z\+x\+since%3d20' requests
}

@test "an event without id leaves the place where it was" {
	fake_server <<'PY'
head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
answers = [
    head + b'id: 1\ndata: {"traceId":"t","details":"1"}\n\n',
    head + b'data: {"traceId":"t","details":"2"}\n\n',
    b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
]
PY
	run --separate-stderr dp-tail -o json
	[ "$(jq -r .details <<<"$output" | tr '\n' ' ')" = '1 2 ' ]
	diff <(grep -i '^last-event-id' requests | tr -d '\r') <(printf 'Last-Event-ID: %s\n' 1 1)
}

@test "a stream that ends without a byte is one" {
	fake_server <<'PY'
head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
answers = [
    head,
    head,
    head,
    head + b'id: 1\ndata: {"traceId":"t","details":"1"}\n\n',
    b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
]
PY
	run dp-tail --no-follow
	[ "$status" = 0 ]
	[ "$output" = 'dp-tail: info: no event matches' ]
	run dp-tail --no-retry
	[ "$status" = 1 ]
	[ "$output" = "dp-tail: error: $DEVPULSE_URL is away: it ended the stream" ]
	run --separate-stderr dp-tail -o json
	[ "$status" = 1 ]
	[ "$(jq -r .details <<<"$output")" = 1 ]
	[ "$stderr" = "dp-tail: error: $DEVPULSE_URL: HTTP status 403" ]
}

@test "what is not dp-http, or redirects, ends it with 1" {
	fake_server <<'PY'
answers = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\n\r\n"
    b'{"title":"Bad","errors":[{"parameter":"n\\u001b","detail":"none"}]}',
]
PY
	run dp-tail
	[ "$status" = 1 ]
	[ "$output" = "dp-tail: error: $DEVPULSE_URL: this is not dp-http: no stream of events came" ]
	run dp-tail
	[ "$status" = 1 ]
	[ "$output" = "dp-tail: error: $DEVPULSE_URL: it redirects; give the URL it redirects to" ]
	run dp-tail
	[ "$status" = 1 ]
	[[ "$output" == "dp-tail: error: $DEVPULSE_URL: this is not dp-http (HTTP status 404): "* ]]
	run dp-tail
	[ "$status" = 2 ]
	[ "$output" = "dp-tail: error: $DEVPULSE_URL: Bad; n\\x1b: none" ]
}

@test "the examples of the manual" {
	start_all sqlite
	# shellcheck disable=SC2002 # a pipeline as any other
	printf '%s\n' '{"traceId":"abc123","severity":"error","locals":{"order_id":7},"details":"x"}' \
		'{"traceId":"abc123","severity":"warning","details":"y"}' | store
	[ "$(dp-tail --severity error,warning -n 50 --no-follow | grep -c 'trace=abc123')" = 2 ]
	[ "$(dp-tail -t abc123 --severity error --no-follow -o json | jq .locals.order_id)" = 7 ]
	[ "$(numbered t 1 3 | dp-ingest - | dp-store --tee 2>/dev/null | dp-tail - | wc -l)" = 3 ]
	dp-tail --color always --no-follow -n all | grep -q $'\x1b\\['
	[ "$(dp-tail -n all --no-follow 'severity>=warning' since=1h x | grep -c trace=abc123)" = 1 ]
	# The first that follows, as dp-http counts one that has gone until a heartbeat finds that out.
	background tail dp-tail -n 0 -c 1 -W 20 -o raw type=started
	retry_until follows
	store <<<'{"type":"started","details":"now"}'
	wait_for "$tail_pid"
	[ "$status" = 0 ]
	[ "$(cat tail.out)" = now ]
	run dp-tail --trace abc123 -W 1 --fail-on error
	[ "$status" = 4 ]
	[ "$(dp-tail --no-follow --cursor-file shown severity=error --format '%s: %m')" = 'unknown: x' ]
	[ "$(dp-tail --no-follow --cursor-file shown severity=error --format '%s: %m')" = '' ]
	dp-tail --timeline abc123 | grep -q '^trace abc123 '
	dp-tail -t abc123 --no-follow -o md | grep -q '^## ERROR'
}

@test "the operands are a filter, of stdin and of dp-http" {
	local expected args
	{
		echo '{"traceId":"a","severity":"error","system":"api","durationMs":700,"details":"1","locals":{"id":7}}'
		echo '{"traceId":"b","severity":"info","system":"web","details":"2","name":"GET /cart"}'
		echo '{"traceId":"c","severity":"warning","system":"api","details":"3"}'
	} | dp-ingest - >events
	export DEVPULSE_DB
	DEVPULSE_DB=$(new_database sqlite)
	dp-store <events
	start_http
	while IFS='|' read -r expected args; do
		[ "$(eval "dp-tail -o json - $args <events" | jq -r .details | tr -d '\n')" = "$expected" ]
		[ "$(eval "dp-tail -o json --no-follow $args" | jq -r .details | tr -d '\n')" = "$expected" ]
	done <<-'END'
	13|system=api
	13|'severity>=warning' since=1h
	1|'severity>=warning' --type error 'duration>0.5s'
	1|--system api locals.id=7
	2|'name="GET /cart"'
	23|'!"locals"'
	2|/CART
	3|trace=c
	END
	[ "$(dp-tail -o json system=api - <events | wc -l)" = 2 ]
	for _ in 1 2 3; do dp-ingest - <<<'{"traceId":"t","details":"more"}' | dp-store; done
	[ "$(dp-tail --no-follow -n 1 -o json trace=t,a | wc -l)" = 1 ]
	for _ in $(seq 25); do echo '{"traceId":"many","details":"more"}'; done | dp-ingest - | dp-store
	[ "$(dp-tail --no-follow -o json trace=many | wc -l)" = 25 ]
	[ "$(dp-tail --no-follow -o json more | wc -l)" = 20 ]
}

@test "a filter that is wrong: exit 2, and a caret at the place" {
	run dp-tail system=api 'duration>fast' timeout
	[ "$status" = 2 ]
	diff <(echo "$output") - <<-'END'
		dp-tail: error: the filter, character 21: a duration is expected, as 500ms, 1.5s, 2m or 250 (ms)
		  system=api duration>fast timeout
		                      ^
	END
}
