# What the tests of containers share: an engine, the image, events through a published port.
# shellcheck shell=bash disable=SC2154 # what bats and helpers.bash set

load ../e2e/helpers

IMAGE=devpulse-websocket

has_engine() { docker info >/dev/null 2>&1; }

# Not in setup_file, where bats 1.8 takes a skip for a failure.
setup() {
	local answer
	command -v docker >/dev/null || skip 'no docker here'
	answer=$(docker info 2>&1 >/dev/null) || skip "no container engine here: ${answer%%$'\n'*}"
}

# As the README says it; the other files wait, and find it in the cache.
build_image() {
	cd "$ROOT" || return 1
	flock "${TMPDIR:-/tmp}/.devpulse-image.lock" \
		docker build -f Dockerfile.websocket -t "$IMAGE" . >"$BATS_FILE_TMPDIR/build.log" 2>&1 3>&- || {
		tail -n 30 "$BATS_FILE_TMPDIR/build.log" >&2
		return 1
	}
}

# An image of others, or where none can be pulled what stands in for it: image TAG FILE.
image() {
	docker image inspect "$1" >/dev/null 2>&1 || docker pull -q "$1" >/dev/null 2>&1 ||
		docker build -q -t "$1" - <"$ROOT/tests/compose/images/$2" 3>&- >"$BATS_FILE_TMPDIR/$2.log" 2>&1 || {
		tail -n 30 "$BATS_FILE_TMPDIR/$2.log" >&2
		return 1
	}
}

# For setup_file, where a test has no folder yet.
file_port() { BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR free_port; }

is() { [ "$(docker inspect -f "$2" "$1")" = "$3" ]; }
healthy() { is "$1" '{{.State.Health.Status}}' healthy; }
await_healthy() { RETRY_SECONDS=60 retry_until healthy "$1"; }

# Ends a container as a crash would, which for `docker kill` is a wish, so that its restart policy counts. Where
# the engine's processes are not ours to kill it is started again instead.
crash() {
	local pid restarts
	pid=$(docker inspect -f '{{.State.Pid}}' "$1")
	restarts=$(docker inspect -f '{{.RestartCount}}' "$1")
	if grep -q "$(docker inspect -f '{{.Id}}' "$1")" "/proc/$pid/cgroup" 2>/dev/null && kill -KILL "$pid"; then
		RETRY_SECONDS=30 retry_until is "$1" '{{.RestartCount}} {{.State.Running}}' "$((restarts + 1)) true"
	else
		docker kill "$1" >/dev/null
		docker start "$1" >/dev/null
	fi
}

# Sends numbered events, each a trace of its own, while something happens to the containers: sending NAME.
sending() {
	# shellcheck disable=SC2016 # for the inner shell
	background "$1" sh -c '
		n=0
		until [ -e "$1.enough" ]; do
			n=$((n + 1))
			printf "{\"traceId\":\"%s-%d\",\"system\":\"%s\"}\n" "$2" "$n" "$2"
			sleep 0.01
		done | tee "$1.ndjson" | dp-send --url "$3"' - "$BATS_TEST_TMPDIR/$1" "$1" "$EVENTS"
	retry_until test -s "$BATS_TEST_TMPDIR/$1.ndjson"
}

# Ends it. Every event must have been acknowledged, and is stored, once.
all_stored() {
	local pid=${1}_pid
	touch "$BATS_TEST_TMPDIR/$1.enough"
	wait_for "${!pid}"
	cat "$BATS_TEST_TMPDIR/$1.err" >&2
	[ "$status" = 0 ]
	RETRY_SECONDS=30 retry_until stored "$1" "$BATS_TEST_TMPDIR/$1.ndjson"
}

# Whether the events of NAME are those of a file: stored NAME FILE.
stored() {
	diff <(jq -r .traceId "$2" | sort) \
		<(curl -fsS -m 5 "$PAGE/api/events?system=$1&n=all" | jq -r .traceId | sort) | head
	[ "${PIPESTATUS[0]}" = 0 ]
}

# A process of ours may do nothing as root, gain nothing, and write nowhere but to its volume.
confined() {
	docker exec "$1" cat /proc/1/status >"$BATS_TEST_TMPDIR/status"
	grep -qx $'Uid:\t10001\t10001\t10001\t10001' "$BATS_TEST_TMPDIR/status"
	grep -qx $'CapBnd:\t0000000000000000' "$BATS_TEST_TMPDIR/status"
	grep -qx $'NoNewPrivs:\t1' "$BATS_TEST_TMPDIR/status"
	run docker exec -u 0 "$1" touch /usr/bin/new
	[[ $output == *'Read-only file system'* ]]
}

# A machine, with systemd as its first process: boot IMAGE [OPTION...]. Its name is $NAME; a command runs there by `on`.
boot() {
	# What it takes, but not --privileged, as not every machine has all that this one would give away.
	docker run -d --name "$NAME" --cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --security-opt systempaths=unconfined --cgroupns host \
		-v /sys/fs/cgroup:/sys/fs/cgroup:rw --tmpfs /run --tmpfs /run/lock "${@:2}" "$1" >/dev/null
	RETRY_SECONDS=60 retry_until booted
}

on() { docker exec -i "$NAME" "$@"; }
booted() { on systemctl is-system-running | grep -qx running; }
active() { [ "$(on systemctl is-active "$@" | sort -u)" = active ]; }
