#!/usr/bin/env bats
# dp-http: /api/events, to its end or followed.

load helpers
load http

teardown() {
	end_http
	# What was stopped to stand still goes on, to be ended.
	[ ! -e "$BATS_TEST_TMPDIR/pids" ] || xargs -r kill -CONT <"$BATS_TEST_TMPDIR/pids" 2>/dev/null || true
	stop_background
}

# number FROM TO [MEMBERS]: events with these numbers as details.
number() {
	seq "$1" "$2" | sed "s/.*/{\"traceId\":\"t\",\"system\":\"s\",\"details\":\"&\"${3:+,$3}}/"
}

# Follows in the background, as NDJSON: follow NAME [QUERY [CURL OPTION...]].
follow() {
	background "$1" curl -sSN "$url/api/events?follow${2:+&$2}" "${@:3}"
}

# The numbers in the NDJSON that a follower got, in a line.
got() { jq -r .details "$BATS_TEST_TMPDIR/$1.out" | paste -sd' '; }

has_got() {
	[ "$(got "$1")" = "$2" ] || {
		got "$1"
		return 1
	}
}

history_then_live() {
	local db
	db=$(new_database "$1")
	number 1 30 | store "$db"
	serve "$db"
	follow default
	follow few n=3
	follow none n=0
	follow all n=all
	follow trace trace=t
	follow other trace=u
	retry_until has_got default "$(seq -s ' ' 11 30)"
	retry_until has_got few '28 29 30'
	retry_until has_got all "$(seq -s ' ' 1 30)"
	retry_until has_got trace "$(seq -s ' ' 1 30)"
	number 31 33 | store "$db"
	retry_until has_got none '31 32 33'
	retry_until has_got default "$(seq -s ' ' 11 33)"
	retry_until has_got few '28 29 30 31 32 33'
	retry_until has_got all "$(seq -s ' ' 1 33)"
	retry_until has_got trace "$(seq -s ' ' 1 33)"
	has_got other ''
	# Each line is the stored one, with a cursor at its end.
	diff <(curl -s "$url/api/events?n=all" | sed 's/,"_cursor":"[0-9a-f]\{8\}-[0-9]*"}$/}/') \
		<(query "$db" "select body from events order by seq" 2>/dev/null ||
			query "$db" "select json from events order by seq")
}

@test "history, then what arrives: SQLite" { history_then_live sqlite; }

@test "history, then what arrives: PostgreSQL" { history_then_live postgresql; }

@test "without follow it ends when it is caught up" {
	db=$(new_database sqlite)
	number 1 30 | store "$db"
	serve "$db"
	[ "$(curl -s "$url/api/events" | wc -l)" = 20 ]
	[ "$(curl -s "$url/api/events?n=all" | wc -l)" = 30 ]
	[ "$(curl -s "$url/api/events?n=0" | wc -l)" = 0 ]
	[ "$(curl -s "$url/api/events?n=2&follow=0" | wc -l)" = 2 ]
	[ "$(curl -s "$url/api/events?trace=t" | wc -l)" = 30 ]
	[ "$(curl -s --http1.0 "$url/api/events?trace=t" | wc -l)" = 30 ]
}

filters() {
	local db
	db=$(new_database "$1")
	serve "$db" 2>/dev/null
	store "$db" <<'EVENTS'
{"traceId":"a","system":"web","severity":"error","type":"request","details":"1"}
{"traceId":"a","system":"api","severity":"warning","type":"query","details":"2"}
{"traceId":"b","system":"web","severity":"info","type":"request","details":"3"}
{"traceId":"b,c","system":"we\\b","severity":"debug","type":"log","details":"4"}
EVENTS
	while read -r query want; do
		[ "$(curl -fsS "$url/api/events?$query" | jq -r .details | paste -sd' ')" = "$want" ] || {
			echo "$query: not $want" >&2
			return 1
		}
	done <<'QUERIES'
trace=a 1 2
trace=a,b 1 2 3
trace=b%5C,c 4
system=web 1 3
system=we%5C%5Cb 4
severity=error,warn 1 2
severity=ERROR 1
type=request&system=web 1 3
type=request&trace=a 1
type=request&type=query
system=none
QUERIES
}

@test "filters: SQLite" { filters sqlite; }

@test "filters: PostgreSQL" { filters postgresql; }

