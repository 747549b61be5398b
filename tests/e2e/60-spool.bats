#!/usr/bin/env bats
# dp-ingest with a spool: what is acknowledged is kept and handed over. What dies or fails: tests/fault.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	S=$BATS_TEST_TMPDIR/spool
	PORT=$(free_port)
	export S PORT
}

teardown() {
	stop_background
}

stop() {
	kill "-${1:-TERM}" "$ingest_pid"
	wait_for "$ingest_pid"
}

# Sends events of the trace $1 with the details $2...; each is acknowledged.
send() {
	python "$@" <<'PY'
import sys
from peer import *

with acknowledged() as ws:
    for n, details in enumerate(sys.argv[2:]):
        ws.send({"traceId": sys.argv[1], "details": details})
        ws.acked(n + 1)
PY
}

details_of() { jq -r 'select(.traceId).details' "$1" | paste -sd' '; }
out_is() { [ "$(details_of "$BATS_TEST_TMPDIR/out")" = "$*" ]; }

lines_of() { [ "$(wc -l <"$1")" = "$2" ]; }

mark_behind() {
	python "$1" <<'PY'
import json, os, sys
from spool import *

with open(os.environ["BATS_TEST_TMPDIR"] + "/out") as f:
    write_mark(os.environ["S"], next(e["_pos"] for e in map(json.loads, f) if e["details"] == sys.argv[1]))
PY
}

metric() { curl -fsS "http://127.0.0.1:$PORT/metrics" | sed -n "s/^dp_ingest_$1 //p"; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

@test "what is acknowledged is in the spool, and on the pipe with its position" {
	start_spooling
	send t one two
	retry_until out_is one two
	[ "$(cut -c10- "$S"/*.seg | jq -r .details | paste -sd' ')" = "one two" ]
	python <<'PY'
import json, os
from spool import *

kept = list(records(os.environ["S"]))
with open(os.environ["BATS_TEST_TMPDIR"] + "/out") as f:
    lines = f.readlines()
sent = [json.loads(line) for line in lines]
ids = {e["_pos"].split(":")[0] for e in sent}
offsets = [int(e["_pos"].split(":")[1]) for e in sent]
assert len(ids) == 1 and offsets == sorted(offsets)
assert offsets[-1] == os.path.getsize(os.environ["S"] + "/00000000000000000000.seg")
assert all(list(e)[-1] == "_pos" for e in sent)
assert [{k: v for k, v in e.items() if k != "_pos"} for e in sent] == kept
PY
	[ "$(stat -c %a "$S" "$S/00000000000000000000.seg" | paste -sd' ')" = "700 600" ]
}

@test "the next start begins at the mark, and removes what it has passed an hour ago" {
	start_spooling
	send t one two three
	retry_until out_is one two three
	stop KILL
	start_spooling
	retry_until out_is one two three one two three
	mark_behind two
	retry_until metric_is spool_lag_events 1
	stop KILL
	: >"$BATS_TEST_TMPDIR/out"
	start_spooling
	send t four
	retry_until out_is three four
	mark_behind four
	retry_until metric_is spool_lag_bytes 0
	metric_is spool_kept_bytes "$(metric spool_bytes)"
	[ "$(cd "$S" && echo *.seg)" = "00000000000000000000.seg 00000000000134217728.seg" ]
	stop
	touch -d '2 hours ago' "$S"/*.seg # the last one says where the spool ends
	start_spooling
	[ "$(cd "$S" && ls -- *.seg)" = 00000000000134217728.seg ]
	stop
	out_is three four
}

@test "a mark that is damaged or of another spool: all is handed over again, and told" {
	start_spooling
	send t one two
	retry_until out_is one two
	mark_behind two
	stop
	: >"$BATS_TEST_TMPDIR/out"
	sed -i 's/^./x/' "$S/mark"
	start_spooling
	retry_until out_is one two
	file_has "$BATS_TEST_TMPDIR/err" 'warning: the mark .*/mark is damaged: all that is in the spool is handed over again'
	stop
}

@test "a torn line at the end is cut off silently; damage elsewhere costs its line and is told" {
	start_spooling
	send t one two three
	retry_until out_is one two three
	stop KILL
	printf '01234567 {"torn' >>"$S/00000000000000000000.seg"
	: >"$BATS_TEST_TMPDIR/out"
	start_spooling
	send t four
	retry_until out_is one two three four
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
	stop KILL
	cut -c10- "$S"/*.seg | jq -e .details >/dev/null
	sed -i '2s/two/TWO/' "$S/00000000000000000000.seg"
	: >"$BATS_TEST_TMPDIR/out"
	start_spooling
	retry_until out_is one three four
	file_has "$BATS_TEST_TMPDIR/err" 'warning: damage at offset [0-9]+ of the spool .*: [0-9]+ bytes are passed over'
	grep -q TWO "$S"/*.bad
	metric_is spool_damaged_total 1
}

@test "/metrics: what is counted, for those who may ask, and in a form that is right" {
	start_spooling
	send t one two
	curl -fsS -H 'Content-Type: application/json' -d '[{"details":"x"},{"y":1}]' "http://127.0.0.1:$PORT/events"
	retry_until metric_is spool_pump_offset "$(metric spool_end_offset)"
	metric_is events_received_total 4
	metric_is events_accepted_total 3
	metric_is events_acknowledged_total 3
	metric_is 'events_refused_total{code="no-known-field"}' 1
	metric_is 'events_refused_total{code="other"}' 0
	metric_is spool_bytes "$(cat "$S"/*.seg | wc -c)"
	metric_is spool_kept_bytes 0
	metric_is spool_lag_events 3
	metric_is spool_stalled 0
	curl -fsS -D "$BATS_TEST_TMPDIR/head" "http://127.0.0.1:$PORT/metrics" >"$BATS_TEST_TMPDIR/metrics"
	file_has "$BATS_TEST_TMPDIR/head" '^Content-Type: text/plain; version=0.0.4; charset=utf-8'
	awk '/^# HELP / { help = $3 } /^# TYPE / { type = $3; if (type != help) exit 1 }
		/^[^#]/ { sub(/[{ ].*/, ""); if ($0 != type) exit 1 }' "$BATS_TEST_TMPDIR/metrics"
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: evil' "http://127.0.0.1:$PORT/metrics")" = 421 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -X POST -d x "http://127.0.0.1:$PORT/metrics")" = 404 ]
}

