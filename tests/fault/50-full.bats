#!/usr/bin/env bats
# No room, in the spool or on its disk: clients wait, and it goes on by itself.

load ../e2e/helpers

setup() {
	S=$BATS_TEST_TMPDIR/spool
	PORT=$(free_port)
	export S PORT
}

teardown() {
	stop_background
	if mountpoint -q "$S"; then umount -l "$S"; fi
}

metric() { curl -fsS "http://127.0.0.1:$PORT/metrics" | sed -n "s/^dp_ingest_$1 //p"; }

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
	start_spooling --spool-max 16M
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
	start_spooling
	fill_up 3>&- &
	drain_up $!
	file_has "$BATS_TEST_TMPDIR/err" 'warning: cannot .* the spool .*: No space left on device: clients that send are not read from'
	file_has "$BATS_TEST_TMPDIR/err" 'info: the spool takes events again'
	retry_until grep -q '"small"' "$BATS_TEST_TMPDIR/out"
}

# Sends one by one until that is not acknowledged any more.
send_until_stalled() {
	python <<'PY'
from peer import *

ws = acknowledged()
n = 0
while n < 5000:
    ws.send({"traceId": "trickle", "details": "x" * 300})
    if not ws.read(2):
        break
    n += 1
assert 1000 < n < 5000, n
PY
}

has_no_block_left() { [ "$(stat -f -c %f "$S")" = 0 ]; }

is_taken_again() { [ "$(metric spool_stalled)" = 0 ]; }

@test "a disk without a block left: the mark of a dp-store that comes then makes room" {
	mkdir "$S"
	mount -t tmpfs -o size=1m none "$S" 2>/dev/null || skip "it takes root to mount a small disk"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec 5<>"$BATS_TEST_TMPDIR/pipe"
	ln -s pipe "$BATS_TEST_TMPDIR/out"
	start_spooling
	send_until_stalled
	dd if=/dev/zero of="$S/other" bs=4096 2>/dev/null || true
	retry_until has_no_block_left
	dp-store --db "sqlite:///$BATS_TEST_TMPDIR/d.db" --mark "$S/mark" <"$BATS_TEST_TMPDIR/pipe" \
		2>"$BATS_TEST_TMPDIR/store.err" 3>&- 4>&- 5>&- &
	echo "$!" >>"$BATS_TEST_TMPDIR/pids"
	exec 5>&-
	retry_until is_taken_again
	python <<'PY'
from peer import *

ws = acknowledged()
ws.send({"traceId": "trickle", "details": "again"})
ws.acked(1)
PY
	file_has "$BATS_TEST_TMPDIR/err" 'info: the spool takes events again'
	[ "$(grep -c 'cannot write the mark' "$BATS_TEST_TMPDIR/store.err")" = 0 ]
}