# `n` counts what matches, however much else was stored since.
newest_matching() {
	local db
	db=$(new_database "$1")
	{
		number 1 5 '"severity":"error"'
		number 6 60
	} | store "$db"
	serve "$db"
	[ "$(curl -fsS "$url/api/events?severity=error" | jq -r .details | paste -sd' ')" = '1 2 3 4 5' ]
	[ "$(curl -fsS "$url/api/events?severity=error&n=3" | jq -r .details | paste -sd' ')" = '3 4 5' ]
	[ "$(dp-tail --url "$url" --severity error --no-follow -o json | jq -r .details | paste -sd' ')" = '1 2 3 4 5' ]
}

@test "the newest n that match: SQLite" { newest_matching sqlite; }

@test "the newest n that match: PostgreSQL" { newest_matching postgresql; }

@test "server-sent events, to the letter" {
	db=$(new_database sqlite)
	number 1 2 '"text":"two\\nlines"' | store "$db"
	serve "$db" --heartbeat 1
	follow sse n=1 -H 'Accept: text/event-stream' -D "$BATS_TEST_TMPDIR/headers"
	heartbeat_came() { [ "$(grep -c '^id: .*-2$' "$BATS_TEST_TMPDIR/sse.out")" = 2 ]; }
	retry_until heartbeat_came
	id=$(curl -s "$url/api/events?n=1" | jq -r ._cursor)
	[[ $id =~ ^[0-9a-f]{8}-2$ ]]
	line=$(curl -s "$url/api/events?n=1" | sed 's/,"_cursor".*/}/')
	printf 'retry: 1000\nid: %s\n\nid: %s\ndata: %s\n\nid: %s\n\n' "${id%-2}-1" "$id" "$line" "$id" >"$BATS_TEST_TMPDIR/want"
	head -c "$(wc -c <"$BATS_TEST_TMPDIR/want")" "$BATS_TEST_TMPDIR/sse.out" | diff "$BATS_TEST_TMPDIR/want" -
	file_has "$BATS_TEST_TMPDIR/headers" '^Content-Type: text/event-stream'
	file_has "$BATS_TEST_TMPDIR/headers" "^DevPulse-Cursor: ${id%-2}-1"
}

# A client that resumes with the last cursor it saw, while dp-http is killed and started again and
# events go on arriving: each once, in order.
resume() {
	local db round last numbers
	db=$(new_database "$1")
	number 1 5 | store "$db"
	: >"$BATS_TEST_TMPDIR/all"
	for round in 1 2 3 4; do
		serve "$db"
		if [ "$round" = 1 ]; then
			follow "part$round" n=all
		elif [ "$round" = 2 ]; then
			follow "part$round" "after=$last"
		else
			# What an EventSource does: its first query, and where it was.
			follow "part$round" "n=all&after=${last%-*}-1" -H "Last-Event-ID: $last"
		fi
		number $((round * 100)) $((round * 100 + 20)) | store "$db"
		retry_until file_has "$BATS_TEST_TMPDIR/part$round.out" "\"details\":\"$((round * 100 + 20))\""
		kill -9 "$http_pid"
		wait_for "$http_pid"
		number $((round * 100 + 50)) $((round * 100 + 55)) | store "$db"
		last=$(jq -r ._cursor "$BATS_TEST_TMPDIR/part$round.out" | tail -n 1)
		cat "$BATS_TEST_TMPDIR/part$round.out" >>"$BATS_TEST_TMPDIR/all"
	done
	serve "$db"
	curl -fsS "$url/api/events?after=$last" >>"$BATS_TEST_TMPDIR/all"
	numbers=$(query "$db" 'select count(*) from events')
	[ "$numbers" = $((5 + 4 * 27)) ]
	[ "$(jq -r ._cursor "$BATS_TEST_TMPDIR/all" | wc -l)" = "$numbers" ]
	jq -r '._cursor | split("-")[1]' "$BATS_TEST_TMPDIR/all" | sort -nuc
}

@test "resumed behind the last event, whatever died: no gap, no repeat: SQLite" { resume sqlite; }

@test "resumed behind the last event, whatever died: no gap, no repeat: PostgreSQL" { resume postgresql; }

@test "the cursor of the beginning serves who saw no event" {
	db=$(new_database sqlite)
	number 1 3 | store "$db"
	serve "$db"
	cursor=$(curl -s -D - -o /dev/null "$url/api/events?n=0" | tr -d '\r' | sed -n 's/^DevPulse-Cursor: //p')
	number 4 5 | store "$db"
	[ "$(curl -s "$url/api/events?after=$cursor" | jq -r .details | paste -sd' ')" = '4 5' ]
}

