#!/bin/sh
# Holds dp-http against docs/openapi.yaml, with tools in a virtual environment under build/:
#
#	tests/contract.sh lint                       the document itself
#	tests/contract.sh walk --url URL …           every route, right and wrong (contract.py)
#	tests/contract.sh fuzz URL SECONDS           requests made at random from the document (schemathesis)
#
# Which releases: tests/contract/requirements.txt.
set -u
cd "$(dirname "$0")/.." || exit 1
venv=$PWD/build/venv/contract
wanted=$(cat tests/contract/requirements.txt)

if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
	rm -rf "$venv"
	/usr/bin/python3 -m venv "$venv" &&
		"$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r tests/contract/requirements.txt ||
		exit 1
	echo "$wanted" >"$venv/made-from"
fi

command=$1
shift
export PYTHONDONTWRITEBYTECODE=1
case $command in
lint) exec "$venv/bin/openapi-spec-validator" docs/openapi.yaml ;;
walk) exec "$venv/bin/python" tests/contract/contract.py docs/openapi.yaml "$@" ;;
fuzz)
	# Not whether what fits the document is taken: a filter has a language of its own.
	export SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$PWD/tests/contract"
	document=$PWD/docs/openapi.yaml
	cd "$venv" || exit 1 # for what it leaves behind
	exec bin/schemathesis run "$document" --url "$1" --max-time "$2" --phases examples,coverage,fuzzing \
		--request-timeout 20 --exclude-checks positive_data_acceptance --warnings off --no-color
	;;
*) echo "$0: no command '$command'" >&2 && exit 2 ;;
esac
