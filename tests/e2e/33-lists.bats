#!/usr/bin/env bats
# dp-http: the lists of traces, errors and events, their pages, and a trace as a file.

load helpers
load http

# get PATH [NAME=VALUE...]: with the values encoded. In get.head the header.
get() {
	local path=$1 args=()
	shift
	for pair in "$@"; do args+=(--data-urlencode "$pair"); done
	curl -fsSG -D "$BATS_TEST_TMPDIR/get.head" "$url/api/$path" "${args[@]}"
}

# refused STATUS PATH [NAME=VALUE...]: what is wrong is then in $output.
refused() {
	local status=$1 path=$2 args=()
	shift 2
	for pair in "$@"; do args+=(--data-urlencode "$pair"); done
	output=$(curl -sG -w '\n%{http_code}' "$url/api/$path" "${args[@]}")
	[ "${output##*$'\n'}" = "$status" ] || {
		echo "$output" >&2
		return 1
	}
}

# The target of a link of the last answer.
link() { tr -d '\r' <"$BATS_TEST_TMPDIR/get.head" | sed -n 's/^Link: //p' | tr ',' '\n' | sed -n "s/^ *<\/api\/\(.*\)>; rel=\"$1\"$/\1/p"; }

# The ids of the traces of a page, on one line.
ids() { get "$@" >"$BATS_TEST_TMPDIR/page" && jq -r '[.items[].trace_id] | join(" ")' "$BATS_TEST_TMPDIR/page"; }

# is_list WANT PATH [NAME=VALUE...]
is_list() {
	local want=$1 got
	shift
	got=$(ids "$@")
	[ "$got" = "$want" ] || {
		echo "$*: '$got' instead of '$want'" >&2
		return 1
	}
}

some_traces='{"traceId":"a","timestamp":"2026-01-01T00:00:00Z","system":"web","type":"request","name":"GET /","environment":"prod"}
{"traceId":"a","timestamp":"2026-01-01T00:00:03Z","system":"db","severity":"error","name":"DbError","details":"no room on disk 7","durationMs":900}
{"traceId":"b","timestamp":"2026-01-01T00:00:05Z","system":"web","severity":"warning","type":"request","name":"GET /"}
{"traceId":"b","timestamp":"2026-01-01T00:00:05.5Z","system":"db","details":"fine","durationMs":5}
{"traceId":"c","timestamp":"2026-01-01T00:00:01Z","system":"job","severity":"error","name":"DbError","details":"no room on disk 8"}
{"traceId":"c","timestamp":"2026-01-01T00:00:02Z","system":"job","severity":"error","name":"KeyError","details":"x"}
{"traceId":"d/1","timestamp":"2026-01-01T00:00:01Z","system":"my_job","details":"nothing","environment":"dev"}'

traces_are_chosen() {
	store "$1" <<<"$some_traces"
	serve "$1"
	is_list 'b a c d/1' traces
	jq -e '.partial == false and .next == null and (.prev | type) == "string"' "$BATS_TEST_TMPDIR/page"
	jq -e '.items[1] == {trace_id: "a", title: "GET /", systems: ["web", "db"], environment: "prod",
		start_time: "2026-01-01T00:00:00Z", end_time: "2026-01-01T00:00:03Z", duration_ms: 3000,
		event_count: 2, error_count: 1, warning_count: 0, status: "error",
		last_error: "DbError: no room on disk 7"}' "$BATS_TEST_TMPDIR/page"
	is_list 'a c b d/1' traces sort=duration
	is_list 'c a b d/1' traces sort=errors
	is_list 'a c' traces status=error
	is_list b traces status=warning
	is_list d/1 traces status=success
	is_list 'b a' traces 'title=GET /'
	is_list '' traces 'title=get /'
	is_list 'b a' traces filter=system=db
	is_list b traces filter=system=db filter=severity=info sort=errors
	is_list d/1 traces filter=system=my_job
	# One event has to match all of it.
	is_list '' traces 'filter=system=web severity=error'
	is_list 'a c' traces 'filter=disk severity=error' sort=duration
	is_list 'b a c d/1' traces until=2026-01-02
	is_list b traces since=2026-01-01T00:00:04Z
	is_list 'a c' traces since=2026-01-01T00:00:02Z until=2026-01-01T00:00:04Z
	is_list a traces 'filter=duration>500ms' since=2026-01-01
	is_list 'c a' traces filter=trace=a,c sort=errors
	is_list '' traces since=1h
	refused 400 traces 'filter=severity=loud'
	[[ $output == *'"parameter":"filter"'*'"character":10'* ]]
	refused 400 traces since=yesterday
	[[ $output == *'"parameter":"since","detail":"a time is expected'* ]]
	refused 400 traces sort=size
	refused 400 traces status=bad
	end_http
}