@test "a heartbeat tells where the stream is, though its filter chose nothing" {
	db=$(new_database sqlite)
	number 1 3 | store "$db"
	serve "$db" --heartbeat 1
	follow sse 'n=0&filter=details=none' -H 'Accept: text/event-stream'
	retry_until file_has "$BATS_TEST_TMPDIR/sse.out" '^id: .*-3$'
	number 4 9 | store "$db"
	retry_until file_has "$BATS_TEST_TMPDIR/sse.out" '^id: .*-9$'
	run ! grep -q '^data' "$BATS_TEST_TMPDIR/sse.out"
}

sockets_are() { [ "$(find "/proc/$http_pid/fd" -lname 'socket:*' | wc -l)" = "$1" ]; }

followers_are() { [ "$(curl -s "$url/readyz?verbose" | jq .followers)" = "$1" ]; }

@test "heartbeats come, and a client that is gone is noticed by them" {
	db=$(new_database sqlite)
	number 1 1 | store "$db"
	serve "$db" --heartbeat 1
	retry_until followers_are 0
	retry_until sockets_are 1
	for i in $(seq 10); do
		follow "f$i" n=0
	done
	retry_until followers_are 10
	retry_until sockets_are 11
	retry_until file_has "$BATS_TEST_TMPDIR/f10.out" '^$'
	for i in $(seq 10); do
		pid=f${i}_pid
		kill -9 "${!pid}"
	done
	retry_until followers_are 0
	retry_until sockets_are 1
}

@test "a client that closes is noticed before the next heartbeat, one that only sends no more goes on" {
	db=$(new_database sqlite)
	number 1 1 | store "$db"
	serve "$db" --heartbeat 20
	cat >"$BATS_TEST_TMPDIR/half.py" <<-'EOF'
		import socket, sys

		host, port = sys.argv[1].split(":")
		with socket.create_connection((host, port), 60) as s:
		    s.sendall(f"GET /api/events?follow&n=0 HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
		    s.shutdown(socket.SHUT_WR)
		    for part in iter(lambda: s.recv(65536), b""):
		        sys.stdout.buffer.write(part)
		        sys.stdout.flush()
	EOF
	background half python3 "$BATS_TEST_TMPDIR/half.py" "${url#http://}"
	retry_until followers_are 1
	for i in $(seq 10); do
		follow "f$i" n=0
	done
	retry_until followers_are 11
	for i in $(seq 10); do
		pid=f${i}_pid
		kill -9 "${!pid}"
	done
	retry_until followers_are 1
	number 2 2 | store "$db"
	retry_until file_has "$BATS_TEST_TMPDIR/half.out" '"details":"2"'
	number 3 3 | store "$db"
	retry_until file_has "$BATS_TEST_TMPDIR/half.out" '"details":"3"'
	followers_are 1
}

@test "no more followers than allowed; a place that is left is free again" {
	db=$(new_database sqlite)
	number 1 1 | store "$db"
	serve "$db" --heartbeat 1 --max-followers 2
	follow one
	follow two
	retry_until followers_are 2
	[ "$(curl -s -m 5 -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$url/api/events?follow")" = 503 ]
	jq -e '.type == "/problems/too-many-followers"' "$BATS_TEST_TMPDIR/body"
	curl -s -m 5 -D - -o /dev/null "$url/api/events?follow" | grep -qi '^retry-after: 10'
	[ "$(curl -s "$url/api/events" | wc -l)" = 1 ]
	kill "$one_pid"
	retry_until followers_are 1
	follow three
	retry_until followers_are 2
}

@test "stopped while clients follow: they end cleanly, at once" {
	db=$(new_database sqlite)
	number 1 1 | store "$db"
	serve "$db"
	for i in $(seq 20); do
		follow "f$i" n=1
	done
	retry_until followers_are 20
	began=$(date +%s%N)
	kill "$http_pid"
	wait_for "$http_pid"
	[ "$status" = 0 ]
	[ $((($(date +%s%N) - began) / 1000000)) -lt 1000 ]
	for i in $(seq 20); do
		pid=f${i}_pid
		wait_for "${!pid}"
		[ "$status" = 0 ]
		has_got "f$i" 1
	done
}

@test "stopped while a client stands still: at once, too" {
	db=$(new_database sqlite)
	number 1 20000 '"more":"0123456789012345678901234567890123456789"' | store "$db"
	serve "$db"
	follow still n=all
	retry_until test -s "$BATS_TEST_TMPDIR/still.out"
	kill -STOP "$still_pid"
	retry_until followers_are 1
	began=$(date +%s%N)
	kill "$http_pid"
	wait_for "$http_pid"
	[ "$status" = 0 ]
	[ $((($(date +%s%N) - began) / 1000000)) -lt 1000 ]
}

resident_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$http_pid/status"; }

# Clients that do not read, while 40 MB arrive: no memory grows with it, others are served, and when
# they read on they have missed nothing.
@test "a slow client costs nothing and misses nothing" {
	db=$(new_database sqlite)
	number 1 1 | store "$db"
	export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1"
	serve "$db"
	for i in $(seq 10); do
		follow "slow$i" n=1
		retry_until file_has "$BATS_TEST_TMPDIR/slow$i.out" '"1"'
		pid=slow${i}_pid
		kill -STOP "${!pid}"
	done
	before=$(resident_kb)
	awk 'BEGIN { for (s = "x"; length(s) < 4000;) s = s s
		for (i = 2; i <= 10000; i++) print "{\"traceId\":\"t\",\"details\":\"" i "\",\"more\":\"" s "\"}" }' |
		store "$db"
	follow fast 'n=1&severity=info'
	retry_until file_has "$BATS_TEST_TMPDIR/fast.out" '"10000"'
	[ $(($(resident_kb) - before)) -lt 40000 ]
	kill -CONT "$slow1_pid"
	retry_until file_has "$BATS_TEST_TMPDIR/slow1.out" '"details":"10000"'
	[ "$(grep -o '"details":"[0-9]*"' "$BATS_TEST_TMPDIR/slow1.out" | tr -dc '0-9\n' | sort -nuc | wc -l)" = 0 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/slow1.out")" = 10000 ]
}

