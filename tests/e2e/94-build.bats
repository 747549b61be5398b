#!/usr/bin/env bats
# What a build depends on: the source and its commit, not the folder or the time.

load helpers

# A repository of the source as it is here: source_in FOLDER. The packages of the page are borrowed.
source_in() {
	mkdir -p "$1"
	(cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1" 2>/dev/null) || true
	[ ! -d "$ROOT/ui/node_modules" ] || cp -rl "$ROOT/ui/node_modules" "$1/ui" 2>/dev/null ||
		cp -r "$ROOT/ui/node_modules" "$1/ui"
	git_in "$1" init -q
	git_in "$1" add .
	git_in "$1" commit -qm 'the source'
}

git_in() { git -C "$1" -c user.name=test -c user.email=test@localhost -c advice.detachedHead=false "${@:2}"; }

# Quickly: not optimised.
make_in() { env -u SAN make -s -j 2 -C "$1" CFLAGS='-O0 -g' WARNINGS= HARDENING= build/bin/dp-http build/bin/dp-send; }

# What make would give it: release_of FOLDER.
release_of() {
	# shellcheck disable=SC2016 # make's
	make -s -C "$1" --eval 'told: ; @echo $(VERSION)' told
}

version_in() { "$1/build/bin/dp-send" --version | sed 's/.* //'; }

@test "two folders, the same bytes; the version follows the commit" {
	local one=$BATS_TEST_TMPDIR/one other=$BATS_TEST_TMPDIR/another/folder commit release
	release=$(cat "$ROOT/VERSION")
	source_in "$one"
	git_in / clone -q "$one" "$other"
	[ ! -d "$one/ui/node_modules" ] || cp -rl "$one/ui/node_modules" "$other/ui"
	make_in "$one"
	make_in "$other"
	for program in dp-http dp-send; do
		cmp "$one/build/bin/$program" "$other/build/bin/$program"
	done
	run grep -c "$BATS_TEST_TMPDIR" "$one/build/bin/dp-http"
	[ "$output" = 0 ]

	commit=$(git_in "$one" rev-parse --short=12 HEAD)
	[ "$(version_in "$one")" = "$release+g$commit" ]
	git_in "$one" commit -q --allow-empty -m 'another'
	make_in "$one"
	commit=$(git_in "$one" rev-parse --short=12 HEAD)
	[ "$(version_in "$one")" = "$release+g$commit" ]
	git_in "$one" tag "v$release"
	[ "$(release_of "$one")" = "$release" ]
	# as in a tarball, even inside of another repository
	rm -rf "$one/.git"
	git_in "$BATS_TEST_TMPDIR" init -q
	[ "$(release_of "$one")" = "$release" ]
}

# Whether a program needs this package: needs PROGRAM NAME VERSION.
needs() {
	jq -e --arg program "$1" --arg name "$2" --arg version "$3" '
		(.components[] | select(.name == $name and .version == $version) | ."bom-ref") as $ref |
		.dependencies[] | select(.ref == $program).dependsOn | index($ref) != null' "$BATS_TEST_TMPDIR/sbom" || {
		echo "not said: $1 needs $2 $3"
		return 1
	}
}

@test "the bill of materials names the libraries and the page's packages, with the versions that are here" {
	local library
	"$ROOT/packaging/sbom" "${DEVPULSE_BUILD:-$ROOT/build}/bin" 1.2.3 >"$BATS_TEST_TMPDIR/sbom"
	while read -r program library; do
		library=$(dpkg-query -W -f '${Package}\n' | grep -xE "$library")
		needs "$program" "$library" "$(dpkg-query -W -f '${Version}' "$library")"
	done <<-EOF
		dp-ingest libwebsockets[0-9]+(t64)?
		dp-store libpq5
		dp-http libsqlite3-0
		dp-tail libcurl4(t64)?
	EOF
	needs dp-http preact "$(jq -r '.packages["node_modules/preact"].version' "$ROOT/ui/package-lock.json")"
	run needs dp-http esbuild "$(jq -r '.packages["node_modules/esbuild"].version' "$ROOT/ui/package-lock.json")"
	[ "$status" != 0 ] # it makes the page, and is not in it
	[ "$(jq '[.dependencies[].dependsOn[]] - [.components[]."bom-ref"] | length' "$BATS_TEST_TMPDIR/sbom")" = 0 ]
}
