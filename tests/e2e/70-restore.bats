#!/usr/bin/env bats
# docs/operations.md: its commands for backup and restore, as they stand, against what they are for.

load helpers

setup() {
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN
	export DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/devpulse BACKUP=$BATS_TEST_TMPDIR/backup
	export DEVPULSE_BIN=${DEVPULSE_BUILD:-$ROOT/build}/bin
	mkdir "$BACKUP"
	PATH=$ROOT:$PATH
}

teardown() {
	devpulse down >/dev/null 2>&1 || true
	stop_background
}

send() {
	local name
	for name; do
		printf '{"traceId":"drill","severity":"error","details":"%s"}\n' "$name"
	done | dp-send --url "ws://$DEVPULSE_LISTEN/"
}

stored_is() { [ "$(query "$DEVPULSE_DB" 'SELECT count(*), count(DISTINCT event_id) FROM events')" = "$1|$1" ]; }

# What dp-http answers, of rows and of the list that is made of them.
answers_with() {
	local url=http://$DEVPULSE_HTTP_LISTEN
	[ "$(curl -fsS "$url/api/traces/drill" | jq -r '.events[].data.details' | sort | tr -d '\n')" = "$1" ] &&
		[ "$(curl -fsS "$url/api/traces" | jq '.items[0].error_count')" = "${#1}" ]
}

# drill URL SYSTEM: a backup, events after it, the database destroyed, events that nobody could store.
drill() {
	export DEVPULSE_DB=$1
	devpulse up -d 3>&- 4>&-
	send a b
	retry_until stored_is 2
	do_as_written "Back up $2"
	send c
	retry_until stored_is 3
	"destroy_$2"
	send d e # acknowledged all the same
	devpulse down
	"make_$2"
	do_as_written "Restore $2"
	RETRY_SECONDS=20 retry_until answers_with abcde
	stored_is 5
	send f
	retry_until answers_with abcdef
}

destroy_SQLite() { rm "$DEVPULSE_STATE_DIR"/devpulse.db*; }
make_SQLite() { :; }

destroy_PostgreSQL() { psql -qX "$DEVPULSE_TEST_PG" -c "DROP DATABASE ${DEVPULSE_DB##*/} WITH (FORCE)"; }
make_PostgreSQL() { psql -qX "$DEVPULSE_TEST_PG" -c "CREATE DATABASE ${DEVPULSE_DB##*/}"; }

@test "SQLite: backup, loss, restore: each event that was acknowledged is there once" {
	drill "sqlite:///$DEVPULSE_STATE_DIR/devpulse.db" SQLite
}

@test "PostgreSQL: the same" {
	drill "$(new_database postgresql)" PostgreSQL
}

# again BEFORE AFTER: what makes the database reject an event, and what ends that.
again() {
	dp-store </dev/null
	query "$DEVPULSE_DB" "$1"
	seq 3 | sed 's/.*/{"traceId":"t&","details":"the \\"&\\"\\n"}/' | dp-store
	[ "$(query "$DEVPULSE_DB" 'SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM dead_letters)')" = '2|1' ]
	do_as_written "$3" # still rejected: it stays
	[ "$(query "$DEVPULSE_DB" 'SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM dead_letters)')" = '2|1' ]
	query "$DEVPULSE_DB" "$2"
	do_as_written "$3"
	[ "$(query "$DEVPULSE_DB" 'SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM dead_letters)')" = '3|0' ]
	[ "$(query "$DEVPULSE_DB" "SELECT body FROM events WHERE trace_id = 't2'" | jq -c '[.details]')" = '["the \"2\"\n"]' ]
	[ "$(query "$DEVPULSE_DB" "SELECT events FROM traces WHERE trace_id = 't2'")" = 1 ]
}

@test "SQLite: what was rejected is stored again" {
	DEVPULSE_DB=$(new_database sqlite)
	export DEVPULSE_DB
	again "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.trace_id = 't2' BEGIN SELECT RAISE(ABORT, 'no'); END" \
		'DROP TRIGGER no' 'Dead letters of SQLite'
}

@test "PostgreSQL: what was rejected is stored again" {
	DEVPULSE_DB=$(new_database postgresql)
	export DEVPULSE_DB
	again "ALTER TABLE events ADD CONSTRAINT no CHECK (trace_id <> 't2')" 'ALTER TABLE events DROP CONSTRAINT no' \
		'Dead letters of PostgreSQL'
}
