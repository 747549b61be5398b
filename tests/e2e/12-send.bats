# dp-send: everything acknowledged or exit 1, whatever happens to the server in between.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	PORT=$(free_port)
	export PORT DEVPULSE_WEBSOCKET_URL=ws://127.0.0.1:$PORT/
}

teardown() { stop_background; }

# Starts dp-ingest as NAME; its events are in NAME.out.
start_ingest() {
	local name=$1
	shift
	background "$name" dp-ingest --listen "127.0.0.1:$PORT" "$@"
	retry_until file_has "$BATS_TEST_TMPDIR/$name.err" listening
}

# N events, numbered.
events() { seq "$1" | sed 's/.*/{"traceId":"t&","details":"&"}/'; }
lines_of() { [ "$(wc -l <"$1")" = "$2" ]; }
at_least() { [ "$(wc -l <"$1")" -ge "$2" ]; }

@test "all acknowledged: nothing is said, exit 0, all is there in order" {
	start_ingest ingest
	events 5000 >"$BATS_TEST_TMPDIR/in"
	run --separate-stderr dp-send <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 0 ]
	[ -z "$output$stderr" ]
	jq -r .details "$BATS_TEST_TMPDIR/ingest.out" | cmp - <(seq 5000)
}

@test "what is no event is counted with its line, the rest is sent, exit 1" {
	start_ingest ingest
	printf '%s\n' '{"details":"1"}' '' nonsense '{"details":"2"}' '{"x":1}' 'bad' >"$BATS_TEST_TMPDIR/in"
	printf '{"details":"3"}' >>"$BATS_TEST_TMPDIR/in"
	run --separate-stderr dp-send <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 1 ]
	[ -z "$output" ]
	[[ $stderr == "dp-send: error: sent 6, acknowledged 3, refused 3: not-json 2, no-known-field 1 (first: line 3: "*")" ]]
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,)" = 1,2,3 ]
}

@test "large events pass, too large ones are refused here" {
	start_ingest ingest
	for size in 100000 1000000 1048560 1100000; do
		printf '{"traceId":"%s","details":"%s"}\n' "$size" "$(head -c "$size" /dev/zero | tr '\0' x)"
	done >"$BATS_TEST_TMPDIR/in"
	run --separate-stderr dp-send <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 1 ]
	[[ $stderr == *"sent 4, acknowledged 2, refused 2: too-large 2 (first: line 3: "* ]]
	[ "$(jq -r .traceId "$BATS_TEST_TMPDIR/ingest.out" | paste -sd,)" = 100000,1000000 ]
}

@test "nobody there: one line that says what to do, exit 1" {
	events 10 >"$BATS_TEST_TMPDIR/in"
	run --separate-stderr dp-send <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 1 ]
	[ "$stderr" = "dp-send: error: cannot connect to $DEVPULSE_WEBSOCKET_URL: Connection refused; is ./devpulse up running?" ]
	run --separate-stderr dp-send --url ws://no-such-host.invalid/ <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "dp-send: error: cannot connect to ws://no-such-host.invalid/: "* ]]
}

@test "something else there: one line, exit 1" {
	start_ingest ingest
	run --separate-stderr dp-send --url "${DEVPULSE_WEBSOCKET_URL}other" < <(events 1)
	[ "$status" = 1 ]
	[[ $stderr == "dp-send: error: ws://"*"/other takes no events (HTTP 404): "* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	# a WebSocket server that knows nothing of devpulse.v1
	PORT=$(free_port)
	background greets /usr/bin/python3 -c '
import asyncio, sys, websockets
async def main():
    async with websockets.serve(lambda ws: ws.send("hello"), "127.0.0.1", int(sys.argv[1])):
        print("ready", flush=True)
        await asyncio.Future()
asyncio.run(main())' "$PORT"
	retry_until file_has "$BATS_TEST_TMPDIR/greets.out" ready
	run --separate-stderr dp-send --url "ws://127.0.0.1:$PORT/" < <(events 1)
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"no greeting from ws://127.0.0.1:$PORT/ "* ]]
}

@test "URLs that are none: exit 2" {
	local url
	for url in wss://localhost/ http://localhost/ ws:// ws://:80/ ws://h:0/ ws://h:70000/ ws://h:x/ \
		ws://user@h/ 'ws://h/a b' "ws://h/$(head -c 300 /dev/zero | tr '\0' x)" 'ws://[::1/'; do
		run --separate-stderr dp-send --url "$url" </dev/null
		[ "$status" = 2 ] || { echo "$url: $status" >&2; return 1; }
		[[ $stderr == "dp-send: error: --url: "* ]]
	done
	for url in ws://h ws://h:1 WS://h/ 'ws://[::1]:8008/ws?x=1' 'ws://h?x'; do
		dp-send --url "$url" </dev/null
	done
}