@test "traces by filter, status, title and time, in three orders" { in_both traces_are_chosen; }

# Forwards by the links to the end, and back: the same traces in the same order.
pages_lead_both_ways() {
	local sort limit here there page forward backward
	awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) printf("{\"traceId\":\"t%d\",\"system\":\"s%d\",\"severity\":\"%s\",\"timestamp\":\"2026-01-01T00:%02d:00Z\"}\n",
		i % 61, i % 3, rand() < 0.3 ? "error" : "info", rand() * 9) }' | store "$1"
	serve "$1"
	while read -r sort limit filter; do
		here="traces?sort=$sort&limit=$limit${filter:+&filter=$filter}"
		forward=''
		while [ -n "$here" ]; do
			forward+=" $(ids "$here")"
			there=$here
			here=$(link next)
		done
		[ "$(tr ' ' '\n' <<<"${forward# }" | sort -u | wc -l)" = "$(wc -w <<<"$forward")" ]
		# The last page again, and what lies before it.
		page=$(ids "$there")
		backward=''
		while [ -n "$page" ]; do
			backward="$page $backward"
			here=$(link prev)
			page=$(ids "$here")
		done
		[ "$backward" = "${forward# } " ] || {
			printf '%s %s:\n%s\n%s\n' "$sort" "$limit" "$forward" "$backward" >&2
			return 1
		}
		# At the beginning: nothing, and the same cursor again; behind it the list begins.
		[ "$(link prev | sed 's/.*cursor=//')" = "${here##*cursor=}" ]
		ids "$(link next)" | grep -qx "$(cut -d' ' -f 1 <<<"${forward# }").*"
	done <<-'PAGES'
		time 25
		duration 40
		errors 22
		time 9 system%3Ds1+severity%3Derror
	PAGES
	[ "$(ids traces limit=500 | wc -w)" = 61 ]
	# What comes later is found from there.
	ids traces limit=3
	here=$(link prev)
	[ -z "$(ids "$here")" ]
	store "$1" <<<'{"traceId":"new","timestamp":"2026-01-02T00:00:00Z","details":"x"}'
	[ "$(ids "$here")" = new ]
	[ -z "$(ids "$(link prev)")" ]
	# A cursor is that of its list.
	here=${here##*cursor=}
	for other in 'traces sort=duration' 'traces filter=a' 'traces status=error' errors; do
		# shellcheck disable=SC2086 # words
		refused 400 $other "cursor=$here"
		[[ $output == *'"parameter":"cursor"'*'begin again without it'* ]]
	done
	[ "$(curl -sI "$url/api/traces?limit=3" | grep -c '^Link: .*rel="next", .*rel="prev"')" = 1 ]
	# A link is left out rather than too long for a header, and holds nothing that would end it.
	get "traces?limit=1&title=a>%22;<b" >/dev/null
	[ -z "$(link next)" ]
	get "traces?limit=1&filter=$(printf 'a%.0s' {1..900})%20$(printf 'b%.0s' {1..900})" >/dev/null
	end_http
}

@test "pages lead on and back, and to what is new" { in_both pages_lead_both_ways; }

errors_are_in_groups() {
	local disk since
	store "$1" <<<"$some_traces"
	since=$(date -u -d '-59 minutes' +%FT%TZ)
	for i in 1 2 3; do
		printf '{"traceId":"late","system":"web","severity":"error","name":"KeyError","details":"x","timestamp":"%s","n":%d}\n' \
			"$(date -u -d "-$((i * 10)) minutes" +%FT%TZ)" "$i"
	done | store "$1"
	serve "$1"
	get errors >"$BATS_TEST_TMPDIR/page"
	jq -e '[.items[] | [.count, .type, .message, .title]] == [[4, "KeyError", "x", "KeyError: x"],
		[2, "DbError", "no room on disk *", "DbError: no room on disk 7"]] and
		.items[1].systems == ["job", "db"] and .items[1].traces == ["c", "a"] and
		.items[1].first_seen == "2026-01-01T00:00:01Z" and .items[1].last_seen == "2026-01-01T00:00:03Z" and
		(.items[0] | has("recent") | not) and .next == null and .partial == false' "$BATS_TEST_TMPDIR/page"
	disk=$(jq -r '.items[1].fingerprint' "$BATS_TEST_TMPDIR/page")
	for question in 'filter=duration>500' filter=system=db "filter=error=$disk" \
		'filter=system=job disk'; do
		[ "$(get errors "$question" | jq -r '[.items[].fingerprint] | join(" ")')" = "$disk" ] || {
			echo "$question" >&2
			return 1
		}
	done
	[ "$(get errors filter=severity=warning | jq '.items | length')" = 0 ]
	[ "$(get errors since=1h | jq '.items | length')" = 1 ]
	[ "$(get errors until=2026-01-01T00:00:02Z | jq '.items | length')" = 1 ]
	[ "$(get errors 'filter=system=db message' | jq '.items | length')" = 0 ]
	# How often of late: in six parts of an hour.
	get errors buckets=6 "since=$since" | jq -e --arg since "$since" '[.items[].recent] | length == 1 and
		(.[0] | .since == $since and .bucket_ms > 589000 and .bucket_ms < 600001 and .partial == false and
			(.counts | length == 6 and add == 3 and max == 1))'
	get "errors/$disk" buckets=3 | jq -e --arg id "$disk" '.fingerprint == $id and .count == 2 and
		.recent.counts == [0, 0, 0] and .recent.bucket_ms == 28800000'
	# Page by page, and the errors of one group.
	get errors limit=1 | jq -e '.items[0].count == 4'
	get "$(link next)" | jq -e '.items[0].count == 2 and .next == null'
	get "errors/$disk/events" limit=1 | jq -e '[.items[].trace_id] == ["a"] and .partial == false'
	get "$(link next)" | jq -e '[.items[].data.details] == ["no room on disk 8"] and .next == null'
	get "$(link prev)" | jq -e '[.items[].trace_id] == ["a"]'
	refused 404 errors/0000000000000000
	refused 404 errors/0000000000000000/events
	refused 400 "errors/$disk" buckets=101
	refused 400 errors buckets=0
	refused 400 "errors/$disk/events" cursor=x
	refused 400 "errors/%ff"
	end_http
}

@test "errors in groups, how often of late, and what is in one" { in_both errors_are_in_groups; }

json() { curl -fsS -H 'Accept: application/json' "$url/api/events$1"; }

events_as_a_document() {
	local next cursor event_id
	seq 30 | sed 's/.*/{"traceId":"t","system":"s","details":"&","big":12345678901234567890123}/' | store "$1"
	serve "$1"
	[ "$(json '' | jq -r '[.items[].details] | join(" ")')" = "$(seq -s ' ' 11 30)" ]
	[ "$(json '?trace=t' | jq '.items | length')" = 20 ]
	json '?n=2&filter=details=3,5,7' >"$BATS_TEST_TMPDIR/list"
	jq -e '[.items[].details] == ["5", "7"] and (keys_unsorted == ["items", "next", "partial"])' "$BATS_TEST_TMPDIR/list"
	grep -qF '"big":12345678901234567890123,' "$BATS_TEST_TMPDIR/list"
	[ "$(jq -r .next "$BATS_TEST_TMPDIR/list")" = "$(jq -r '.items[1]._cursor' "$BATS_TEST_TMPDIR/list")" ]
	# On from a cursor, to the end, and to what comes behind it.
	next=$(json '?n=25' | jq -r '.items[0]._cursor')
	next=$(json "?n=20&after=$next" | jq -r .next)
	next=$(json "?after=$next" | tee "$BATS_TEST_TMPDIR/list" | jq -r .next)
	[ "$(jq -r '[.items[].details] | join(" ")' "$BATS_TEST_TMPDIR/list")" = '27 28 29 30' ]
	json "?after=$next" | jq -e --arg next "$next" '. == {items: [], next: $next, partial: false}'
	[ "$(json '?n=0' | jq -r .next)" = "$next" ]
	store "$1" <<<'{"traceId":"t","details":"31"}'
	[ "$(json "?after=$next" | jq -r '.items[].details')" = 31 ]
	# none wanted: none passed over
	json "?n=0&after=$next" | jq -e --arg next "$next" '. == {items: [], next: $next, partial: false}'
	for wrong in follow n=all n=1001 n=x after=x; do
		[ "$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' -H 'Accept: application/json' \
			"$url/api/events?$wrong")" = 400 ]
		jq -e --arg name "${wrong%=*}" '.errors[0].parameter == $name' "$BATS_TEST_TMPDIR/body"
	done
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Accept: text/html' "$url/api/events")" = 406 ]

	json '?n=1&filter=details=7' >"$BATS_TEST_TMPDIR/list"
	cursor=$(jq -r '.items[0]._cursor' "$BATS_TEST_TMPDIR/list")
	event_id=$(jq -r '.items[0].eventId' "$BATS_TEST_TMPDIR/list")
	get "events/$cursor" >"$BATS_TEST_TMPDIR/event"
	jq -e --arg id "$event_id" --arg cursor "$cursor" '.event_id == $id and .trace_id == "t" and
		.data.details == "7" and .cursor == $cursor' "$BATS_TEST_TMPDIR/event"
	get "events/$event_id" trace=t | cmp - "$BATS_TEST_TMPDIR/event"
	get "events/${event_id^^}" trace=t | cmp - "$BATS_TEST_TMPDIR/event"
	get traces/t | jq -c '.events[] | select(.data.details == "7")' |
		cmp - <(jq -c 'del(.cursor)' "$BATS_TEST_TMPDIR/event")
	refused 404 "events/$event_id" trace=u
	refused 404 "events/$cursor" trace=u
	refused 404 "events/${cursor%-*}-999"
	refused 404 events/7
	refused 410 events/00000000-1
	refused 400 "events/$event_id"
	[[ $output == *'"parameter":"trace"'* ]]
	end_http
}

@test "events as a document, and one event" { in_both events_as_a_document; }

# Of any id, with numbers to the letter, into another database by the pipeline.
a_trace_is_a_file() {
	local id='shop/1 "x"' there=sqlite:///$BATS_TEST_TMPDIR/there.db target
	rm -f "$BATS_TEST_TMPDIR"/there.db*
	jq -nc --arg id "$id" 'range(3000) | {traceId: $id, system: "s\(. % 3)", details: "number \(.)", n: .}' |
		sed 's/"n":7}/"n":7.50,"environment":"prod","durationMs":1e1}/' | store "$1"
	store "$1" <<<'{"traceId":"other","details":"x"}'
	serve "$1"
	target="trace/export?trace=$(jq -rn --arg id "$id" '$id | @uri')"
	get "$target" >"$BATS_TEST_TMPDIR/file"
	grep -qi '^content-type: application/x-ndjson' "$BATS_TEST_TMPDIR/get.head"
	grep -qi '^content-disposition: attachment; filename="shop_1__x_.ndjson"' "$BATS_TEST_TMPDIR/get.head"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/file")" = 3000 ]
	diff <(sort "$BATS_TEST_TMPDIR/file") <(query "$1" "select body from events where trace_id <> 'other'" | sort)
	dp-ingest - <"$BATS_TEST_TMPDIR/file" 2>"$BATS_TEST_TMPDIR/ingest.err" | store "$there"
	get "trace?${target#*\?}" >"$BATS_TEST_TMPDIR/trace"
	get traces/other/export | jq -e '.traceId == "other"'
	refused 404 traces/none/export
	end_http
	serve "$there"
	get "trace?${target#*\?}" | cmp - "$BATS_TEST_TMPDIR/trace"
	end_http
}

@test "a trace is a file that dp-ingest takes back" { in_both a_trace_is_a_file; }

# Each number is far from the next, and an event takes 0.3 s to look at.
@test "events that are rare are looked for two seconds, and behind these on request" {
	db=$(new_database postgresql)
	for i in {1..9}; do echo "{\"traceId\":\"t\",\"system\":\"s$i\"}"; done | store "$db"
	query "$db" "UPDATE events SET seq = seq * 10000; UPDATE event_counter SET n = 90000;
		CREATE FUNCTION slow(text) RETURNS text STABLE LANGUAGE plpgsql AS
			\$\$ BEGIN PERFORM pg_sleep(0.3); RETURN \$1; END \$\$;
		ALTER TABLE events RENAME TO stored;
		CREATE VIEW events AS SELECT seq, trace_id, event_id, ts, severity, slow(system) AS system, type, body FROM stored"
	serve "$db"
	document() { curl -fsS -H 'Accept: application/json' "$url/api/events?system=s9,s2&$1" >"$BATS_TEST_TMPDIR/page"; }
	document n=2
	jq -e '.partial and (.items | map(.system) == ["s9"]) and (.next | endswith("-90000"))' "$BATS_TEST_TMPDIR/page"
	start=$(jq -r '.next | sub("-.*"; "-1")' "$BATS_TEST_TMPDIR/page")
	document "after=$start"
	jq -e '.partial and (.items | map(.system) == ["s2"])' "$BATS_TEST_TMPDIR/page"
	document "after=$(jq -r .next "$BATS_TEST_TMPDIR/page")"
	jq -e '(.partial | not) and (.items | map(.system) == ["s9"])' "$BATS_TEST_TMPDIR/page"
	# A stream says that it is alive.
	curl -fsS -D "$BATS_TEST_TMPDIR/head" "$url/api/events?system=s9,s2&n=2" >"$BATS_TEST_TMPDIR/stream"
	grep -qi '^DevPulse-Partial: true' "$BATS_TEST_TMPDIR/head"
	[ "$(jq -r .system "$BATS_TEST_TMPDIR/stream")" = s9 ]
	[ "$(DEVPULSE_URL=$url dp-tail --no-follow -n 2 -o raw system=s9,s2 2>&1 | wc -l)" = 2 ]
	curl -fsS --compressed -H 'Accept: text/event-stream' -D "$BATS_TEST_TMPDIR/head" "$url/api/events?system=s9,s2&n=all" >"$BATS_TEST_TMPDIR/stream"
	run ! grep -qi '^DevPulse-Partial' "$BATS_TEST_TMPDIR/head"
	[ "$(grep -c '^data: ' "$BATS_TEST_TMPDIR/stream")" = 2 ]
	# The beginning, the events, and heartbeats.
	[ "$(grep -c '^id: ' "$BATS_TEST_TMPDIR/stream")" -ge 7 ]
}
