#!/usr/bin/env bats
# dp-http: the documents of the API, the page's files, and who may ask for them.

load helpers
load http

api() { curl -fsS "$url/api/$1"; }

# The status alone: status_of TARGET [CURL OPTION...]
status_of() {
	local target=$1
	shift
	: >"$BATS_TEST_TMPDIR/body"
	curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$@" "$url$target"
}

# A header of the answer to TARGET [CURL OPTION...]
header() {
	local name=$1 target=$2
	shift 2
	curl -s -o /dev/null -D - "$@" "$url$target" | tr -d '\r' | sed -n "s/^$name: //Ip"
}

# A request as its bytes (printf's format), and all that comes back until the server ends the
# connection; fails where it does not. In one write: what arrives behind the end is answered by a
# reset.
raw() {
	# shellcheck disable=SC2059 # it is a format
	printf "$1" >"$BATS_TEST_TMPDIR/request"
	(
		set -o pipefail
		exec 8<>"/dev/tcp/127.0.0.1/$port"
		cat "$BATS_TEST_TMPDIR/request" >&8
		{ timeout 3 cat <&8 || [ $? != 124 ]; } | tr -d '\r\0'
	)
}

example='{"traceId":"trace-123","timestamp":"2025-09-16T07:12:00Z","severity":"error","system":"backend","file":"app.py","line":42,"source":"function foo()","locals":{"var":"value","big":12345678901234567890123,"rate":1.50},"stacktrace":["line1","line2"],"response":"fail","details":"Database insert failed","environment":"dev"}
{"traceId":"trace-123","timestamp":"2025-09-16T07:12:01.2500Z","system":"web","type":"response","details":"x"}
{"traceId":"trace-123","timestamp":"2025-09-16T09:11:59.999999+02:00","system":"web","type":"request","severity":"warning","details":"y"}'

shapes() {
	local db
	db=$(new_database "$1")
	store "$db" <<<"$example"
	serve "$db"
	api traces/trace-123 >"$BATS_TEST_TMPDIR/trace"
	jq -e '(keys_unsorted == ["trace_id", "events"]) and .trace_id == "trace-123" and
		([.events[].timestamp] == ["2025-09-16T07:11:59.999999Z", "2025-09-16T07:12:00Z",
			"2025-09-16T07:12:01.2500Z"]) and
		([.events[] | keys_unsorted] | unique == [["id", "trace_id", "system", "event_type",
			"timestamp", "data", "event_id", "severity"]]) and
		(.events[1] | (.id | type == "number" and . == floor and . >= 0 and . < 9007199254740992) and
			.trace_id == "trace-123" and .system == "backend" and .event_type == "error" and
			.severity == "error" and (.event_id | length) == 36 and
			.data.locals.var == "value" and .data.line == 42 and .data.stacktrace == ["line1", "line2"] and
			(.data | has("traceId") or has("system") or has("type") or has("timestamp") | not))' \
		"$BATS_TEST_TMPDIR/trace"
	# Digits survive, which jq would not show.
	grep -qF '"locals":{"var":"value","big":12345678901234567890123,"rate":1.50}' "$BATS_TEST_TMPDIR/trace"
	api traces/trace-123 | cmp - "$BATS_TEST_TMPDIR/trace"
	api 'trace?trace=trace-123' | cmp - "$BATS_TEST_TMPDIR/trace"

	api traces/trace-123/timeline >"$BATS_TEST_TMPDIR/timeline"
	jq -e '(keys_unsorted == ["trace_id", "stages", "total_stages", "has_errors", "total_duration_ms"]) and
		.trace_id == "trace-123" and .total_stages == 2 and .has_errors == true and
		.total_duration_ms == 1250.001 and
		([.stages[] | keys_unsorted] | unique == [["system", "start_time", "end_time", "duration_ms",
			"status", "event_count", "events"]]) and
		(.stages[0] | .system == "web" and .start_time == "2025-09-16T07:11:59.999999Z" and
			.end_time == "2025-09-16T07:12:01.250Z" and .duration_ms == 1250.001 and
			.status == "warning" and .event_count == 2 and (.events | length) == 2) and
		(.stages[1] | .system == "backend" and .start_time == "2025-09-16T07:12:00Z" and
			.duration_ms == 0 and .status == "error" and .event_count == 1)' "$BATS_TEST_TMPDIR/timeline"
	diff <(jq -cS '.events | sort_by(.event_id)' "$BATS_TEST_TMPDIR/trace") \
		<(jq -cS '[.stages[].events[]] | sort_by(.event_id)' "$BATS_TEST_TMPDIR/timeline")
	api 'trace/timeline?trace=trace-123' | cmp - "$BATS_TEST_TMPDIR/timeline"

	api traces | jq -e '(keys_unsorted == ["items", "next", "prev", "partial"]) and .next == null and
		(.items | length) == 1 and (.items[0] | . == {trace_id: "trace-123", title: "y",
			systems: ["web", "backend"], environment: "dev", last_error: "Database insert failed", start_time: "2025-09-16T07:11:59.999999Z",
			end_time: "2025-09-16T07:12:01.250Z", duration_ms: 1250.001, event_count: 3,
			error_count: 1, warning_count: 1, status: "error"})'
	[ "$(header content-type /api/traces)" = application/json ]
	[ "$(header cache-control /api/traces)" = 'private, no-cache' ]
}

