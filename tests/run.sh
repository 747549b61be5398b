#!/bin/sh
# All tests: lint, unit tests, end-to-end tests, those of the page (tests/ui.sh), those with faults, those of the
# Python SDK (tests/sdk.sh), those of the containers, which are skipped where no engine answers; the unit and
# end-to-end tests again with sanitizers. Each suite speaks TAP; the last line is "N passed, N failed, N skipped",
# the exit status 1 where one failed.
#
#	tests/run.sh [SUITE...]    lint unit e2e ui fault sdk compose san-unit san-e2e (default: all)
#	TESTS='tests/e2e/20-store.bats' tests/run.sh e2e
set -u
cd "$(dirname "$0")/.." || exit 1

# PostgreSQL serves all suites; this script runs itself under it. Each test makes a database and drops it, half the
# time of which is fsync; programs are killed here, no machine's power is cut.
if [ -z "${DEVPULSE_TEST_PG:-}" ]; then
	export DEVPULSE_PG_OPTIONS='-c fsync=off'
	exec tests/with-postgres.sh "$0" "$@"
fi
# bats starts many programs; an interrupted run must end them too.
trap 'exit 130' INT TERM

tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
jobs=$(nproc)

# Shows a suite's TAP as it comes and keeps it for the count. A suite that fails without a line that
# says so (a crash, a lost test) counts as a failure of its own.
suite() {
	name=$1
	shift
	printf '\n== %s\n' "$name"
	failures=$(grep -c '^not ok' "$tap")
	{ "$@" 2>&1; echo "exit $?"; } | tee -a "$tap" | grep -v '^exit '
	status=$(sed -n '$s/^exit //p' "$tap")
	if [ "$status" != 0 ] && [ "$(grep -c '^not ok' "$tap")" = "$failures" ]; then
		echo "not ok - $name ended with exit $status" | tee -a "$tap"
	fi
}

# The formatters and analysers differ from version to version, so one is chosen; elsewhere they are
# skipped.
lint() {
	llvm=14
	for target in format layers cppcheck tidy-quick man shell ui; do
		case $target in
		format | tidy-quick)
			if ! clang-format --version | grep -q "version $llvm\\."; then
				echo "ok - lint-$target # SKIP clang-${target%-quick} $llvm is wanted (Debian 12)"
				continue
			fi
			;;
		cppcheck)
			if ! cppcheck --version | grep -qx 'Cppcheck 2\.10'; then
				echo "ok - lint-$target # SKIP cppcheck 2.10 is wanted (Debian 12)"
				continue
			fi
			;;
		esac
		if out=$(make -s "lint-$target" 2>&1); then
			echo "ok - lint-$target"
		else
			printf 'not ok - lint-%s\n%s\n' "$target" "$out"
		fi
	done
}

build() {
	out=$(make -s WERROR=1 -j "$jobs" "$@" 2>&1) && return
	printf 'not ok - make %s\n%s\n' "$*" "$out"
	return 1
}

# Runs a command for each of the words, several at a time, as tests wait more than they compute. What one said
# comes when it has ended, with the seconds it took. By xargs, as background jobs of a shell, or of bats, would
# ignore an interrupt.
#
#	side_by_side COMMAND WORD...
side_by_side() {
	command=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\n' "$@" | xargs -n 1 -P $((2 * jobs)) sh -c '
		began=$(date +%s)
		out=$($1 "$2" 2>&1)
		status=$?
		flock "$0" printf "# %s, %s s\n%s\n" "$2" $(($(date +%s) - began)) "$out"
		exit "$status"' "$tap" "$command"
}

unit() {
	failed=0
	build all unit-programs || return 1
	# shellcheck disable=SC2046 # a list of programs
	CMOCKA_MESSAGE_OUTPUT=TAP side_by_side env $(make -s unit-list) || failed=1
	for corpus in tests/fuzz/*.corpus; do
		"$dir/fuzz/$(basename "$corpus" .corpus)_corpus" "$corpus"/* || failed=1
	done
	return "$failed"
}

# Files of bats: the largest first, as a long one at the end would be waited for alone.
bats_files() {
	build all || return 1
	export DEVPULSE_BUILD="$PWD/$dir"
	# shellcheck disable=SC2086 # a list of files
	[ -z "${TESTS:-}" ] || { bats --tap $TESTS; return; }
	# shellcheck disable=SC2046,SC2012 # names of ours
	side_by_side 'bats --tap' $(ls -S "$@")
}

e2e() { bats_files tests/e2e/*.bats; }
# With sanitizers what the programs do, not how they are built, placed and started.
san_e2e() { bats_files tests/e2e/[0-6]*.bats; }
fault() { bats_files tests/fault/*.bats; }
compose() { bats_files tests/compose/*.bats; }

sdk() {
	build all || return 1
	DEVPULSE_BIN=$PWD/build/bin tests/sdk.sh
}

# The page: its pure modules, then all of it in a browser.
ui() {
	build all || return 1
	tests/ui.sh unit && DEVPULSE_BUILD=$PWD/$dir tests/ui.sh pages
}

began=$(date +%s)
[ $# -gt 0 ] || set -- lint unit e2e ui fault sdk compose san-unit san-e2e
for name; do
	dir=build
	unset SAN
	case $name in
	lint) suite lint lint ;;
	unit) suite 'unit tests' unit ;;
	e2e) suite 'end-to-end tests' e2e ;;
	ui) suite 'the page' ui ;;
	fault) suite 'kills, outages, faults of the disk' fault ;;
	sdk) suite 'Python SDK' sdk ;;
	compose) suite 'compose, the image, systemd' compose ;;
	san-unit) dir=build-san && export SAN=1 && suite 'unit tests, sanitizers' unit ;;
	san-e2e) dir=build-san && export SAN=1 && suite 'end-to-end tests, sanitizers' san_e2e ;;
	*) echo "$0: no suite '$name'" >&2 && exit 2 ;;
	esac
done

passed=$(grep '^ok' "$tap" | grep -vic '# skip')
failed=$(grep -c '^not ok' "$tap")
skipped=$(grep '^ok' "$tap" | grep -ic '# skip')
if [ "$failed" != 0 ]; then
	printf '\nfailed:\n'
	grep '^not ok' "$tap"
fi
printf '\n%s s\n' "$(($(date +%s) - began))"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
