#!/usr/bin/env bats
# docs/postgres.md: its statements, and that each role can do its work and no more.

load helpers

teardown() {
	stop_background
	[ -z "${SERVER:-}" ] || server stop -m immediate 2>/dev/null || true
}

# The n-th block of SQL in a document, as it stands.
sql_of() { awk -v n="$2" '/^```sql$/ { on = ++i == n; next } /^```/ { on = 0 } on' "$ROOT/docs/$1"; }

as() { query "postgresql://devpulse_$1@127.0.0.1:$port/devpulse" "$2"; }

# For each line of stdin: this role may not.
refuses_each() {
	local statement
	while read -r statement; do
		run as "$1" "$statement"
		echo "$1: $statement: $output"
		[ "$status" != 0 ]
		[[ $output == *"permission denied"* || $output == *"must be owner"* ]]
	done
}

event() {
	printf '{"traceId":"%s","eventId":"018bcfe5-6800-7000-8000-%012x","severity":"%s","system":"web","details":"event %d"}\n' \
		"$1" "$2" "$3" "$2"
}

# A server with the document's roles and database, and its tables.
set_up() {
	port=$(free_port)
	start_server "$port"
	psql -qX -v ON_ERROR_STOP=1 "postgresql://postgres@127.0.0.1:$port/postgres" < <(sql_of postgres.md 1)
	WRITER=postgresql://devpulse_writer@127.0.0.1:$port/devpulse
	READER=postgresql://devpulse_reader@127.0.0.1:$port/devpulse
	OWNER=postgresql://devpulse_owner@127.0.0.1:$port/devpulse
}

make_tables() {
	dp-store --db "$OWNER" </dev/null
	as owner "$(sql_of postgres.md 2)"
}

# One line on stderr, with this in it, and exit status 2.
store_fails_with() {
	run dp-store --db "$WRITER" </dev/null
	echo "exit $status: $output"
	[ "$status" = 2 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == "dp-store: error: "*"$1"* ]]
}

