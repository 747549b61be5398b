# What the .bats files share: the built programs on PATH, free ports, waiting, background programs
# that end with their test, and databases of both kinds.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export ROOT
export PATH="${DEVPULSE_BUILD:-$ROOT/build}/bin:$PATH"
export XDG_STATE_HOME="$BATS_TEST_TMPDIR/state"
export ASAN_OPTIONS="detect_leaks=1:exitcode=99" UBSAN_OPTIONS="print_stacktrace=1"
for variable in ${!DEVPULSE_@}; do
	case $variable in
	DEVPULSE_BUILD | DEVPULSE_TEST_*) ;;
	*) unset "$variable" ;;
	esac
done

# The version of the programs: the file VERSION, with the commit where it is no release.
version_built() { dp-ingest --version | sed 's/.* //'; }

# A port that nobody listens on now. Two tests at once do not get the same one.
free_port() {
	local port
	while :; do
		port=$(shuf -i 10000-19999 -n 1)
		(exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
		mkdir "${TMPDIR:-/tmp}/.devpulse-port-$port" 2>/dev/null || continue
		echo "${TMPDIR:-/tmp}/.devpulse-port-$port" >>"$BATS_TEST_TMPDIR/ports"
		echo "$port"
		return
	done
}

# Call it before what needs IPv6, which a container has only by its engine's leave.
need_ipv6() { ip -6 addr show lo | grep -q ' ::1/' || skip 'the rest of it: no IPv6 here'; }

# Runs a command until it succeeds, for at most 10 s (or RETRY_SECONDS); shows its last output where
# it does not.
retry_until() {
	local end=$((SECONDS + ${RETRY_SECONDS:-10})) out
	while ! out=$("$@" 2>&1); do
		if ((SECONDS >= end)); then
			printf 'never came true: %s\n%s\n' "$*" "$out" >&2
			return 1
		fi
		sleep 0.05
	done
}

# Whether a file holds a line that matches (grep -E).
file_has() { grep -qE -- "$2" "$1"; }

# Starts a program in the background: background NAME COMMAND [ARG...]. Its pid is in $NAME_pid, its
# stdout and stderr in $BATS_TEST_TMPDIR/NAME.out and NAME.err. Ended by `stop_background`.
background() {
	local name=$1
	shift
	rm -f "$BATS_TEST_TMPDIR/$name.out" "$BATS_TEST_TMPDIR/$name.err" # what an earlier one said
	"$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 4>&- &
	printf -v "${name}_pid" %s "$!"
	echo "$!" >>"$BATS_TEST_TMPDIR/pids"
}

# Starts a program in the background, as `background` does, on a fifo whose other end is descriptor 8 of
# the test: feed_fifo NAME COMMAND [ARG...]. Its pid is in $FIFO_PID.
feed_fifo() {
	local fifo=$BATS_TEST_TMPDIR/$1.in
	rm -f "$fifo"
	mkfifo "$fifo"
	exec 7<>"$fifo"
	"${@:2}" <"$fifo" >"$BATS_TEST_TMPDIR/$1.out" 2>"$BATS_TEST_TMPDIR/$1.err" 3>&- 4>&- 7>&- &
	FIFO_PID=$!
	echo "$FIFO_PID" >>"$BATS_TEST_TMPDIR/pids"
	exec 8>"$fifo" 7>&-
}

# Starts dp-ingest on the port $PORT with its spool in $S, its events appended to
# $BATS_TEST_TMPDIR/out: start_spooling [OPTION...]. Its pid is in $ingest_pid.
start_spooling() {
	: >"$BATS_TEST_TMPDIR/err"
	dp-ingest --listen "127.0.0.1:${PORT:?}" --spool "${S:?}" "$@" >>"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	ingest_pid=$!
	echo "$ingest_pid" >>"$BATS_TEST_TMPDIR/pids"
	retry_until file_has "$BATS_TEST_TMPDIR/err" listening
}

# A test's program in Python, from standard input, for PYTHON_SECONDS (60); it may import peer and spool.
python() {
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout "${PYTHON_SECONDS:-60}" /usr/bin/python3 - "$@"
}

# Waits for a background program, at most 30 s, and puts its exit status in $status, as bats' run
# does.
wait_for() {
	local end=$((SECONDS + 30))
	while kill -0 "$1" 2>/dev/null; do
		if ((SECONDS >= end)); then
			echo "still running: $(tr '\0' ' ' <"/proc/$1/cmdline")" >&2
			kill -KILL "$1"
			return 1
		fi
		sleep 0.02
	done
	status=0
	wait "$1" || status=$?
	export status
}

# Call it from teardown().
stop_background() {
	local pid
	if [ -e "$BATS_TEST_TMPDIR/pids" ]; then
		while read -r pid; do
			kill "$pid" 2>/dev/null || true
		done <"$BATS_TEST_TMPDIR/pids"
		wait 2>/dev/null || true
	fi
	if [ -e "$BATS_TEST_TMPDIR/ports" ]; then
		xargs -r rmdir 2>/dev/null <"$BATS_TEST_TMPDIR/ports" || true
	fi
}

# Runs a function of the test once for each kind of database, with the URL of a new one. Not behind
# || or in a condition: there a failing command in it would not end the test.
in_both() {
	local kind db_of_kind
	for kind in sqlite postgresql; do
		db_of_kind=$(new_database "$kind")
		echo "with $kind:"
		"$@" "$db_of_kind"
	done
}

# The URL of a new, empty database: new_database sqlite | postgresql.
new_database() {
	local name
	case $1 in
	sqlite) echo "sqlite:///$BATS_TEST_TMPDIR/events.db" ;;
	postgresql)
		[ -n "${DEVPULSE_TEST_PG:-}" ] || {
			echo "no PostgreSQL: run this by ./devpulse test or tests/with-postgres.sh" >&2
			return 1
		}
		name=t$(date +%s%N)$RANDOM
		psql -qX "$DEVPULSE_TEST_PG" -c "CREATE DATABASE $name" >&2
		echo "${DEVPULSE_TEST_PG%/*}/$name"
		;;
	esac
}

