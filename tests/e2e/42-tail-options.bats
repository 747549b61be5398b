#!/usr/bin/env bats
# dp-tail: which events, how many, until when, in which form; and what its exit status says. Two dp-http serve
# the same events, of SQLite and of PostgreSQL.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	local kind
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	{
		event '' 00 info web request '"name":"POST /checkout"'
		event '' 10 info api query '"details":"SELECT 1","durationMs":3.5'
		event '' 20 error worker task '"details":"division by zero","response":"fail","file":"shop/tasks.py","line":97,
			"locals":{"order_id":7},"stage":"retry","stacktrace":["  File \"/app/shop/tasks.py\", line 97, in split"]'
		event '' 30 warning api log '"details":"slow"'
		event '/with/slashes?' 40 info api log '"details":"odd"'
	} | tr -d '\n\t' | sed 's/}{"traceId/}\n{"traceId/g' | dp-ingest - >"$BATS_FILE_TMPDIR/events"
	for kind in sqlite postgresql; do
		DEVPULSE_DB=$(new_database "$kind")
		export DEVPULSE_DB "DB_$kind=$DEVPULSE_DB"
		dp-store <"$BATS_FILE_TMPDIR/events"
		serve "$kind"
	done
}

# serve KIND: dp-http for the database, at a port of its own.
serve() {
	local db=DB_$1 port
	port=$(free_port)
	background "http_$1" dp-http --db "${!db}" --listen "127.0.0.1:$port" --heartbeat 1
	export "URL_$1=http://127.0.0.1:$port"
	retry_until curl -fsS "http://127.0.0.1:$port/livez"
}

teardown_file() { BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR stop_background; }

setup() {
	unset NO_COLOR CLICOLOR_FORCE FORCE_COLOR CLICOLOR COLUMNS
	export TZ=UTC DEVPULSE_URL=$URL_sqlite
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() { stop_background; }

# event TRACE-SUFFIX SECOND SEVERITY SYSTEM TYPE MEMBERS
event() {
	printf '{"traceId":"abc123%s","timestamp":"2026-01-02T03:04:%s.500Z","severity":"%s","system":"%s","type":"%s",%s}' "$@"
}

# Runs a function against each dp-http.
at_both() {
	local url
	for url in "$URL_sqlite" "$URL_postgresql"; do
		echo "at $url:"
		DEVPULSE_URL=$url "$@"
	done
}

said() { dp-tail --no-follow -o raw "$@" | tr '\n' ' '; }

ranges() {
	[ "$(said --since 2026-01-02T03:04:20Z)" = 'division by zero slow odd ' ]
	[ "$(said --since 2026-01-02T03:04:20Z -n 1)" = 'odd ' ]
	[ "$(said --until 2026-01-02T03:04:20Z)" = 'POST /checkout SELECT 1 ' ]
	[ "$(said since=2026-01-02T03:04:20Z until=2026-01-02T03:04:35Z)" = 'division by zero slow ' ]
	[ "$(said --since 1h)" = '' ]
	[ "$(said -p warning)" = 'division by zero slow ' ]
	[ "$(said -p error system=api,worker)" = 'division by zero ' ]
}

@test "--since, --until, -p" { at_both ranges; }

@test "--since shows all since then; with an --until that is past nothing is followed" {
	for _ in $(seq 30); do echo '{"traceId":"many","details":"x"}'; done |
		dp-ingest - | dp-store --db "$DB_sqlite"
	[ "$(said --since 5m | wc -w)" = 30 ]
	[ "$(said -n 40 | tr ' ' '\n' | grep -c x)" = 30 ]
	[ "$(timeout 10 dp-tail -o raw --until 2026-01-02T03:04:05Z)" = 'POST /checkout' ]
}

@test "an --until that is to come ends what is followed" {
	local end
	end=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%S.%3NZ)
	timeout 10 dp-tail -n 0 --until "$end"
	[[ $(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) > $end ]]
}

