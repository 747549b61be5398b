#!/usr/bin/env bats
# The main job, end to end, with each database: the README's used-by lines, word for word.

load helpers

setup() {
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN
	export DEVPULSE_BIN=${DEVPULSE_BUILD:-$ROOT/build}/bin DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/state
	export DEVPULSE_URL=http://$DEVPULSE_HTTP_LISTEN
	export DEVPULSE_WEBSOCKET_URL=ws://$DEVPULSE_LISTEN/
	cd "$ROOT" || return 1
}

teardown() { stop_background; }

answers() { curl -fsS "$DEVPULSE_URL/$1" >/dev/null; }

# The pipeline and dp-http on a new database of the kind.
start_all() {
	DEVPULSE_DB=$(new_database "$1")
	export DEVPULSE_DB
	background pipeline ./devpulse pipeline
	background http dp-http
	retry_until file_has "$BATS_TEST_TMPDIR/pipeline.err" 'listening'
	retry_until answers readyz
}

# The mission's own event, sent by a few lines of any WebSocket client.
send_with_any_client() {
	/usr/bin/python3 - "$DEVPULSE_WEBSOCKET_URL" <<'PY'
import asyncio, json, sys, websockets

event = {
    "traceId": "trace-123", "timestamp": "2025-09-16T07:12:00Z", "severity": "error",
    "system": "backend", "file": "app.py", "line": 42, "source": "function foo()",
    "locals": {"var": "value"}, "stacktrace": ["line1", "line2"], "response": "fail",
    "details": "Database insert failed", "environment": "dev",
}

async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        await ws.send(json.dumps(event))

asyncio.run(main())
PY
}

mission_event_arrives() {
	start_all "$1"
	send_with_any_client
	retry_until answers api/traces/trace-123
	curl -fsS "$DEVPULSE_URL/api/traces/trace-123" | jq -e '
		.trace_id == "trace-123" and (.events | length) == 1 and (.events[0] |
		(.id | type) == "number" and .id == (.id | floor) and
		.trace_id == "trace-123" and .system == "backend" and .event_type == "error" and
		.timestamp == "2025-09-16T07:12:00Z" and .severity == "error" and
		(.event_id | length) == 36 and
		(.data | .file == "app.py" and .line == 42 and .source == "function foo()" and
		.locals == {"var": "value"} and .stacktrace == ["line1", "line2"] and
		.response == "fail" and .details == "Database insert failed" and .environment == "dev"))'
	curl -fsS "$DEVPULSE_URL/api/traces/trace-123/timeline" | jq -e '
		.trace_id == "trace-123" and .total_stages == 1 and .has_errors == true and
		.total_duration_ms == 0 and (.stages[0] | .system == "backend" and
		.start_time == "2025-09-16T07:12:00Z" and .end_time == "2025-09-16T07:12:00Z" and
		.duration_ms == 0 and .status == "error" and .event_count == 1 and (.events | length) == 1)'
}

@test "the mission's event, from a few lines of any client to both REST shapes: SQLite" {
	mission_event_arrives sqlite
}

@test "the mission's event, from a few lines of any client to both REST shapes: PostgreSQL" {
	mission_event_arrives postgresql
}

# Everything that was sent for the trace, in the order sent, and then what comes live.
tail_shows_history_then_live() {
	start_all "$1"
	dp-send <examples/events.ndjson
	want=$(grep -c '"abc123"' examples/events.ndjson)
	background tail dp-tail --trace abc123 -o json
	retry_until test_lines "$BATS_TEST_TMPDIR/tail.out" "$want"
	echo '{"traceId":"other","details":"not this one"}' | dp-send
	echo '{"traceId":"abc123","details":"live"}' | dp-send
	retry_until test_lines "$BATS_TEST_TMPDIR/tail.out" $((want + 1))
	diff <(jq -r 'select(.traceId == "abc123").details' examples/events.ndjson; echo live) \
		<(jq -r .details "$BATS_TEST_TMPDIR/tail.out")
	kill "$tail_pid"
	wait_for "$tail_pid"
	[ "$status" = 0 ]
}

test_lines() { [ "$(wc -l <"$1")" = "$2" ]; }

@test "dp-tail --trace abc123: history, then live: SQLite" { tail_shows_history_then_live sqlite; }

@test "dp-tail --trace abc123: history, then live: PostgreSQL" {
	tail_shows_history_then_live postgresql
}

files_go_in() {
	local lines
	lines=$(wc -l <examples/events.ndjson)
	DEVPULSE_DB=$(new_database "$1")
	export DEVPULSE_DB
	cp examples/events.ndjson "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return 1
	# shellcheck disable=SC2002 # as the README has it
	cat events.ndjson | dp-ingest - | dp-store
	[ "$(query "$DEVPULSE_DB" 'select count(*) from events')" = "$lines" ]
	# Again: every event has its id, so nothing is new.
	dp-ingest - <events.ndjson | dp-store --tee >again
	[ ! -s again ]
	[ "$(query "$DEVPULSE_DB" 'select count(*) from events')" = "$lines" ]
}