@test "a trace, its timeline and the list have their shapes: SQLite" { shapes sqlite; }

@test "a trace, its timeline and the list have their shapes: PostgreSQL" { shapes postgresql; }

# Pages of several sizes, many traces of one instant among them: each trace once, newest first.
paging() {
	local db limit cursor
	db=$(new_database "$1")
	for i in $(seq 57); do
		echo "{\"traceId\":\"t$i\",\"timestamp\":\"2026-01-01T00:00:$(printf %02d $((i / 10)))Z\",\"details\":\"$i\"}"
	done | store "$db"
	serve "$db"
	for limit in 3 8 56 57 58; do
		cursor=
		: >"$BATS_TEST_TMPDIR/pages"
		while [ "$cursor" != null ]; do
			api "traces?limit=$limit${cursor:+&cursor=$cursor}" >"$BATS_TEST_TMPDIR/page"
			jq -e ".items | length <= $limit and length > 0" "$BATS_TEST_TMPDIR/page"
			jq -r '.items[] | [.end_time, .trace_id] | @tsv' "$BATS_TEST_TMPDIR/page" \
				>>"$BATS_TEST_TMPDIR/pages"
			cursor=$(jq -r .next "$BATS_TEST_TMPDIR/page")
		done
		[ "$(cut -f 2 "$BATS_TEST_TMPDIR/pages" | sort -u | wc -l)" = 57 ]
		[ "$(wc -l <"$BATS_TEST_TMPDIR/pages")" = 57 ]
		cut -f 1 "$BATS_TEST_TMPDIR/pages" | sort -rc
	done
	[ "$(api traces | jq '.items | length')" = 50 ]
}

@test "pages leave nothing out and repeat nothing: SQLite" { paging sqlite; }

@test "pages leave nothing out and repeat nothing: PostgreSQL" { paging postgresql; }

@test "any trace id can be asked for" {
	db=$(new_database sqlite)
	for id in 'a/b' 'a b' 'ä' 'a,b' 'a%b' '..' 'a+b' 'a?b#c&d' 'a\\b' '"quoted"'; do
		jq -nc --arg id "$id" '{traceId: $id, details: "x"}'
	done | store "$db"
	serve "$db"
	[ "$(api traces | jq '.items | length')" = 10 ]
	api traces | jq -r '.items[] | [.trace_id, (.trace_id | @uri)] | @tsv' >"$BATS_TEST_TMPDIR/ids"
	while IFS=$'\t' read -r _ encoded; do
		[ "$(api "trace?trace=$encoded" | jq -r '.trace_id | @uri')" = "$encoded" ]
		[ "$(api "trace/timeline?trace=$encoded" | jq -r '.trace_id | @uri')" = "$encoded" ]
		[[ $encoded != *%2F* && $encoded != *%5C* && $encoded != .. ]] || continue
		[ "$(api "traces/$encoded" | jq -r '.trace_id | @uri')" = "$encoded" ]
		[ "$(api "traces/$encoded/timeline" | jq -r '.trace_id | @uri')" = "$encoded" ]
	done <"$BATS_TEST_TMPDIR/ids"
}