@test "-o: every form has every event" {
	[ "$(said -n all trace=abc123 | wc -w)" = 8 ]
	dp-tail --no-follow -t abc123 -o short >out
	diff out - <<-'END'
		2026-01-02 03:04:00.500 INFO  web        request  POST /checkout  trace=abc123
		2026-01-02 03:04:10.500 INFO  api        query    SELECT 1  3.5 ms  trace=abc123
		2026-01-02 03:04:20.500 ERROR worker     task     division by zero  fail  shop/tasks.py:97  trace=abc123
		2026-01-02 03:04:30.500 WARN  api        log      slow  trace=abc123
	END
	dp-tail --no-follow -t abc123 -o logfmt | cut -d ' ' -f 1-6 | sed -n 3p >out
	diff out - <<<'time=2026-01-02T03:04:20.500Z level=error system=worker type=task trace=abc123 msg="division'
	dp-tail --no-follow -t abc123 -o md >out
	[ "$(grep -c '^## ERROR worker: division by zero$' out)" = 1 ]
	[ "$(grep -c '^- ' out)" = 6 ]
	cmp <(dp-tail --no-follow -t abc123 -o json) <(grep '"abc123"' "$BATS_FILE_TMPDIR/events")
	dp-tail --no-follow -t abc123 --time utc --format '%t %-5S %s %p %{locals.order_id} %{stage}' severity=error >out
	diff out - <<<'2026-01-02T03:04:20.500Z ERROR worker shop/tasks.py:97 7 retry'
}

@test "-o: of stdin alike" {
	local form
	for form in pretty short json logfmt raw md; do
		diff <(dp-tail --no-follow -t abc123 -o "$form") <(dp-tail -t abc123 -o "$form" - <"$BATS_FILE_TMPDIR/events")
	done
}

@test "--time" {
	[ "$(dp-tail --no-follow -t abc123 --time none system=web)" = 'INFO  web        request  POST /checkout' ]
	[ "$(TZ=XXX-2 dp-tail --no-follow -t abc123 -o short system=web)" = \
		'2026-01-02 05:04:00.500 INFO  web        request  POST /checkout  trace=abc123' ]
	[ "$(dp-tail --no-follow -t abc123 --time delta | grep -c '^    +10.000s ')" = 3 ]
	[ "$(dp-tail --no-follow -t abc123 --time relative | grep -c 'd[0-9h]* ago INFO  web')" = 1 ]
}

# exits STATUS OPTION...: of dp-http, and where the options allow it of stdin.
exits() {
	local want=$1
	shift
	run --separate-stderr timeout 10 dp-tail -o raw "$@"
	[ "$status" = "$want" ]
}

statuses() {
	exits 0 --no-follow
	exits 0 -c 2
	[ "${#lines[@]}" = 2 ]
	exits 0 -W 1
	exits 3 -W 1 -t nosuch
	exits 3 -W 1 -c 100
	[ "${#lines[@]}" -gt 4 ]
	exits 4 --no-follow -t abc123 --fail-on error
	exits 4 --no-follow -t abc123 --fail-on warning system=api
	exits 0 --no-follow -t abc123 --fail-on error system=api
	exits 4 -W 1 -c 100 -n all --fail-on error
	exits 1 --no-retry --url http://127.0.0.1:1 --fail-on error
	exits 3 -W 1 --url http://127.0.0.1:1
}

@test "the exit status: -c, -W, --fail-on" { at_both statuses; }

@test "the exit status: the same of stdin" {
	exits 4 --fail-on error - <"$BATS_FILE_TMPDIR/events"
	exits 0 -c 2 --fail-on error - <"$BATS_FILE_TMPDIR/events"
	[ "${#lines[@]}" = 2 ]
	mkfifo in
	exec 7<>in
	cat "$BATS_FILE_TMPDIR/events" >&7
	exits 3 -c 6 -W 1 - <in
	exec 7>&-
	[ "${#lines[@]}" = 5 ]
}

numbered() { seq "$1" "$2" | sed 's/.*/{"traceId":"numbers","details":"&"}/' | dp-ingest - | dp-store --db "$3"; }

