#!/usr/bin/env bats
# dp-ingest with a spool: nothing that was acknowledged is lost, whatever dies or fails.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	S=$BATS_TEST_TMPDIR/spool
	PORT=$(free_port)
	export S PORT
}

teardown() {
	stop_background
	if mountpoint -q "$S"; then umount -l "$S"; fi
	if mountpoint -q "$S.mount"; then umount -l "$S.mount"; fi
}

# Starts dp-ingest with its spool in $S, its events appended to $BATS_TEST_TMPDIR/out.
start() {
	: >"$BATS_TEST_TMPDIR/err"
	dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" "$@" >>"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
}

stop() {
	kill "-${1:-TERM}" "$ingest_pid"
	wait_for "$ingest_pid"
}

python() {
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 - "$@"
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
	start
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
	start
	send t one two three
	retry_until out_is one two three
	stop KILL
	start
	retry_until out_is one two three one two three
	mark_behind two
	retry_until metric_is spool_lag_events 1
	stop KILL
	: >"$BATS_TEST_TMPDIR/out"
	start
	send t four
	retry_until out_is three four
	mark_behind four
	retry_until metric_is spool_lag_bytes 0
	metric_is spool_kept_bytes "$(metric spool_bytes)"
	[ "$(cd "$S" && echo *.seg)" = "00000000000000000000.seg 00000000000134217728.seg" ]
	stop
	touch -d '2 hours ago' "$S"/*.seg # the last one says where the spool ends
	start
	[ "$(cd "$S" && ls -- *.seg)" = 00000000000134217728.seg ]
	stop
	out_is three four
}

@test "a mark that is damaged or of another spool: all is handed over again, and told" {
	start
	send t one two
	retry_until out_is one two
	mark_behind two
	stop
	: >"$BATS_TEST_TMPDIR/out"
	sed -i 's/^./x/' "$S/mark"
	start
	retry_until out_is one two
	file_has "$BATS_TEST_TMPDIR/err" 'warning: the mark .*/mark is damaged: all that is in the spool is handed over again'
	stop
}

@test "a torn line at the end is cut off silently; damage elsewhere costs its line and is told" {
	start
	send t one two three
	retry_until out_is one two three
	stop KILL
	printf '01234567 {"torn' >>"$S/00000000000000000000.seg"
	: >"$BATS_TEST_TMPDIR/out"
	start
	send t four
	retry_until out_is one two three four
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
	stop KILL
	cut -c10- "$S"/*.seg | jq -e .details >/dev/null
	sed -i '2s/two/TWO/' "$S/00000000000000000000.seg"
	: >"$BATS_TEST_TMPDIR/out"
	start
	retry_until out_is one three four
	file_has "$BATS_TEST_TMPDIR/err" 'warning: damage at offset [0-9]+ of the spool .*: [0-9]+ bytes are passed over'
	grep -q TWO "$S"/*.bad
	metric_is spool_damaged_total 1
}

@test "/metrics: what is counted, for those who may ask, and in a form that is right" {
	start
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
	start
	retry_until lines_of "$BATS_TEST_TMPDIR/out" 5
	diff <(jq -c 'del(._pos)' "$BATS_TEST_TMPDIR/out") <(cut -c10- "$S/00000000000000000000.seg" | tail -n 5 | jq -c .)
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
}

@test "one process has a spool: a second is refused, exit 1; a place that is no good, exit 2" {
	start
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

# A client that sends numbered events to whoever listens, and notes what is acknowledged, until
# $BATS_TEST_TMPDIR/enough is there. It sends again what was not, with its id.
client() {
	background "client$1" env PYTHONPATH="$BATS_TEST_DIRNAME" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c '
import sys, time, uuid
from peer import *

name, folder = sys.argv[1:]
waiting, n = {}, 0
log = open(f"{folder}/acked.{name}", "w", buffering=1)
while not (os.path.exists(f"{folder}/enough") and not waiting):
    try:
        with acknowledged() as ws:
            base, sent = 0, []
            for event in waiting.values():
                ws.send(event)
                sent.append(event["details"])
            while True:
                while len(waiting) < 100 and not os.path.exists(f"{folder}/enough"):
                    n += 1
                    waiting[n] = {"traceId": name, "eventId": str(uuid.uuid4()), "details": n}
                    ws.send(waiting[n])
                    sent.append(n)
                if not waiting:
                    break
                f = ws.read(5)
                if f is None:
                    break
                while f["t"] == "ack" and base < f["n"]:
                    log.write(f"{name} {sent[base]}\n")
                    waiting.pop(sent[base], None)
                    base += 1
    except (OSError, AssertionError, EOFError):
        time.sleep(0.05)
' "$1" "$BATS_TEST_TMPDIR"
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

acked_are_stored() {
	sort -u "$BATS_TEST_TMPDIR/database" >"$BATS_TEST_TMPDIR/stored"
	! sort -u "$BATS_TEST_TMPDIR"/acked.* | comm -23 - "$BATS_TEST_TMPDIR/stored" | head -n 5 | grep .
}

@test "kill -9 at any moment under load: what was acknowledged is stored" {
	touch "$BATS_TEST_TMPDIR/database"
	client a
	client b
	local rounds=${ROUNDS:-6}
	while ((rounds-- > 0)); do
		start_pair
		sleep "0.$((RANDOM % 800 + 100))"
		case $((RANDOM % 3)) in
		0) kill -KILL "$ingest_pid" ;;
		1) kill -KILL "$reader_pid" ;;
		2) kill -KILL "$ingest_pid" "$reader_pid" ;;
		esac
		wait_for "$ingest_pid"
		wait_for "$reader_pid"
	done
	start_pair
	touch "$BATS_TEST_TMPDIR/enough"
	# shellcheck disable=SC2154 # made by background
	wait_for "$clienta_pid"
	# shellcheck disable=SC2154
	wait_for "$clientb_pid"
	RETRY_SECONDS=60 retry_until metric_is spool_lag_bytes 0
	stop
	[ "$status" = 0 ]
	wait_for "$reader_pid"
	acked_are_stored
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acked.a")" -gt 100 ]
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
	start
	retry_until is_kept one
}

@test "SIGTERM: all is acknowledged and handed over; what the pipe does not take is kept, exit 0" {
	start
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
	start
	send t last
	retry_until out_is last
}

# A disk of its own in $S, for the current to be cut: what is not synced is gone.
mount_disk() {
	mkdir -p "$S.mount"
	if [ ! -e "$S.image" ]; then
		truncate -s 300M "$S.image"
		mkfs.ext4 -q "$S.image" 2>/dev/null || return 1
	fi
	mount -o loop "$S.image" "$S.mount" 2>/dev/null || return 1
}

all_stand_still() { ! sed 's/.*) //' "/proc/$1/task"/*/stat 2>/dev/null | grep -v '^[TZ]'; }

