#!/usr/bin/env bats
# dp-store: from a pipe into both databases.

load helpers

teardown() {
	# a stopped one would not end by the signal
	xargs -r kill -CONT <"$BATS_TEST_TMPDIR/pids" 2>/dev/null || true
	stop_background
	[ -z "${SERVER:-}" ] || server stop -m immediate 2>/dev/null || true
}

# The n-th event of a trace.
event() {
	printf '{"traceId":"%s","eventId":"018bcfe5-6800-7000-8000-%012x","timestamp":"2026-01-02T03:04:05Z","severity":"%s","system":"web","details":"event %d","receivedAt":"2026-01-02T03:04:06Z"}\n' \
		"$1" "$2" "${3:-info}" "$2"
}

# The events FIRST to LAST, ten to a trace.
events() {
	seq "$1" "$2" | awk '{ printf "{\"traceId\":\"t%d\",\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"details\":\"event %d\"}\n", $1 / 10, $1, $1 }'
}

count_is() { [ "$(query "$1" 'SELECT count(*) FROM events')" = "$2" ]; }

# Starts dp-store on a fifo, whose other end is descriptor 7: start_store NAME URL [OPTION...]
start_store() {
	local name=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/$name.in"
	exec 7<>"$BATS_TEST_TMPDIR/$name.in"
	dp-store --db "$@" <"$BATS_TEST_TMPDIR/$name.in" >"$BATS_TEST_TMPDIR/$name.out" \
		2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 7>&- &
	pid=$!
	echo "$pid" >>"$BATS_TEST_TMPDIR/pids"
	exec 8>"$BATS_TEST_TMPDIR/$name.in" 7>&-
}

# For `background`, which has no standard input: store_file URL FILE
store_file() { exec dp-store --db "$1" --batch 100 <"$2"; }

# One line on stderr, with this in it, and this exit status.
fails_with() {
	local want=$1 text=$2
	shift 2
	run "$@" </dev/null
	echo "exit $status: $output"
	[ "$status" = "$want" ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == "dp-store: error: "*"$text"* ]]
}

stores_what_is_piped_in() {
	{ event abc123 1 error; event abc123 2; event other 3; } | dp-store --db "$1" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'info: stored 3, duplicates 0, refused 0, dead letters 0$'
	[ "$(query "$1" "SELECT body FROM events WHERE trace_id = 'abc123' ORDER BY seq LIMIT 1")" = \
		'{"traceId":"abc123","eventId":"018bcfe5-6800-7000-8000-000000000001","timestamp":"2026-01-02T03:04:05Z","severity":"error","system":"web","type":"error","details":"event 1","receivedAt":"2026-01-02T03:04:06Z"}' ]
	[ "$(query "$1" 'SELECT trace_id, events, errors, title FROM traces ORDER BY trace_id')" = \
		$'abc123|2|1|event 1\nother|1|0|event 3' ]
}

@test "what is piped in is stored, and the traces are kept" { in_both stores_what_is_piped_in; }

stores_nothing_twice() {
	events 1 2500 >"$BATS_TEST_TMPDIR/events"
	dp-store --db "$1" --batch 7 <"$BATS_TEST_TMPDIR/events"
	cat "$BATS_TEST_TMPDIR/events" <(events 2501 2600) | dp-store --db "$1" --tee \
		>"$BATS_TEST_TMPDIR/tee" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 100, duplicates 2500, refused 0'
	count_is "$1" 2600
	[ "$(query "$1" 'SELECT sum(events) FROM traces')" = 2600 ]
	# --tee gave what was new, in order, as it is stored
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/tee" | sed 's/event //')" = "$(seq 2501 2600)" ]
	diff "$BATS_TEST_TMPDIR/tee" <(query "$1" 'SELECT body FROM events ORDER BY seq' | tail -n 100)
}

@test "nothing is stored twice, and --tee gives what is new" { in_both stores_nothing_twice; }

