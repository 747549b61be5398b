#!/usr/bin/env bats
# dp-http: clients that take what they can, and those beside them.

load helpers
load http

# crowd KIND COUNT
crowd() {
	PORT=$port background "$1" /usr/bin/python3 "$ROOT/tests/e2e/crowd.py" "$1" "$2"
	RETRY_SECONDS=30 retry_until file_has "$BATS_TEST_TMPDIR/$1.out" 'are there'
}

metric() { curl -fsS -m 10 "$url/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }

metric_is() { [ "$(metric "$1")" = "$2" ] || { metric "$1" && return 1; }; }

# Others are answered, each on a connection of its own, in their time.
others_are_served() {
	for _ in $(seq "${1:-5}"); do
		curl -fsS -m 10 -o "$BATS_TEST_TMPDIR/trace" "$url/api/traces/t"
		jq -e '.events | length == 2' "$BATS_TEST_TMPDIR/trace" >/dev/null
	done
}

@test "crowds that are slow in every way leave others unharmed" {
	db=$(new_database sqlite)
	{
		printf '{"traceId":"t","details":"%s"}\n' 1 2
		awk 'BEGIN { for (s = "x"; length(s) < 4000;) s = s s
			for (i = 0; i < 5000; i++) print "{\"traceId\":\"much\",\"details\":\"" s "\"}" }'
	} | store "$db"
	export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1"
	serve "$db"
	background follow curl -sSN "$url/api/events?follow&n=0&trace=t"
	retry_until metric_is dp_http_followers 1
	before=$(metric process_resident_memory_bytes)
	for kind in idle headers body requests read; do
		crowd "$kind" 300 # there are 256 connections
		others_are_served
		[ $(($(metric process_resident_memory_bytes) - before)) -lt 96000000 ] || [ -n "${SAN:-}" ]
		crowd=${kind}_pid
		kill "${!crowd}"
	done
	# Who follows, too.
	store "$db" <<<'{"traceId":"t","details":"3"}'
	retry_until file_has "$BATS_TEST_TMPDIR/follow.out" '"details":"3"'
}

@test "1,000 followers: a few megabytes, no threads; none too many; they end together" {
	db=$(new_database sqlite)
	for i in $(seq 20); do echo "{\"traceId\":\"t\",\"details\":\"$i\"}"; done | store "$db"
	serve "$db" --max-followers 1000 --heartbeat 1
	threads=$(find "/proc/$http_pid/task" -mindepth 1 -maxdepth 1 | wc -l)
	before=$(metric process_resident_memory_bytes)
	crowd follow 1000
	retry_until metric_is dp_http_followers 1000
	[ "$(find "/proc/$http_pid/task" -mindepth 1 -maxdepth 1 | wc -l)" = "$threads" ]
	[ $(($(metric process_resident_memory_bytes) - before)) -lt $((64 * 1024 * 1024)) ] || [ -n "${SAN:-}" ]
	[ "$(curl -s -m 5 -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$url/api/events?follow")" = 503 ]
	jq -e '.type == "/problems/too-many-followers"' "$BATS_TEST_TMPDIR/body"
	[ "$(curl -fsS -m 5 "$url/api/events" | wc -l)" = 20 ]
	began=$(date +%s%N)
	kill "$http_pid"
	wait_for "$http_pid"
	[ "$status" = 0 ]
	[ $((($(date +%s%N) - began) / 1000000)) -lt 2000 ]
}

# Of a document of eight megabytes one a second, while ever more clients come.
@test "a client that takes a large document slowly keeps its place" {
	db=$(new_database sqlite)
	awk 'BEGIN { for (s = "x"; length(s) < 8000;) s = s s
		for (i = 0; i < 1000; i++) print "{\"traceId\":\"t\",\"details\":\"" i s "\"}" }' | store "$db"
	serve "$db" --max-followers 1
	PORT=$port background crowd /usr/bin/python3 "$ROOT/tests/e2e/crowd.py" idle 200
	retry_until file_has "$BATS_TEST_TMPDIR/crowd.out" 'are there'
	python <<-EOF
		import http.client, socket, time
		c = http.client.HTTPConnection("127.0.0.1", $port)
		c.connect()
		c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
		c.request("GET", "/api/events?n=1000", headers={"Accept": "application/json"})
		answer = c.getresponse()
		length, got = int(answer.headers["Content-Length"]), 0
		while part := answer.read(50_000):
		    got += len(part)
		    time.sleep(0.05)
		assert got == length > 8_000_000, got
	EOF
}