resumes() {
	rm -f cursor last
	numbered 1 3 "$1"
	[ "$(said -t numbers -n 2 --cursor-file cursor)" = '2 3 ' ]
	numbered 4 6 "$1"
	[ "$(said -t numbers -n 1 -c 2 --cursor-file cursor)" = '4 5 ' ]
	[ "$(said -t numbers --cursor-file cursor)" = '6 ' ]
	[ "$(said -t numbers --cursor-file cursor)" = '' ]
	[ "$(stat -c %a cursor)" = 600 ]
	[ "$(ls)" = cursor ]
}

at_both_databases() {
	DEVPULSE_URL=$URL_sqlite "$1" "$DB_sqlite"
	DEVPULSE_URL=$URL_postgresql "$1" "$DB_postgresql"
}

@test "--cursor-file goes on where the last run ended" { at_both_databases resumes; }

# So much that it is not held until the end.
notes_only_what_it_wrote() {
	rm -f cursor
	numbered 1000 1999 "$1"
	run -1 bash -c 'dp-tail -t numbers --no-follow --cursor-file cursor -o json >/dev/full'
	[ ! -e cursor ]
}

@test "what could not be written is not noted in the --cursor-file" { at_both_databases notes_only_what_it_wrote; }

notes_while_it_follows() {
	local db=$1
	rm -f cursor last
	background tail dp-tail -t live -n 0 -o raw --cursor-file cursor
	retry_until test -s cursor
	printf '%s\n' '{"traceId":"live","details":"one"}' '{"traceId":"live","details":"two"}' |
		dp-ingest - | dp-store --db "$db"
	retry_until file_has tail.out two
	dp-tail --no-follow -t live -o raw --cursor-file last
	retry_until cmp cursor last
	kill -KILL "$tail_pid"
	echo '{"traceId":"live","details":"three"}' | dp-ingest - | dp-store --db "$db"
	[ "$(said -t live --cursor-file cursor)" = 'three ' ]
}

@test "--cursor-file is kept while events are followed, and survives a kill" {
	at_both_databases notes_while_it_follows
}

passes_over() {
	rm -f cursor last
	background tail dp-tail details=none -n 0 -o raw --cursor-file cursor
	retry_until test -s cursor
	echo '{"traceId":"passed","details":"over"}' | dp-ingest - | dp-store --db "$1"
	dp-tail --no-follow -n 0 -o raw --cursor-file last
	retry_until cmp cursor last
	[ ! -s tail.out ]
}

@test "--cursor-file moves with what a filter passes over" { at_both_databases passes_over; }

@test "--cursor-file: one of another database, none, and one that cannot be written" {
	dp-tail --no-follow -o raw --cursor-file cursor
	run dp-tail --url "$URL_postgresql" --cursor-file cursor
	[ "$status" = 2 ]
	[[ "$output" == *'the cursor is that of cursor: remove the file to begin anew' ]]
	echo 'no cursor' >cursor
	run dp-tail --cursor-file cursor
	[ "$status" = 2 ]
	[ "$output" = 'dp-tail: error: --cursor-file: cursor: it does not hold a cursor' ]
	run --separate-stderr dp-tail --no-follow -o raw --cursor-file nosuch/cursor
	[ "$status" = 1 ]
	[ "$stderr" = 'dp-tail: error: cannot write the cursor to nosuch/cursor: No such file or directory' ]
	run dp-tail --cursor-file cursor - </dev/null
	[ "$status" = 2 ]
}

@test "--stats counts on stderr" {
	dp-tail --no-follow -t abc123 -o raw --stats >out 2>err
	[ "$(wc -l <out)" = 4 ]
	diff err - <<-'END'
		system        events     error   warning      info     debug
		web                1         0         0         1         0
		api                2         0         1         1         0
		worker             1         1         0         0         0
		(all)              4         1         1         2         0
	END
}