# The same as events, with the time in the key, so that loads are sent ahead.
timed_events() { events "$1" "$2" | sed 's/}$/,"timestamp":"2026-01-02T03:04:05Z"}/'; }

# The two have a thousand events in common, and 110 loads.
stores_by_two_at_once() {
	local dir="$BATS_TEST_TMPDIR"
	rm -f "$dir"/*.err
	dp-store --db "$1" </dev/null
	timed_events 1 6000 >"$dir/one.nd"
	timed_events 5001 10000 >"$dir/two.nd"
	background one store_file "$1" "$dir/one.nd"
	background two store_file "$1" "$dir/two.nd"
	wait_for "${one_pid:?}"
	[ "$status" = 0 ]
	wait_for "${two_pid:?}"
	[ "$status" = 0 ]
	[ "$(query "$1" 'SELECT count(*), count(DISTINCT seq), count(DISTINCT event_id) FROM events')" = '10000|10000|10000' ]
	[ "$(query "$1" 'SELECT sum(events) FROM traces')" = 10000 ]
	[ "$(query "$1" 'SELECT sum(events) FROM minute_counts')" = 10000 ]
	for range in "<= '018bcfe5-6800-7000-8000-000000001388'" "> '018bcfe5-6800-7000-8000-000000001770'"; do
		[ "$(query "$1" "SELECT count(*) FROM (SELECT event_id, lag(event_id) OVER (ORDER BY seq) AS before
			FROM events WHERE event_id $range) its WHERE before > event_id")" = 0 ]
	done
}

@test "two that store at once, and some of it alike: all is there once, in order" { in_both stores_by_two_at_once; }

stores_what_is_good_around_what_is_bad() {
	{
		event a 1
		echo 'no JSON'
		echo '[1,2]'
		printf '\n\r\n \t\n'
		event a 2
		printf '{"traceId":"\xff"}\n'
		echo '{"traceId":""}'
		head -c 7000000 /dev/zero | tr '\0' x
		echo
		event a 3
		printf '{"traceId":"a","details":"its writer died'
	} | dp-store --db "$1" 2>"$BATS_TEST_TMPDIR/err"
	count_is "$1" 3
	file_has "$BATS_TEST_TMPDIR/err" 'warning: line 2 is refused \(not-json\)'
	file_has "$BATS_TEST_TMPDIR/err" 'warning: line 3 is refused \(not-object\)'
	file_has "$BATS_TEST_TMPDIR/err" 'warning: line 8 is refused \(bad-utf8\)'
	file_has "$BATS_TEST_TMPDIR/err" 'warning: line 10 is refused \(too-large\)'
	file_has "$BATS_TEST_TMPDIR/err" 'warning: the last line has no newline'
	file_has "$BATS_TEST_TMPDIR/err" 'stored 3, duplicates 0, refused 5, dead letters 0'
}

@test "bad lines are reported and skipped, the good ones around them stored" {
	in_both stores_what_is_good_around_what_is_bad
}

# An event of exactly 1 MiB, which grows by the fields that are added: taken as sent, and again as
# it was written.
stores_a_large_event() {
	python3 - >"$BATS_TEST_TMPDIR/large" <<-'END'
		head = '{"traceId":"large","details":"'
		print(head + "\\u0001" * 1000 + "x" * (1048576 - len(head) - 6000 - 2) + '"}')
	END
	[ "$(wc -c <"$BATS_TEST_TMPDIR/large")" = 1048577 ]
	dp-store --db "$1" --tee <"$BATS_TEST_TMPDIR/large" >"$BATS_TEST_TMPDIR/written"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/written")" -gt 1048577 ]
	[ "$(query "$1" 'SELECT length(CAST(body AS text)) FROM events')" = \
		"$(($(wc -m <"$BATS_TEST_TMPDIR/written") - 1))" ]
	dp-store --db "$1" <"$BATS_TEST_TMPDIR/written" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 0, duplicates 1, refused 0'
}

@test "an event of 1 MiB is stored" { in_both stores_a_large_event; }

# An event of a quiet stream is there at once, while the input stays open.
commits_at_once() {
	local name=quiet${1%%:*}
	start_store "$name" "$1"
	event a 1 >&8
	RETRY_SECONDS=5 retry_until count_is "$1" 1
	event a 2 >&8
	RETRY_SECONDS=1 retry_until count_is "$1" 2
	exec 8>&-
	wait_for "$pid"
	[ "$status" = 0 ]
}

@test "a quiet stream is committed at once" { in_both commits_at_once; }

drains_on_a_signal() {
	local name=drain${1%%:*}
	start_store "$name" "$1"
	event a 1 >&8
	retry_until count_is "$1" 1
	kill -STOP "$pid"
	events 10 400 >&8
	kill -TERM "$pid"
	kill -CONT "$pid"
	# the writer ends a little later, as dp-ingest does: it is waited for
	event a 2 >&8
	exec 8>&-
	wait_for "$pid"
	[ "$status" = 0 ]
	count_is "$1" 393
}

@test "SIGTERM: what is in the pipe is stored first" { in_both drains_on_a_signal; }

@test "SIGTERM ends it although the input stays open" {
	start_store open "$(new_database sqlite)"
	retry_until file_has /proc/"$pid"/wchan poll
	local before=$SECONDS
	kill -TERM "$pid"
	wait_for "$pid"
	exec 8>&-
	[ "$status" = 0 ]
	[ $((SECONDS - before)) -le 3 ]
}

# Whether n events are stored and the next commit is under way, which takes a while.
is_storing_after() {
	[ "$(query "$1" "SELECT (SELECT count(*) FROM events),
		EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")" = "$2|t" ]
}

@test "SIGTERM: slow commits don't use up the time to drain" {
	local url
	url=$(new_database postgresql)
	dp-store --db "$url" </dev/null
	query "$url" "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(1.2); RETURN NULL; END';
		CREATE TRIGGER slow AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION slow()"
	start_store slow "$url"
	event a 1 >&8
	retry_until is_storing_after "$url" 0
	kill -TERM "$pid"
	event a 2 >&8
	retry_until is_storing_after "$url" 1
	event a 3 >&8
	exec 8>&-
	wait_for "$pid"
	[ "$status" = 0 ]
	count_is "$url" 3
}

@test "SIGTERM: a line that is not whole is reported" {
	start_store half "$(new_database sqlite)"
	event a 1 | head -c 50 >&8
	retry_until file_has /proc/"$pid"/wchan poll
	kill -TERM "$pid"
	wait_for "$pid"
	exec 8>&-
	[ "$status" = 0 ]
	file_has "$BATS_TEST_TMPDIR/half.err" 'warning: the last line has no newline'
}

# endless_lines COMMAND [ARG...]: what writes them
endless_lines() {
	local url
	url=$(new_database sqlite)
	start_store endless "$url"
	{ event a 1; "$@"; } >&8 3>&- &
	echo "$!" >>"$BATS_TEST_TMPDIR/pids"
	exec 8>&-
	retry_until count_is "$url" 1
	kill -TERM "$pid"
	wait_for "$pid"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/endless.err" "error: stopped, but the input didn't end for 8 s"
}

@test "an event is stored although endless bad lines follow, and SIGTERM ends that" {
	endless_lines exec yes 'no JSON'
}

# One process, as to start a sleep for each line takes a loaded machine longer than dp-store waits for the next.
slow_lines() {
	exec /usr/bin/python3 -c 'import os, time
while os.write(1, b"no JSON\n"):
	time.sleep(0.005)'
}

@test "SIGTERM: that a slow writer goes on is told, too" {
	endless_lines slow_lines
}

keeps_apart_what_is_rejected() {
	dp-store --db "$1" </dev/null
	case $1 in
	sqlite:*) query "$1" "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.trace_id = 'bad'
		BEGIN SELECT RAISE(ABORT, 'not this one'); END" ;;
	*) query "$1" "ALTER TABLE events ADD CONSTRAINT refuse CHECK (trace_id <> 'bad')" ;;
	esac
	{ events 1 20; event bad 21; events 22 50; event bad 51; } | dp-store --db "$1" --tee \
		>"$BATS_TEST_TMPDIR/tee" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 49, duplicates 0, refused 0, dead letters 2'
	[ "$(grep -c 'goes to the table dead_letters' "$BATS_TEST_TMPDIR/err")" = 1 ]
	count_is "$1" 49
	[ "$(wc -l <"$BATS_TEST_TMPDIR/tee")" = 49 ]
	[ "$(query "$1" "SELECT count(*) FROM dead_letters WHERE trace_id = 'bad' AND (why LIKE '%not this%' OR why LIKE '%refuse%')")" = 2 ]
}

@test "an event that the database rejects is kept apart, the others are stored" {
	in_both keeps_apart_what_is_rejected
}

refuses_a_newer_schema() {
	event a 1 | dp-store --db "$1"
	query "$1" 'UPDATE schema_version SET version = 8'
	fails_with 2 'schema version 8, this program knows up to 7: upgrade DevPulse' dp-store --db "$1"
}

@test "a newer schema is refused" { in_both refuses_a_newer_schema; }

two_at_once_on_an_empty_database() {
	background first store_file "$1" <(events 1 3000)
	background second store_file "$1" <(events 2000 5000)
	wait_for "${first_pid:?}"
	[ "$status" = 0 ]
	wait_for "${second_pid:?}"
	[ "$status" = 0 ]
	count_is "$1" 5000
	[ "$(query "$1" 'SELECT sum(events) FROM traces')" = 5000 ]
}

@test "two may start at once on an empty database" { in_both two_at_once_on_an_empty_database; }

@test "a database that cannot be used: one line, exit 2" {
	local file=$BATS_TEST_TMPDIR/file
	echo 'a text' >"$file"
	fails_with 2 'Not a directory' dp-store --db "sqlite:///$file/events.db"
	fails_with 2 'not a database' dp-store --db "sqlite:///$file"
	fails_with 2 'cannot make this file' dp-store --db sqlite:////proc/none/events.db
	fails_with 2 'a URL is wanted' dp-store --db events.db
	fails_with 2 'three slashes' dp-store --db sqlite:events.db
	fails_with 2 'a URL is wanted' env DEVPULSE_DB=mysql://localhost/x dp-store
	fails_with 2 'port' dp-store --db postgresql://localhost:none/x
	fails_with 2 'does not exist' dp-store --db "${DEVPULSE_TEST_PG%/*}/no_such_database"
	fails_with 2 '--batch: a whole number' dp-store --batch 0
}

@test "a folder that cannot be made: the true reason, and a full disk is waited for" {
	fails_with 2 'cannot make this file: ' dp-store --db sqlite:////sys/devpulse/events.db
	[[ $output != *"No such file"* ]]
	unshare -rm true || skip "no namespaces here"
	mkdir "$BATS_TEST_TMPDIR/full"
	# shellcheck disable=SC2016
	background full unshare -rm sh -c 'mount -t tmpfs -o nr_inodes=1 none "$1" && exec dp-store --db "sqlite:///$1/new/events.db" </dev/null' \
		sh "$BATS_TEST_TMPDIR/full"
	retry_until file_has "$BATS_TEST_TMPDIR/full.err" 'is away: .*No space left on device'
	kill "${full_pid:?}"
	wait_for "$full_pid"
	[ "$status" = 1 ]
}

# Whether the server says this of its connections with dp-store.
sessions_are() {
	[ "$(query "$1" "SELECT $2 FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'dp-store'")" = "$3" ]
}

# With nothing but a lock it would not be ended by the server after a while.
@test "a writer that is stopped while it makes the tables is in a transaction" {
	local url
	url=$(new_database postgresql)
	background lock psql -qX "$url" -c 'SELECT pg_advisory_lock(4919131752989213764), pg_sleep(60)'
	retry_until query_is "$url" "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted" 1
	background store store_file "$url" /dev/null
	retry_until sessions_are "$url" wait_event advisory
	kill -STOP "${store_pid:?}"
	query "$url" "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
	retry_until sessions_are "$url" state 'idle in transaction'
	kill -CONT "$store_pid"
	wait_for "$store_pid"
	[ "$status" = 0 ]
}

query_is() { [ "$(query "$1" "$2")" = "$3" ]; }

@test "the default database is in the state directory, and private" {
	event a 1 | env -u DEVPULSE_DB dp-store
	[ "$(stat -c %a "$XDG_STATE_HOME" "$XDG_STATE_HOME/devpulse" "$XDG_STATE_HOME/devpulse/devpulse.db" | xargs)" = '700 700 600' ]
	event a 1 | DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/own dp-store
	[ -e "$BATS_TEST_TMPDIR/own/devpulse.db" ]
}

@test "SQLite: after its end the one file holds all, although it is being read" {
	local url port
	url=$(new_database sqlite)
	port=$(free_port)
	events 1 100 | dp-store --db "$url"
	background http dp-http --db "$url" --listen "127.0.0.1:$port"
	retry_until curl -fsS "http://127.0.0.1:$port/api/traces"
	events 101 300 | dp-store --db "$url"
	cp "$BATS_TEST_TMPDIR/events.db" "$BATS_TEST_TMPDIR/copy.db"
	count_is "sqlite:///$BATS_TEST_TMPDIR/copy.db" 300
}

@test "--tee to a full disk: exit 1, but what was read is stored" {
	local url status=0
	url=$(new_database sqlite)
	events 1 3000 | dp-store --db "$url" --tee --batch 100 >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/err" 'error: cannot write to stdout: No space left on device'
	[ "$(grep -c stdout "$BATS_TEST_TMPDIR/err")" = 1 ]
	local n
	n=$(sed -n 's/.*stored \([0-9]*\),.*/\1/p' "$BATS_TEST_TMPDIR/err")
	[ "$n" -gt 100 ] # more than the batch whose copy failed
	count_is "$url" "$n"
}