# asked STATUS TYPE TARGET [CURL OPTION...]
asked() {
	local want=$1 type=$2 target=$3
	shift 3
	[ "$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$@" "$url$target")" = "$want" ]
	jq -e --arg type "/problems/$type" '.type == $type' "$BATS_TEST_TMPDIR/body"
}

@test "what is too long has its own answer" {
	serve "$(new_database sqlite)"
	long() { printf "%0$1d" 0; }
	asked 414 target-too-long "/api/traces?cursor=$(long 24600)"
	asked 431 fields-too-large /api/traces -H "X: $(long 16400)"
	mapfile -t many < <(seq -f '-HX%g: 0123456789012345678901234567890123456789' 400)
	asked 431 fields-too-large /livez "${many[@]}"
	asked 413 body-too-large /api/traces -X POST -H 'Content-Length: 65537' -d x
	asked 405 method-not-allowed /api/traces -X POST -d "$(long 60000)"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/livez?$(long 100000)")" = 414 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(long 100000)" "$url/livez")" = 431 ]
	lives
}

@test "metrics: what Prometheus reads" {
	db=$(new_database sqlite)
	serve "$db"
	[ "$(metric dp_http_store_up)" = 0 ]
	printf '{"traceId":"t","details":"%s"}\n' 1 2 | store "$db"
	others_are_served 3
	curl -s "$url/app.css" "$url/none" "$url/api/traces/x?y" -X GET -o /dev/null -o /dev/null -o /dev/null
	curl -sS -D "$BATS_TEST_TMPDIR/head" -o "$BATS_TEST_TMPDIR/metrics" "$url/metrics"
	file_has "$BATS_TEST_TMPDIR/head" '^Content-Type: text/plain; version=0.0.4'
	while read -r name value; do
		[ "$(awk -v name="$name" '$1 == name { print $2 }' "$BATS_TEST_TMPDIR/metrics")" = "$value" ] || {
			echo "$name is not $value"
			return 1
		}
	done <<-EOF
		dp_http_build_info{version="$(version_built)"} 1
		dp_http_request_duration_seconds_count{route="/api/traces/{id}",method="GET",code="200"} 3
		dp_http_request_duration_seconds_bucket{route="/api/traces/{id}",method="GET",code="200",le="+Inf"} 3
		dp_http_request_duration_seconds_count{route="/api/traces/{id}",method="GET",code="400"} 1
		dp_http_request_duration_seconds_count{route="file",method="GET",code="200"} 1
		dp_http_request_duration_seconds_count{route="none",method="GET",code="404"} 1
		dp_http_followers 0
		dp_http_connections 1
		dp_http_store_up 1
		dp_http_store_head 2
		dp_http_store_dead_letters 0
	EOF
	# Each figure belongs to what was announced, and all of them parse.
	awk '/^# TYPE/ { types[$3] = $4; next } /^#/ { next }
		{ name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
		  if (!(name in types) && types[base] != "histogram" || $NF !~ /^[0-9.]+$/) { print "bad: " $0; bad = 1 } }
		END { exit bad || !("process_resident_memory_bytes" in types && "process_cpu_seconds_total" in types &&
			"process_open_fds" in types && "process_start_time_seconds" in types && "dp_http_store_bytes" in types) }' \
		"$BATS_TEST_TMPDIR/metrics"
	started=$(awk '$1 == "process_start_time_seconds" { printf "%d", $2 }' "$BATS_TEST_TMPDIR/metrics")
	[ $(($(date +%s) - started)) -lt 60 ]
}