timelines() {
	COLUMNS=60 dp-tail --timeline abc123 >out
	diff out - <<-'END'
		trace abc123  2026-01-02 03:04:00.500  30.00 s  4 events
		1 error
		web     ●                                               0 ms
		api                  ●━━━━━━━━━━━━━━━━━━━━━━━━━━▲    20.00 s
		worker                             ✖                    0 ms
		        +20.00 s worker division by zero  shop/tasks.py:97
	END
	COLUMNS=100 dp-tail --timeline abc123 | grep -qE '^api .*\+10\.00 s +20\.00 s +2 events$'
	dp-tail --timeline 'abc123/with/slashes?' | grep -q '^trace abc123/with/slashes? '
	dp-tail --timeline abc123 -o json | jq -e '.total_stages == 3'
	run dp-tail --timeline abc123 --fail-on error
	[ "$status" = 4 ]
	run dp-tail --timeline nosuch
	[ "$status" = 1 ]
	[ "$output" = "dp-tail: error: $DEVPULSE_URL: Not found: there is no such trace" ]
}

@test "--timeline" { at_both timelines; }

@test "--timeline: what is no timeline, no dp-http, no reader, no room" {
	run dp-tail --timeline x --url http://127.0.0.1:1
	[ "$status" = 1 ]
	[[ "$output" == 'dp-tail: error: http://127.0.0.1:1 is away: '*'; is ./devpulse up running?' ]]
	run dp-tail --timeline x severity=error
	[ "$status" = 2 ]
	dp-tail --timeline abc123 2>err >/dev/full && return 1
	[ "$(cat err)" = 'dp-tail: error: cannot write to stdout: No space left on device' ]
}

# on_terminal COLUMNS COMMAND: what the terminal gets.
on_terminal() { TERM=xterm-256color script -qec "stty cols $1; $2" /dev/null | tr -d '\r'; }

plain() { sed 's/\x1b\[[0-9;]*m//g; s/\x1b]8;;[^\x1b]*\x1b\\//g'; }

@test "a wide terminal groups by trace, a narrow one and a pipe do not" {
	on_terminal 120 'dp-tail --no-follow -n all system=web,api details!=x' | plain >out
	diff out - <<-'END'
		── Fri 2026-01-02 ──
		03:04:00.500 INFO  ┃ abc123   web               request  POST /checkout
		03:04:10.500 INFO  ┃            api             query    SELECT 1  3.5 ms
		03:04:30.500 WARN  ┃            api             log      slow
		03:04:40.500 INFO  ┃ abc123/w api               log      odd
	END
	on_terminal 120 'dp-tail --color never --no-follow -n all system=web,api details!=x' >colorless
	diff out colorless
	on_terminal 100 'dp-tail --no-follow -n all system=web,api' | plain >out
	run file_has out ┃
	[ "$status" = 1 ]
	COLUMNS=120 dp-tail --no-follow -n all system=web >out
	run file_has out ┃
	[ "$status" = 1 ]
}

@test "places are hyperlinks on a terminal, to where DEVPULSE_EDITOR_URL says" {
	local esc=$'\x1b'
	on_terminal 100 'dp-tail --no-follow -t abc123 severity=error' >out
	grep -qF "$esc]8;;file://$(hostname)/app/shop/tasks.py$esc\\File" out
	grep -qF "$esc]8;;file://$(hostname)$PWD/shop/tasks.py$esc\\" out
	DEVPULSE_EDITOR_URL='vscode://file{path}:{line}' on_terminal 100 'dp-tail --no-follow -t abc123 severity=error' >out
	grep -qF "$esc]8;;vscode://file/app/shop/tasks.py:97$esc\\File" out
	on_terminal 100 'dp-tail --editor-url none --no-follow -t abc123 severity=error' >out
	dp-tail --color always --no-follow -t abc123 severity=error >>out
	run grep -F "]8;" out
	[ "$status" = 1 ]
	run dp-tail --editor-url 'x:{file}'
	[ "$status" = 2 ]
	[ "$output" = 'dp-tail: error: --editor-url: {path}, {line} and {host} are known' ]
}

@test "a short line is cut to the terminal's width" {
	on_terminal 60 'dp-tail --no-follow -t abc123 -o short --color never severity=error' >out
	[ "$(cat out)" = '2026-01-02 03:04:20.500 ERROR worker     task     division …' ]
}
