#!/usr/bin/env bats
# The power is cut under load: what the disk had not flushed is lost, or half of it. More cuts: make torture.

load ../e2e/helpers

# power ARG...: exit 77 where there can be no such disk
power() {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 300 \
		/usr/bin/python3 "$ROOT/tests/fault/power.py" "$@" 3>&- 4>&-
}

@test "power cuts: what was acknowledged is there, once" {
	run power --seed 1 --rounds 8
	echo "$output"
	[ "$status" != 77 ] || skip "it takes root, /dev/fuse and loop devices"
	[ "$status" = 0 ]
}

@test "power cuts: a disk that lies about flushing loses, or the test before would show nothing" {
	run power --seed 1 --rounds 1 --lie
	echo "$output"
	[ "$status" != 77 ] || skip "it takes root, /dev/fuse and loop devices"
	[ "$status" = 1 ]
	[[ $output == *'acknowledged, and not there'* ]]
}
