#!/usr/bin/env bats
# ./devpulse: up, down, status, logs, pipeline, demo.

load helpers

setup() {
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN
	export DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/devpulse
	export DEVPULSE_BIN=${DEVPULSE_BUILD:-$ROOT/build}/bin
	cd "$ROOT" || return 1
}

teardown() {
	./devpulse down >/dev/null 2>&1 || true
	stop_background
	if mountpoint -q "$DEVPULSE_STATE_DIR"; then umount -l "$DEVPULSE_STATE_DIR"; fi
}

up() { ./devpulse up -d 3>&- 4>&- >"$BATS_TEST_TMPDIR/up.out"; }

pid_of() { cut -d " " -f 1 "$DEVPULSE_STATE_DIR/run/$1.pid"; }

events_stored() {
	[ "$(query "sqlite:///$DEVPULSE_STATE_DIR/devpulse.db" 'select count(*) from events')" = "$1" ]
}

@test "up says where everything is, status agrees, down stops all of it" {
	up
	file_has "$BATS_TEST_TMPDIR/up.out" "ws://$DEVPULSE_LISTEN/"
	file_has "$BATS_TEST_TMPDIR/up.out" "http://$DEVPULSE_HTTP_LISTEN/"
	curl -fsS "http://$DEVPULSE_HTTP_LISTEN/readyz"
	# shellcheck disable=SC2046 # a command
	timeout 30 $(sed -n "s/.*follow with '\([^']*\)'.*/\1/p" "$BATS_TEST_TMPDIR/up.out") --no-follow
	./devpulse status >"$BATS_TEST_TMPDIR/status.out"
	file_has "$BATS_TEST_TMPDIR/status.out" 'refused 0; connections 0$'
	local pids
	pids="$(pid_of dp-ingest) $(pid_of dp-store) $(pid_of dp-http)"
	run ./devpulse down
	[ "$status" = 0 ]
	for pid in $pids; do
		run kill -0 "$pid"
		[ "$status" != 0 ]
	done
	run ./devpulse status
	[ "$status" = 1 ]
	[ ! -e "$DEVPULSE_STATE_DIR/run" ]
}

@test "the listeners are on loopback only" {
	up
	for pid in $(pid_of dp-ingest) $(pid_of dp-http); do
		[ "$(ss -Hltnp | grep -c "pid=$pid,")" = 1 ]
		ss -Hltnp | grep "pid=$pid," | grep -q ' 127\.0\.0\.1:'
	done
}

@test "what was accepted before down is stored after it" {
	up
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	./devpulse down
	events_stored "$(wc -l <examples/events.ndjson)"
}

@test "Ctrl-C stops all, in order, after draining" {
	background up env --default-signal=INT setsid ./devpulse up
	retry_until test -e "$DEVPULSE_STATE_DIR/run/up.ready"
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	kill -INT -- "-$(ps -o pgid= -p "$(pid_of up)" | tr -d ' ')"
	wait_for "$up_pid"
	[ "$status" = 0 ]
	events_stored "$(wc -l <examples/events.ndjson)"
}

came_back() {
	local now
	now=$(pid_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ] && ./devpulse status
}

@test "what dies is started again, and the data goes on" {
	up
	for program in dp-store dp-ingest dp-http; do
		old=$(pid_of "$program")
		kill -9 "$old"
		retry_until came_back "$program" "$old"
	done
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	retry_until events_stored "$(wc -l <examples/events.ndjson)"
	run ./devpulse logs
	[[ $output == *'pipeline ended'*'starting it again in 1 s'* ]]
}

@test "at 10 MB the log is begun anew while all runs, and the one before is kept" {
	local log=$DEVPULSE_STATE_DIR/devpulse.log
	mkdir "$DEVPULSE_STATE_DIR"
	yes 'of earlier days' | head -c 10000000 >"$log"
	up
	retry_until file_has "$log" ' dp-http: info: page and API on'
	[ "$(wc -c <"$log.1")" -lt 10001000 ]
	[ "$(wc -c <"$log")" -lt 10000 ]
	[ "$(stat -c %a "$log")" = 600 ]
	[ "$(./devpulse logs | head -n 1)" = 'of earlier days' ]
	[ "$(./devpulse logs | grep -c 'dp-ingest: info: listening on')" = 1 ]
}

@test "a second up on the same state, and one on a used port, say what to do" {
	up
	run ./devpulse up
	[ "$status" = 1 ]
	[[ $output == *"already up"*"status"* ]]
	DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/second run ./devpulse up
	[ "$status" = 1 ]
	[[ $output == "dp-ingest: error: cannot listen on $DEVPULSE_LISTEN: Address already in use"* ]]
	[[ $output == *'DEVPULSE_LISTEN and DEVPULSE_HTTP_LISTEN choose other addresses' ]]
	[ "${#lines[@]}" = 2 ]
	[ ! -e "$BATS_TEST_TMPDIR/second/run" ]
	./devpulse status
	# Nor is it hidden where the log is begun anew meanwhile.
	mkdir "$BATS_TEST_TMPDIR/third"
	yes 'of earlier days' | head -c 10000000 >"$BATS_TEST_TMPDIR/third/devpulse.log"
	DEVPULSE_LISTEN=127.0.0.1:$(free_port) DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/third run ./devpulse up
	[ "$status" = 1 ]
	[[ $output == "dp-http: error: cannot listen on $DEVPULSE_HTTP_LISTEN: Address already in use"* ]]
	[ "$(wc -c <"$BATS_TEST_TMPDIR/third/devpulse.log")" -lt 10000 ]
}

@test "two can run side by side" {
	up
	DEVPULSE_LISTEN=127.0.0.1:$(free_port) DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port) \
		DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/second ./devpulse up -d 3>&- 4>&-
	./devpulse status
	DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/second ./devpulse down
	./devpulse status
}

