#!/bin/sh
# Runs a command with a throw-away PostgreSQL, whose URL is DEVPULSE_TEST_PG (a superuser's, of the
# database "postgres"); its directory is DEVPULSE_TEST_PG_DIR. Listens on 127.0.0.1 only, durable as
# PostgreSQL is by default, gone with the command. DEVPULSE_PG_OPTIONS: more options of the server.
#
#	tests/with-postgres.sh COMMAND [ARG...]
set -eu

[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

bin=$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)
bin=${bin%/initdb}
[ -n "$bin" ] || { initdb=$(command -v initdb) && bin=${initdb%/*}; } || {
	echo "$0: no PostgreSQL server here; install the package postgresql" >&2
	exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/devpulse-pg.XXXXXX")
# PostgreSQL does not run as root: there it belongs to its own user.
as_owner() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as_owner() { (cd / && runuser -u postgres -- "$@"); }
fi

# shellcheck disable=SC2317 # called by the trap
stop() {
	as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

as_owner "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
	>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
for try in 1 2 3 4 5; do
	port=$(shuf -i 20000-32000 -n 1)
	as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w \
		-o "-p $port -h 127.0.0.1 -k $dir ${DEVPULSE_PG_OPTIONS:-}" start >/dev/null 2>&1 && break
	[ "$try" != 5 ] || { cat "$dir/data/server.log" >&2; exit 1; }
done

DEVPULSE_TEST_PG="postgresql://postgres@127.0.0.1:$port/postgres"
DEVPULSE_TEST_PG_DIR=$dir
export DEVPULSE_TEST_PG DEVPULSE_TEST_PG_DIR
status=0
"$@" || status=$?
exit "$status"
