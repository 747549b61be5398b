#!/usr/bin/env bats
# The database away under load. The long form: make outage.

load ../e2e/helpers

teardown() { stop_background; }

@test "PostgreSQL away: acknowledgements go on, memory is flat, the spool drains faster than it filled" {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 300 \
		/usr/bin/python3 "$ROOT/tests/fault/outage.py" --minutes "${MINUTES:-0.1}" 3>&- 4>&-
}
