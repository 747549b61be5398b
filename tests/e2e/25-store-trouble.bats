#!/usr/bin/env bats
# dp-store and dp-http where something is wrong with the database, or with the clocks: a clear line,
# nothing lost, nothing stuck.

load helpers

teardown() {
	stop_background
	[ -z "${SERVER:-}" ] || server stop -m immediate 2>/dev/null || true
}

# The n-th event of a trace: event TRACE N [TIME [SYSTEM]]
event() {
	printf '{"traceId":"%s","eventId":"018bcfe5-6800-7000-8000-%012x","timestamp":"%s","severity":"error","system":"%s","details":"event %d"}\n' \
		"$1" "$2" "${3:-$(date -u +%FT%TZ)}" "${4:-web}" "$2"
}

count_is() { [ "$(query "$1" 'SELECT count(*) FROM events')" = "$2" ]; }

@test "a right that is taken away while it runs: exit 1, and what is not stored is told" {
	local port url
	port=$(free_port)
	start_server "$port"
	url=postgresql://postgres@127.0.0.1:$port/postgres
	dp-store --db "$url" </dev/null
	query "$url" 'CREATE ROLE limited LOGIN; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO limited;
		GRANT EXECUTE ON FUNCTION devpulse_add_day(date) TO limited'
	feed_fifo limited dp-store --db "${url/postgres@/limited@}"
	event a 1 >&8
	retry_until count_is "$url" 1
	query "$url" 'REVOKE INSERT ON events FROM limited'
	event a 2 >&8
	wait_for "$FIFO_PID"
	exec 8>&-
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/limited.err" 'error: events read that could not be stored: 1; .*permission denied for table events .*docs/postgres.md'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/limited.err")" = 2 ] # and what was stored
}

@test "a database that is read-only: one line, exit 1; dp-http reads it" {
	local url port
	url=$(new_database postgresql)
	event a 1 | dp-store --db "$url"
	query "$url" "ALTER DATABASE ${url##*/} SET default_transaction_read_only = on"
	run dp-store --db "$url" <<<"$(event a 2)"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"could not be stored: 1; "*"read-only transaction (SQLSTATE 25006); dp-store needs a server, a database and a role that may write" ]]
	port=$(free_port)
	background http dp-http --db "$url" --listen "127.0.0.1:$port"
	retry_until curl -fsS "http://127.0.0.1:$port/readyz"
	[ "$(curl -fsS "http://127.0.0.1:$port/api/events" | wc -l)" = 1 ]
}

