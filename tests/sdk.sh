#!/bin/sh
# The Python SDK's tests, as TAP, each environment in a virtual environment of its own under build/:
#
#	core-3.X   every Python from 3.10 to 3.13 that is here, nothing installed but pytest
#	current    the newest of them, with today's FastAPI, Celery, Huey and psycopg
#	oldest     the oldest of them, with the oldest releases that the package claims
#	lint       ruff and mypy --strict
#
#	tests/sdk.sh [ENVIRONMENT...]      (default: all)
#	TESTS='test_spans.py -k nested' tests/sdk.sh core-3.11
#
# Which releases: sdk/python/tests/requirements/ENVIRONMENT.txt.
set -u
cd "$(dirname "$0")/.." || exit 1
sdk=sdk/python

# The interpreter of one version: on the PATH, or of pyenv.
python_of() {
	for candidate in "python3.$1" /usr/bin/python3 \
		"${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$1."*/bin/python3; do
		if found=$("$candidate" -c 'import sys, venv, ensurepip; print(sys.executable, sys.version_info[1])' \
			2>/dev/null) && [ "${found##* }" = "$1" ]; then
			echo "${found% *}"
			return
		fi
	done
	return 1
}

pythons=
for minor in 10 11 12 13; do
	python_of "$minor" >/dev/null && pythons="$pythons $minor"
done
[ -n "$pythons" ] || { echo 'not ok - no Python 3.10 to 3.13 with venv here'; exit 1; }
oldest=${pythons# }
oldest=${oldest%% *}
newest=${pythons##* }

# The package as its users get it, built once.
wheel() {
	rm -rf build/sdk
	if ! out=$("$(python_of "$newest")" -m pip wheel -q --disable-pip-version-check --no-deps -w build/sdk "./$sdk" 2>&1); then
		printf 'not ok - the wheel cannot be built\n%s\n' "$out"
		return 1
	fi
}

# environment NAME MINOR REQUIREMENTS: makes it where it is missing or its requirements have changed,
# and puts the package into it, as its users do.
environment() {
	venv=$PWD/build/venv/$1
	wanted="$2 $(cat "$sdk/tests/requirements/$3.txt")"
	if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
		rm -rf "$venv"
		"$(python_of "$2")" -m venv "$venv" &&
			"$venv/bin/pip" install -q --disable-pip-version-check --no-deps \
				-r "$sdk/tests/requirements/$3.txt" || return 1
		echo "$wanted" >"$venv/made-from"
	fi
	"$venv/bin/pip" install -q --disable-pip-version-check --no-deps --force-reinstall build/sdk/*.whl
}

# run NAME MINOR REQUIREMENTS PYTEST-ARGUMENT...: TAP with the environment's name in each line.
run() {
	name=$1
	echo "# $name: Python 3.$2"
	if ! out=$(environment "$1" "$2" "$3" 2>&1); then
		printf 'not ok - %s: no environment\n%s\n' "$name" "$out"
		return
	fi
	shift 3
	# shellcheck disable=SC2086 # a list of arguments
	[ -z "${TESTS:-}" ] || set -- $TESTS
	{ (cd "$sdk/tests" && "$venv/bin/python" -m pytest -p no:cacheprovider --tap-stream -q "$@") 2>&1
		echo "exit $?"; } | awk -v name="$name" '
		/^(not )?ok [0-9]+/ { sub(/ok [0-9]+/, "ok - " name); if (/^not/) failed = 1; print; next }
		/^exit [0-9]+$/ { if ($2 && !failed) print "not ok - " name " ended with exit " $2; next }
		/^TAP version|^1\.\.[0-9]/ { next }
		{ print }'
}

lint() {
	if ! out=$(environment lint "$newest" lint 2>&1); then
		printf 'not ok - lint: no environment\n%s\n' "$out"
		return
	fi
	check 'ruff' ruff check --no-cache --quiet . ../../examples ../../bench
	check 'ruff format' ruff format --no-cache --check --quiet . ../../examples ../../bench
	check 'mypy --strict' mypy --no-incremental
}

check() {
	what=$1
	shift
	if out=$(cd "$sdk" && "$venv/bin/python" -m "$@" 2>&1); then
		echo "ok - sdk lint: $what"
	else
		printf 'not ok - sdk lint: %s\n%s\n' "$what" "$out"
	fi
}

# shellcheck disable=SC2046,SC2086 # lists of names
[ $# -gt 0 ] || set -- lint $(printf 'core-3.%s ' $pythons) current oldest
wheel || exit 1
for wanted; do
	case $wanted in
	lint) lint ;;
	core-3.*) run "$wanted" "${wanted#core-3.}" core --ignore=integrations . ;;
	current) run current "$newest" current . ;;
	oldest) run oldest "$oldest" oldest integrations ;;
	*) echo "$0: no environment '$wanted'" >&2 && exit 2 ;;
	esac
done
