#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the inner shell
# A PostgreSQL that stands still while its sockets live: nothing ends by itself that waits for it.

load helpers

# frozen SCRIPT: runs it with a server of its own, which `freeze` stops and `thaw` lets go on.
frozen() {
	"$ROOT/tests/with-postgres.sh" bash -c '
		set -e
		. "$ROOT/tests/e2e/helpers.bash"
		servers=
		freeze() {
			postmaster=$(head -n 1 "$DEVPULSE_TEST_PG_DIR/data/postmaster.pid")
			kill -STOP "$postmaster"
			servers="$postmaster $(pgrep -d " " -P "$postmaster")"
			kill -STOP $servers
		}
		thaw() { kill -CONT $servers; }
		trap "thaw 2>/dev/null; stop_background" EXIT
		number() { seq "$1" "$2" | sed "s/.*/{\"traceId\":\"t\",\"details\":\"&\"}/"; }
		count() { psql -qAtX "$DEVPULSE_TEST_PG" -c "SELECT count(*), count(DISTINCT seq) FROM events"; }
		says() { retry_until file_has "$BATS_TEST_TMPDIR/$1.err" "$2"; }
		begin() { began=$(date +%s%N); }
		lasted_ms() { echo $((($(date +%s%N) - began) / 1000000)); }
		store() {
			mkfifo "$BATS_TEST_TMPDIR/events"
			exec 7<>"$BATS_TEST_TMPDIR/events"
			background store sh -c "exec dp-store --db $DEVPULSE_TEST_PG <$BATS_TEST_TMPDIR/events 7>&-"
			number 1 10 >&7
			retry_until are_stored "10|10"
		}
		are_stored() { [ "$(count)" = "$1" ]; }
		'"$1"
}

@test "dp-store stops when it is told to, and says what is not stored" {
	frozen '
		store
		freeze
		number 11 15 >&7
		kill "$store_pid"
		begin
		wait_for "$store_pid"
		[ "$status" = 1 ]
		[ "$(lasted_ms)" -lt 15000 ]
		says store "no answer for"
		says store "could not be stored: 5;"
		thaw
		[ "$(count)" = "10|10" ]
	'
}

# Batches are full, and their events have a time, so one goes ahead of the other.
@test "dp-store ends with the dp-ingest of its spool, whatever it waits for" {
	frozen '
		port=$(free_port)
		spool=$BATS_TEST_TMPDIR/spool
		mkfifo "$BATS_TEST_TMPDIR/pipe"
		background store sh -c "exec dp-store --db $DEVPULSE_TEST_PG --mark $spool/mark --batch 20 <$BATS_TEST_TMPDIR/pipe"
		background ingest sh -c "exec dp-ingest --listen 127.0.0.1:$port --spool $spool >$BATS_TEST_TMPDIR/pipe"
		retry_until curl -fs "127.0.0.1:$port/metrics"
		seq 20000 | sed "s/.*/{\"traceId\":\"t&\",\"timestamp\":\"2026-01-01T00:00:00Z\"}/" >"$BATS_TEST_TMPDIR/events"
		background send sh -c "exec dp-send --url ws://127.0.0.1:$port/ <$BATS_TEST_TMPDIR/events"
		begun() { [ "$(psql -qAtX "$DEVPULSE_TEST_PG" -c "SELECT count(*) > 500 FROM events")" = t ]; }
		retry_until begun
		freeze
		kill -9 "$ingest_pid"
		begin
		wait_for "$store_pid"
		[ "$status" = 1 ]
		[ "$(lasted_ms)" -lt 15000 ]
	'
}

@test "dp-store goes on by itself, with nothing lost or stored twice" {
	frozen '
		store
		freeze
		number 11 1000 >&7
		says store "the database doesn.t answer for 5 s: postgresql://.*; waiting, nothing is lost"
		thaw
		number 1001 2000 >&7
		exec 7>&-
		wait_for "$store_pid"
		[ "$status" = 0 ]
		says store "the database is back after"
		says store "stored 2000, duplicates 0"
		[ "$(count)" = "2000|2000" ]
	'
}

@test "dp-http's followers go on by themselves" {
	frozen '
		port=$(free_port)
		follow() { background follow curl -sSN "127.0.0.1:$port/api/events?follow"; }
		number 1 10 | dp-store --db "$DEVPULSE_TEST_PG"
		background http dp-http --listen "127.0.0.1:$port" --db "$DEVPULSE_TEST_PG" --heartbeat 1
		retry_until curl -fs "127.0.0.1:$port/readyz"
		follow
		got=$BATS_TEST_TMPDIR/follow.out
		retry_until file_has "$got" "\"10\""
		retry_until file_has "$got" "^$"
		freeze
		[ "$(curl -s -m 0.5 -o /dev/null -w "%{http_code}" "127.0.0.1:$port/api/traces")" = 000 ]
		thaw
		number 11 20 | dp-store --db "$DEVPULSE_TEST_PG"
		retry_until file_has "$got" "\"20\""
		[ "$(grep -c traceId "$got")" = 20 ]
		kill "$http_pid"
		wait_for "$http_pid"
		[ "$status" = 0 ]
	'
}
