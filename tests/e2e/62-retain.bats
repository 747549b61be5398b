#!/usr/bin/env bats
# dp-store --retain and --retain-bytes: what is old goes while new events come and are read.

load helpers
bats_require_minimum_version 1.5.0

teardown() {
	stop_background
}

# Events, ten to a trace: events_since FIRST LAST WHEN, as date(1) takes it, a second apart.
events_since() {
	seq "$1" "$2" | awk -v from="$(date -u -d "$3" +%s)" '{
		at = strftime("%Y-%m-%dT%H:%M:%SZ", from + $1 - 1, 1)
		printf "{\"traceId\":\"t%d\",\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"timestamp\":\"%s\",\"severity\":\"%s\",\"details\":\"event %d\"}\n",
			$1 / 10, $1, at, $1 % 9 ? "info" : "error", $1 }'
}

# Ten events of the last ten minutes: that it is so late.
recent_events() {
	local i
	for i in {1..10}; do
		printf '{"traceId":"recent","timestamp":"%s","details":"recent"}\n' "$(date -u -d "$i minutes ago" +%FT%TZ)"
	done
}

count_is() { [ "$(query "$1" 'SELECT count(*) FROM events')" = "$2" ]; }

end_store() {
	exec 8>&-
	wait_for "$FIFO_PID"
	cat "$BATS_TEST_TMPDIR/store.err"
	[ "$status" = 0 ]
}

# Reads all the time, until it is ended by the file `stop`; complains where an answer is none.
read_meanwhile() {
	local path
	while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
		for path in 'traces?limit=100' traces/t1 traces/t5/timeline 'events?n=50'; do
			curl -sS -o /dev/null -w '%{http_code}\n' "$1/api/$path"
		done
	done
}

removes_what_is_old() {
	local port
	port=$(free_port)
	{ events_since 1 3000 '20 days ago'; recent_events; } | dp-store --db "$1"
	background http dp-http --listen "127.0.0.1:$port" --db "$1"
	retry_until curl -fsS "http://127.0.0.1:$port/livez"
	rm -f "$BATS_TEST_TMPDIR/stop"
	background reader read_meanwhile "http://127.0.0.1:$port"
	feed_fifo store dp-store --db "$1" --retain 7d
	for n in {1..20}; do
		events_since $((n * 100 + 10001)) $((n * 100 + 10100)) now >&8
	done
	RETRY_SECONDS=60 retry_until count_is "$1" 2010
	end_store
	touch "$BATS_TEST_TMPDIR/stop"
	wait_for "$reader_pid"
	[ ! -s "$BATS_TEST_TMPDIR/reader.err" ]
	file_has "$BATS_TEST_TMPDIR/reader.out" '^200$'
	[ "$(sort -u "$BATS_TEST_TMPDIR/reader.out" | grep -cvE '^(200|404)$')" = 0 ] # a trace that went
	! grep -q 'warning\|error:' "$BATS_TEST_TMPDIR/store.err"
	[ "$(query "$1" 'SELECT sum(events) FROM traces')" = 2010 ]
	[ "$(query "$1" 'SELECT sum(events) FROM minute_counts')" = 2010 ]
	[ "$(query "$1" 'SELECT sum(events) FROM error_groups')" = \
		"$(query "$1" "SELECT count(*) FROM events WHERE severity = 'error'")" ]
	kill "$http_pid"
	wait_for "$http_pid"
}

@test "--retain: what is old goes while events are stored and read" { in_both removes_what_is_old; }

@test "--retain-bytes: the oldest go until what is left fits, in SQLite" {
	local db="sqlite:///$BATS_TEST_TMPDIR/events.db"
	events_since 1 6000 '1 day ago' | dp-store --db "$db"
	size='SELECT (page_count - freelist_count) * page_size <= 1048576 FROM pragma_page_count, pragma_freelist_count, pragma_page_size'
	[ "$(query "$db" "$size")" = 0 ]
	feed_fifo store dp-store --db "$db" --retain-bytes 1M
	fits() { [ "$(query "$db" "$size")" = 1 ]; }
	RETRY_SECONDS=60 retry_until fits
	end_store
	[ "$(query "$db" 'SELECT count(*) FROM events')" -gt 1000 ]
	[ "$(query "$db" "SELECT count(*) FROM events WHERE body LIKE '%event 6000%'")" = 1 ]
	[ "$(query "$db" "SELECT count(*) FROM events WHERE body LIKE '%event 1\"%'")" = 0 ]
}

@test "--retain-bytes: that too much is left of days that are not over is told, in PostgreSQL" {
	local db
	db=$(new_database postgresql)
	events_since 1 6000 tomorrow | dp-store --db "$db"
	feed_fifo store dp-store --db "$db" --retain-bytes 1M
	retry_until file_has "$BATS_TEST_TMPDIR/store.err" 'warning: [0-9]* bytes are kept, more than --retain-bytes 1048576, and none of them may go now; see dp-store\(1\), What is kept'
	end_store
	count_is "$db" 6000
}

what_fails_stops_nothing() {
	{ events_since 1 10 '20 days ago'; recent_events; } | dp-store --db "$1"
	query "$1" 'ALTER TABLE dead_letters RENAME TO hidden'
	feed_fifo store dp-store --db "$1" --retain 7d
	retry_until file_has "$BATS_TEST_TMPDIR/store.err" 'warning: what is too old or too much cannot be removed now: .*dead_letters'
	events_since 101 110 now >&8
	retry_until count_is "$1" 30
	end_store
	[ "$(grep -c warning "$BATS_TEST_TMPDIR/store.err")" = 1 ]
}

@test "a removal that fails is told, and events are stored all the same" { in_both what_fails_stops_nothing; }

@test "DEVPULSE_RETAIN counts, and a limit that is none ends it" {
	local db="sqlite:///$BATS_TEST_TMPDIR/events.db"
	{ events_since 1 10 '20 days ago'; recent_events; } | dp-store --db "$db"
	export DEVPULSE_RETAIN=7d
	feed_fifo store dp-store --db "$db"
	retry_until count_is "$db" 10
	end_store
	run -2 dp-store --db "$db" --retain 7 </dev/null
	[[ $output == "dp-store: error: --retain: "*"7d"* ]]
	run -2 dp-store --db "$db" --retain-bytes 100k </dev/null
	[[ $output == "dp-store: error: --retain-bytes: at least 1M are wanted" ]]
	DEVPULSE_RETAIN_BYTES=much run -2 dp-store --db "$db" </dev/null
	[[ $output == "dp-store: error: DEVPULSE_RETAIN_BYTES: "*"8G"* ]]
}
