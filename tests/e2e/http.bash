# What the tests of dp-http share: one dp-http a test, at $port, whose address is $url.
# Load it behind helpers.

setup() {
	bats_require_minimum_version 1.5.0
	port=$(free_port)
	url=http://127.0.0.1:$port
}

teardown() {
	end_http
	stop_background
}

# Whatever a test did to it, dp-http ends cleanly: with sanitizers, without a leak.
end_http() {
	kill "${http_pid:-none}" 2>/dev/null || return 0
	wait_for "$http_pid"
	http_pid=
	[ "$status" = 0 ] || cat "$BATS_TEST_TMPDIR/http.err"
	[ "$status" = 0 ]
}

lives() { curl -fsS "$url/livez" >/dev/null; }

# serve DATABASE [OPTION...]
serve() {
	background http dp-http --listen "127.0.0.1:$port" --db "$@"
	retry_until lives
}

# store DATABASE: the events on stdin.
store() { dp-store --db "$1" 2>>"$BATS_TEST_TMPDIR/store.err"; }
