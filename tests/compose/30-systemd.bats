#!/usr/bin/env bats
# The units of compose/systemd, under a systemd that is the first process of a container.

load engine

setup_file() {
	has_engine || return 0
	build_image
	docker build -q -f - -t devpulse-systemd "$ROOT/compose" <"$ROOT/tests/compose/images/systemd" 3>&- >/dev/null
	NAME=devpulse-test-systemd-$$
	export NAME
	boot devpulse-systemd
}

teardown_file() {
	[ -z "${NAME:-}" ] || docker rm -fv "$NAME" >/dev/null
}

events() { on dp-tail --no-follow -n all -o json | jq -r .traceId | sort | tr '\n' ' '; }
events_are() { [ "$(events)" = "$1" ]; }
journal_has() { on journalctl -q -o cat "${@:2}" | grep -qE -- "$1"; }

@test "the target has both units, ready and confined" {
	local unit pid
	active devpulse.target devpulse-pipeline devpulse-http
	for unit in devpulse-pipeline devpulse-http; do
		pid=$(on systemctl show -P MainPID $unit)
		on cat "/proc/$pid/status" >"$BATS_TEST_TMPDIR/status"
		grep -qx $'CapBnd:\t0000000000000000' "$BATS_TEST_TMPDIR/status"
		grep -qx $'NoNewPrivs:\t1' "$BATS_TEST_TMPDIR/status"
		grep -qx $'Seccomp:\t2' "$BATS_TEST_TMPDIR/status"
		run grep -E $'Uid:\t(0|10001)\t' "$BATS_TEST_TMPDIR/status"
		[ "$status" = 1 ]
	done
	[ "$(on stat -c '%U %a' /var/lib/private/devpulse)" = 'devpulse 700' ]
}

@test "what is killed comes back, and nothing acknowledged is lost" {
	echo '{"traceId":"one"}' | on dp-send
	retry_until events_are 'one '
	for program in dp-store dp-ingest dp-http; do
		on sh -c "kill -KILL \$(grep -lx $program /proc/[0-9]*/comm | cut -d / -f 3)"
		echo "{\"traceId\":\"$program\"}" >"$BATS_TEST_TMPDIR/event"
		again() { on dp-send <"$BATS_TEST_TMPDIR/event"; }
		RETRY_SECONDS=20 retry_until again
	done
	RETRY_SECONDS=20 retry_until events_are 'dp-http dp-ingest dp-store one '
}

@test "the journal has the lines, each with its priority" {
	journal_has 'dp-ingest: info: listening on' -u devpulse-pipeline -p info
	journal_has 'dp-ingest: error: cannot write to standard output: Broken pipe' -u devpulse-pipeline -p err
	run journal_has 'dp-ingest: info' -u devpulse-pipeline -p warning
	[ "$status" = 1 ]
}

@test "stop and start of the target: all is handed on, all is there" {
	echo '{"traceId":"last"}' | on dp-send
	on systemctl stop devpulse-pipeline devpulse-http devpulse.target
	[ "$(on systemctl show -P Result devpulse-pipeline devpulse-http | sort -u | xargs)" = success ]
	on systemctl start devpulse.target
	RETRY_SECONDS=20 retry_until active devpulse-pipeline devpulse-http
	retry_until events_are 'dp-http dp-ingest dp-store last one '
}

@test "a copy of SQLite that root puts back as the document says is the service's own again" {
	on systemctl stop devpulse.target
	on sh -c 'mkdir /backup && cp /var/lib/private/devpulse/devpulse.db /backup'
	on systemctl start devpulse.target
	lose() { echo '{"traceId":"lost"}' | on dp-send; }
	RETRY_SECONDS=20 retry_until lose
	as_written 'Restore SQLite under systemd' | on env BACKUP=/backup bash -eu
	RETRY_SECONDS=20 retry_until active devpulse-pipeline devpulse-http
	RETRY_SECONDS=20 retry_until events_are 'dp-http dp-ingest dp-store last lost one '
}

@test "settings come from /etc/devpulse; wrong ones are not tried again" {
	on sh -c 'mkdir /etc/devpulse && umask 077 && echo DEVPULSE_DB=mysql://x >/etc/devpulse/devpulse.env'
	on systemctl restart devpulse-pipeline || true
	retry_until on systemctl is-failed devpulse-pipeline
	[ "$(on systemctl show -P NRestarts devpulse-pipeline)" = 0 ]
	journal_has 'error: --db \(DEVPULSE_DB\)|error: DEVPULSE_DB' -u devpulse-pipeline -p err
	on rm /etc/devpulse/devpulse.env
	on systemctl stop devpulse-http devpulse.target
}

@test "a developer's own: the user unit" {
	local mine=(systemctl --user -M developer@)
	on systemctl start user@1000
	on "${mine[@]}" start devpulse
	on "${mine[@]}" is-active devpulse
	echo '{"traceId":"mine"}' | on dp-send
	retry_until events_are 'mine '
	on runuser -u developer -- env HOME=/home/developer devpulse status
	on "${mine[@]}" stop devpulse
	[ "$(on "${mine[@]}" show -P Result devpulse)" = success ]
}
