#!/usr/bin/env bats
# make deb: the package is installed into a folder, run from there, removed. tests/compose/40-package.bats
# has it on a machine with systemd.

load helpers

setup_file() {
	# Quickly: not optimised.
	DEB_BUILD_OPTIONS='noopt noautodbgsym parallel=2' env -u SAN make -s -C "$BATS_TEST_DIRNAME/../.." deb \
		B="$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/log" 2>&1 || {
		tail -n 20 "$BATS_FILE_TMPDIR/log" >&2
		return 1
	}
}

setup() {
	PACKAGE=$(echo "$BATS_FILE_TMPDIR"/deb/devpulse_*.deb)
	DEST=$BATS_FILE_TMPDIR/machine
}

teardown() {
	"$DEST/usr/bin/devpulse" down >/dev/null 2>&1 || true
	stop_background
}

# With the packages that it depends on being those of this machine.
dpkg_there() { dpkg --root="$DEST" --force-script-chrootless --force-depends --log=/dev/null "$@"; }

field() { dpkg-deb -f "$PACKAGE" "$1"; }

@test "it names its commit, what it needs, and whose the page's packages are" {
	local commit
	commit=$(git -C "$ROOT" rev-parse --short=12 HEAD)
	[[ "$(field Version)" == "$(cat "$ROOT/VERSION")"* ]]
	dpkg-deb --fsys-tarfile "$PACKAGE" | tar -xO ./usr/share/doc/devpulse/changelog.gz | zcat | grep "$commit"
	for library in libwebsockets libmicrohttpd libpq5 libsqlite3 libcurl; do
		[[ "$(field Depends)" == *$library* ]]
	done
	dpkg-deb --fsys-tarfile "$PACKAGE" | tar -xO ./usr/share/doc/devpulse/copyright >"$BATS_TEST_TMPDIR/copyright"
	jq -r '.packages | to_entries[] | select(.key != "" and (.value.dev or .value.optional | not)) | .key' \
		"$ROOT/ui/package-lock.json" | grep -v /esbuild | sed "s|.*|$ROOT/ui/&/LICENSE|" |
		xargs sed -n 's/^Copyright (c) //p' >"$BATS_TEST_TMPDIR/owners"
	[ -s "$BATS_TEST_TMPDIR/owners" ]
	while read -r owner; do
		file_has "$BATS_TEST_TMPDIR/copyright" "^Copyright: $owner$"
	done <"$BATS_TEST_TMPDIR/owners"
}

@test "installed, it runs, and its units wait to be asked" {
	mkdir -p "$DEST/var/lib/dpkg/info" "$DEST/var/lib/dpkg/updates"
	touch "$DEST/var/lib/dpkg/status" "$DEST/var/lib/dpkg/available"
	dpkg_there -i "$PACKAGE"
	[ -e "$DEST/usr/lib/systemd/system/devpulse.target" ]
	[ -z "$(find "$DEST" -type l -name 'devpulse*')" ] # such a link is what starts a unit
	[ -e "$DEST/usr/share/zsh/vendor-completions/_dp-tail" ]
	DEVPULSE_LISTEN=127.0.0.1:$(free_port)
	DEVPULSE_HTTP_LISTEN=127.0.0.1:$(free_port)
	export DEVPULSE_LISTEN DEVPULSE_HTTP_LISTEN DEVPULSE_STATE_DIR=$BATS_TEST_TMPDIR/devpulse
	[[ "$("$DEST/usr/bin/devpulse" version)" == *"$(git -C "$ROOT" rev-parse --short=12 HEAD)" ]]
	"$DEST/usr/bin/devpulse" up -d 3>&- 4>&-
	curl -fsS "http://$DEVPULSE_HTTP_LISTEN/app.js" | cmp - "$BATS_FILE_TMPDIR/deb/devpulse/build/ui/app.js"
	"$DEST/usr/bin/devpulse" down
}

@test "removed and purged it leaves nothing" {
	dpkg_there --remove devpulse
	dpkg_there --purge devpulse
	find "$DEST" -name '*devpulse*' >"$BATS_TEST_TMPDIR/left"
	diff /dev/null "$BATS_TEST_TMPDIR/left"
}
