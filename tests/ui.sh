#!/bin/sh
# The page's tests: tests/ui.sh lint | unit | pages. Their packages are those of ui/package-lock.json. The pages are
# tested in the system's Chromium (CHROMIUM=PROGRAM), over the real programs in DEVPULSE_BUILD (build).
set -eu
cd "$(dirname "$0")/.."
root=$PWD
DEVPULSE_BUILD=${DEVPULSE_BUILD:-$root/build}
CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
export DEVPULSE_BUILD CHROMIUM

[ "${inside:-}" ] || exec env inside=1 ui/with-node "$root/tests/ui.sh" "$@"

cd ui
./packages --all >&2

bundled=$root/build/ui-test
case $1 in
lint)
	node_modules/.bin/tsc -p .
	node_modules/.bin/eslint src
	node_modules/.bin/prettier --log-level=warn --check src ../tests/ui ../bench/ui_page.mjs --config .prettierrc.json
	;;
unit)
	rm -rf "$bundled"
	node_modules/.bin/esbuild "$root"/tests/ui/*.test.ts --bundle --platform=node --format=esm --log-level=warning \
		--out-extension:.js=.mjs --outdir="$bundled"
	size=$(cat "$DEVPULSE_BUILD"/assets/ui/*.gz | wc -c)
	[ "$size" -le 81920 ] || printf 'not '
	echo "ok - the page is $size bytes, compressed; at most 81920"
	node --test --test-reporter=tap "$bundled"/*.mjs
	[ "$size" -le 81920 ]
	;;
pages)
	if [ -z "$CHROMIUM" ] && [ -z "${CI:-}" ]; then
		echo 'ok - the pages in a browser # SKIP no chromium here'
		exit
	fi
	NODE_PATH=$root/ui/node_modules node --test --test-reporter=tap --test-concurrency=1 "$root"/tests/ui/*.test.mjs
	;;
esac