@test "names and IPv6 work, and a proxy of the environment is not asked" {
	start_ingest four
	events 1 | http_proxy=127.0.0.1:1 dp-send --url "ws://localhost:$PORT/ws"
	need_ipv6
	background six dp-ingest --listen "[::1]:$PORT"
	retry_until file_has "$BATS_TEST_TMPDIR/six.err" listening
	events 1 | dp-send --url "ws://[::1]:$PORT/"
	events 1 | http_proxy=127.0.0.1:1 dp-send --url "ws://localhost:$PORT/ws"
	cat "$BATS_TEST_TMPDIR"/{four,six}.out | lines_of /dev/stdin 3
}

@test "a token is offered" {
	export DEVPULSE_TOKEN=0123456789abcdef
	start_ingest ingest
	events 3 | dp-send
	(umask 077 && echo wrong-wrong-wrong >"$BATS_TEST_TMPDIR/token")
	run --separate-stderr dp-send --token-file "$BATS_TEST_TMPDIR/token" < <(events 1)
	[ "$status" = 1 ]
	[[ $stderr == *"(HTTP 401): a token is needed, see --token-file" ]]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 3 ]
}

@test "an event of a quiet stream is sent at once; SIGTERM ends it with exit 0" {
	start_ingest ingest
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	# shellcheck disable=SC2016 # expanded there
	background send bash -c 'exec dp-send <"$0"' "$BATS_TEST_TMPDIR/in"
	events 1 >&7
	retry_until lines_of "$BATS_TEST_TMPDIR/ingest.out" 1
	events 2 >&7
	retry_until lines_of "$BATS_TEST_TMPDIR/ingest.out" 3
	kill -TERM "$send_pid"
	wait_for "$send_pid"
	exec 7>&-
	[ "$status" = 0 ]
	[ ! -s "$BATS_TEST_TMPDIR/send.err" ]
}

@test "--rate paces" {
	start_ingest ingest
	events 60 >"$BATS_TEST_TMPDIR/in"
	local start=${EPOCHREALTIME/./}
	dp-send --rate 100 <"$BATS_TEST_TMPDIR/in"
	local took=$((${EPOCHREALTIME/./} - start))
	((took > 500000 && took < 5000000)) || { echo "60 events took $took us" >&2; return 1; }
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ingest.out")" = 60 ]
}

# Each number once or more, and the same id each time it came.
each_came_once_by_id() {
	cat "$@" | jq -r '[.details, .eventId] | @tsv' | sort -u >"$BATS_TEST_TMPDIR/ids"
	[ "$(cut -f1 "$BATS_TEST_TMPDIR/ids" | sort -n | uniq | wc -l)" = "$(wc -l <"$BATS_TEST_TMPDIR/ids")" ]
	cut -f1 "$BATS_TEST_TMPDIR/ids" | sort -n | cmp - <(seq 3000)
}

# Whether dp-ingest has bytes that it did not read.
has_unread() { ss -tnH "sport = :$PORT" | awk '{ sum += $2 } END { exit sum == 0 }'; }

@test "a server that is killed and comes back: all acknowledged, sent again under the same ids" {
	start_ingest one
	events 3000 >"$BATS_TEST_TMPDIR/in"
	# shellcheck disable=SC2016 # expanded there
	background send bash -c 'exec dp-send --rate 3000 <"$0"' "$BATS_TEST_TMPDIR/in"
	retry_until at_least "$BATS_TEST_TMPDIR/one.out" 300
	kill -STOP "$one_pid" # so that something is under way when it dies
	retry_until has_unread
	kill -KILL "$one_pid"
	wait_for "$one_pid"
	start_ingest two
	retry_until at_least "$BATS_TEST_TMPDIR/two.out" 300
	kill -TERM "$two_pid" # this one says goodbye
	wait_for "$two_pid"
	[ "$status" = 0 ]
	start_ingest three
	wait_for "$send_pid"
	[ "$status" = 0 ] || { cat "$BATS_TEST_TMPDIR/send.err" >&2; return 1; }
	each_came_once_by_id "$BATS_TEST_TMPDIR"/{one,two,three}.out
	file_has "$BATS_TEST_TMPDIR/send.err" 'warning: the connection to .* is lost: trying again for 10 s'
}

