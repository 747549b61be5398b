#!/usr/bin/env bats
# dp-http: how documents are sent: compressed, with entity tags, and large ones as they are read.

load helpers
load http

body=${BATS_TEST_TMPDIR-}/body head=${BATS_TEST_TMPDIR-}/head

# get TARGET [CURL OPTION...]: the status; the body is in $body, the headers, each on a line, in $head.
get() {
	local target=$1
	shift
	: >"$body"
	curl -sS -o "$body" -D "$head.crlf" -w '%{http_code}' "$@" "$url$target"
	tr -d '\r' <"$head.crlf" >"$head"
}

field() { sed -n "s/^$1: //Ip" "$head"; }

# number N [SYSTEMS]: events of one trace, each some 200 bytes.
number() {
	awk -v n="$1" -v systems="${2:-3}" 'BEGIN { for (i = 0; i < n; i++)
		printf "{\"traceId\":\"t\",\"system\":\"s%d\",\"timestamp\":\"2026-01-01T00:%02d:%02d.%03dZ\",\"severity\":\"%s\",\"details\":\"%06d of as many words as make it as long as a real one is\"}\n",
			i * 7919 % systems, i / 60000, i / 1000 % 60, i % 1000, i % 1000 == 999 ? "error" : "info", i }'
}

documents='/api/traces /api/traces/t /api/traces/t/timeline /app.css /openapi.yaml /openapi.json'

@test "compressed where the client takes it, else not; each with a tag of its own" {
	db=$(new_database sqlite)
	number 30 | store "$db"
	store "$db" <<<'{"traceId":"small","details":"x"}'
	serve "$db"
	for path in $documents; do
		[[ $path != /api/traces ]] || continue # small
		[ "$(get "$path")" = 200 ]
		cp "$body" "$BATS_TEST_TMPDIR/plain"
		[[ -z $(field content-encoding) && $(field vary) == Accept-Encoding ]]
		plain_tag=$(field etag)
		[ "$(get "$path" -H 'Accept-Encoding: br;q=1, gzip;q=0.5')" = 200 ]
		[[ $(field content-encoding) == gzip && $(field vary) == Accept-Encoding ]]
		[ "$(field content-length)" = "$(wc -c <"$body")" ]
		[ "$(wc -c <"$body")" -lt "$(wc -c <"$BATS_TEST_TMPDIR/plain")" ]
		gzip -dc "$body" | cmp - "$BATS_TEST_TMPDIR/plain"
		[[ -n $plain_tag && $(field etag) != "$plain_tag" ]]
		[ "$(get "$path" -H 'Accept-Encoding: gzip;q=0, *')" = 200 ]
		[ -z "$(field content-encoding)" ]
	done
	for path in /api/traces/small /livez /api/traces/none; do
		get "$path" -H 'Accept-Encoding: gzip'
		[ -z "$(field content-encoding)" ]
	done
}

@test "HEAD says what GET says" {
	db=$(new_database sqlite)
	number 30 | store "$db"
	serve "$db"
	for path in $documents /livez /readyz '/readyz?verbose' /api/traces/none /nothing; do
		for coding in identity gzip; do
			get "$path" -H "Accept-Encoding: $coding"
			grep -v '^Date' "$head" >"$BATS_TEST_TMPDIR/of-get"
			get "$path" -H "Accept-Encoding: $coding" -I
			grep -v '^Date' "$head" | diff "$BATS_TEST_TMPDIR/of-get" -
		done
	done
}

