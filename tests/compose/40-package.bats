#!/usr/bin/env bats
# What `make deb` makes, on a machine with systemd that has nothing else of DevPulse.

load engine

setup_file() {
	has_engine || return 0
	docker build -q -t devpulse-machine - <"$ROOT/tests/compose/images/machine" 3>&- >/dev/null
	make -s -C "$ROOT" deb B="$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/log" 2>&1 || {
		tail -n 20 "$BATS_FILE_TMPDIR/log" >&2
		return 1
	}
	NAME=devpulse-test-package-$$
	export NAME
	boot devpulse-machine -v "$BATS_FILE_TMPDIR/deb:/deb:ro"
}

teardown_file() {
	[ -z "${NAME:-}" ] || docker rm -fv "$NAME" >/dev/null
}

answers() { on curl -fsS -o /dev/null http://localhost:8088/readyz; }
pid_of() { on systemctl show -P MainPID devpulse-pipeline; }

@test "lintian finds nothing" {
	command -v lintian >/dev/null || skip 'no lintian here'
	lintian --fail-on error,warning "$BATS_FILE_TMPDIR"/deb/*.changes
}

@test "installed with what it depends on, it waits to be asked, and then runs" {
	on sh -c 'apt-get update && apt-get install -y --no-install-recommends /deb/devpulse_*.deb' >"$BATS_TEST_TMPDIR/apt"
	run on systemctl is-active devpulse.target devpulse-pipeline devpulse-http
	[ "$(sort -u <<<"$output")" = inactive ]
	[ "$(on systemctl is-enabled devpulse.target)" = disabled ]
	on systemctl enable --now devpulse.target
	RETRY_SECONDS=20 retry_until answers
	on curl -fsS http://localhost:8088/app.js | cmp - "$BATS_FILE_TMPDIR/deb/devpulse/build/ui/app.js"
	on dp-send <"$ROOT/examples/events.ndjson"
	retry_until on curl -fsS -o /dev/null http://localhost:8088/api/traces/abc123
}

@test "upgraded, what runs is started again, and is enabled as before" {
	local old
	old=$(pid_of)
	on sh -c 'dpkg -i /deb/devpulse_*.deb'
	RETRY_SECONDS=20 retry_until answers
	[ "$(pid_of)" != "$old" ]
	active devpulse.target devpulse-pipeline devpulse-http
	[ "$(on systemctl is-enabled devpulse.target)" = enabled ]
	on systemctl stop devpulse.target
	on sh -c 'dpkg -i /deb/devpulse_*.deb'
	run active devpulse-pipeline
	[ "$status" != 0 ]
	on systemctl start devpulse.target
}

@test "removed it is stopped; purged, only the events are left" {
	on apt-get remove -y devpulse
	run on systemctl is-active devpulse-pipeline devpulse-http
	[ "$(sort -u <<<"$output")" = inactive ]
	on apt-get purge -y devpulse
	# Apart from what apt and the journal know of it.
	on find / -xdev -name '*devpulse*' | grep -vE '^/(proc|deb|var/(cache|lib/apt|log))/' >"$BATS_TEST_TMPDIR/left"
	file_has "$BATS_TEST_TMPDIR/left" '^/var/lib/private/devpulse/devpulse.db$'
	run grep -vE '^/var/lib/(private/)?devpulse(/|$)' "$BATS_TEST_TMPDIR/left"
	[ "$output" = '' ]
}