@test "cat events.ndjson | dp-ingest - | dp-store: SQLite" { files_go_in sqlite; }

@test "cat events.ndjson | dp-ingest - | dp-store: PostgreSQL" { files_go_in postgresql; }

@test "what jq and grep join: the pipe is text, and a filter fits between" {
	DEVPULSE_DB=$(new_database sqlite)
	export DEVPULSE_DB
	dp-ingest - <examples/events.ndjson | jq --unbuffered -c 'select(.severity != "info")' | dp-store
	[ "$(query "$DEVPULSE_DB" "select count(*) from events where severity = 'info'")" = 0 ]
	[ "$(query "$DEVPULSE_DB" 'select count(*) from events')" = \
		"$(jq -c 'select(.severity != "info" and .severity != null)' examples/events.ndjson | wc -l)" ]
}

trace_has() { curl -fsS "$DEVPULSE_URL/api/traces/$1" | grep -q -- "$2"; }

# Good events around every kind of bad ones, through the whole pipeline.
bad_among_good() {
	start_all "$1"
	/usr/bin/python3 - "$DEVPULSE_WEBSOCKET_URL" <<'PY'
import asyncio, sys, websockets

bad = ['{"traceId":', 'no json', '[1,2]', '"text"', '{"unknown":1}', '{"traceId":5}', '',
       '{"traceId":"t","line":"x"}', '{"traceId":"t","a":' + '[' * 70 + ']' * 70 + '}',
       '{"traceId":"t","n":1e999}', '{"traceId":"t","a":NaN}']

async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        for i, text in enumerate(bad):
            await ws.send('{"traceId":"good","details":"%d"}' % i)
            await ws.send(text)
        await ws.send('{"traceId":"good","details":"nul \\u0000 and \\ud800 end"}')

asyncio.run(main())
PY
	retry_until trace_has good 'end"'
	curl -fsS "$DEVPULSE_URL/api/traces/good" >"$BATS_TEST_TMPDIR/good"
	jq -e '(.events | length) == 12 and ([.events[].data.details] | contains(["0", "5", "10"]))' \
		"$BATS_TEST_TMPDIR/good"
	jq -e '.events[-1].data | .details == "nul \ufffd and \ufffd end" and
		.repairs == ["nul", "surrogate"]' "$BATS_TEST_TMPDIR/good"
	file_has "$BATS_TEST_TMPDIR/pipeline.err" 'dp-ingest: warning: .*not-json'
}

@test "bad events among good ones cost only themselves: SQLite" { bad_among_good sqlite; }

@test "bad events among good ones cost only themselves: PostgreSQL" { bad_among_good postgresql; }

# The README's blocks of a language, or the one of this number, with this test's ports.
readme_blocks() {
	awk -v lang="$1" -v want="${2:-}" '/^```/ { on = 0 } $0 == "```" lang { on = ++n == want || want == ""; next }
		on' README.md |
		sed -e "s/127\.0\.0\.1:8008/$DEVPULSE_LISTEN/" -e "s/localhost:8088/$DEVPULSE_HTTP_LISTEN/"
}

readme_line() { readme_blocks sh | grep "^$1"; }

@test "the README's lines run as they stand" {
	start_all sqlite
	run bash -c "$(declare -f readme_blocks); readme_blocks python 1 |
		PYTHONPATH=$ROOT/sdk/python/src /usr/bin/python3 -"
	[[ $output == *'ZeroDivisionError: division by zero' ]]
	trace=$(sed -n 's/^trace //p' <<<"$output")
	retry_until trace_has "$trace" '"prices":\[\]'
	readme_blocks python 2 | /usr/bin/python3 -
	retry_until trace_has first-light '"order_id":17'
	eval "$(readme_line PATH)"
	eval "$(readme_line cat)"
	eval "$(readme_line curl)" | jq -e '.trace_id == "abc123" and (.events | length) == 12'
	background tail bash -c "exec $(readme_line dp-tail) -o json"
	retry_until test_lines "$BATS_TEST_TMPDIR/tail.out" 12
	kill "$pipeline_pid"
	wait_for "$pipeline_pid"
	background filter bash -c "$(readme_line dp-ingest)"
	retry_until file_has "$BATS_TEST_TMPDIR/filter.err" 'listening'
	echo '{"traceId":"filtered","severity":"info","details":"no"}' | dp-send
	echo '{"traceId":"filtered","severity":"error","details":"yes"}' | dp-send
	retry_until trace_has filtered yes
	curl -fsS "$DEVPULSE_URL/api/traces/filtered" | jq -e '(.events | length) == 1'
	pkill -P "$filter_pid" -x dp-ingest
	wait_for "$filter_pid"
	[ "$status" = 0 ]
}