# No sync is on its way then: of one that is when ext4 is shut down, the kernel may say that it
# succeeded though it did not, which a bare loop of pwrite and fdatasync shows as well.
cut_power() {
	if kill -STOP "$ingest_pid" 2>/dev/null; then retry_until all_stand_still "$ingest_pid"; fi
	python "$S.mount" <<'PY'
import fcntl, os, struct, sys

EXT4_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
PY
	kill -KILL "$ingest_pid" 2>/dev/null || true
	wait_for "$ingest_pid"
	retry_until umount "$S.mount"
}

all_is_pumped() { [ "$(metric spool_pump_offset)" = "$(metric spool_end_offset)" ]; }
acked_some() { [ "$(cat "$BATS_TEST_TMPDIR"/acked.* 2>/dev/null | wc -l)" -gt "$1" ]; }

@test "power cuts under load: what was acknowledged is there" {
	mount_disk || skip "it takes root to mount a disk of its own"
	client a
	client b
	local rounds=${ROUNDS:-3}
	while ((rounds-- > 0)); do
		start --spool "$S.mount/spool"
		retry_until acked_some 100
		sleep "0.$((RANDOM % 400))"
		cut_power
		mount_disk
	done
	touch "$BATS_TEST_TMPDIR/enough"
	: >"$BATS_TEST_TMPDIR/out"
	start --spool "$S.mount/spool"
	# shellcheck disable=SC2154 # made by background
	wait_for "$clienta_pid"
	# shellcheck disable=SC2154
	wait_for "$clientb_pid"
	RETRY_SECONDS=60 retry_until all_is_pumped
	stop
	jq -r '"\(.traceId) \(.details)"' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/database"
	acked_are_stored
	umount "$S.mount"
}

@test "power cuts: a disk that lies about syncing loses, or the test before would show nothing" {
	command -v strace >/dev/null || skip "no strace"
	mount_disk || skip "it takes root to mount a disk of its own"
	client a
	strace -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:retval=0 \
		dp-ingest --listen "127.0.0.1:$PORT" --spool "$S.mount/spool" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until acked_some 100
	kill -KILL "$(pgrep -P "$ingest_pid")"
	cut_power
	mount_disk
	kill -KILL "$clienta_pid"
	: >"$BATS_TEST_TMPDIR/out"
	start --spool "$S.mount/spool"
	send t last
	retry_until grep -q '"last"' "$BATS_TEST_TMPDIR/out"
	stop
	jq -r '"\(.traceId) \(.details)"' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/database"
	run acked_are_stored
	[ "$status" = 1 ]
	umount "$S.mount"
}

# Sends until nothing more is taken; says how many bytes went, and leaves what waits to a client
# that is acknowledged when there is room again.
fill_up() {
	python "$ingest_pid" <<'PY'
import os, sys
from peer import *

ws = acknowledged()
big = frame(TEXT, '{"traceId":"fill","details":"%s"}' % ("x" * 100000))
ws.socket.settimeout(2)
sent = 0
try:
    while sent < 2000:
        ws.socket.sendall(big)
        sent += 1
except socket.timeout:
    pass
assert 100 < sent < 2000, sent
other = acknowledged()  # whoever sends little is heard, and waits for the acknowledgement
other.send({"traceId": "small", "details": "small"})
assert other.read(0.5) is None and other.closed is None
assert rss_kb(int(sys.argv[1])) < 40000 or os.environ.get("SAN")
open(os.environ["BATS_TEST_TMPDIR"] + "/full", "w").close()
other.acked(1)
PY
}

