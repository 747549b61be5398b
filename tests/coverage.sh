#!/bin/sh
# The lines and branches of some files of lib/ that their unit tests take, by gcov: builds into build-cov/,
# runs the tests, prints a line for each file, and what was not taken. Exit 1 where there is any.
#
#	tests/coverage.sh [NAME...]    lib/NAME*.[ch], by tests/unit/NAME*_test.c
#
# By default the spool and the normaliser with what it stands on. An assert that fails is not counted: no
# input may make it fail.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- spool json event line text uuid clock buf

# Tells how much of a file was taken, from what gcov wrote about it.
# shellcheck disable=SC2016 # for awk
report='
	{ match($0, /:  *[0-9]+:/); source = substr($0, RSTART + RLENGTH) }
	/^branch/ && !asserts { branches++; if (/taken 0( |$)/ || /never executed/) missed[++misses] = line; next }
	/^(branch|call|function)/ { next }
	{ line = $0; asserts = source ~ /^\tassert\(/ }
	$1 !~ /^-:/ { lines++; if ($1 ~ /^#####:/) { unrun++; missed[++misses] = line } }
	END {
		printf "%s: %d of %d lines, ", file, lines - unrun, lines
		printf "%d of %d branches\n", branches - (misses - unrun), branches
		for (i = 1; i <= misses; i++)
			print "\t" missed[i]
		exit misses > 0
	}'

failed=0
for name; do
	tests=$(for t in tests/unit/"$name"*_test.c; do basename "$t" .c; done)
	# shellcheck disable=SC2046,SC2086 # lists of names
	make -s COV=1 $(printf 'build-cov/unit/%s ' $tests)
	rm -rf build-cov/lib/*.gcda build-cov/gcov
	mkdir build-cov/gcov
	for t in $tests; do
		"build-cov/unit/$t" >build-cov/"$t".log 2>&1 || { cat build-cov/"$t".log; exit 1; }
	done
	gcov -b -c -o build-cov/lib lib/"$name"*.c >/dev/null
	mv ./*.gcov build-cov/gcov/
	for file in build-cov/gcov/"$name"*.gcov; do
		base=${file##*/}
		awk -v file="lib/${base%.gcov}" "$report" "$file" || failed=1
	done
done
exit "$failed"
