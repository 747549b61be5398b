#!/bin/sh
# The Python SDK's tests, as TAP, each environment in a virtual environment of its own under build/. Of
# the Pythons from 3.10 to 3.13 that are here:
#
#	current    the newest, with today's FastAPI, Celery, Huey, psycopg and others
#	oldest     the oldest, with the oldest releases that the package claims
#	core-3.X   each, or by default those between, with nothing installed but pytest
#	lint       ruff and mypy --strict
#
#	tests/sdk.sh [ENVIRONMENT...]      (default: all, side by side)
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

# One pip for all environments: to put it into each of them takes longer than all that it does there.
# Later ones refuse what Celery 5.2.0 says of itself.
tools=$PWD/build/venv/pip-24.0
tools() {
	[ -e "$tools/made" ] || { rm -rf "$tools" && "$(python_of "$newest")" -m venv "$tools" &&
		"$tools/bin/pip" install -q --disable-pip-version-check pip==24.0 && touch "$tools/made"; }
}

# The package as its users get it, built once.
wheel() {
	make -s wheel PYTHON="$(python_of "$newest")"
}

# environment MINOR REQUIREMENTS: makes $venv where it is missing or its requirements have changed, and
# puts the package into it.
environment() {
	wanted="$1 $(cat "$sdk/tests/requirements/$2.txt")"
	if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
		rm -rf "$venv"
		"$(python_of "$1")" -m venv --without-pip "$venv" &&
			install -r "$sdk/tests/requirements/$2.txt" || return 1
		echo "$wanted" >"$venv/made-from"
	fi
	install --force-reinstall build/sdk/*.whl
}

install() {
	"$tools/bin/pip" --python "$venv/bin/python" install -q --disable-pip-version-check --no-deps "$@"
}

# run NAME MINOR REQUIREMENTS: TAP with the environment's name in each line.
run() {
	name=$1
	venv=$PWD/build/venv/$name
	echo "# $name: Python 3.$2"
	if ! out=$(environment "$2" "$3" 2>&1); then
		printf 'not ok - %s: no environment\n%s\n' "$name" "$out"
	elif [ -n "${TESTS:-}" ]; then
		# shellcheck disable=SC2086 # a list of arguments
		pytest $TESTS
	elif [ "$3" = core ]; then
		pytest .
	else
		# shellcheck disable=SC2086 # a list of files
		pytest $workers >"$results/$name.workers" &
		# shellcheck disable=SC2046,SC2086 # a list of arguments
		pytest . $(printf -- '--ignore=%s ' $workers)
		wait
		cat "$results/$name.workers"
	fi
}

# What starts workers and consumers, and waits for them: beside the rest.
workers='test_celery.py test_huey.py test_one_trace.py test_examples.py'

pytest() {
	# SIGINT: a shell's background jobs ignore it, and so would all that the tests start.
	{ (cd "$sdk/tests" && PYTHONPATH=. env --default-signal=INT "$venv/bin/python" -m pytest \
		-p no:cacheprovider -p tap -q --no-header --no-summary "$@") 2>&1
		echo "exit $?"; } | awk -v name="$name" '
		/^ok .* # SKIP/ && name ~ /^core/ { print "# " name " leaves to current: " $0; next }
		/^(not )?ok - / { sub(/ok - /, "ok - " name " "); if (/^not/) failed = 1; print; next }
		/^exit [0-9]+$/ { if ($2 && !failed) print "not ok - " name " ended with exit " $2; next }
		{ print }'
}

lint() {
	venv=$PWD/build/venv/lint
	if ! out=$(environment "$newest" lint 2>&1); then
		printf 'not ok - lint: no environment\n%s\n' "$out"
		return
	fi
	scripts="../../examples ../../tests/fault ../../bench ../../docs/openapi-to-json ../../packaging/sbom ../../tests/contract ../../tests/e2e/crowd.py $(cd "$sdk" && grep -l '^#!.*python' ../../bench/* 2>/dev/null)"
	# shellcheck disable=SC2086 # a list of files: those without .py must be named
	check 'ruff' ruff check --no-cache --quiet . $scripts
	# shellcheck disable=SC2086
	check 'ruff format' ruff format --no-cache --check --quiet . $scripts
	check 'mypy --strict' mypy --cache-dir=/dev/null
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

between=${pythons#" $oldest"}
between=${between%"$newest"}
# shellcheck disable=SC2046,SC2086 # lists of names
[ $# -gt 0 ] || set -- current oldest $(printf 'core-3.%s ' ${between:-$newest}) lint
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
if ! out=$({ tools & wheel && wait $!; } 2>&1); then
	printf 'not ok - no pip, or no wheel\n%s\n' "$out"
	exit 1
fi
for wanted; do
	case $wanted in
	lint) lint ;;
	core-3.*) run "$wanted" "${wanted#core-3.}" core ;;
	current) run current "$newest" current ;;
	oldest)
		if [ "$oldest" -gt 11 ]; then
			echo 'ok - oldest # SKIP Celery 5.2 needs Python 3.10 or 3.11'
		else
			run oldest "$oldest" oldest
		fi
		;;
	*) echo "not ok - no environment '$wanted'" ;;
	esac >"$results/$wanted" &
done
wait
for wanted; do
	cat "$results/$wanted"
done