# is_problem TARGET STATUS TYPE [CURL OPTION...]
is_problem() {
	local target=$1 status=$2 type=$3
	shift 3
	[ "$(status_of "$target" "$@")" = "$status" ] || return 1
	[ "$(header content-type "$target" "$@")" = application/problem+json ] || return 1
	jq -e --arg type "/problems/$type" --arg target "$target" --argjson status "$status" \
		'.type == $type and .status == $status and .instance == $target and
		(.title | length) > 0 and (.detail | length) > 0' "$BATS_TEST_TMPDIR/body" >/dev/null || {
		cat "$BATS_TEST_TMPDIR/body" >&2
		return 1
	}
}

@test "errors are problem documents" {
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	serve "$db"
	is_problem /api/traces/none 404 not-found
	is_problem /api/traces/none/timeline 404 not-found
	is_problem '/api/trace?trace=none' 404 not-found
	is_problem /nothing 404 not-found
	is_problem /api/traces/ 404 not-found
	is_problem /api/traces/a/b 404 not-found
	is_problem /api/traces/%ff 400 bad-request
	is_problem /api/traces/a%c3/timeline 400 bad-request
	is_problem '/api/trace?trace=%ff' 400 bad-parameter
	is_problem '/api/events?trace=%ff' 400 bad-parameter
	is_problem /api/trace 400 bad-parameter
	is_problem '/api/traces?limit=0' 400 bad-parameter
	is_problem '/api/traces?limit=501' 400 bad-parameter
	is_problem '/api/traces?limit=1x' 400 bad-parameter
	is_problem '/api/traces?limit=' 400 bad-parameter
	is_problem '/api/traces?limit=1&limit=2' 400 bad-parameter
	is_problem '/api/traces?cursor=x' 400 bad-parameter
	is_problem '/api/traces?cursor=' 400 bad-parameter
	is_problem '/api/traces?cursor=%ff' 400 bad-parameter
	is_problem '/api/events?after=x' 400 bad-parameter
	is_problem '/api/events?severity=loud' 400 bad-parameter
	is_problem '/api/events?n=-1' 400 bad-parameter
	is_problem '/api/events?n=1000001' 400 bad-parameter
	is_problem '/api/events?follow=perhaps' 400 bad-parameter
	is_problem '/api/events?after=00000000-1' 410 cursor-gone
	is_problem /api/events 406 not-acceptable -H 'Accept: text/html'
	is_problem '/api/traces/trace-123?n=1&sistem=a' 400 bad-parameter
	jq -e '.errors == [{parameter: "n", detail: "is not known here"},
		{parameter: "sistem", detail: "is not known here"}]' "$BATS_TEST_TMPDIR/body"
	# A cursor of this very database, but of events that it does not have.
	cursor=$(api 'events?n=1' | jq -r ._cursor)
	is_problem "/api/events?after=${cursor%-*}-4" 410 cursor-gone
}

@test "the page's files: types, entity tags, security headers" {
	serve "$(new_database sqlite)"
	while read -r path type; do
		[ "$(status_of "$path")" = 200 ]
		[[ $(header content-type "$path") == "$type"* ]]
		[ "$(header cache-control "$path")" = no-cache ]
		tag=$(header etag "$path")
		[ "$(status_of "$path" -H "If-None-Match: $tag")" = 304 ]
		[ ! -s "$BATS_TEST_TMPDIR/body" ]
		[ "$(status_of "$path" -H "If-None-Match: \"other\", W/$tag")" = 304 ]
		[ "$(status_of "$path" -H 'If-None-Match: "other"')" = 200 ]
	done <<'FILES'
/ text/html
/app.js text/javascript
/uplot.js text/javascript
/app.css text/css
/icon.svg image/svg+xml
/openapi.yaml application/yaml
FILES
	curl -s "$url/app.css" | cmp - "${DEVPULSE_BUILD:-$ROOT/build}/ui/app.css"
	for path in / /api/traces /nothing /livez; do
		[[ $(header content-security-policy $path) == "default-src 'none'; script-src 'self'; "* ]]
		[ "$(header x-content-type-options $path)" = nosniff ]
		[ "$(header referrer-policy $path)" = no-referrer ]
		[ "$(header cross-origin-resource-policy $path)" = same-origin ]
		[ "$(header cross-origin-opener-policy $path)" = same-origin ]
		[ -z "$(header access-control-allow-origin $path)" ]
	done
}

