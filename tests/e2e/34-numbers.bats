#!/usr/bin/env bats
# dp-http's numbers: /api/stats and /api/flow. What they shall be numbers.py works out.

load helpers
load http

numbers() { /usr/bin/python3 "$ROOT/tests/e2e/numbers.py" "$@"; }

agree() {
	store "$1" <"$BATS_TEST_TMPDIR/events"
	serve "$1"
	numbers check "$url" "$BATS_TEST_TMPDIR/events"
	end_http
}

@test "the numbers are those that a second count gives" {
	numbers events 5 2500 >"$BATS_TEST_TMPDIR/events"
	in_both agree
}

# From the counts of minutes, and from events.
measures_if_it_is_wanted() {
	local filter
	printf '{"traceId":"t","timestamp":"2026-01-01T10:00:%sZ","system":"web","durationMs":5}\n' 10 20 | store "$1"
	serve "$1"
	for filter in system%3Dweb type%3Dlog; do
		local target="$url/api/stats?since=2026-01-01T10:00Z&until=2026-01-01T11:00Z&filter=$filter"
		curl -fsS "$target" | jq -e '.systems[0] | .events == 2 and .measured == 2 and .p50_ms == 5'
		curl -fsS "$target&durations=false" | jq -e '.systems[0] | .events == 2 and .measured == 0 and .p50_ms == null'
	done
	end_http
}

@test "durations are measured unless they are not wanted" { in_both measures_if_it_is_wanted; }

# refused TARGET PARAMETER TEXT
refused() {
	curl -s "$url$1" | jq -e --arg name "$2" --arg text "$3" '.type == "/problems/bad-parameter" and
		(.errors[0] | .parameter == $name and (.detail | contains($text)))'
}

nothing() {
	store "$1" </dev/null
	serve "$1"
	curl -fsS "$url/api/stats" | jq -e '(.buckets | length) == 60 and .bucket_ms == 60000 and .systems == [] and
		.totals == {events: 0, error: 0, warning: 0, info: 0, debug: 0} and .complete and .counted_since == .since'
	curl -fsS "$url/api/flow" | jq -e '.nodes == [] and .edges == [] and .traces == 0 and .complete'
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/flow?trace=none")" = 404 ]
	end_http
}

@test "without events there is nothing" { in_both nothing; }

@test "what cannot be asked is refused, and why" {
	serve "$(new_database sqlite)"
	refused '/api/stats?since=yesterday' since 'a time is wanted'
	refused '/api/flow?until=' until 'a time is wanted'
	refused '/api/stats?since=1h&until=2h' since 'after until'
	refused '/api/stats?since=2001-01-01&buckets=2' since 'longer than so many buckets'
	refused '/api/stats?since=0001-01-01&until=9999-12-31&buckets=200' since 'longer than so many buckets'
	refused '/api/stats?buckets=0' buckets '1 to 200'
	refused '/api/stats?durations=no' durations 'true, 0 or false'
	refused '/api/stats?buckets=201' buckets '1 to 200'
	refused '/api/stats?buckets=1x' buckets '1 to 200'
	refused '/api/stats?filter=severity%3Dloud' filter ''
	refused '/api/stats?filter=a%3D1&filter=%3D' filter ''
	refused '/api/stats?since=1h&since=2h' since 'more than once'
	refused '/api/flow?buckets=3' buckets 'not known here'
	refused '/api/flow?trace=' trace 'is wanted'
	refused '/api/flow?trace=a&since=1h' trace 'nothing else'
	refused '/api/flow?trace=a&trace=b' trace 'nothing else'
}