@test "a spool that version 0.1 left is handed over by every later one" {
	cp -r "$ROOT/tests/data/spool-1" "$S"
	start_spooling
	retry_until lines_of "$BATS_TEST_TMPDIR/out" 5
	diff <(jq -c 'del(._pos)' "$BATS_TEST_TMPDIR/out") <(cut -c10- "$S/00000000000000000000.seg" | tail -n 5 | jq -c .)
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
}

@test "one process has a spool: a second is refused, exit 1; a place that is no good, exit 2" {
	start_spooling
	run --separate-stderr dp-ingest --listen 127.0.0.1:0 --spool "$S"
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "dp-ingest: error: the spool $S is in use by another process: "* ]]
	stop
	run --separate-stderr dp-ingest --listen 127.0.0.1:0 --spool "$S/a/b"
	[ "$status" = 2 ]
	[[ $stderr == *"cannot open the spool $S/a/b: No such file or directory" ]]
	run --separate-stderr dp-ingest --listen 127.0.0.1:0 --spool "$BATS_TEST_TMPDIR/out"
	[ "$status" = 2 ]
	for bad in 1M 8X -1 '' 99999999999T 8GB; do
		run --separate-stderr dp-ingest --listen 127.0.0.1:0 --spool "$S" --spool-max "$bad"
		[ "$status" = 2 ]
	done
	run dp-ingest --spool "$S" -
	[ "$status" = 2 ]
	DEVPULSE_SPOOL=$S dp-ingest - </dev/null
}

