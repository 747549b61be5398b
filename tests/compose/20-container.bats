#!/usr/bin/env bats
# Everything in one container, by docker build and docker run.

load engine

setup_file() {
	has_engine || return 0
	build_image
	EVENTS_PORT=$(file_port)
	PAGE_PORT=$(file_port)
	EVENTS=ws://127.0.0.1:$EVENTS_PORT/
	PAGE=http://127.0.0.1:$PAGE_PORT
	NAME=devpulse-test-$$
	export EVENTS_PORT PAGE_PORT EVENTS PAGE NAME
	docker network create "$NAME" >/dev/null
	start
}

teardown_file() {
	[ -z "${NAME:-}" ] || {
		docker rm -fv "$NAME"
		docker volume rm "$NAME"
		docker network rm "$NAME"
	} >/dev/null 2>&1
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR stop_background
}

teardown() { stop_background; }

# As the README says it, but for the ports, the name and the network.
start() {
	docker run -d -p "$EVENTS_PORT:8008" -p "$PAGE_PORT:8088" --name "$NAME" --network "$NAME" \
		--network-alias devpulse-websocket "$@" "$IMAGE" >/dev/null
	await_healthy "$NAME"
}

@test "it is small, has the page, and runs as nobody in particular" {
	[ "$(docker image inspect -f '{{.Size}}' "$IMAGE")" -lt 120000000 ]
	[ "$(docker exec "$NAME" id -u)" = 10001 ]
	curl -fsS "$PAGE/app.js" | grep -q .
}

@test "the SDK's init needs nothing but where it is" {
	PYTHONPATH=$ROOT/sdk/python/src PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "${EVENTS/127.0.0.1/localhost}" <<'PY'
import sys

import devpulse

devpulse.init(environment="dev", websocket_url=sys.argv[1])
with devpulse.span("from the SDK", order_id=17):
    pass
devpulse.flush()
PY
	from_the_sdk() { curl -fsS "$PAGE/api/events?n=all" | grep '"from the SDK"'; }
	retry_until from_the_sdk
}

@test "neighbouring containers are answered, other machines are not" {
	echo '{"traceId":"neighbour"}' |
		docker run -i --rm --network "$NAME" "$IMAGE" dp-send --url ws://devpulse-websocket:8008/
	retry_until curl -fsS -o /dev/null "$PAGE/api/traces/neighbour"
	# This machine by an address that is not of the container's network comes from as far as any other.
	local address
	address=$(ip -4 route get 192.0.2.255 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
	[ -n "$address" ] || skip 'this machine has no address but its own loopback'
	run curl -sS -m 2 -H 'Host: localhost' "http://$address:$PAGE_PORT/livez"
	[ "$status" = 28 ] # in vain, not refused
	run curl -sS -m 2 -H 'Host: localhost' "http://$address:$EVENTS_PORT/livez"
	[ "$status" = 28 ]
}

@test "restarted under load it ends by itself within 5 seconds, and nothing acknowledged is lost" {
	local began
	sending restarts
	began=$(date +%s)
	docker stop -t 60 "$NAME" >/dev/null
	[ $(($(date +%s) - began)) -le 5 ]
	is "$NAME" '{{.State.ExitCode}}' 0
	docker start "$NAME" >/dev/null
	all_stored restarts
}

@test "read-only, without capabilities, on a volume: killed and made anew it has everything" {
	docker rm -fv "$NAME" >/dev/null
	set -- --read-only --cap-drop ALL --security-opt no-new-privileges -v "$NAME:/var/lib/devpulse"
	start "$@"
	confined "$NAME"
	sending kept
	docker kill "$NAME" >/dev/null
	docker rm "$NAME" >/dev/null
	start "$@"
	all_stored kept
}

@test "with a token it takes nothing without" {
	docker rm -f "$NAME" >/dev/null
	start -e DEVPULSE_TOKEN=0123456789abcdef0123456789abcdef
	run curl -sS -o /dev/null -w '%{http_code}' "$PAGE/api/traces"
	[ "$output" = 401 ]
	run dp-send --url "$EVENTS" <<<'{"details":"x"}'
	[[ $output == *'a token is needed'* ]]
	DEVPULSE_TOKEN=0123456789abcdef0123456789abcdef dp-send --url "$EVENTS" <<<'{"details":"x"}'
}
