#!/usr/bin/env bats
# make install and make uninstall, as for a package: into DESTDIR.

load helpers

setup_file() {
	export DEST="$BATS_FILE_TMPDIR/the dest"
	# somebody else's, in folders that are shared
	install -D -m 644 /dev/null "$DEST/usr/share/man/man1/other.1"
	install -D /dev/null "$DEST/usr/bin/other"
	installing install
}

installing() { make -s -C "$(cd "$BATS_TEST_DIRNAME/../.." && pwd)" "$1" DESTDIR="$DEST" PREFIX=/usr >&2; }

teardown() {
	"$DEST/usr/bin/devpulse" down >/dev/null 2>&1 || true
	stop_background
}

@test "each manual, example, document and unit of the source is installed" {
	local file
	for file in "$ROOT"/man/* "$ROOT"/docs/*.md "$ROOT"/examples/*.* "$ROOT"/compose/systemd/*.* \
		"$ROOT"/compose/systemd/user/*.*; do
		[ -e "$file" ] || continue # a pattern that nothing matches
		[ "$(find "$DEST/usr" -name "${file##*/}" -exec cmp -s "$file" {} \; -print | wc -l)" -ge 1 ] || {
			echo "not installed: $file"
			return 1
		}
	done
	[ "$(find "$DEST" -type f -perm /111 ! -path "$DEST/usr/bin/*")" = '' ]
	[ "$(find "$DEST" -type f ! -perm -444)" = '' ]
}

@test "what is installed runs without the source" {
	local url
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/devpulse
	PATH=$DEST/usr/bin:/usr/bin:/bin
	cd /
	[ "$(devpulse version)" = "$(dp-http --version | sed 's/^dp-http/devpulse/')" ]
	devpulse up -d 3>&- 4>&- >"$BATS_TEST_TMPDIR/up.out"
	[ "$(readlink "/proc/$(cut -d ' ' -f 1 "$DEVPULSE_STATE_DIR/run/dp-http.pid")/exe")" = "$DEST/usr/bin/dp-http" ]
	dp-send --url "ws://$DEVPULSE_LISTEN/" <"$DEST/usr/share/doc/devpulse/examples/events.ndjson"
	awk -v n=1 -v seed=1 -v now="$(date +%s)" -f "$DEST/usr/share/devpulse/demo.awk" | jq -e .traceId
	url=http://$DEVPULSE_HTTP_LISTEN
	retry_until curl -fsS "$url/api/traces/abc123"
	curl -fsS "$url/" | grep -qi '<html'
	devpulse down
}

@test "uninstall removes what install placed, and nothing else" {
	installing uninstall
	find "$DEST" ! -type d -o -name '*devpulse*' | sort >"$BATS_TEST_TMPDIR/left"
	printf '%s\n' "$DEST/usr/bin/other" "$DEST/usr/share/man/man1/other.1" | diff - "$BATS_TEST_TMPDIR/left"
	installing uninstall # a repeat does no harm
}