@test "the document's roles are enough for dp-store and dp-http" {
	set_up
	store_fails_with 'run "dp-store --db URL </dev/null" once with the URL of their owner'
	make_tables
	as owner "$(sql_of postgres.md 2)" # a repeat does no harm
	{ event a 1 error; event a 2 info; event b 3 info; } >"$BATS_TEST_TMPDIR/events"
	# no time of their own: looked for by the key
	dp-store --db "$WRITER" <"$BATS_TEST_TMPDIR/events"
	dp-store --db "$WRITER" <"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 0, duplicates 3, refused 0, dead letters 0'
	# and with one: by INSERT
	sed 's/"severity"/"timestamp":"2026-01-02T03:04:05Z",&/' "$BATS_TEST_TMPDIR/events" |
		sed 's/-8000-/-9000-/' >"$BATS_TEST_TMPDIR/timed"
	cat "$BATS_TEST_TMPDIR/timed" "$BATS_TEST_TMPDIR/timed" | dp-store --db "$WRITER"
	[ "$(as owner 'SELECT count(*), (SELECT sum(events) FROM traces) FROM events')" = '6|6' ]
	local role http
	for role in "$WRITER" "$READER"; do
		[ "$(dp-store --db "$role" --status)" = 'dead_letters 0' ]
	done
	http=$(free_port)
	background http dp-http --db "$READER" --listen "127.0.0.1:$http"
	retry_until curl -fsS "http://127.0.0.1:$http/readyz"
	[ "$(curl -fsS "http://127.0.0.1:$http/api/traces" | jq -r '[.items[].trace_id] | sort | join(" ")')" = 'a b' ]
	[ "$(curl -fsS "http://127.0.0.1:$http/api/traces/a" | jq '.events | length')" = 4 ]
	[ "$(curl -fsS "http://127.0.0.1:$http/api/events?severity=error" | wc -l)" = 2 ]
}

@test "what is rejected is kept apart by the writer" {
	set_up
	make_tables
	as owner "ALTER TABLE events ADD CONSTRAINT refuse CHECK (trace_id <> 'bad')"
	{ event a 1 info; event bad 2 info; } | dp-store --db "$WRITER" 2>"$BATS_TEST_TMPDIR/err"
	file_has "$BATS_TEST_TMPDIR/err" 'stored 1, duplicates 0, refused 0, dead letters 1'
	[ "$(dp-store --db "$READER" --status)" = 'dead_letters 1' ]
}

# Ten minutes, by which the age of events is told.
ten_minutes() {
	for i in {1..10}; do
		event new "$i" info | sed "s/\"severity\"/\"timestamp\":\"$(date -u -d "$i minutes ago" +%FT%TZ)\",&/"
	done
}

@test "with the rights for it the writer removes what is old" {
	set_up
	make_tables
	ten_minutes | dp-store --db "$WRITER"
	event far 20 error | sed 's/"severity"/"timestamp":"2001-02-03T04:05:06Z",&/' | dp-store --db "$WRITER"
	event late 21 error | sed "s/\"severity\"/\"timestamp\":\"$(date -u -d '3 days ago' +%FT%TZ)\",&/" |
		dp-store --db "$WRITER"
	as owner "$(sql_of postgres.md 3)"
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 8<>"$BATS_TEST_TMPDIR/in"
	background store dp-store --db "$WRITER" --retain 1h <"$BATS_TEST_TMPDIR/in"
	gone() { [ "$(as owner "SELECT count(*) FROM events WHERE trace_id <> 'new'")" = "$1" ]; }
	retry_until gone 0
	[ "$(as owner 'SELECT count(*), (SELECT count(*) FROM traces) FROM events')" = '10|1' ]
	[ ! -s "$BATS_TEST_TMPDIR/store.err" ] || ! grep -q warning "$BATS_TEST_TMPDIR/store.err"
}

@test "neither role can do more" {
	set_up
	make_tables
	event a 1 error | dp-store --db "$WRITER"
	refuses_each writer <<-'END'
		SELECT body FROM events
		SELECT * FROM events_default
		SELECT body FROM dead_letters
		UPDATE events SET system = 'other'
		DELETE FROM events
		DELETE FROM traces
		DELETE FROM positions
		TRUNCATE events
		UPDATE schema_version SET version = 1
		DROP TABLE events
		ALTER TABLE events ADD COLUMN x int
		ALTER TABLE events DISABLE TRIGGER ALL
		CREATE TABLE other (n int)
		CREATE TEMPORARY TABLE other (n int)
		CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
		ALTER FUNCTION devpulse_add_day(date) SECURITY INVOKER
	END
	refuses_each reader <<-'END'
		INSERT INTO traces SELECT * FROM traces
		INSERT INTO positions VALUES ('x', 1)
		UPDATE events SET system = 'other'
		UPDATE event_counter SET n = 7
		UPDATE positions SET pos = 7
		DELETE FROM events
		TRUNCATE events
		SELECT body FROM dead_letters
		SELECT devpulse_add_day(current_date)
		DROP TABLE events
		CREATE TABLE other (n int)
		CREATE TEMPORARY TABLE other (n int)
	END
}

# With the right to make temporary tables, which a database gives to all at first.
@test "the function that makes a day's partition is not misled by its caller" {
	set_up
	make_tables
	psql -qX "postgresql://postgres@127.0.0.1:$port/devpulse" -c 'GRANT TEMPORARY ON DATABASE devpulse TO PUBLIC'
	as writer "CREATE TEMPORARY TABLE events (ts timestamptz) PARTITION BY RANGE (ts);
		CREATE TEMPORARY TABLE events_default PARTITION OF pg_temp.events DEFAULT;
		CREATE TEMPORARY TABLE pg_partitioned_table (partrelid oid, partstrat text);
		SET search_path = pg_temp, public;
		SELECT public.devpulse_add_day('2031-02-03')"
	[ "$(as owner "SELECT count(*) FROM pg_inherits
		WHERE inhparent = 'public.events'::regclass AND inhrelid = 'public.events_20310203'::regclass")" = 1 ]
}

@test "a writer on an older schema says what is to be done, and the owner migrates it" {
	set_up
	as owner "BEGIN; $(sed -n '/^CREATE/,$p' "$ROOT/lib/sql/postgresql/begin_migration.sql")
		$(cat "$ROOT"/lib/sql/postgresql/migration_[12].sql)
		INSERT INTO schema_version VALUES (1, 2, gen_random_uuid()); COMMIT;
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO devpulse_writer"
	store_fails_with 'of an older version, and this role may not make or change them'
	make_tables
	event a 1 info | dp-store --db "$WRITER"
	[ "$(as reader 'SELECT count(*) FROM events')" = 1 ]
}

@test "who else migrates leaves the tables their owner's" {
	set_up
	as owner "BEGIN; $(sed -n '/^CREATE/,$p' "$ROOT/lib/sql/postgresql/begin_migration.sql")
		$(cat "$ROOT"/lib/sql/postgresql/migration_[123].sql)
		INSERT INTO schema_version VALUES (1, 3, gen_random_uuid()); COMMIT"
	dp-store --db "${OWNER/devpulse_owner/postgres}" </dev/null
	[ "$(as owner "SELECT string_agg(DISTINCT relowner::regrole::text, ' ') FROM pg_class
		WHERE relname LIKE 'events%' AND relkind IN ('r', 'p')")" = devpulse_owner ]
	[ "$(as owner "SELECT version FROM schema_version")" = "$(sed -n 's/.*DP_STORE_SCHEMA = \([0-9]*\).*/\1/p' "$ROOT/lib/store_backend.h")" ]
}