# Puts the block of docs/operations.md whose first line is "# TITLE" on standard output.
as_written() {
	awk -v title="# $1" '/^```/ { on = 0 } $0 == title { on = found = 1 } on; END { exit !found }' \
		"$ROOT/docs/operations.md"
}

# And runs it.
do_as_written() {
	as_written "$1" >"$BATS_TEST_TMPDIR/commands"
	bash -eu "$BATS_TEST_TMPDIR/commands" 3>&- 4>&-
}

# Rows of a query on such a URL, columns separated by '|'.
query() {
	case $1 in
	sqlite:*) sqlite3 "${1#sqlite:///}" "$2" ;;
	*) psql -qAtX "$1" -c "$2" ;;
	esac
}

# A PostgreSQL of the test's own, to be killed: start_server PORT; server PG_CTL-ARGUMENT...
start_server() {
	SERVER=$BATS_TEST_TMPDIR/server
	PG_BIN=$(find /usr/lib/postgresql -name initdb | sort -V | tail -n 1)
	PG_BIN=${PG_BIN%/initdb}
	mkdir "$SERVER"
	if [ "$(id -u)" = 0 ]; then
		chmod a+x "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." "$BATS_TEST_TMPDIR/../../.."
		chown postgres "$SERVER"
	fi
	as_server_owner "$PG_BIN/initdb" -D "$SERVER/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
	printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n" \
		"$1" "$SERVER" >>"$SERVER/data/postgresql.conf"
	server start
}

as_server_owner() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

server() { as_server_owner "$PG_BIN/pg_ctl" -D "$SERVER/data" -l "$SERVER/log" -w "$@" >/dev/null 3>&- 4>&- 8>&-; }

# Ends the server and its backends as a power cut would.
kill_server() {
	local postmaster
	postmaster=$(head -n 1 "$SERVER/data/postmaster.pid")
	# one may have ended by itself
	pgrep -P "$postmaster" | xargs kill -KILL "$postmaster" 2>/dev/null || true
}
