#!/usr/bin/env bats
# devpulse-event(5): its examples, and those in examples/.

load helpers

# The n-th literal block of the manual, as a reader sees it.
block() {
	awk -v n="$1" '/^\.Bd -literal/ { on = ++count == n; next } /^\.Ed/ { on = 0 } on' \
		"$ROOT/man/devpulse-event.5" | sed 's/\\e/\\/g; s/\\\[uFFFD\]/\xef\xbf\xbd/g'
}

@test "what an application sent becomes what the manual says" {
	block 1 | tr -d '\n' | dp-ingest - >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 1 ]
	diff <(jq 'del(.eventId, .receivedAt)' "$BATS_TEST_TMPDIR/got") \
		<(block 2 | jq 'del(.eventId, .receivedAt)')
	diff <(jq -c keys_unsorted "$BATS_TEST_TMPDIR/got") <(block 2 | jq -c keys_unsorted)
}

@test "what the manual says it becomes is normalised" {
	block 2 | tr -d '\n' | dp-ingest - >"$BATS_TEST_TMPDIR/once"
	diff <(dp-ingest - <"$BATS_TEST_TMPDIR/once") "$BATS_TEST_TMPDIR/once"
	diff <(jq . "$BATS_TEST_TMPDIR/once") <(block 2 | jq .)
}

@test "the pipeline of the manual finds the errors of the examples" {
	cd "$ROOT"
	run bash -o pipefail -c "$(block 3)"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 7 ]
}

@test "every event of the examples is taken; abc123 has an error and three systems" {
	dp-ingest - <"$ROOT/examples/events.ndjson" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = "$(wc -l <"$ROOT/examples/events.ndjson")" ]
	diff <(jq -rs 'map(select(.traceId == "abc123")) | map(.system) | unique | join(" ")' \
		"$BATS_TEST_TMPDIR/out") <(echo api web worker)
	jq -es 'any(.traceId == "abc123" and .severity == "error" and .locals and .stacktrace)' \
		"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/found"
	jq -es 'all(.repairs == null and .timestampRaw == null and .severityRaw == null)' \
		"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/clean"
}