@test "one event of a megabyte goes through" {
	db=$(new_database sqlite)
	awk 'BEGIN { for (s = "x"; length(s) < 500000;) s = s s
		print "{\"traceId\":\"t\",\"details\":\"big\",\"more\":\"" s "\"}" }' | store "$db"
	number 1 1 | store "$db"
	serve "$db"
	follow big n=all
	retry_until has_got big 'big 1'
	[ "$(wc -c <"$BATS_TEST_TMPDIR/big.out")" -gt 524288 ]
}

@test "followers outlive a database that goes away" {
	# shellcheck disable=SC2016 # for the inner shell
	"$ROOT/tests/with-postgres.sh" bash -c '
		set -e
		. "$ROOT/tests/e2e/helpers.bash"
		store() { dp-store --db "$DEVPULSE_TEST_PG" 2>/dev/null; }
		answers() { [ "$(curl -s -m 5 -o /dev/null -w "%{http_code}" "$url$1")" = "$2" ]; }
		bin=$(dirname "$(find /usr/lib/postgresql -name pg_ctl | sort -V | tail -n 1)")
		as_owner() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
		url=http://127.0.0.1:$1
		echo "{\"traceId\":\"t\",\"details\":\"before\"}" | store
		background http dp-http --listen "127.0.0.1:$1" --db "$DEVPULSE_TEST_PG" --heartbeat 1
		trap stop_background EXIT
		retry_until answers /readyz 200
		background follow curl -sSN "$url/api/events?follow"
		got=$BATS_TEST_TMPDIR/follow.out
		retry_until file_has "$got" before
		as_owner cp "$DEVPULSE_TEST_PG_DIR/data/postmaster.opts" "$DEVPULSE_TEST_PG_DIR/opts"
		as_owner "$bin/pg_ctl" -D "$DEVPULSE_TEST_PG_DIR/data" -m immediate -w stop >/dev/null 2>&1 </dev/null
		retry_until file_has "$BATS_TEST_TMPDIR/http.err" "followers wait for the database"
		beats=$(grep -c "^$" "$got" || true)
		more_beats() { [ "$(grep -c "^$" "$got")" -gt $((beats + 1)) ]; }
		retry_until more_beats
		as_owner bash -c "$(cat "$DEVPULSE_TEST_PG_DIR/opts") >/dev/null 2>&1 3>&- &"
		retry_until answers /readyz 200
		echo "{\"traceId\":\"t\",\"details\":\"after\"}" | store
		retry_until file_has "$got" after
		retry_until file_has "$BATS_TEST_TMPDIR/http.err" "is back"
		[ "$(grep -c traceId "$got")" = 2 ]
	' _ "$port"
}