@test "HEAD, OPTIONS, and methods that are not allowed" {
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	serve "$db"
	for path in / /api/traces /api/traces/trace-123 /api/traces/trace-123/timeline /livez /readyz; do
		[ "$(status_of $path -I)" = 200 ]
		[ "$(header content-length $path -I)" = "$(curl -s "$url$path" | wc -c)" ]
		[ "$(status_of $path -X OPTIONS)" = 204 ]
		[ "$(header allow $path -X OPTIONS)" = 'GET, HEAD, OPTIONS' ]
		is_problem $path 405 method-not-allowed -X POST -d x
		[ "$(header allow $path -X POST -d x)" = 'GET, HEAD, OPTIONS' ]
		for method in PUT DELETE BREW; do
			is_problem $path 405 method-not-allowed -X $method
			[ "$(header allow $path -X $method)" = 'GET, HEAD, OPTIONS' ]
			jq -e '.detail | contains("POST") | not' "$BATS_TEST_TMPDIR/body"
		done
	done
	[ "$(status_of '/api/events?follow' -I)" = 200 ]
	[ "$(status_of /nothing -I)" = 404 ]
	[ "$(status_of /nothing -X POST -d x)" = 404 ]
}

# What is behind a header section that answers HEAD is the next answer, to any client that goes on.
@test "nothing follows an answer to HEAD, however long that of GET is" {
	db=$(new_database sqlite)
	seq 200 | sed 's/.*/{"traceId":"long","locals":{"n":&,"text":"'"$(printf '%500s' '' | tr ' ' x)"'"}}/' | store "$db"
	serve "$db"
	python "${url#http://}" <<-'EOF'
		import socket, sys

		host, port = sys.argv[1].split(":")
		for path in "/api/events?n=all", "/api/events?follow", "/api/traces/long", "/api/traces/long/export":
		    with socket.create_connection((host, port), 30) as s:
		        s.sendall(f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
		        answer = b""
		        while part := s.recv(65536):
		            answer += part
		    head, _, rest = answer.partition(b"\r\n\r\n")
		    assert head.startswith(b"HTTP/1.1 200 ") and b"chunked" not in head and rest == b"", (path, answer)
	EOF
}

# refused BYTES STATUS: answered with that status, and the connection ended: nothing behind the
# request is taken for another one.
refused() {
	local got
	got=$(raw "$1") || return 1
	[[ $got == "HTTP/1.1 $2 "* && $got != *'"alive"'* ]] || {
		printf 'to %q:\n%s\n' "$1" "$got" >&2
		return 1
	}
}

@test "requests that another parser reads differently are refused" {
	local host='Host: localhost\r\n' next='GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
	serve "$(new_database sqlite)"
	refused "GET / HTTP/1.1\r\n\r\n" 400
	refused "GET / HTTP/1.1\r\n$host${host}\r\n$next" 400
	refused "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n$next" 421
	refused "GET / HTTP/1.0\r\n\r\n$next" 400
	refused "GET / HTTP/1.1\r\n${host}Origin: http://evil.example\r\n\r\n$next" 403
	refused "GET / HTTP/1.1\r\n${host}Origin: null\r\n\r\n$next" 403
	refused "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n$next" 400
	refused "POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n$next" 400
	refused "GET / HTTP/1.1\r\n${host}Transfer-Encoding: x\r\n\r\n$next" 400
	refused "GET / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n$next" 400
	refused "POST / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 60\r\n\r\n$next" 400
	refused "POST / HTTP/1.1\r\n${host}Content-Length: 4, 4\r\n\r\n$next" 400
	refused "POST / HTTP/1.1\r\n${host}Content-Length: 99999999\r\n\r\n" 413
	refused "GET / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\n$next" 400
	refused "POST / HTTP/1.1\r\n${host}Content-Length: 60\r\n\r\n$next" 405
	refused "GET / HTTP/1.1\r\n${host}X: a\rHost: evil.example\r\n\r\n$next" 400
	refused "GET http://localhost/ HTTP/1.1\r\n${host}\r\n$next" 400
	refused "OPTIONS * HTTP/1.1\r\n${host}\r\n$next" 400
	refused "GET /%%2e%%2e/ HTTP/1.1\r\n${host}\r\n$next" 400
	refused "GET /livez%%00x HTTP/1.1\r\n${host}\r\n$next" 400
	refused "GET /livez?%%00 HTTP/1.1\r\n${host}\r\n$next" 400
	refused "GET /api/traces/a%%2Fb HTTP/1.1\r\n${host}\r\n$next" 400
	refused 'GET /a\\b HTTP/1.1\r\nHost: localhost\r\n\r\n' 400
	refused "PUT / HTTP/1.1\r\n${host}Content-Length: 60\r\n\r\n$next" 405
	refused "BREW / HTTP/1.1\r\n${host}\r\n$next" 405
	# It still serves, several requests on a connection, and says once a minute what it refused.
	[ "$(raw "$next$next${next/$'\r\n\r\n'/}GET /livez HTTP/1.1\r\n${host}Connection: close\r\n\r\n" |
		grep -c '^{"status":"alive"}')" -ge 3 ]
	[ "$(grep -c 'refused a request' "$BATS_TEST_TMPDIR/http.err")" = 1 ]
}

@test "what escapes the checks does no harm: a NUL, bare line feeds" {
	serve "$(new_database sqlite)"
	[[ $(raw 'GET /livez\0/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n') != *'"alive"'*'"alive"'* ]]
	[[ $(raw 'GET /livez HTTP/1.1\nHost: localhost\nConnection: close\n\n') != *'"alive"'*'"alive"'* ]]
	lives
}

@test "only Host and Origin that are allowed" {
	serve "$(new_database sqlite)" --allow-host devbox.example,other
	for host in localhost "localhost:$port" 127.0.0.1 '[::1]:1' devbox.example other:99; do
		[ "$(status_of /livez -H "Host: $host")" = 200 ]
		[ "$(status_of /livez -H "Origin: http://$host")" = 200 ]
	done
	for host in evil.example localhost.evil.example 0.0.0.0 devbox.example.evil 127.0.0.1.evil ''; do
		is_problem /livez 421 host-refused -H "Host;" -H "Host: ${host:-x}"
		is_problem /livez 403 origin-refused -H "Origin: http://${host:-x}"
	done
}

@test "a request has ten seconds to arrive" {
	serve "$(new_database sqlite)"
	began=$(date +%s%N)
	# One byte of a header a second would keep the library's own time-out away for ever.
	drip() {
		exec 8<>"/dev/tcp/127.0.0.1/$port"
		printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ' >&8
		for _ in $(seq 16); do
			printf x >&8 || return 0
			sleep 1
		done 2>/dev/null
	}
	say_nothing() { timeout 16 cat <"/dev/tcp/127.0.0.1/$port"; }
	export -f drip say_nothing
	export port
	background drip bash -c 'trap "" PIPE; drip'
	background silent bash -c say_nothing
	wait_for "$silent_pid"
	[ "$status" = 0 ]
	wait_for "$drip_pid"
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$took" -gt 9000 ]
	[ "$took" -lt 14000 ]
	lives
}

@test "the token is wanted on the API, and only there" {
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	token=0123456789abcdef-token
	(umask 077 && echo $token >"$BATS_TEST_TMPDIR/token")
	serve "$db" --token-file "$BATS_TEST_TMPDIR/token"
	for path in / /app.js /livez /readyz /healthz /openapi.yaml /openapi.json; do
		[ "$(status_of $path)" = 200 ]
	done
	for path in /api/traces /api/traces/trace-123 /api/events /api/nothing /metrics; do
		is_problem $path 401 token-wanted
		is_problem $path 401 token-wanted -H "Authorization: Bearer x$token"
		is_problem $path 401 token-wanted -H "Authorization: Basic $token"
		[ "$(header www-authenticate $path)" = Bearer ]
	done
	[ "$(status_of /api/traces -H "Authorization: Bearer $token")" = 200 ]
	[ "$(status_of /api/nothing -H "Authorization: Bearer $token")" = 404 ]
	[ "$(status_of "/api/traces?token=$token")" = 401 ]
}

# dies STATUS PATTERN COMMAND...: one line on stderr, nothing on stdout.
dies() {
	local want=$1 pattern=$2
	shift 2
	run --separate-stderr timeout 10 "$@"
	[[ $status == "$want" && -z $output && ${#stderr_lines[@]} == 1 &&
		$stderr == "dp-http: error: "*$pattern* ]] || {
		printf 'exit %s: %s\n' "$status" "$stderr" >&2
		return 1
	}
}

@test "what cannot be started says why in one line" {
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	dies 2 'others than this machine could reach it' dp-http --listen 0.0.0.0:0 --db "$db"
	dies 2 'ADDRESS:PORT' dp-http --listen 8088 --db "$db"
	dies 2 'numeric address' dp-http --listen example.org:1 --db "$db"
	dies 2 'a URL is wanted' dp-http --listen 127.0.0.1:0 --db mysql://x
	dies 2 '--threads: a whole number' dp-http --threads 0
	dies 2 '--heartbeat: a whole number from 1 to 20' dp-http --heartbeat 30 --listen 127.0.0.1:0 --db "$db"
	dies 2 'token' env DEVPULSE_TOKEN=short dp-http --listen 127.0.0.1:0 --db "$db"
	echo 0123456789abcdef >"$BATS_TEST_TMPDIR/open"
	chmod 644 "$BATS_TEST_TMPDIR/open"
	dies 2 'chmod 600' dp-http --listen 127.0.0.1:0 --db "$db" --token-file "$BATS_TEST_TMPDIR/open"
	serve "$db"
	dies 1 "cannot listen on 127.0.0.1:$port: Address already in use" dp-http --listen "127.0.0.1:$port" --db "$db"
	query "$db" 'update devpulse set schema_version = 99' >/dev/null 2>&1 ||
		query "$db" 'update schema_version set version = 99' >/dev/null
	dies 2 'schema version 99' dp-http --listen 127.0.0.1:0 --db "$db"
}

@test "it listens on loopback alone, and on what it is told" {
	serve "$(new_database sqlite)"
	[ "$(ss -ltnH "sport = :$port" | awk '{ print $4 }')" = "127.0.0.1:$port" ]
	background any dp-http --listen 127.0.0.1:0 --db "$(new_database sqlite)"
	retry_until file_has "$BATS_TEST_TMPDIR/any.err" 'page and API on'
	any=$(sed -n 's/.*page and API on //p' "$BATS_TEST_TMPDIR/any.err")
	curl -fs "${any}livez"
	need_ipv6
	port6=$(free_port)
	background six dp-http --listen "[::1]:$port6" --db "$(new_database sqlite)"
	retry_until curl -fs "http://[::1]:$port6/livez"
	[ "$(ss -ltnH "sport = :$port6" | awk '{ print $4 }')" = "[::1]:$port6" ]
	file_has "$BATS_TEST_TMPDIR/six.err" "info: page and API on http://\[::1\]:$port6/"
}

is_ready() { [ "$(status_of /readyz)" = 200 ]; }

@test "a database that is not there yet: 503, and by itself 200 when it is" {
	db=$(new_database sqlite)
	serve "$db"
	for path in /readyz /api/traces /api/traces/trace-123 /api/events '/api/events?follow'; do
		is_problem "$path" 503 store-away
		[ "$(header retry-after "$path")" = 1 ]
	done
	[ "$(status_of /livez)" = 200 ]
	[ "$(status_of /)" = 200 ]
	store "$db" <<<"$example"
	retry_until is_ready
	[ "$(api traces | jq '.items | length')" = 1 ]
	curl -s "$url/readyz" | jq -e '. == {status: "ready"}'
	curl -s "$url/readyz?verbose" | jq -e --arg db "$db" '.database == $db and .head == 3 and
		.followers == 0 and .max_followers == 100 and (.database_id | length) == 36'
}

@test "PostgreSQL away: 503, and by itself 200 when it is back" {
	# shellcheck disable=SC2016 # for the inner shell
	"$ROOT/tests/with-postgres.sh" bash -c '
		set -e
		store() { dp-store --db "$DEVPULSE_TEST_PG" 2>/dev/null; }
		answers() { [ "$(curl -s -m 5 -o /dev/null -w "%{http_code}" "$1$2")" = "$3" ]; }
		. "$ROOT/tests/e2e/helpers.bash"
		bin=$(dirname "$(find /usr/lib/postgresql -name pg_ctl | sort -V | tail -n 1)")
		as_owner() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
		ctl() { as_owner "$bin/pg_ctl" -D "$DEVPULSE_TEST_PG_DIR/data" "$@" >/dev/null 2>&1 </dev/null; }
		store <<<"$2"
		url=http://127.0.0.1:$1
		background http dp-http --listen "127.0.0.1:$1" --db "$DEVPULSE_TEST_PG"
		trap stop_background EXIT
		retry_until answers "$url" /readyz 200
		as_owner cp "$DEVPULSE_TEST_PG_DIR/data/postmaster.opts" "$DEVPULSE_TEST_PG_DIR/opts"
		ctl -m immediate -w stop
		answers "$url" /readyz 503
		answers "$url" /api/traces 503
		answers "$url" /livez 200
		as_owner bash -c "$(cat "$DEVPULSE_TEST_PG_DIR/opts") >/dev/null 2>&1 3>&- &"
		retry_until answers "$url" /readyz 200
		answers "$url" /api/traces 200
		answers "$url" /api/traces/trace-123 200
	' _ "$port" "$example"
}

@test "the manual's examples work" {
	db=$(new_database sqlite)
	store "$db" <<<'{"traceId":"abc123","system":"shop","severity":"error","details":"x"}'
	serve "$db"
	cd "$BATS_TEST_TMPDIR"
	sed -n 's/^\.Dl \$ curl/curl/p' "$ROOT/man/dp-http.1" | grep -v follow |
		sed "s|localhost:8088|localhost:$port|" >examples
	[ "$(wc -l <examples)" = 7 ]
	bash -eo pipefail examples >out
	jq -es '.[0].trace_id == "abc123" and .[1] == {system: "shop", status: "error", duration_ms: 0} and
		(map(arrays[1]) | length <= 24 and add == 1) and .[-1].items == []' out
	[ "$(jq -r .traceId events.ndjson)" = abc123 ]
	[ "$(jq -r .traceId abc123.ndjson)" = abc123 ]
}

@test "pages of other sites read nothing unless they are named" {
	cd "$BATS_TEST_TMPDIR"
	printf %s a-token-of-16-or-more >token
	chmod 600 token
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	serve "$db" --allow-origin https://notes.example,http://notes.example:3000 --token-file token
	[ "$(status_of /api/traces -H 'Origin: https://other.example')" = 403 ]
	answer() { curl -s -D - -o "$BATS_TEST_TMPDIR/body" "$@" "$url/api/traces" | tr -d '\r'; }
	answer -H 'Authorization: Bearer a-token-of-16-or-more' >fields
	[ "$(grep -ci '^Access-Control' fields)" = 0 ]
	answer -H 'Origin: https://notes.example' -H 'Authorization: Bearer a-token-of-16-or-more' >fields
	grep -q '^HTTP/1.1 200' fields
	grep -qi '^Access-Control-Allow-Origin: https://notes.example$' fields
	grep -qi '^Vary: Origin' fields
	answer -X OPTIONS -H 'Origin: http://notes.example:3000' -H 'Access-Control-Request-Method: GET' >fields
	grep -q '^HTTP/1.1 204' fields
	grep -qi '^Access-Control-Allow-Origin: http://notes.example:3000$' fields
	grep -qi '^Access-Control-Allow-Headers:.*Authorization' fields
}

@test "one thread is enough" {
	db=$(new_database sqlite)
	store "$db" <<<"$example"
	serve "$db" --threads 1
	background follow curl -sN "$url/api/events?follow"
	retry_until file_has "$BATS_TEST_TMPDIR/follow.out" trace-123
	[ "$(api traces/trace-123 | jq '.events | length')" = 3 ]
}

@test "a filter that is wrong: the problem names the place" {
	serve "$(new_database sqlite)"
	curl -sG "$url/api/events" --data-urlencode 'filter=système=x severity=loud' >"$BATS_TEST_TMPDIR/problem"
	jq -e '.type == "/problems/bad-parameter" and .errors == [{parameter: "filter", character: 20,
		detail: "character 20: a severity is one of error, warning, info, debug"}]' "$BATS_TEST_TMPDIR/problem"
	curl -sG "$url/api/events" --data-urlencode 'filter=a=' --data-urlencode 'filter=b>x' >"$BATS_TEST_TMPDIR/problem"
	[ "$(jq -c '[.errors[].character]' "$BATS_TEST_TMPDIR/problem")" = '[3,3]' ]
}