@test "a standby: dp-store says that it is read-only, dp-http reads it" {
	local port standby url http
	port=$(free_port)
	standby=$(free_port)
	start_server "$port"
	url=postgresql://postgres@127.0.0.1:$port/postgres
	event a 1 | dp-store --db "$url"
	as_server_owner "$PG_BIN/pg_basebackup" -R -c fast -D "$SERVER/standby" -d "$url"
	as_server_owner "$PG_BIN/pg_ctl" -D "$SERVER/standby" -l "$SERVER/standby.log" -w -o "-p $standby" start >/dev/null 3>&- 4>&- 8>&-
	run dp-store --db "postgresql://postgres@127.0.0.1:$standby/postgres" <<<"$(event a 2)"
	echo "exit $status: $output"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"could not be stored: 1; "*"read-only transaction (SQLSTATE 25006); dp-store needs a server, a database and a role that may write" ]]
	query "$url" 'ALTER DATABASE postgres SET default_transaction_isolation = serializable' # which a standby cannot be
	event a 3 | dp-store --db "$url"
	standby_has() { [ "$(query "postgresql://postgres@127.0.0.1:$standby/postgres" 'BEGIN ISOLATION LEVEL READ COMMITTED; SELECT count(*) FROM events')" = 2 ]; }
	retry_until standby_has
	http=$(free_port)
	background http dp-http --db "postgresql://postgres@127.0.0.1:$standby/postgres" --listen "127.0.0.1:$http"
	retry_until curl -fsS "http://127.0.0.1:$http/readyz"
	event a 4 | dp-store --db "$url"
	retry_until is_there "http://127.0.0.1:$http/api/traces/a" 3
	kill "${http_pid:?}"
	as_server_owner "$PG_BIN/pg_ctl" -D "$SERVER/standby" -m immediate -w stop >/dev/null 3>&- 4>&-
}

is_there() { [ "$(curl -fsS "$1" | jq '.events | length')" = "$2" ]; }

@test "today's partition is dropped while dp-store and dp-http run: they go on" {
	local url port today
	url=$(new_database postgresql)
	feed_fifo dropped dp-store --db "$url"
	event old 1 2026-01-02T03:04:05Z >&8
	event a 2 >&8
	retry_until count_is "$url" 2
	port=$(free_port)
	background http dp-http --db "$url" --listen "127.0.0.1:$port" 8>&-
	retry_until is_there "http://127.0.0.1:$port/api/traces/a" 1
	today=$(query "$url" "SELECT DISTINCT tableoid::regclass FROM events WHERE trace_id = 'a'")
	[[ $today == events_20* ]]
	query "$url" "DROP TABLE $today"
	event a 3 >&8
	event b 4 >&8
	retry_until count_is "$url" 3
	is_there "http://127.0.0.1:$port/api/traces/a" 1
	is_there "http://127.0.0.1:$port/api/traces/old" 1
	exec 8>&-
	wait_for "$FIFO_PID"
	[ "$status" = 0 ]
	# the next one makes the table again, with what had no place of its own meanwhile
	event b 5 | dp-store --db "$url"
	[ "$(query "$url" "SELECT DISTINCT tableoid::regclass FROM events WHERE trace_id = 'b'")" = "$today" ]
	[ "$(curl -fsS "http://127.0.0.1:$port/api/events" | wc -l)" = 4 ]
}

clocks_that_are_wrong() {
	local port
	{
		event first 1 0001-01-01T00:00:00Z
		event last 2 9999-12-31T23:59:59Z
		event tomorrow 3 "$(date -u -d tomorrow +%FT%TZ)"
		event now 4
	} >"$BATS_TEST_TMPDIR/clocks"
	dp-store --db "$1" <"$BATS_TEST_TMPDIR/clocks"
	dp-store --db "$1" <"$BATS_TEST_TMPDIR/clocks" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 0, duplicates 4, refused 0, dead letters 0'
	port=$(free_port)
	background http dp-http --db "$1" --listen "127.0.0.1:$port"
	retry_until curl -fsS "http://127.0.0.1:$port/readyz"
	[ "$(curl -fsS "http://127.0.0.1:$port/api/traces" | jq -r '[.items[].trace_id] | join(" ")')" = 'last tomorrow now first' ]
	is_there "http://127.0.0.1:$port/api/traces/first" 1
	is_there "http://127.0.0.1:$port/api/traces/last" 1
	kill "${http_pid:?}"
}

@test "events of the year 1, of the year 9999 and of tomorrow" { in_both clocks_that_are_wrong; }

@test "SQLite: a full disk is waited for, and then all is stored" {
	unshare -rm true || skip "no namespaces here"
	mkdir "$BATS_TEST_TMPDIR/disk"
	seq 20000 | awk '{ printf "{\"traceId\":\"t%d\",\"details\":\"event %d of a few hundred bytes %0200d\"}\n", $1 / 10, $1, 0 }' >"$BATS_TEST_TMPDIR/many"
	# shellcheck disable=SC2016
	background full unshare -rm sh -c 'mount -t tmpfs -o size=2m none "$1" || exit 9
		dp-store --db "sqlite:///$1/events.db" <"$2" & store=$!
		until [ -e "$1.more" ]; do sleep 0.1; done
		mount -o remount,size=100m "$1"
		wait "$store" || exit
		sqlite3 "$1/events.db" "SELECT count(*), count(DISTINCT body) FROM events"' \
		sh "$BATS_TEST_TMPDIR/disk" "$BATS_TEST_TMPDIR/many"
	RETRY_SECONDS=30 retry_until file_has "$BATS_TEST_TMPDIR/full.err" 'is away: .*full; retrying, nothing is lost'
	touch "$BATS_TEST_TMPDIR/disk.more"
	wait_for "${full_pid:?}"
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/full.out")" = '20000|20000' ]
	file_has "$BATS_TEST_TMPDIR/full.err" 'info: the database is back after'
}

@test "SQLite: on a file system that is read-only it is not called missing" {
	unshare -rm true || skip "no namespaces here"
	mkdir "$BATS_TEST_TMPDIR/disk"
	# shellcheck disable=SC2016
	run unshare -rm sh -c 'mount -t tmpfs none "$1" || exit 9
		echo "{\"details\":\"x\"}" | dp-store --db "sqlite:///$1/events.db" 2>/dev/null || exit 9
		mount -o remount,ro "$1" || exit 9
		dp-store --status --db "sqlite:///$1/events.db"' sh "$BATS_TEST_TMPDIR/disk"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *": this user may not make the file $BATS_TEST_TMPDIR/disk/events.db-shm, which readers share; "* ]]
}

# On a file system of its own, which only root may mount where another user's server is to have it.
server_on_small_disk() {
	mount -t tmpfs -o size=90m,mode=755 none "$1"
	BATS_TEST_TMPDIR=$1 start_server "$2"
	dp-store --db "postgresql://postgres@127.0.0.1:$2/postgres" <"$3" &
	local store=$!
	until [ -e "$1.more" ]; do sleep 0.1; done
	mount -o remount,size=600m "$1"
	server start || server restart -m immediate || true
	wait "$store"
	query "postgresql://postgres@127.0.0.1:$2/postgres" 'SELECT count(*), count(DISTINCT event_id), (SELECT sum(events) FROM traces) FROM events'
	server stop -m immediate
}

@test "PostgreSQL: a full disk is waited for, and then all is stored" {
	[ "$(id -u)" = 0 ] && unshare -m true || skip "only root can mount a small disk for a server"
	mkdir "$BATS_TEST_TMPDIR/disk"
	seq 60000 | awk '{ printf "{\"traceId\":\"t%d\",\"details\":\"event %d of a few hundred bytes %0500d\"}\n", $1 / 10, $1, 0 }' |
		dp-ingest - >"$BATS_TEST_TMPDIR/many"
	export -f server_on_small_disk start_server as_server_owner server query
	background full unshare -m bash -c 'set -e; server_on_small_disk "$@"' bash \
		"$BATS_TEST_TMPDIR/disk" "$(free_port)" "$BATS_TEST_TMPDIR/many"
	RETRY_SECONDS=60 retry_until file_has "$BATS_TEST_TMPDIR/full.err" 'is away: .*No space left on device.*; retrying, nothing is lost'
	touch "$BATS_TEST_TMPDIR/disk.more"
	RETRY_SECONDS=60 retry_until file_has "$BATS_TEST_TMPDIR/full.err" 'info: stored '
	wait_for "${full_pid:?}"
	cat "$BATS_TEST_TMPDIR/full.err"
	[ "$(cat "$BATS_TEST_TMPDIR/full.out")" = '60000|60000|60000' ]
}

# has_stored URL N
has_stored() { [ "$(query "$1" "SELECT count(*) >= $2 FROM events")" = t ]; }

has_connections() {
	[ "$(query "$1" "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'dp-store'")" = "$2" ]
}

# end_connections URL N: the newest ones of dp-store
end_connections() {
	query "$1" "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'dp-store' ORDER BY backend_start DESC LIMIT $2) its"
}

# Batches are full, and their events have a time, so two are on their way ahead of a third one.
@test "connections that are ended while batches are on their way: nothing is lost, and nothing there twice" {
	local url file=$BATS_TEST_TMPDIR/ended.nd
	url=$(new_database postgresql)
	seq 60000 | awk '{ printf "{\"traceId\":\"t%d\",\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"details\":\"event %d\"}\n", $1 / 10, $1, $1 }' >"$file"
	feed_fifo ended dp-store --db "$url" --batch 100
	head -n 30000 "$file" >&8
	retry_until has_connections "$url" 3
	tail -n 30000 "$file" >&8 &
	retry_until has_stored "$url" 31000
	end_connections "$url" 2
	retry_until has_stored "$url" 35000
	end_connections "$url" 3
	wait $!
	exec 8>&-
	wait_for "$FIFO_PID"
	cat "$BATS_TEST_TMPDIR/ended.err"
	[ "$status" = 0 ]
	[ "$(query "$url" 'SELECT count(*), count(DISTINCT event_id), count(DISTINCT seq), (SELECT sum(events) FROM traces) FROM events')" = '60000|60000|60000|60000' ]
	[ "$(query "$url" 'SELECT count(*) FROM (SELECT event_id, lag(event_id) OVER (ORDER BY seq) AS before FROM events) its WHERE before > event_id')" = 0 ]
	run grep -vE 'warning: the database is away: .*; retrying, nothing is lost$|info: the database is back after |info: stored ' "$BATS_TEST_TMPDIR/ended.err"
	[ -z "$output" ]
}

# note_who_stores URL: from here on each batch leaves the pid of the connection that stored it
note_who_stores() {
	query "$1" 'CREATE TABLE stored_by (pid int);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
		'"'BEGIN INSERT INTO stored_by VALUES (pg_backend_pid()); RETURN NULL; END'"';
		CREATE TRIGGER note AFTER UPDATE ON event_counter FOR EACH STATEMENT EXECUTE FUNCTION note()'
}

# all_have_stored URL N: N connections, each its share of the batches since then
all_have_stored() {
	local shares
	shares=$(query "$1" 'SELECT count(*) FROM stored_by GROUP BY pid ORDER BY 1')
	echo "batches of each connection: $shares"
	[ "$(wc -l <<<"$shares")" = "$2" ]
	[ "$(head -n 1 <<<"$shares")" -ge 20 ]
}

# Each day is a missing partition, which a batch that is ahead leaves to its turn.
@test "an import in order of its days: all connections store, whatever days come" {
	local url file=$BATS_TEST_TMPDIR/days.nd
	url=$(new_database postgresql)
	dp-store --db "$url" </dev/null
	note_who_stores "$url"
	seq 40000 | awk -v now="$(date +%s)" '{ printf "{\"traceId\":\"t%d\",\"timestamp\":\"%s\"}\n", $1 / 10,
		strftime("%FT%TZ", now - 86400 * (50 - int($1 / 1000)), 1) }' | dp-ingest - >"$file"
	dp-store --db "$url" --batch 100 <"$file"
	count_is "$url" 40000
	all_have_stored "$url" 3
}

@test "room for two connections: both store" {
	local url role
	url=$(new_database postgresql)
	role=two_${url##*/}
	query "$url" "CREATE ROLE $role LOGIN CONNECTION LIMIT 2; GRANT ALL ON SCHEMA public TO $role"
	dp-store --db "${url/postgres@/$role@}" </dev/null
	note_who_stores "$url"
	query "$url" "GRANT ALL ON stored_by TO $role"
	seq 40000 | awk '{ printf "{\"traceId\":\"t%d\",\"timestamp\":\"2026-01-02T03:04:05Z\"}\n", $1 / 10 }' |
		dp-ingest - >"$BATS_TEST_TMPDIR/two.nd"
	retry_until has_connections "$url" 0 # that of the first
	dp-store --db "${url/postgres@/$role@}" --batch 100 <"$BATS_TEST_TMPDIR/two.nd"
	count_is "$url" 40000
	all_have_stored "$url" 2
	query "$url" "DROP OWNED BY $role; DROP ROLE $role"
}

systems_without_end() {
	seq 100000 | awk '{ printf "{\"traceId\":\"t\",\"system\":\"s%d\",\"timestamp\":\"2026-01-02T03:04:05Z\"}\n", $1 }' |
		dp-store --db "$1"
	count_is "$1" 100000
	[ "$(query "$1" 'SELECT count(*), sum(events) FROM minute_counts')" = '1001|100000' ]
	[ "$(query "$1" 'SELECT systems FROM traces' | jq length)" = 100 ]
}

@test "100,000 systems: 1000 are counted apart, and the others together" { in_both systems_without_end; }