@test "who is not root is told what to run, by sudo where there is one" {
	local as=() folder=$BATS_TEST_TMPDIR/programs
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --clear-groups)
	mkdir "$folder"
	printf '#!/bin/sh\n' >"$folder/apt-get"
	cp "$folder/apt-get" "$folder/dpkg-query" # which knows of no package
	ln -s "$(command -v id)" "$(command -v readlink)" "$(command -v dirname)" "$folder"
	chmod a+rx "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR" "$folder" "$folder"/*
	for sudo in '' 'sudo '; do
		[ -z "$sudo" ] || cp -p "$folder/apt-get" "$folder/sudo"
		run "${as[@]}" env PATH="$folder" /bin/sh -c "$(cat devpulse)" devpulse deps
		echo "$output"
		[ "$status" = 1 ]
		[[ $output == *"not root, so please run"*": ${sudo}apt-get update && ${sudo}apt-get install "*" gcc make "* ]]
	done
}

@test "an unwritable state directory: one line, exit 2" {
	DEVPULSE_STATE_DIR=/proc/nowhere run ./devpulse up
	[ "$status" = 2 ]
	[[ $output == *"/proc/nowhere"*"set DEVPULSE_STATE_DIR"* ]]
}

@test "no room on its disk: one line, exit 1" {
	[ "$(id -u)" = 0 ] && mkdir "$DEVPULSE_STATE_DIR" && mount -t tmpfs -o size=256k none "$DEVPULSE_STATE_DIR" ||
		skip "it takes root to mount a small disk"
	head -c 250000 /dev/zero >"$DEVPULSE_STATE_DIR/fill"
	for command in 'up -d' up; do
		# shellcheck disable=SC2086 # two words
		run timeout 20 ./devpulse $command
		echo "$output"
		[ "$status" = 1 ]
		[[ $output == "devpulse: error: no room on the disk of $DEVPULSE_STATE_DIR "* ]]
		[ "${#lines[@]}" = 1 ]
	done
	[ "$(ls "$DEVPULSE_STATE_DIR")" = $'devpulse.log\nfill' ]
}

@test "a wrong database URL: its line, exit 2, nothing left running" {
	DEVPULSE_DB=mysql://x run ./devpulse up
	[ "$status" = 2 ]
	[[ $output == dp-*": error: "*"DEVPULSE_DB"*"sqlite:///"*"postgresql://"* ]]
	[ "${#lines[@]}" = 1 ]
	[ ! -e "$DEVPULSE_STATE_DIR/run" ]
}

@test "up killed outright: down clears what it left" {
	background up env --default-signal=INT setsid ./devpulse up
	retry_until test -e "$DEVPULSE_STATE_DIR/run/up.ready"
	kill -9 "$(pid_of up)"
	run ./devpulse status
	[ "$status" = 1 ]
	[[ $output == *"was killed; './devpulse down' stops"* ]]
	run ./devpulse up
	[ "$status" = 1 ]
	[[ $output == *"down"* ]]
	./devpulse down
	run ./devpulse status
	[ "$status" = 1 ]
}

@test "two ups at once: one is up, the other says so" {
	./devpulse up -d 3>&- 4>&- >"$BATS_TEST_TMPDIR/one" 2>&1 &
	one=$!
	two_status=0
	./devpulse up -d 3>&- 4>&- >"$BATS_TEST_TMPDIR/two" 2>&1 || two_status=$?
	wait_for "$one"
	[ "$((status + two_status))" = 1 ]
	grep -q 'already up' "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	./devpulse status
	./devpulse down
	run ./devpulse status
	[ "$status" = 1 ]
}

@test "a supervisor in its pause does not come back to life after down" {
	background up setsid ./devpulse up
	retry_until test -e "$DEVPULSE_STATE_DIR/run/up.ready"
	kill -9 "$(pid_of dp-http)"
	retry_until file_has "$DEVPULSE_STATE_DIR/devpulse.log" 'http ended'
	kill -9 "$(pid_of up)"
	./devpulse down
	up
	./devpulse status
}

@test "a signal at any moment of the start ends all of it" {
	mkdir "$DEVPULSE_STATE_DIR"
	for delay in 0 0.01 0.02 0.03 0.05 0.08 0.12 0.2; do
		background up setsid ./devpulse up
		sleep "$delay" # the moment is what is tested
		kill -TERM "$up_pid"
		wait_for "$up_pid"
		retry_until flock -n "$DEVPULSE_STATE_DIR/run.lock" true
	done
}

@test "what a power cut left is no sign of life, and costs nobody else's process" {
	mkdir -p "$DEVPULSE_STATE_DIR/run"
	background other tail -F "$BATS_TEST_TMPDIR/devpulse.log"
	echo "$other_pid 1" >"$DEVPULSE_STATE_DIR/run/up.pid"
	touch "$DEVPULSE_STATE_DIR/run/up.ready"
	run ./devpulse status
	[ "$status" = 1 ]
	run ./devpulse down
	[[ $output == *'not up'* ]]
	kill -0 "$other_pid"
	mkdir -p "$DEVPULSE_STATE_DIR/run"
	touch "$DEVPULSE_STATE_DIR/run/up.ready"
	DEVPULSE_DB=sqlite:////proc/nope.db run ./devpulse up -d
	[ "$status" = 2 ]
}

@test "a database that is away: up says so, status too" {
	DEVPULSE_DB=postgresql://127.0.0.1:1/none run ./devpulse up -d 3>&- 4>&-
	[ "$status" = 0 ]
	[[ $output == *'does not answer yet'* ]]
	DEVPULSE_DB=postgresql://127.0.0.1:1/none run ./devpulse status
	[ "$status" = 1 ]
	[[ $output == *'dp-store   waiting'* ]]
}

@test "by way of sh and a link, with a space in the state directory, without HOME" {
	ln -s "$ROOT" "$BATS_TEST_TMPDIR/a checkout"
	cd "$BATS_TEST_TMPDIR/a checkout"
	export DEVPULSE_STATE_DIR="$BATS_TEST_TMPDIR/a state"
	env -u HOME sh devpulse up -d 3>&- 4>&-
	./devpulse status
	./devpulse down
	run env -u HOME -u XDG_STATE_HOME -u DEVPULSE_STATE_DIR ./devpulse status
	[ "$status" = 2 ]
	[[ $output == *'set DEVPULSE_STATE_DIR'* ]]
	env -u HOME -u XDG_STATE_HOME -u DEVPULSE_STATE_DIR ./devpulse help | grep -q usage
}

@test "status tells what came, what is stored, and how far all is" {
	local pos
	up
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	curl -sS -H 'Content-Type: application/json' -d '{"traceId":""}' "http://$DEVPULSE_LISTEN/events"
	events_stored_as_status_says() { ./devpulse status | grep -qE ', to be stored: 0 events, the oldest for 0.000 s'; }
	retry_until events_stored_as_status_says
	run ./devpulse status
	echo "$output"
	[ "$status" = 0 ]
	local n
	n=$(wc -l <examples/events.ndjson)
	[[ $output == *"received $((n + 1)), acknowledged $n, refused 1 (bad-trace-id 1); connections "* ]]
	pos=$(cut -d: -f2 "$DEVPULSE_STATE_DIR/spool/mark")
	[[ $output == *"end $pos, pump $pos, mark $pos, store $pos"* ]]
	[[ $output == *'dead letters 0'* ]]
}

@test "status tells of what runs, whatever the shell that asks has set" {
	export DEVPULSE_TOKEN=0123456789abcdef
	up
	curl -fsS -H "Authorization: Bearer $DEVPULSE_TOKEN" -d '{"details":"x"}' \
		-H 'Content-Type: application/json' "http://$DEVPULSE_LISTEN/events"
	run env -u DEVPULSE_LISTEN -u DEVPULSE_HTTP_LISTEN -u DEVPULSE_TOKEN DEVPULSE_DB=sqlite:////other.db ./devpulse status
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"ws://$DEVPULSE_LISTEN/"*"sqlite:///$DEVPULSE_STATE_DIR/devpulse.db"*"http://$DEVPULSE_HTTP_LISTEN/"* ]]
	[[ $output == *'received 1, acknowledged 1, refused 0'*'dead letters 0'* ]]
}

@test "without a spool, if it is so wanted" {
	export DEVPULSE_SPOOL=
	up
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	run ./devpulse status
	[ "$status" = 0 ]
	[[ $output != *spool* ]]
	./devpulse down
	[ ! -e "$DEVPULSE_STATE_DIR/spool" ]
	events_stored "$(wc -l <examples/events.ndjson)"
}

@test "pipeline runs dp-ingest | dp-store alone" {
	background pipeline env --default-signal=INT setsid ./devpulse pipeline
	retry_until file_has "$BATS_TEST_TMPDIR/pipeline.err" 'listening'
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	kill -INT -- "-$pipeline_pid"
	wait_for "$pipeline_pid"
	[ "$status" = 0 ]
	events_stored "$(wc -l <examples/events.ndjson)"
}

@test "pipeline ends when one of its programs is killed" {
	for program in dp-store dp-ingest; do
		background pipeline ./devpulse pipeline
		retry_until test -s "$DEVPULSE_STATE_DIR/pipeline/$program.ready"
		kill -KILL "$(cut -d " " -f 1 "$DEVPULSE_STATE_DIR/pipeline/$program.pid")"
		wait_for "$pipeline_pid"
		[ "$status" = 137 ]
	done
}

@test "PostgreSQL by DEVPULSE_DB, its password not shown" {
	DEVPULSE_DB=$(new_database postgresql)
	export DEVPULSE_DB=${DEVPULSE_DB/postgres@/postgres:s3cret@}
	up
	dp-send --url "ws://$DEVPULSE_LISTEN/" <examples/events.ndjson
	./devpulse status
	run cat "$BATS_TEST_TMPDIR/up.out"
	[[ $output == *'postgres:***@'* ]]
	./devpulse down
	DEVPULSE_DB='postgresql://db.example/x?user=u&password=s3cret&port=1' run ./devpulse status
	[[ $output == *'user=u&password=***&port=1'* ]]
	[ "$(query "$DEVPULSE_DB" 'select count(*) from events')" = "$(wc -l <examples/events.ndjson)" ]
	run grep -r s3cret "$DEVPULSE_STATE_DIR" "$BATS_TEST_TMPDIR/up.out"
	[ "$status" = 1 ]
}

@test "what listens on all addresses is reached at one of this machine" {
	export DEVPULSE_TOKEN=0123456789abcdef
	DEVPULSE_LISTEN=0.0.0.0:${DEVPULSE_LISTEN##*:} DEVPULSE_HTTP_LISTEN=0.0.0.0:${DEVPULSE_HTTP_LISTEN##*:}
	up
	file_has "$BATS_TEST_TMPDIR/up.out" "http://127.0.0.1:${DEVPULSE_HTTP_LISTEN##*:}/"
	./devpulse demo | grep -q 'dp-tail --url http://127.0.0.1:'
	run ./devpulse status
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *', refused 0; connections '* ]]
	./devpulse down
	need_ipv6
	DEVPULSE_LISTEN="[::]:${DEVPULSE_LISTEN##*:}" DEVPULSE_HTTP_LISTEN="[::]:${DEVPULSE_HTTP_LISTEN##*:}"
	up
	./devpulse status | grep ', refused 0; connections '
}

@test "demo sends a little system's traffic, errors with locals included" {
	up
	./devpulse demo
	curl -fsS "http://$DEVPULSE_HTTP_LISTEN/api/traces" |
		jq -e '(.items | length) == 16 and ([.items[] | select(.error_count > 0)] | length) == 2'
	dp-tail --url "http://$DEVPULSE_HTTP_LISTEN" --severity error --no-follow -n all -o json |
		jq -se 'length == 2 and all(.[]; (.locals | length) > 3 and (.stacktrace | length) > 2)'
}

@test "unknown commands and help" {
	run ./devpulse nonsense
	[ "$status" = 2 ]
	[[ $output == "devpulse: error: unknown command 'nonsense'; see './devpulse help'" ]]
	run ./devpulse up -x
	[ "$status" = 2 ]
	[[ $output == "devpulse: error: up: unknown option -x; see './devpulse help'" ]]
	run ./devpulse up -d --detach
	[ "$status" = 2 ]
	[[ $output == "devpulse: error: up: unknown option --detach; see './devpulse help'" ]]
	for command in up down status pipeline demo logs test; do
		run ./devpulse "$command" operand
		[ "$status" = 2 ]
		[[ $output == "devpulse: error: $command: unexpected operand 'operand'; see './devpulse help'" ]]
		./devpulse "$command" --help | grep -q '^usage: devpulse up'
	done
	./devpulse help | grep -q '^usage: devpulse up'
	./devpulse version | grep -q '^devpulse '
}