@test "who has a document is told so, until it changes" {
	db=$(new_database sqlite)
	number 30 | store "$db"
	serve "$db"
	for coding in identity gzip; do
		for path in $documents; do
			get "$path" -H "Accept-Encoding: $coding"
			tag=$(field etag)
			[ "$(get "$path" -H "Accept-Encoding: $coding" -H "If-None-Match: \"x\", W/$tag")" = 304 ]
			[[ ! -s $body && $(field etag) == "$tag" && $(field vary) == Accept-Encoding ]]
			[ "$(get "$path" -I -H "Accept-Encoding: $coding" -H "If-None-Match: $tag")" = 304 ]
			[ "$(get "$path" -H "Accept-Encoding: $coding" -H 'If-None-Match: "x"')" = 200 ]
			[[ $path != /api/* ]] || echo "$path $coding $tag" >>"$BATS_TEST_TMPDIR/tags"
		done
	done
	store "$db" <<<'{"traceId":"other","details":"x"}'
	while read -r path coding tag; do
		want=304
		[ "$path" != /api/traces ] || want=200
		[ "$(get "$path" -H "Accept-Encoding: $coding" -H "If-None-Match: $tag")" = "$want" ]
	done <"$BATS_TEST_TMPDIR/tags"
	store "$db" <<<'{"traceId":"t","details":"x"}'
	while read -r path coding tag; do
		[ "$(get "$path" -H "Accept-Encoding: $coding" -H "If-None-Match: $tag")" = 200 ]
	done <"$BATS_TEST_TMPDIR/tags"
}

@test "a stream that ends is compressed, one that is followed is not" {
	db=$(new_database sqlite)
	number 3000 | store "$db"
	serve "$db"
	[ "$(get '/api/events?n=all' -H 'Accept-Encoding: gzip')" = 200 ]
	[ "$(field content-encoding)" = gzip ]
	gzip -dc "$body" | diff - <(curl -sS "$url/api/events?n=all")
	[ "$(gzip -dc "$body" | wc -l)" = 3000 ]
	background follow curl -sSN -D "$BATS_TEST_TMPDIR/head" -H 'Accept-Encoding: gzip' "$url/api/events?follow&n=1"
	retry_until file_has "$BATS_TEST_TMPDIR/follow.out" '"002999 '
	[ -z "$(field content-encoding)" ]
}

resident_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$http_pid/status"; }

# In memory that does not depend on it: 30 MB in all its forms.
large() {
	local db before n=100000
	[ -z "${SAN:-}" ] || n=20000
	db=$(new_database "$1")
	number $n | store "$db"
	export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1"
	serve "$db"
	get /api/traces/none
	before=$(resident_kb)
	[ "$(get /api/traces/t)" = 200 ]
	jq -e '(keys_unsorted == ["trace_id", "events"]) and ([.events[].data.details[:6] | tonumber] == [range($n)])' \
		--argjson n $n "$body"
	[ "$(get /api/traces/t/timeline -H 'Accept-Encoding: gzip')" = 200 ]
	gzip -dc "$body" >"$body.plain"
	jq -e '.total_stages == 3 and .has_errors and .total_duration_ms == $n - 1 and
		([.stages[].system] == ["s0", "s1", "s2"] or ([.stages[].system] | sort == ["s0", "s1", "s2"])) and
		all(.stages[]; .event_count == (.events | length) and .start_time[:19] == .events[0].timestamp[:19]) and
		([.stages[].events[].data.details[:6] | tonumber] | sort == [range($n)])' --argjson n $n "$body.plain"
	[ $(($(resident_kb) - before)) -lt 32000 ]
}

@test "a trace of 100,000 events takes no memory to speak of: SQLite" { large sqlite; }

@test "a trace of 100,000 events takes no memory to speak of: PostgreSQL" { large postgresql; }

@test "events of a megabyte, thousands of systems: whole, and in bounds" {
	db=$(new_database sqlite)
	{
		number 600 600
		awk 'BEGIN { for (s = "x"; length(s) < 1000000;) s = s s; s = substr(s, 1, 1000000)
			for (i = 0; i < 40; i++) print "{\"traceId\":\"t\",\"system\":\"big\",\"details\":\"" i "\",\"more\":\"" s "\"}" }'
		number 600 600
	} | store "$db"
	export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1"
	serve "$db"
	get /api/traces/none
	before=$(resident_kb)
	get /api/traces/t
	jq -e '.events | length == 1240' "$body"
	get /api/traces/t/timeline
	jq -e '.total_stages == 601 and ([.stages[] | select(.event_count == (.events | length)) | .event_count] | add == 1240)' "$body"
	[ $(($(resident_kb) - before)) -lt 32000 ]
}

# Some of it is removed while it is sent, so the rest is never all of it: nobody takes it for that. Two hundred
# events of 60 kB that compress badly are more than what a connection holds while nobody reads.
@test "a document that cannot be finished is seen to be cut" {
	db=$(new_database sqlite)
	head -c 9000000 /dev/urandom | base64 -w 60000 | sed 's/.*/{"traceId":"t","details":"&"}/' | store "$db"
	serve "$db"
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	for path in /api/traces/t /api/traces/t/export; do
		for options in --http1.1 --http1.0 '-HAccept-Encoding: gzip'; do
			background part curl -sS "$options" -o "$BATS_TEST_TMPDIR/pipe" "$url$path"
			exec 9<"$BATS_TEST_TMPDIR/pipe"
			[ "$(head -c 100 <&9 | wc -c)" = 100 ]
			query "$db" 'delete from events where seq = (select max(seq) from events)'
			cat <&9 >"$BATS_TEST_TMPDIR/rest"
			exec 9<&-
			wait_for "$part_pid"
			[ "$status" != 0 ]
		done
	done
	retry_until file_has "$BATS_TEST_TMPDIR/http.err" 'an answer is cut off: what it began with was removed'
	[ "$(get /api/traces/t)" = 200 ]
	jq -e '.events | length == 194' "$body"
}

# shrinks FROM TO: with each query one event less is there.
shrinks() {
	query "$db" "CREATE OR REPLACE FUNCTION left_now() RETURNS bigint STABLE LANGUAGE plpgsql AS \$\$
		DECLARE n bigint := coalesce(nullif(current_setting('test.from_$1', true), '')::bigint, $1) - 1;
		BEGIN RETURN set_config('test.from_$1', greatest(n, $2)::text, false)::bigint; END \$\$"
}

@test "what is removed while it is read is read again, and the client is told where that goes on" {
	db=$(new_database postgresql)
	number 40 | store "$db"
	shrinks 41 0
	query "$db" 'ALTER TABLE events RENAME TO stored;
		CREATE VIEW events AS SELECT * FROM stored WHERE seq <= (SELECT left_now())'
	serve "$db"
	for path in /api/traces/t/export /api/traces/t/timeline; do
		[ "$(get "$path")" = 503 ]
		jq -e '.type == "/problems/being-removed"' "$body"
		[ "$(field retry-after)" = 1 ]
		shrinks 40 0
	done
	shrinks 30 28
	[ "$(get /api/traces/t/export)" = 200 ]
	[ "$(wc -l <"$body")" = 28 ]
	shrinks 20 15
	[ "$(get /api/traces/t/timeline)" = 200 ]
	jq -e '[.stages[].events | length] | add == 15' "$body"
	shrinks 3 0
	[ "$(get /api/traces/t/export)" = 404 ]
}
