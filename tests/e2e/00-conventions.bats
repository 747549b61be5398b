#!/usr/bin/env bats
# What every program keeps: help, version, exit codes, signals, streams.

load helpers

programs=(dp-ingest dp-store dp-http dp-tail dp-send)

teardown() { stop_background; }

# Runs the body once for each program, naming it where it fails.
each() {
	local program
	for program in "${programs[@]}"; do
		"$@" "$program" || {
			echo "failed for $program" >&2
			return 1
		}
	done
}

help_is_on_stdout() {
	"$1" --help >"$BATS_TEST_TMPDIR/help" 2>"$BATS_TEST_TMPDIR/err" || return 1
	[ ! -s "$BATS_TEST_TMPDIR/err" ] || return 1
	file_has "$BATS_TEST_TMPDIR/help" "^usage: $1 " || return 1
	file_has "$BATS_TEST_TMPDIR/help" '^examples:$' || return 1
	"$1" -h | diff - "$BATS_TEST_TMPDIR/help"
}

@test "--help goes to stdout, with an example, exit 0" { each help_is_on_stdout; }

version_is_told() {
	[ "$("$1" --version)" = "$1 (DevPulse) $(version_built)" ]
	[[ $(version_built) =~ ^"$(cat "$ROOT/VERSION")"(\+g[0-9a-f]{12})?$ ]]
}

@test "--version tells the version" { each version_is_told; }

# The long options of --help and of the manual are the same, and so are the variables.
manual_agrees() {
	local page=$ROOT/man/$1.1
	diff <("$1" --help | sed -n 's/^  .*--\([a-z-]*\).*/\1/p' | sort -u) \
		<(mandoc -T utf8 "$page" | col -b | grep -oE -- '--[a-z][a-z-]+' | sed 's/^--//' |
			sort -u | grep -xFf <("$1" --help | grep -oE -- '--[a-z][a-z-]+' | sed 's/^--//')) || return 1
	diff <("$1" --help | grep -oE 'DEVPULSE_[A-Z_]+' | sort -u) \
		<(mandoc -T utf8 "$page" | col -b | grep -oE 'DEVPULSE_[A-Z_]+' | sort -u |
			grep -xFf <("$1" --help | grep -oE 'DEVPULSE_[A-Z_]+'))
}

@test "the manual names every option and variable of --help" { each manual_agrees; }

# The forms of the synopsis in the manual, and those of --help, without the names of options.
synopsis_agrees() {
	diff <("$1" --help | sed -n "s/^\(usage:\|      \) \($1 .*\)/\2/p" | tr -s ' ') \
		<(mandoc -T utf8 "$ROOT/man/$1.1" | col -b | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
			sed -n "s/^ *\($1 .*\)/\1/p" | tr -s ' ')
}

@test "the manual's SYNOPSIS is the usage of --help" { each synopsis_agrees; }

bad_option_is_refused() {
	run --separate-stderr "$1" --no-such-option
	[ "$status" = 2 ] || return 1
	[ -z "$output" ] || return 1
	[ "${#stderr_lines[@]}" = 1 ] || return 1
	[[ "${stderr_lines[0]}" == "$1: error: unknown option --no-such-option; see $1 --help" ]]
}

@test "an unknown option: one line on stderr, exit 2" {
	bats_require_minimum_version 1.5.0
	each bad_option_is_refused
}

extra_operand_is_refused() {
	[ "$1" != dp-tail ] || return 0 # all of its operands are a filter
	run "$1" - no-such-operand </dev/null
	[ "$status" = 2 ] && [ "${#lines[@]}" = 1 ]
}

@test "an operand too many: one line, exit 2" { each extra_operand_is_refused; }

missing_argument_is_refused() {
	local flag
	flag=$("$1" --help | sed -n 's/^  .*--\([a-z-]*\) [A-Z].*/\1/p' | head -n 1)
	run "$1" "--$flag"
	[ "$status" = 2 ] && [ "${#lines[@]}" = 1 ] && [[ $output == *"--$flag needs an argument"* ]]
}

@test "an option without its argument: one line, exit 2" { each missing_argument_is_refused; }

@test "help that cannot be written is a failure" {
	local program
	for program in "${programs[@]}"; do
		run "$program" --help >/dev/full
		"$program" --help >/dev/full 2>/dev/null && return 1
	done
	true
}