# Marks all that is handed over, again and again, until what waited is acknowledged.
drain_up() {
	retry_until test -e "$BATS_TEST_TMPDIR/full"
	[ "$(metric spool_stalled)" = 1 ]
	while kill -0 "$1" 2>/dev/null; do
		tail -n 1 "$BATS_TEST_TMPDIR/out" | grep -o '[-0-9a-f]*:[0-9]*"}$' | tr -d '"}' >"$BATS_TEST_TMPDIR/position"
		python "$(cat "$BATS_TEST_TMPDIR/position")" <<'PY'
import os, sys
from spool import *

if sys.argv[1]:
    write_mark(os.environ["S"], sys.argv[1])
PY
	done
	wait "$1"
}

@test "--spool-max: clients wait, one line says so, and it goes on by itself when the mark moves" {
	start --spool-max 16M
	fill_up 3>&- &
	drain_up $!
	file_has "$BATS_TEST_TMPDIR/err" 'warning: the spool .* has its 16777216 bytes: clients that send are not read from until there is room again; nothing is stored: is dp-store running, .* its database there, does a filter'
	file_has "$BATS_TEST_TMPDIR/err" 'info: the spool takes events again'
	[ "$(grep -c 'not read from' "$BATS_TEST_TMPDIR/err")" = 1 ]
	retry_until grep -q '"small"' "$BATS_TEST_TMPDIR/out"
	[ "$(metric spool_bytes)" -le 16777216 ]
}

@test "a full disk: the same" {
	mkdir "$S"
	mount -t tmpfs -o size=12m none "$S" 2>/dev/null || skip "it takes root to mount a small disk"
	start
	fill_up 3>&- &
	drain_up $!
	file_has "$BATS_TEST_TMPDIR/err" 'warning: cannot .* the spool .*: No space left on device: clients that send are not read from'
	file_has "$BATS_TEST_TMPDIR/err" 'info: the spool takes events again'
	retry_until grep -q '"small"' "$BATS_TEST_TMPDIR/out"
}

# fault CALL INJECTION [STRACE-OPTION...]: one system call of the spool fails, or the process dies at
# it. What was acknowledged is there at the next start, and the fault is gone without a hand.
fault() {
	local inject=$1:$2 call=$1 child
	shift 2
	rm -rf "$S" "$BATS_TEST_TMPDIR"/acked.* "$BATS_TEST_TMPDIR/out"
	mkdir "$S"
	strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$@" -e trace="$call" -e inject="$inject" \
		dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	python <<'PY'
import os, time
from peer import *

end, n = time.monotonic() + 1.5, 0  # for it to start
with open(os.environ["BATS_TEST_TMPDIR"] + "/acked.f", "w") as log:
    while n < 6 and time.monotonic() < end:
        try:
            with acknowledged() as ws:
                end = time.monotonic() + 5
                for sent in range(1, 7):
                    ws.send({"traceId": "f", "details": n})
                    ws.acked(sent)
                    log.write(f"f {n}\n")
                    n += 1
        except (OSError, AssertionError, EOFError):
            if end > time.monotonic() + 1.5:  # it has run, and died
                break
            time.sleep(0.05)
PY
	child=$(pgrep -P "$ingest_pid") && kill -TERM "$child"
	wait_for "$ingest_pid"
	grep -q INJECTED "$BATS_TEST_TMPDIR/trace" || grep -q SIGKILL "$BATS_TEST_TMPDIR/trace" || {
		echo "$inject did not come" >&2
		return 1
	}
	start
	send f last
	retry_until grep -q '"last"' "$BATS_TEST_TMPDIR/out"
	stop
	jq -r '"f \(.details)"' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/database"
	acked_are_stored || {
		echo "lost with $inject" >&2
		return 1
	}
}

@test "each system call of the spool fails once, or the process dies at it" {
	command -v strace >/dev/null || skip "no strace"
	local injection
	for injection in error=EIO:when=1 error=ENOSPC:when=1..3 error=EIO:when=2+2 signal=KILL:when=3; do
		fault pwrite64 "$injection"
		fault fdatasync "$injection"
	done
	for injection in error=EIO:when=2 error=ENOSPC:when=3..5 signal=KILL:when=4; do
		fault openat "$injection" -P "$S"
	done
	fault fsync error=EIO:when=1
	fault fsync error=EIO:when=2..3
	fault fsync signal=KILL:when=2
	fault flock error=ENOLCK:when=1
	fault renameat error=EIO:when=1
	fault renameat signal=KILL:when=1
}

@test "5000 connections that are idle cost less than 64 MiB" {
	ulimit -n 12000 2>/dev/null || skip "it takes 12000 descriptors"
	start --max-connections 5100
	python "$ingest_pid" <<'PY'
import sys
from peer import *

many = [acknowledged() for _ in range(5000)]
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
