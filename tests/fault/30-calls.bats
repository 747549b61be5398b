#!/usr/bin/env bats
# A system call of the spool fails, or the process dies at it.

load ../e2e/helpers

setup() {
	S=$BATS_TEST_TMPDIR/spool
	PORT=$(free_port)
	export S PORT
}

teardown() {
	stop_background
}

# Starts dp-ingest with its spool in $S, its events appended to $BATS_TEST_TMPDIR/out.
start() {
	: >"$BATS_TEST_TMPDIR/err"
	dp-ingest --listen "127.0.0.1:$PORT" --spool "$S" >>"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
}

python() {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 60 /usr/bin/python3 - "$@"
}

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

acked_are_stored() {
	sort -u "$BATS_TEST_TMPDIR/database" >"$BATS_TEST_TMPDIR/stored"
	! sort -u "$BATS_TEST_TMPDIR"/acked.* | comm -23 - "$BATS_TEST_TMPDIR/stored" | head -n 5 | grep .
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