@test "the end of input ends the filters with exit 0" {
	export DEVPULSE_DB=sqlite:///$BATS_TEST_TMPDIR/events.db
	dp-ingest - </dev/null
	dp-store </dev/null
	dp-tail - </dev/null
	dp-send --url ws://127.0.0.1:1/ </dev/null
}

@test "output that cannot be written is a failure, and says so" {
	local program line='{"traceId":"abc123","details":"x"}'
	export DEVPULSE_DB=sqlite:///$BATS_TEST_TMPDIR/events.db
	for program in "dp-ingest -" "dp-store --tee" "dp-tail -"; do
		status=0
		# shellcheck disable=SC2086 # a program and its option
		echo "$line" | $program >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
		[ "$status" = 1 ]
		file_has "$BATS_TEST_TMPDIR/err" "^${program% *}: error: .*No space left on device"
	done
}

# With stdin closed, then stdout: a program with a file of its own there would wait, or worse, for ever.
@test "a standard descriptor that is closed is no file of another kind" {
	local program run='timeout -k 1 10' err=$BATS_TEST_TMPDIR/err
	export DEVPULSE_DB=sqlite:///$BATS_TEST_TMPDIR/events.db
	for program in "dp-ingest -" dp-store "dp-tail -" dp-send; do
		status=0
		# shellcheck disable=SC2086 # words
		$run $program <&- >/dev/null 2>"$err" || status=$?
		[ "$status" = 1 ]
		file_has "$err" "^${program% *}: error: .*Bad file descriptor"
	done
	for program in "dp-ingest -" "dp-store --tee" "dp-tail -"; do
		status=0
		# shellcheck disable=SC2086
		echo '{"traceId":"abc123"}' | $run $program >&- 2>"$err" || status=$?
		[ "$status" = 1 ]
		file_has "$err" "^${program% *}: error: .*Bad file descriptor"
	done
}

# Starts each daemon, waits for its newline on --ready-fd, stops it with the signal.
stops_on() {
	local signal=$1 program=$2 name
	name=${program#dp-}
	mkfifo "$BATS_TEST_TMPDIR/$name.in"
	exec 7<>"$BATS_TEST_TMPDIR/$name.in"
	"$program" --ready-fd 5 5>"$BATS_TEST_TMPDIR/$name.ready" <"$BATS_TEST_TMPDIR/$name.in" \
		>/dev/null 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 7>&- &
	local pid=$!
	echo "$pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until test -s "$BATS_TEST_TMPDIR/$name.ready" || return 1
	kill "-$signal" "$pid"
	wait_for "$pid"
	exec 7>&-
	rm "$BATS_TEST_TMPDIR/$name.in" "$BATS_TEST_TMPDIR/$name.ready"
	[ "$status" = 0 ] || { cat "$BATS_TEST_TMPDIR/$name.err" >&2; return 1; }
}

@test "SIGTERM, SIGINT and SIGHUP end the daemons with exit 0, once they said they were ready" {
	export DEVPULSE_DB=sqlite:///$BATS_TEST_TMPDIR/events.db
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN
	local program signal
	for signal in TERM INT HUP; do
		for program in dp-ingest dp-store dp-http; do
			stops_on "$signal" "$program"
		done
	done
}

@test "a variable works as its flag, and the flag wins" {
	DEVPULSE_LISTEN=nonsense run dp-ingest
	[ "$status" = 2 ]
	[[ $output == *DEVPULSE_LISTEN* ]]
	DEVPULSE_LISTEN=127.0.0.1:8008 run dp-ingest --listen nonsense
	[ "$status" = 2 ]
	[[ $output == *--listen* ]]
}

@test "no program calls what is unsafe" {
	run grep -nE '\b(strcpy|strcat|sprintf|strtok|atoi|gmtime)\(' -r "$ROOT/lib" "$ROOT/cmd"
	[ "$status" = 1 ]
}

@test "a library stays where it belongs" {
	cd "$ROOT"
	only() { ! grep -rlE "#include <($1)" lib cmd | grep -vE "^($2)"; }
	only 'libwebsockets' 'cmd/dp-(ingest|send)/'
	only 'microhttpd' 'cmd/dp-http/'
	only 'curl/' 'cmd/dp-tail/'
	only 'libpq' 'lib/store_pg'
	only 'sqlite3' 'lib/store_sqlite'
	only 'json-c|json\.h' 'cmd/dp-(send|http)/'
}
