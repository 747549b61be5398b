#!/bin/sh
# The branches of some files of lib/ that their unit tests take, by gcov: builds into build-cov/, runs the
# tests, prints a line for each file, and the branches that were not taken. Exit 1 where there are any.
#
#	tests/coverage.sh [NAME...]    spool* by default: lib/NAME.c, by tests/unit/NAME*_test.c
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- spool
failed=0
for name; do
	tests=$(for t in tests/unit/"$name"*_test.c; do basename "$t" .c; done)
	# shellcheck disable=SC2046,SC2086 # lists of names
	make -s COV=1 $(printf 'build-cov/unit/%s ' $tests)
	rm -f build-cov/lib/*.gcda
	for t in $tests; do
		"build-cov/unit/$t" >build-cov/"$t".log 2>&1 || { cat build-cov/"$t".log; exit 1; }
	done
	for file in lib/"$name"*.c; do
		gcov -b -c -o build-cov/lib "$file" | awk -v f="$file" '/^File/ { mine = index($0, f) } !mine { next } /^Lines/ { l = $0 } /^Taken/ { b = $0 } END { print f ": " l "; " b }'
	done
done
mkdir -p build-cov/gcov
mv ./*.gcov build-cov/gcov/
for name; do
	for file in lib/"$name"*.c; do
		awk -v f="$file" '/^branch/ && (/taken 0( |$)/ || /never executed/) { print f ": " line; bad = 1 }
			!/^(branch|call|function)/ { line = $0; if ($1 == "#####:") { print f ": " $0; bad = 1 } }
			END { exit bad }' build-cov/gcov/"$(basename "$file")".gcov || failed=1
	done
done
exit "$failed"
