#!/usr/bin/env bats
# docker-compose up -d, logs, down; what is killed; with SQLite; with TLS and a token.

load engine

setup_file() {
	has_engine || return 0
	command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || skip 'no docker-compose here'
	[ ! -e "$ROOT/.env" ] || skip "$ROOT/.env would be heeded: move it away"
	build_image
	image postgres:17-alpine postgres
	image caddy:2-alpine caddy
	EVENTS_PORT=$(file_port)
	PAGE_PORT=$(file_port)
	TLS_PORT=$(file_port)
	EVENTS=ws://127.0.0.1:$EVENTS_PORT/
	PAGE=http://127.0.0.1:$PAGE_PORT
	export EVENTS_PORT PAGE_PORT TLS_PORT EVENTS PAGE COMPOSE_PROJECT_NAME=devpulse-test-$$
	compose up -d
}

teardown_file() {
	[ -z "${COMPOSE_PROJECT_NAME:-}" ] || TOKEN=any-token-will-do-here with tls.yml compose down -v
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR stop_background
}

teardown() { stop_background; }

compose() {
	local program=(docker-compose)
	command -v docker-compose >/dev/null || program=(docker compose)
	(cd "$ROOT" && DEVPULSE_PORT=$EVENTS_PORT DEVPULSE_HTTP_PORT=$PAGE_PORT DEVPULSE_TLS_PORT=$TLS_PORT \
		DEVPULSE_NAME=devbox.example DEVPULSE_TOKEN=${TOKEN:-} "${program[@]}" "$@" 3>&- 4>&-)
}

# With another file on top: with FILE COMMAND...
with() {
	local file=compose/$1
	shift
	COMPOSE_FILE=docker-compose.yml:$file "$@"
}

container() {
	docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
		--filter "label=com.docker.compose.service=$1"
}

left() {
	docker "$@" -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
}

@test "up: every service becomes healthy, in order, and logs say so" {
	local service
	for service in postgres pipeline http; do
		await_healthy "$(container $service)"
	done
	[[ $(docker inspect -f '{{.State.StartedAt}}' "$(container postgres)") < \
		$(docker inspect -f '{{.State.StartedAt}}' "$(container pipeline)") ]]
	compose logs >"$BATS_TEST_TMPDIR/logs"
	file_has "$BATS_TEST_TMPDIR/logs" 'pipeline.*dp-ingest: info: listening on ws://0.0.0.0:8008/'
	file_has "$BATS_TEST_TMPDIR/logs" 'http.*dp-http: info: page and API on'
}

@test "only this machine reaches it, and nothing is root" {
	local service
	for service in pipeline http; do
		docker inspect -f '{{json .NetworkSettings.Ports}}' "$(container $service)" |
			jq -e '[.[][]?.HostIp] == ["127.0.0.1"]'
		confined "$(container $service)"
		is "$(container $service)" '{{.HostConfig.RestartPolicy.Name}}' unless-stopped
	done
	docker inspect -f '{{json .NetworkSettings.Ports}}' "$(container postgres)" | jq -e '[.[][]?] == []'
	[ "$(docker exec "$(container postgres)" id -u)" != 0 ]
	is "$(container postgres)" '{{.HostConfig.ReadonlyRootfs}}' true
}

@test "killed one after the other, nothing acknowledged is lost" {
	sending kills
	crash "$(container http)"
	crash "$(container postgres)"
	crash "$(container pipeline)"
	# And one of its two programs alone.
	restarts=$(docker inspect -f '{{.RestartCount}}' "$(container pipeline)")
	docker exec "$(container pipeline)" sh -c 'read -r pid _ <pipeline/dp-store.pid && kill -KILL "$pid"'
	retry_until is "$(container pipeline)" '{{.RestartCount}} {{.State.Running}}' "$((restarts + 1)) true"
	all_stored kills
}

@test "stop hands all on within 5 seconds; down keeps the volumes" {
	local service
	sending kept
	all_stored kept
	compose stop -t 5
	for service in pipeline http postgres; do
		is "$(container $service)" '{{.State.ExitCode}}' 0
	done
	compose down
	[ -z "$(left ps -a)$(left network ls)" ]
	compose up -d
	await_healthy "$(container http)"
	retry_until stored kept "$BATS_TEST_TMPDIR/kept.ndjson"
}

@test "backed up and restored as the document says, with what came in between" {
	export DEVPULSE_PORT=$EVENTS_PORT DEVPULSE_HTTP_PORT=$PAGE_PORT BACKUP=$BATS_TEST_TMPDIR
	command -v docker-compose >/dev/null || {
		docker-compose() { docker compose "$@"; }
		export -f docker-compose
	}
	cd "$ROOT"
	sending before
	all_stored before
	do_as_written 'Back up PostgreSQL of Compose'
	sending between
	all_stored between
	do_as_written 'Restore PostgreSQL of Compose'
	await_healthy "$(container http)"
	retry_until stored before "$BATS_TEST_TMPDIR/before.ndjson"
	retry_until stored between "$BATS_TEST_TMPDIR/between.ndjson"
}

@test "with TLS and a token for others, the page and WebSockets by one name" {
	local TOKEN=0123456789abcdef0123456789abcdef
	local curl=(curl -fsSk -m 5 --resolve "devbox.example:$TLS_PORT:127.0.0.1")
	local page=https://devbox.example:$TLS_PORT
	with tls.yml compose up -d
	RETRY_SECONDS=30 retry_until "${curl[@]}" "$page/readyz"
	run "${curl[@]}" "$page/api/traces"
	[[ $output == *401* ]]
	curl+=(-H "Authorization: Bearer $TOKEN")
	"${curl[@]}" -H 'Content-Type: application/json' -d '{"traceId":"by-post"}' "$page/events"
	/usr/bin/python3 - "wss://devbox.example:$TLS_PORT/" "$TOKEN" <<'PY'
import asyncio
import ssl
import sys

import websockets


async def main(url, token):
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    where = {"host": "127.0.0.1", "ssl": tls, "server_hostname": "devbox.example"}
    new = int(websockets.__version__.split(".")[0]) >= 14
    where["additional_headers" if new else "extra_headers"] = {"Authorization": "Bearer " + token}
    async with websockets.connect(url, subprotocols=["devpulse.v1"], **where) as ws:
        await ws.recv()
        await ws.send('{"traceId":"by-wss"}')
        assert "ack" in await ws.recv()


asyncio.run(main(*sys.argv[1:]))
PY
	retry_until "${curl[@]}" -o /dev/null "$page/api/traces/by-post"
	retry_until "${curl[@]}" -o /dev/null "$page/api/traces/by-wss"
	# What is followed comes at once.
	background follow "${curl[@]}" -m 60 -N "$page/api/events?trace=live&follow"
	live() {
		"${curl[@]}" -H 'Content-Type: application/json' -d '{"traceId":"live"}' "$page/events"
		file_has "$BATS_TEST_TMPDIR/follow.out" '"live"'
	}
	retry_until live
}

@test "down -v leaves nothing" {
	TOKEN=any-token-will-do-here with tls.yml compose down -v
	[ -z "$(left ps -a)$(left network ls)$(left volume ls)" ]
}

@test "with SQLite: no PostgreSQL, and what was stored outlives both containers" {
	with sqlite.yml compose up -d
	await_healthy "$(container http)"
	[ -z "$(container postgres)" ]
	sending sqlite
	crash "$(container pipeline)"
	crash "$(container http)"
	all_stored sqlite
	with sqlite.yml compose down -v
	[ -z "$(left ps -a)$(left network ls)$(left volume ls)" ]
}