@test "a server that does not come back: after 10 s the counts, exit 1" {
	start_ingest one
	events 6000 >"$BATS_TEST_TMPDIR/in"
	# shellcheck disable=SC2016 # expanded there
	background send bash -c 'exec dp-send --rate 1000 <"$0"' "$BATS_TEST_TMPDIR/in"
	retry_until at_least "$BATS_TEST_TMPDIR/one.out" 300
	kill -KILL "$one_pid"
	sleep 3 # this outage ends, and does not count for the next one
	start_ingest two
	retry_until at_least "$BATS_TEST_TMPDIR/two.out" 300
	kill -KILL "$two_pid"
	local start=$SECONDS
	wait_for "$send_pid"
	[ "$status" = 1 ]
	((SECONDS - start >= 9 && SECONDS - start <= 13))
	file_has "$BATS_TEST_TMPDIR/send.err" 'error: the connection to .* was lost, and could not be made again for 10 s'
	file_has "$BATS_TEST_TMPDIR/send.err" 'error: sent [0-9]+, acknowledged [0-9]+$'
}

@test "what the server refuses is counted by line, once, though it is sent again" {
	# a server of our own: refuses the second event of the first message, then hangs up, twice
	background server /usr/bin/python3 -c '
import asyncio, json, sys, websockets
times = 0
async def serve(ws):
    global times
    times += 1
    await ws.send(json.dumps({"t": "hello", "v": 1, "max": 1 << 20, "win": 10, "new": [1]}))
    n = 0
    async for text in ws:
        n += 1
        await ws.send(json.dumps({"t": "news", "n": 1}))
        if n == 1:
            await ws.send(json.dumps({"t": "nack", "n": 1, "i": 1, "code": "odd", "why": "so it is"}))
        if times < 3:
            return
        await ws.send(json.dumps({"t": "ack", "n": n}))
async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1]), subprotocols=["devpulse.v1"]):
        print("ready", flush=True)
        await asyncio.Future()
asyncio.run(main())' "$PORT"
	retry_until file_has "$BATS_TEST_TMPDIR/server.out" ready
	run --separate-stderr dp-send < <(echo && events 4)
	[ "$status" = 1 ]
	[ "${stderr_lines[-1]}" = "dp-send: error: sent 4, acknowledged 3, refused 1: odd 1 (first: line 3: so it is)" ]
}

# Whether dp-send has bytes that the server does not take.
unsent() { ss -tnH "dport = :$PORT" | awk '{ sum += $3 } END { print sum + 0 }'; }
is_stuck() {
	local before
	before=$(unsent)
	((before > 0)) && sleep 0.2 && [ "$(unsent)" = "$before" ]
}

@test "SIGTERM while nothing is acknowledged: 5 s, then exit 1" {
	mkfifo "$BATS_TEST_TMPDIR/stuck"
	exec 7<>"$BATS_TEST_TMPDIR/stuck" # never read
	# shellcheck disable=SC2016 # expanded there
	background ingest bash -c 'exec dp-ingest --listen "127.0.0.1:$0" >"$1"' "$PORT" "$BATS_TEST_TMPDIR/stuck"
	retry_until file_has "$BATS_TEST_TMPDIR/ingest.err" listening
	events 100000 >"$BATS_TEST_TMPDIR/in"
	# shellcheck disable=SC2016 # expanded there
	background send bash -c 'exec dp-send <"$0"' "$BATS_TEST_TMPDIR/in"
	retry_until is_stuck
	kill -TERM "$send_pid"
	wait_for "$send_pid"
	exec 7>&-
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/send.err" 'error: stopped, and nothing was acknowledged for 5 s'
}

@test "on a terminal it shows how far it is, rewriting the line; not with --quiet" {
	start_ingest ingest
	events 200 >"$BATS_TEST_TMPDIR/in"
	script -qec "dp-send --rate 400 <'$BATS_TEST_TMPDIR/in'" /dev/null >"$BATS_TEST_TMPDIR/tty" </dev/null
	grep -q $'\rsent [0-9]*, acknowledged [0-9]*\e\\[K' "$BATS_TEST_TMPDIR/tty"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/tty")" = 0 ]
	script -qec "dp-send --quiet --rate 400 <'$BATS_TEST_TMPDIR/in'" /dev/null >"$BATS_TEST_TMPDIR/tty" </dev/null
	[ ! -s "$BATS_TEST_TMPDIR/tty" ]
}

@test "the examples of the manual work" {
	start_ingest ingest
	head -n 20 "$ROOT/examples/events.ndjson" >"$BATS_TEST_TMPDIR/events.ndjson"
	cd "$BATS_TEST_TMPDIR"
	sed -n 's/^\.Dl \$ //p' "$ROOT/man/dp-send.1" | sed 's/\\(dq/"/g' >commands
	[ "$(wc -l <commands)" = 3 ]
	local command
	while read -r command; do
		bash -c "$command" </dev/null || { echo "failed: $command" >&2; return 1; }
	done <commands
	[ "$(wc -l <ingest.out)" = 41 ]
}
