#!/usr/bin/env bats
# Power cuts: what is not synced is gone.

load ../e2e/helpers

setup() {
	S=$BATS_TEST_TMPDIR/spool
	PORT=$(free_port)
	export S PORT
}

teardown() {
	stop_background
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

python() {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 - "$@"
}

metric() { curl -fsS "http://127.0.0.1:$PORT/metrics" | sed -n "s/^dp_ingest_$1 //p"; }

stop() {
	kill "$ingest_pid"
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

# A client that sends numbered events to whoever listens, and notes what is acknowledged, until
# $BATS_TEST_TMPDIR/enough is there. It sends again what was not, with its id.
client() {
	background "client$1" env PYTHONPATH="$ROOT/tests/e2e" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c '
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

acked_are_stored() {
	sort -u "$BATS_TEST_TMPDIR/database" >"$BATS_TEST_TMPDIR/stored"
	! sort -u "$BATS_TEST_TMPDIR"/acked.* | comm -23 - "$BATS_TEST_TMPDIR/stored" | head -n 5 | grep .
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
