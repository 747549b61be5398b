#!/usr/bin/env bats
# dp-http does what docs/openapi.yaml says, whatever is asked for.

load helpers

setup() {
	bats_require_minimum_version 1.5.0
}

teardown() { stop_background; }

contract() { "$ROOT/tests/contract.sh" "$@"; }

lives() { curl -fsS "$1/livez" >/dev/null; }

# serve NAME DATABASE [OPTION...]: its URL in $url.
serve() {
	local port
	port=$(free_port)
	url=http://127.0.0.1:$port
	background "$1" dp-http --listen "127.0.0.1:$port" --db "${@:2}"
	retry_until lives "$url"
}

# The traffic of a small shop, errors of many kinds, and ids that are hard to write.
fill() {
	{
		for n in $(seq 8); do
			awk -v n="$n" -v seed="$n" -v now="$(date +%s).0" -f "$ROOT/examples/demo.awk"
		done
		cat "$ROOT/tests/data/errors.ndjson"
		printf '%s\n' '{"traceId":"a/b ä%\\","details":"x","locals":{"big":12345678901234567890123}}'
	} | dp-ingest - 2>/dev/null | dp-store --db "$1" 2>/dev/null
}

ends_well() {
	kill "$1"
	wait_for "$1"
	[ "$status" = 0 ]
}

@test "the document is one, and the program's" {
	contract lint
	serve http "$(new_database sqlite)"
	curl -fsS "$url/openapi.yaml" | cmp - "$ROOT/docs/openapi.yaml"
	curl -fsS "$url/openapi.json" | jq -e '.openapi == "3.1.0" and (.paths | length > 10)'
	diff <(sed -n 's|^ *- /problems/||p' "$ROOT/docs/openapi.yaml" | sort) \
		<(sed -n 's/.*\[PROBLEM_[A-Z_]*\] = {[0-9]*, "\([a-z-]*\)".*/\1/p' "$ROOT/cmd/dp-http/answer.c" | sort)
	diff <(curl -fsS "$url/openapi.json" | jq -r '.paths | keys[]' | sed 's/{[a-z]*}/{id}/' |
		grep -v '^/openapi' | sort) \
		<(sed -n 's|^    {"\(/[^"]*\)",.*|\1|p' "$ROOT/cmd/dp-http/api.c" | sort)
}

walk() {
	local db with without
	db=$(new_database "$1")
	fill "$db"
	serve with "$db"
	with=$url
	serve without "sqlite:///$BATS_TEST_TMPDIR/none.db"
	without=$url
	export DEVPULSE_TOKEN=0123456789abcdef-token
	serve token "$db"
	contract walk --url "$with" --absent "$without" --token "$url" "$DEVPULSE_TOKEN"
	ends_well "$with_pid"
	ends_well "$without_pid"
	ends_well "$token_pid"
}

@test "every route, right and wrong, answers as it is documented: SQLite" { walk sqlite; }

@test "every route, right and wrong, answers as it is documented: PostgreSQL" { walk postgresql; }

# FUZZ_SECONDS: how long (make fuzz-http).
@test "requests at random: no failure of the server, nothing undocumented" {
	local db
	db=$(new_database sqlite)
	fill "$db"
	serve http "$db"
	contract fuzz "$url" "${FUZZ_SECONDS:-20}" >"$BATS_TEST_TMPDIR/fuzz" || {
		cat "$BATS_TEST_TMPDIR/fuzz"
		return 1
	}
	grep generated "$BATS_TEST_TMPDIR/fuzz"
	ends_well "$http_pid"
}