keeper_polls() { grep -q poll /proc/"$pid"/task/*/wchan; }

# dp-store on a fifo whose reader takes nothing yet, descriptor 9, with more stored than fits in it.
tee_to_a_slow_reader() {
	mkfifo "$BATS_TEST_TMPDIR/slow"
	exec 9<>"$BATS_TEST_TMPDIR/slow"
	events 1 2000 >"$BATS_TEST_TMPDIR/events"
	dp-store --db "$1" --tee --batch 1000 <"$BATS_TEST_TMPDIR/events" >"$BATS_TEST_TMPDIR/slow" \
		2>"$BATS_TEST_TMPDIR/tee.err" 3>&- 9>&- &
	pid=$!
	echo "$pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until count_is "$1" 1000 # the first batch: its copy doesn't fit
	retry_until keeper_polls
	kill -TERM "$pid"
}

@test "--tee is whole although a signal comes while its reader is slow" {
	tee_to_a_slow_reader "$(new_database sqlite)"
	timeout 10 head -n 2000 <&9 >"$BATS_TEST_TMPDIR/tee"
	wait_for "$pid"
	exec 9>&-
	[ "$status" = 0 ]
	[ "$(jq -r .details "$BATS_TEST_TMPDIR/tee" | sed 's/event //')" = "$(seq 2000)" ]
}

@test "--tee to a reader that takes nothing: a signal ends it, and it tells how much is missing" {
	local url missing
	url=$(new_database sqlite)
	tee_to_a_slow_reader "$url"
	wait_for "$pid"
	[ "$status" = 1 ]
	count_is "$url" 2000
	missing=$(sed -n 's/.*error: cannot write to stdout: its reader takes nothing .*: \([0-9]*\)$/\1/p' "$BATS_TEST_TMPDIR/tee.err")
	timeout 1 cat <&9 >"$BATS_TEST_TMPDIR/tee" || true
	exec 9>&-
	[ $(($(wc -l <"$BATS_TEST_TMPDIR/tee") + missing)) = 2000 ]
}

@test "a server that is not there yet is waited for, and that is said once" {
	local port
	port=$(free_port)
	start_store away "postgresql://postgres:secret@127.0.0.1:$port/postgres"
	event a 1 >&8
	retry_until file_has "$BATS_TEST_TMPDIR/away.err" 'is away: .*refused.*; retrying, nothing is lost$'
	start_server "$port"
	retry_until count_is "postgresql://postgres@127.0.0.1:$port/postgres" 1
	exec 8>&-
	wait_for "$pid"
	[ "$status" = 0 ]
	file_has "$BATS_TEST_TMPDIR/away.err" 'info: the database is back after [0-9.]+ s'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/away.err")" = 3 ]
	[ "$(grep -c secret "$BATS_TEST_TMPDIR/away.err")" = 0 ]
}

@test "SIGTERM while the server is away: exit 1, and how many events were read" {
	local port
	port=$(free_port)
	start_server "$port"
	start_store lost "postgresql://postgres@127.0.0.1:$port/postgres"
	event a 1 >&8
	retry_until count_is "postgresql://postgres@127.0.0.1:$port/postgres" 1
	server stop -m immediate
	events 11 13 >&8
	retry_until file_has "$BATS_TEST_TMPDIR/lost.err" 'is away'
	kill -TERM "$pid"
	wait_for "$pid"
	exec 8>&-
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/lost.err" 'error: events read that could not be stored: 3; '
	[ "$(grep -vc '^dp-store: ' "$BATS_TEST_TMPDIR/lost.err")" = 0 ] # libpq says nothing by itself
}

@test "PostgreSQL killed under load: nothing is lost, and two messages" {
	local port url
	port=$(free_port)
	start_server "$port"
	url=postgresql://postgres@127.0.0.1:$port/postgres
	mkfifo "$BATS_TEST_TMPDIR/load"
	# stops half-way until it is told that the server was killed
	{
		events 1 20000
		retry_until test -e "$BATS_TEST_TMPDIR/killed"
		events 20001 40000
	} >"$BATS_TEST_TMPDIR/load" 3>&- &
	background store store_file "$url" "$BATS_TEST_TMPDIR/load"
	retry_until some_are_stored "$url"
	kill_server
	touch "$BATS_TEST_TMPDIR/killed"
	retry_until file_has "$BATS_TEST_TMPDIR/store.err" 'is away'
	retry_until server start
	RETRY_SECONDS=30 retry_until file_has "$BATS_TEST_TMPDIR/store.err" 'info: stored '
	wait_for "${store_pid:?}"
	[ "$status" = 0 ]
	count_is "$url" 40000
	[ "$(query "$url" 'SELECT sum(events) FROM traces')" = 40000 ]
	[ "$(grep -c 'is away: ' "$BATS_TEST_TMPDIR/store.err")" = 1 ]
	[ "$(grep -c 'is back after ' "$BATS_TEST_TMPDIR/store.err")" = 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/store.err")" = 3 ]
}

some_are_stored() { [ "$(query "$1" 'SELECT count(*) FROM events')" -gt 0 ]; }

@test "the manual's examples work" {
	cd "$BATS_TEST_TMPDIR"
	{ event abc123 1 error; event abc123 2 debug; } >events.ndjson
	mandoc -T utf8 -O width=200 "$ROOT/man/dp-store.1" | col -bx | sed -n 's/^ *\$ //p' >examples
	[ "$(wc -l <examples)" = 6 ]
	# a server of the examples would wait for events: give it those of the file
	sed -i 's/^dp-ingest\( --spool spool\)\? |/dp-ingest - <events.ndjson |/' examples
	while read -r line; do
		bash -c "$line" 3>&- >>out
	done <examples
	[ "$(query "sqlite:///$XDG_STATE_HOME/devpulse/devpulse.db" 'SELECT count(*) FROM events')" = 2 ]
	[ "$(jq -r .details out)" = 'event 1' ]
}