# The pair: dp-ingest and a reader that stores and marks.
start_pair() {
	local fifo=$BATS_TEST_TMPDIR/pipe
	[ -p "$fifo" ] || mkfifo "$fifo"
	# shellcheck disable=SC2016 # expanded there
	background reader bash -c 'exec /usr/bin/python3 "$1/spool.py" "$2" "$3" <"$0"' "$fifo" \
		"$BATS_TEST_DIRNAME" "$S" "$BATS_TEST_TMPDIR/database"
	dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" >"$fifo" 2>>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
}

# The reader may have stored it before it was killed, or not.
is_kept() { file_has "$BATS_TEST_TMPDIR/database" "^t $1\$" || out_is "$1"; }

@test "when the reader of the pipe ends: what came is acknowledged and kept, exit 1" {
	touch "$BATS_TEST_TMPDIR/database"
	start_pair
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
	send t one
	kill -KILL "$reader_pid"
	wait_for "$ingest_pid"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/err" 'error: cannot write to standard output: Broken pipe; .*restart'
	start_spooling
	retry_until is_kept one
}

@test "SIGTERM: all is acknowledged and handed over; what the pipe does not take is kept, exit 0" {
	start_spooling
	python "$ingest_pid" <<'PY'
import os, signal, sys
from peer import *

ws = acknowledged()
for n in range(200):
    ws.send({"traceId": "t", "details": n})
os.kill(int(sys.argv[1]), signal.SIGTERM)
try:
    ws.acked(1)
except AssertionError:
    pass
assert ws.code(10) == 1001, ws.closed
PY
	wait_for "$ingest_pid"
	[ "$status" = 0 ]
	[ "$(grep -c traceId "$BATS_TEST_TMPDIR/out")" = "$(cat "$S"/*.seg | wc -l)" ]
	mkfifo "$BATS_TEST_TMPDIR/stuck"
	exec 7<>"$BATS_TEST_TMPDIR/stuck"
	dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" >"$BATS_TEST_TMPDIR/stuck" 2>"$BATS_TEST_TMPDIR/err" 3>&- 7>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
	send t "$(head -c 100000 /dev/zero | tr '\0' x)"
	stop
	[ "$status" = 0 ]
	file_has "$BATS_TEST_TMPDIR/err" 'info: the spool .* keeps [0-9]+ bytes of events for the next start'
	exec 7>&-
}

@test "filters in the pipe: the position of the next event that passes covers those dropped" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	# shellcheck disable=SC2016 # expanded there
	background reader bash -c 'grep --line-buffered -v secret <"$0" | jq --unbuffered -c "select(.details != \"noise\")" |
		/usr/bin/python3 "$1/spool.py" "$2" "$3"' "$BATS_TEST_TMPDIR/pipe" "$BATS_TEST_DIRNAME" "$S" "$BATS_TEST_TMPDIR/database"
	dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" >"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
	send t secret one noise secret two
	stop
	wait_for "$reader_pid"
	[ "$(paste -sd, "$BATS_TEST_TMPDIR/database")" = "t one,t two" ]
	start_spooling
	send t last
	retry_until out_is last
}

@test "5000 connections that are idle cost less than 64 MiB" {
	ulimit -n 12000 2>/dev/null || skip "it takes 12000 descriptors"
	start_spooling --max-connections 5100
	# By fifties, as dp-ingest's poll(2) looks at all that are there for each that comes alone.
	PYTHON_SECONDS=600 python "$ingest_pid" <<'PY'
import sys
from peer import *

many = [ws for _ in range(100) for ws in many_acknowledged(50)]
for ws in many[::50]:
    ws.send({"traceId": "idle", "details": "not quite"})
for ws in many[::50]:
    ws.acked(1)
rss = rss_kb(int(sys.argv[1]))
print("# %d KiB" % rss, file=sys.stderr)
assert rss < 64 * 1024 or os.environ.get("SAN"), rss
PY
	[ "$(metric connections)" -ge 1 ]
}