@test "stopped while PostgreSQL stands still: at once, too" {
	# shellcheck disable=SC2016 # for the inner shell
	"$ROOT/tests/with-postgres.sh" bash -c '
		set -e
		. "$ROOT/tests/e2e/helpers.bash"
		echo "{\"traceId\":\"t\",\"details\":\"x\"}" | dp-store --db "$DEVPULSE_TEST_PG" 2>/dev/null
		background http dp-http --listen "127.0.0.1:$1" --db "$DEVPULSE_TEST_PG"
		retry_until curl -fs "127.0.0.1:$1/readyz"
		background follow curl -sSN "127.0.0.1:$1/api/events?follow"
		retry_until file_has "$BATS_TEST_TMPDIR/follow.out" traceId
		postmaster=$(head -n 1 "$DEVPULSE_TEST_PG_DIR/data/postmaster.pid")
		servers="$postmaster $(pgrep -d " " -P "$postmaster")"
		trap "kill -CONT \$servers; stop_background" EXIT
		kill -STOP $servers
		[ "$(curl -s -m 0.5 -o /dev/null -w "%{http_code}" "127.0.0.1:$1/api/traces")" = 000 ]
		began=$(date +%s%N)
		kill "$http_pid"
		timeout 5 tail --pid="$http_pid" -f /dev/null
		wait_for "$http_pid"
		[ "$status" = 0 ]
		[ $((($(date +%s%N) - began) / 1000000)) -lt 2000 ]
	' _ "$port"
}

# The language of devpulse-filter(7), with and without the old parameters.
language() {
	local db got filter want
	db=$(new_database "$1")
	serve "$db" 2>/dev/null
	store "$db" <<'EVENTS'
{"traceId":"a","system":"web","severity":"error","type":"request","details":"1","durationMs":700,"locals":{"user_id":42},"text":"Timeout & more"}
{"traceId":"a","system":"api","severity":"warning","type":"query","details":"2","environment":"dev","locals":{"user_id":"42"}}
{"traceId":"b","system":"web","severity":"info","type":"request","details":"3","durationMs":500.0,"environment":"prod"}
{"traceId":"c","system":"a b","severity":"debug","details":"4","timestamp":"2020-01-01T00:00:00Z","locals":{"a.b":{"é":"ÀB"}}}
EVENTS
	while IFS='|' read -r filter want; do
		got=$(curl -fsSG "$url/api/events" -d n=all --data-urlencode "filter=$filter" |
			jq -r .details | paste -sd' ')
		[ "$got" = "$want" ] || {
			echo "$filter: $got, not $want" >&2
			return 1
		}
	done <<'FILTERS'
|1 2 3 4
severity>=warning|1 2
system=web,api type!=query|1 3
system="a b"|4
env!=dev|1 3 4
env~D|2 3
locals.user_id=42|1 2
locals.user_id>41|1
locals."a.b".é~"Àb"|4
duration>500ms|1
duration>=0.5s|1 3
since=1h|1 2 3
until=2020-01-02|4
timestamp<2021-01-01T00:00Z severity=debug|4
timeout|1
"timeout & MORE"|1
-timeout !"a b"|2 3
error~0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f|1
trace!=a|3 4
FILTERS
	[ "$(curl -fsSG "$url/api/events" -d system=web --data-urlencode 'filter=severity<error' \
		--data-urlencode 'filter=env=prod' | jq -r .details)" = 3 ]
	background follow curl -sNG "$url/api/events" -d n=1 -d follow --data-urlencode 'filter=duration>600'
	retry_until file_has "$BATS_TEST_TMPDIR/follow.out" '"details":"1"'
	printf '%s\n' '{"details":"slow no","durationMs":600}' '{"details":"slow yes","durationMs":601}' | store "$db"
	retry_until file_has "$BATS_TEST_TMPDIR/follow.out" 'slow yes'
	[ "$(grep -c details "$BATS_TEST_TMPDIR/follow.out")" = 2 ]
}

@test "filters in their language: SQLite" { language sqlite; }

@test "filters in their language: PostgreSQL" { language postgresql; }
