#!/usr/bin/env bats
# Whatever is killed, at any moment: no event that was acknowledged is lost, none is there twice, and nobody
# has to lend a hand. The long form: make torture.

load ../e2e/helpers

teardown() {
	[ -z "${DEVPULSE_STATE_DIR:-}" ] || ./devpulse down >/dev/null 2>&1 || true
	stop_background
}

python() {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 300 \
		/usr/bin/python3 "$ROOT/tests/fault/$1.py" "${@:2}" 3>&- 4>&-
}

@test "kills of dp-ingest and dp-store under load: SQLite" {
	python torture --db sqlite --rounds "${ROUNDS:-20}" --seed 1
}

@test "kills of dp-ingest, dp-store and the server under load: PostgreSQL" {
	python torture --db postgresql --rounds "${ROUNDS:-15}" --seed 3
}

@test "dp-store killed as it stores, with poison: what the position says is there, no more, no less" {
	python store_kills sqlite 10000 8
	python store_kills postgresql 10000 8
}

pid_of() { cut -d " " -f 1 "$DEVPULSE_STATE_DIR/run/$1.pid"; }

events_stored() {
	[ "$(query "sqlite:///$DEVPULSE_STATE_DIR/devpulse.db" 'select count(*) from events')" = "$1" ]
}

up() { ./devpulse up -d 3>&- 4>&- >/dev/null; }

# stores_after_kill SIGNALLED...: all of them killed at once, with events that are acknowledged and
# not stored.
stores_after_kill() {
	local n=$1 program
	shift
	kill -STOP "$(pid_of dp-store)"
	seq 500 | sed "s/.*/{\"traceId\":\"$n\",\"details\":\"&\"}/" | dp-send --url "ws://$DEVPULSE_LISTEN/"
	for program; do kill -KILL "$(pid_of "$program")"; done
	./devpulse status | grep -q running || ./devpulse down
	[ -e "$DEVPULSE_STATE_DIR/run" ] || up
	RETRY_SECONDS=20 retry_until events_stored $((n * 500))
}

@test "./devpulse up: what was acknowledged is stored, whatever is killed, the supervisor too" {
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/devpulse
	export DEVPULSE_BIN=${DEVPULSE_BUILD:-$ROOT/build}/bin
	cd "$ROOT"
	up
	stores_after_kill 1 dp-store
	retry_until ./devpulse status
	stores_after_kill 2 dp-ingest dp-store
	retry_until ./devpulse status
	stores_after_kill 3 up dp-ingest dp-store dp-http
}