# The times of a filter choose the range where nothing else does.
ranges() {
	for second in 10 20 30; do
		echo "{\"traceId\":\"a/b c\",\"timestamp\":\"2026-01-01T10:00:${second}Z\",\"system\":\"s$second\"}"
	done | store "$1"
	serve "$1"
	curl -fsSG "$url/api/stats" --data-urlencode 'filter=since=2026-01-01T10:00:15Z until=2026-01-01T10:00:30Z' |
		jq -e '.totals.events == 1 and .since == "2026-01-01T10:00:15Z" and .until == "2026-01-01T10:00:30Z" and
		.bucket_ms == 1000 and .systems[0].system == "s20"'
	curl -fsSG "$url/api/flow" --data-urlencode 'filter=timestamp>2026-01-01T10:00:25Z' |
		jq -e '.traces == 1 and (.nodes | length) == 3 and (.edges | length) == 2'
	curl -fsSG "$url/api/flow" --data-urlencode 'filter=until=2026-01-01T10:00:10Z' | jq -e '.traces == 0'
	curl -fsSG "$url/api/flow" --data-urlencode 'trace=a/b c' | jq -e '.traces == 1 and
		.since == "2026-01-01T10:00:10Z" and .until == "2026-01-01T10:00:30Z" and
		(.edges[0] | .from == "s10" and .to == "s20" and .p50_ms == 10000)'
	curl -fsS -I "$url/api/stats" >/dev/null
	end_http
}

@test "the range of time: of parameters, of a filter, of a trace" { in_both ranges; }

# More systems than are counted apart, or told apart.
many_systems() {
	awk 'BEGIN { for (i = 0; i < 1100; i++) for (k = 0; k < 2 - (i >= 500); k++)
		printf "{\"traceId\":\"t\",\"timestamp\":\"2026-01-01T10:00:%02dZ\",\"system\":\"s%d\",\"details\":\"x\"}\n",
			k * 30, i }' | store "$1"
	serve "$1"
	local range='since=2026-01-01T10:00Z&until=2026-01-01T10:01Z'
	curl -fsS "$url/api/stats?$range" | jq -e '.totals.events == 1600 and .folded and (.systems | length) == 1001 and
		([.systems[].events] | add) == 1600 and .systems[-1].system == "(other)" and .complete'
	# It was not counted apart, so it is looked for among the events.
	curl -fsS "$url/api/stats?$range&filter=system%3Ds1099" | jq -e '.totals.events == 1 and .complete and
		(.folded | not) and .systems[0].system == "s1099"'
	curl -fsS "$url/api/stats?$range&filter=type%3Dlog" | jq -e '.totals.events == 1600 and .folded and
		(.systems | length) == 1001 and .systems[-1] == (.systems[-1] + {system: "(other)", events: 100})'
	curl -fsS "$url/api/flow?$range" | jq -e '.folded and (.nodes | length) == 1001 and
		.nodes[-1] == {system: "(other)", events: 100, errors: 0, traces: 100} and
		(all(.edges[]; .from != .to)) and ([.nodes[].events] | add) == 1600'
	end_http
}

@test "of very many systems those with the most events are told" { in_both many_systems; }

@test "what is too much is cut, and said to be" {
	db=$(new_database sqlite)
	store "$db" </dev/null
	# 2026-01-01T10:00Z and a thousand seconds on
	query "$db" "INSERT INTO events WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i <= 200000)
		SELECT i, iif(i < 100002, 1, i / 20), iif(i < 100002, 'large', 't' || (i / 20)), printf('018bcfe5-6800-7000-8000-%012x', i),
		1767261600000000 + i * 5000, 'info', 's' || (i % 3), 'log', NULL, NULL, NULL, '{}' FROM s;
		INSERT INTO traces SELECT trace_n, trace_id, min(ts), max(ts), count(*), 0, 0, 0, '', 0, 2, '', '', 0, '[]', '[]'
		FROM events GROUP BY 1, 2;
		INSERT INTO minute_counts SELECT ts / 60000000 * 60000000, system, severity, count(*) FROM events GROUP BY 1, 2"
	serve "$db"
	range='since=2026-01-01T10:00Z&until=2026-01-01T11:00Z'
	curl -fsS "$url/api/stats?$range" | jq -e '.totals.events == 200001 and .complete'
	curl -fsS "$url/api/stats?$range&filter=type%3Dlog" | jq -e '.totals.events <= 200000 and .totals.events > 0 and
		(.complete | not) and .counted_since != .since'
	curl -fsS "$url/api/flow?trace=large" | jq -e '.traces == 1 and ([.nodes[].events] | add) <= 100000 and
		(.complete | not)'
	curl -fsS "$url/api/flow?$range" | jq -e '.traces <= 1000 and .traces > 0 and (.complete | not)'
}
