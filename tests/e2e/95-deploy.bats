#!/usr/bin/env bats
# The files of compose/ as far as they can be judged without an engine or a booted systemd.

load helpers

# The units, with the programs where they are here.
setup() {
	mkdir "$BATS_TEST_TMPDIR/system" "$BATS_TEST_TMPDIR/user"
	local file
	for file in "$ROOT"/compose/systemd/*.* "$ROOT"/compose/systemd/user/*.*; do
		sed -e "s|^ExecStart=devpulse |ExecStart=$ROOT/devpulse |" \
			-e "s|^ExecStart=dp-http|ExecStart=${DEVPULSE_BUILD:-$ROOT/build}/bin/dp-http|" "$file" \
			>"$BATS_TEST_TMPDIR/$([[ $file == */user/* ]] && echo user || echo system)/${file##*/}"
	done
}

@test "systemd finds nothing wrong with the units" {
	run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/system/*
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$output" ]
	XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR run systemd-analyze --user verify --man=no "$BATS_TEST_TMPDIR"/user/*
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "the services are confined: an exposure of at most 2.0" {
	local unit
	for unit in "$BATS_TEST_TMPDIR"/system/*.service; do
		systemd-analyze security --no-pager --offline=true --threshold=20 "$unit" >"$BATS_TEST_TMPDIR/security"
	done
}

variables_of() { grep -ohE "$1" "${@:2}" | grep -oE '[A-Z_]{4,}' | sort -u; }

@test "compose/example.env tells every variable of the compose files, and no other" {
	diff <(variables_of '\$\{[A-Z_]+' "$ROOT"/compose/*.yml) \
		<(variables_of '^#[A-Z_]+=' "$ROOT/compose/example.env" | grep -v '^COMPOSE_')
}

@test "the compose files pass on every setting that a container can have" {
	local ours=PATH
	# Those that the image sets, and those of other machines than the container.
	for variable in STATE_DIR LISTEN HTTP_LISTEN TRUST_ATTACHED SPOOL MARK TOKEN_FILE URL WEBSOCKET_URL; do
		ours="$ours|DEVPULSE_$variable"
	done
	for program in dp-ingest dp-store dp-http; do
		"$program" --help
	done | grep -oE 'DEVPULSE_[A-Z_]+' | sort -u | grep -vxE "$ours" >"$BATS_TEST_TMPDIR/wanted"
	[ -s "$BATS_TEST_TMPDIR/wanted" ]
	while read -r variable; do
		grep -q "^ *$variable:" "$ROOT/compose/docker-compose.yml"
	done <"$BATS_TEST_TMPDIR/wanted"
}
