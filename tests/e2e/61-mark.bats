#!/usr/bin/env bats
# dp-store behind a spool: positions and the mark. What dies or fails: tests/fault.

bats_require_minimum_version 1.5.0
load helpers

SPOOL=019b7c4e-0000-7000-8000-00000000000a
OTHER=019b7c4e-0000-7000-8000-00000000000b

setup() {
	S=$BATS_TEST_TMPDIR/spool
	M=$S/mark
	PORT=$(free_port)
	export S PORT
}

teardown() { stop_background; }

# The n-th event, which ends at an offset of a spool: event N OFFSET [SPOOL]
event() {
	printf '{"traceId":"t","eventId":"018bcfe5-6800-7000-8000-%012x","details":"event %d","_pos":"%s:%s"}\n' \
		"$1" "$1" "${3:-$SPOOL}" "$2"
}

# Stores what comes by a batch and a mark of their own: store URL [OPTION...]
store() { dp-store --db "$1" --mark "$M" "${@:2}" 2>>"$BATS_TEST_TMPDIR/err"; }

mark_is() { [ "$(cut -c10- "$M")" = "$1" ]; }
mark_says_nothing() { [ ! -e "$M" ]; } # no dp-ingest has kept its place
position_is() { [ "$(query "$1" "SELECT pos FROM positions WHERE source = '${3:-$SPOOL}'")" = "$2" ]; }
count_is() { [ "$(query "$1" 'SELECT count(*) FROM events')" = "$2" ]; }
said() { file_has "$BATS_TEST_TMPDIR/err" "$1"; }

stores_once_what_comes_again() {
	rm -rf "$S" "$BATS_TEST_TMPDIR/err"
	{ event 1 10; event 2 20; } | store "$1"
	count_is "$1" 2
	position_is "$1" 20
	mark_is "$SPOOL:20"
	# another event in the place of the second: the key counts
	{ event 1 10; event 7 20; event 3 30; } | store "$1"
	count_is "$1" 4
	mark_is "$SPOOL:30"
	said 'stored 2, duplicates 1, refused 0, dead letters 0$'
	# without the mark, and behind it
	rm "$M"
	event 1 10 | store "$1"
	mark_is "$SPOOL:10" # what came in, and not what the database knows
	position_is "$1" 30
	{ event 2 20; event 3 30; } | store "$1"
	mark_is "$SPOOL:30"
	count_is "$1" 4
	[ "$(stat -c %a "$S" "$M" "$M.lock" | tr '\n' ' ')" = '700 600 600 ' ]
}

@test "what comes again is stored once, by its key" { in_both stores_once_what_comes_again; }

moves_by_what_is_not_stored() {
	rm -rf "$S"
	{ event 1 10; event 1 20; printf '{"traceId":"","_pos":"%s:30"}\n' "$SPOOL"; } | store "$1"
	position_is "$1" 30
	printf '{"traceId":"","_pos":"%s:40"}\nno JSON\n' "$SPOOL" | store "$1"
	position_is "$1" 40
	mark_is "$SPOOL:40"
	{ event 2 50; event 3 60 | head -c 100; } | store "$1"
	position_is "$1" 50
	mark_is "$SPOOL:50"
	count_is "$1" 2
}

@test "duplicates and lines that are refused move the position, half a line doesn't" {
	in_both moves_by_what_is_not_stored
}

# The event is stored, and the mark follows, while the input stays open.
marks_a_quiet_stream() {
	rm -rf "$S"
	{
		event 1 10
		retry_until mark_is "$SPOOL:10"
		event 2 20
		event 3 30
		RETRY_SECONDS=2 retry_until mark_is "$SPOOL:30"
		touch "$BATS_TEST_TMPDIR/marked"
	} 3>&- | store "$1"
	rm "$BATS_TEST_TMPDIR/marked"
}

@test "a quiet stream is marked at once" { in_both marks_a_quiet_stream; }

@test "input without positions is stored as ever, and moves no mark" {
	local url
	url=$(new_database sqlite)
	echo '{"details":"one"}' | store "$url"
	count_is "$url" 1
	mark_says_nothing
	said 'warning: a line without a position'
	event 1 10 | dp-store --db "$url" # and positions without a mark
	position_is "$url" 10
}

# positions_end_it TEXT LINES...: dp-store ends at the last of them, and the position is not moved.
positions_end_it() {
	local text=$1 url
	shift
	url=$(new_database postgresql)
	rm -rf "$S" "$BATS_TEST_TMPDIR/err"
	event 1 10 | store "$url"
	run store "$url" < <("$@"; event 9 90)
	echo "$output"
	[ "$status" = 1 ]
	said "error: line [23]: $text.*; nothing more is taken\$"
	position_is "$url" 10
	mark_is "$SPOOL:10"
	count_is "$url" 2
}

falling() { event 2 20; event 3 15; }
repeated() { event 2 20; event 3 20; }
another_spool() { event 2 20; event 3 30 "$OTHER"; }

@test "positions that fall, come twice, or change their spool end it" {
	positions_end_it 'position 15 comes after 20: a filter' falling
	positions_end_it 'position 20 comes after 20: a filter' repeated
	positions_end_it "the input comes from the spool $SPOOL, then from $OTHER" another_spool
}

# For `background`: takes what comes from a fifo.
store_fifo() { exec dp-store --db "$1" --mark "$2" <"$3"; }

@test "two stores on one mark: the second is refused" {
	local url
	url=$(new_database sqlite)
	mkfifo "$BATS_TEST_TMPDIR/in"
	background first store_fifo "$url" "$M" "$BATS_TEST_TMPDIR/in"
	exec 8>"$BATS_TEST_TMPDIR/in"
	retry_until test -e "$M.lock"
	event 1 10 >&8
	retry_until mark_is "$SPOOL:10"
	run dp-store --db "$url" --mark "$M" </dev/null
	exec 8>&-
	[ "$status" = 1 ]
	[ "$output" = "dp-store: error: the mark $M is in use by another dp-store: there is one to a spool" ]
	wait_for "${first_pid:?}"
	[ "$status" = 0 ]
}

finds_out_another_store() {
	local in=$BATS_TEST_TMPDIR/in${1%%:*}
	mkfifo "$in"
	background first store_fifo "$1" "$BATS_TEST_TMPDIR/mark.a" "$in"
	exec 8>"$in"
	event 1 10 >&8
	retry_until count_is "$1" 1
	{ event 1 10; event 2 20; } | dp-store --db "$1" --mark "$BATS_TEST_TMPDIR/mark.b"
	event 3 30 >&8
	exec 8>&-
	wait_for "${first_pid:?}"
	[ "$status" = 1 ]
	file_has "$BATS_TEST_TMPDIR/first.err" "error: .*the spool $SPOOL is not at 10 any more: another program stores"
	position_is "$1" 20
	count_is "$1" 2
	rm -f "$BATS_TEST_TMPDIR"/mark.?
}

@test "two stores of one spool by different marks: the first finds it out" {
	in_both finds_out_another_store
}

@test "a mark that cannot be written lags, and is written when it can" {
	local url
	url=$(new_database sqlite)
	mkdir -p "$M.new" # as no space is for root, too
	{
		event 1 10
		retry_until said 'warning: cannot write the mark .*: Is a directory; trying again'
		[ ! -e "$M" ]
		rmdir "$M.new"
		retry_until mark_is "$SPOOL:10"
		touch "$BATS_TEST_TMPDIR/healed"
	} 3>&- | store "$url"
	[ -e "$BATS_TEST_TMPDIR/healed" ]
	DEVPULSE_MARK=/proc/no/mark run dp-store --db "$url" </dev/null
	[ "$status" = 2 ]
	[[ $output == "dp-store: error: --mark (DEVPULSE_MARK): cannot lock /proc/no/mark.lock: "* ]]
}

@test "a mark ahead of the database is told" {
	local url
	url=$(new_database sqlite)
	{ event 1 10; event 2 20; } | store "$url"
	query "$url" 'DELETE FROM positions'
	event 3 30 | store "$url"
	said "warning: the mark $M is ahead of the database \\(20, not 0\\)"
	mark_is "$SPOOL:30"
}

is_committing() {
	[ "$(query "$1" "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]
}

@test "killed before the end of a commit: no mark says that it was made" {
	local url
	url=$(new_database postgresql)
	dp-store --db "$url" </dev/null
	query "$url" "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION slow()"
	event 1 10 >"$BATS_TEST_TMPDIR/one"
	background first store_fifo "$url" "$M" "$BATS_TEST_TMPDIR/one"
	retry_until is_committing "$url"
	mark_says_nothing
	kill -KILL "${first_pid:?}"
	wait_for "$first_pid" || true
	mark_says_nothing
	query "$url" "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
	query "$url" 'DROP TRIGGER slow ON events'
	store "$url" <"$BATS_TEST_TMPDIR/one"
	count_is "$url" 1
	mark_is "$SPOOL:10"
}

rejects_some() {
	dp-store --db "$1" </dev/null
	case $1 in
	sqlite:*) query "$1" "CREATE TRIGGER good BEFORE INSERT ON events WHEN NEW.system = 'bad'
		BEGIN SELECT RAISE(ABORT, 'not this'); END" ;;
	*) query "$1" "ALTER TABLE events ADD CHECK (system <> 'bad')" ;;
	esac
}

tells_its_status() {
	run dp-store --db "$1" --status
	[ "$status" = 1 ]
	[[ $output == 'dp-store: error: '*'no '*' yet'* ]]
	rejects_some "$1"
	{ event 1 10; event 2 20 | sed 's/{/&"system":"bad",/'; } | dp-store --db "$1"
	event 3 5 "$OTHER" | dp-store --db "$1"
	run dp-store --db "$1" --status
	[ "$status" = 0 ]
	[ "$output" = "position $SPOOL:20
position $OTHER:5
dead_letters 1" ]
	run sh -c 'dp-store --db "$1" --status >/dev/full' sh "$1"
	[ "$status" = 1 ]
}

@test "--status tells positions and dead letters" { in_both tells_its_status; }

# dp-ingest | FILTER... | dp-store, whose pids are in files: pair URL [FILTER...]
pair() {
	local url=$1
	shift
	[ $# -gt 0 ] || set -- cat
	{ echo "$BASHPID" >"$BATS_TEST_TMPDIR/ingest.pid"; exec dp-ingest --listen "127.0.0.1:$PORT" --spool "$S"; } |
		"$@" |
		{ echo "$BASHPID" >"$BATS_TEST_TMPDIR/store.pid"; exec dp-store --db "$url" --mark "$M"; }
}

start_pair() {
	background pair pair "$@"
	retry_until file_has "$BATS_TEST_TMPDIR/pair.err" listening
}

stop_pair() {
	kill "$(<"$BATS_TEST_TMPDIR/ingest.pid")"
	wait_for "${pair_pid:?}"
}

send() { dp-send --url "ws://127.0.0.1:$PORT/"; }

details() { query "$1" 'SELECT body FROM events ORDER BY seq' | jq -r .details | paste -sd' '; }
details_are() { [ "$(details "$1")" = "$2" ]; }

# What is dropped before an event that passes is behind the mark; only what comes after the last of
# those is handed over again.
works_with() {
	local url=sqlite:///$BATS_TEST_TMPDIR/$1.db
	S=$BATS_TEST_TMPDIR/spool.$1
	M=$S/mark
	shift
	start_pair "$url" "$@"
	printf '{"severity":"%s","details":"%s"}\n' info a error b info c error d info e | send
	retry_until details_are "$url" 'b d'
	stop_pair
	start_pair "$url"
	retry_until details_are "$url" 'b d e'
	stop_pair
	details_are "$url" 'b d e'
}

@test "filters in the pipe: jq, grep, sed" {
	works_with sed sed -un '/"severity":"error"/p'
	works_with jq jq --unbuffered -c 'select(.severity != "info")'
	works_with grep grep --line-buffered '"severity":"error"'
}

@test "filters in the pipe: tee" {
	local url
	url=$(new_database sqlite)
	start_pair "$url" tee "$BATS_TEST_TMPDIR/copy"
	seq 1 1000 | sed 's/.*/{"details":"&"}/' | send
	retry_until count_is "$url" 1000
	stop_pair
	[ "$(wc -l <"$BATS_TEST_TMPDIR/copy")" = 1000 ]
	mark_is "$(tail -n 1 "$BATS_TEST_TMPDIR/copy" | jq -r ._pos)"
}

# The copy lacks events whose offsets the database knows as stored; those are given to new ones.
survives_an_older_copy() {
	rm -rf "$S" "$S.copy"
	start_pair "$1"
	printf '{"details":"%s"}\n' a b | send
	retry_until details_are "$1" 'a b'
	stop_pair
	cp -a "$S" "$S.copy"
	start_pair "$1"
	printf '{"details":"%s"}\n' c d e | send
	retry_until details_are "$1" 'a b c d e'
	stop_pair
	rm -r "$S"
	mv "$S.copy" "$S"
	start_pair "$1"
	printf '{"details":"%s"}\n' f g h i | send
	retry_until details_are "$1" 'a b c d e f g h i'
	stop_pair
	[ "$(query "$1" 'SELECT count(*) FROM positions')" = 1 ]
	mark_is "$(dp-store --db "$1" --status | sed -n 's/^position //p')"
}

@test "a spool that is an older copy: what comes then is stored" { in_both survives_an_older_copy; }

bare() { printf '{"_pos":"%s:%s"}\n' "${2:-$SPOOL}" "$1"; }

believes_bare_positions() {
	rm -rf "$S" "$BATS_TEST_TMPDIR/err"
	{
		bare 10
		retry_until mark_is "$SPOOL:10"
		event 1 20
		bare 20 # slower to commit than it was handed over
		bare 30
		retry_until mark_is "$SPOOL:30"
		touch "$BATS_TEST_TMPDIR/marked"
	} 3>&- | store "$1" --tee >"$BATS_TEST_TMPDIR/tee"
	rm "$BATS_TEST_TMPDIR/marked"
	position_is "$1" 30
	count_is "$1" 1
	lines_are 1 "$BATS_TEST_TMPDIR/tee"
	said 'stored 1, duplicates 0, refused 0, dead letters 0$'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]
	# an event at or before one is out of order
	for n in 40 35; do
		run store "$1" < <(bare 40; event 2 "$n"; event 3 50)
		[ "$status" = 1 ]
		position_is "$1" 30
	done
	run store "$1" < <(bare 40; bare 39)
	[ "$status" = 1 ]
	count_is "$1" 1
}

lines_are() { [ "$(wc -l <"$2")" = "$1" ]; }

@test "a bare position moves the mark and the position, and is no event" { in_both believes_bare_positions; }

@test "who reads a pipe passes over bare positions; sent by a client they are refused" {
	{ event 1 10; bare 20; event 2 30; } >"$BATS_TEST_TMPDIR/pipe"
	run dp-ingest - <"$BATS_TEST_TMPDIR/pipe"
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	run dp-tail -o json - <"$BATS_TEST_TMPDIR/pipe"
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	start_pair "$(new_database sqlite)"
	run send <"$BATS_TEST_TMPDIR/pipe"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output != *refused* ]]
	run -22 curl -fsS -H 'Content-Type: application/json' -d "$(bare 4096)" "http://127.0.0.1:$PORT/events"
	run file_has "$BATS_TEST_TMPDIR/pair.err" 'refused from .*: no-known-field'
	[ "$status" = 0 ]
	stop_pair
	[ "$status" = 0 ]
}

# A filter that drops every event, and lets bare positions pass: drops_all NAME FILTER...
drops_all() {
	local url=sqlite:///$BATS_TEST_TMPDIR/$1.db
	S=$BATS_TEST_TMPDIR/spool.$1
	M=$S/mark
	shift
	start_pair "$url" "$@"
	printf '{"details":"%s"}\n' a b c | send
	RETRY_SECONDS=30 retry_until grep -q . "$M"
	stop_pair
	[[ $(cut -c10- "$M") == *":$(stat -c %s "$S/00000000000000000000.seg")" ]]
	start_pair "$url"
	echo '{"details":"d"}' | send
	retry_until details_are "$url" d
	stop_pair
	details_are "$url" d
}

@test "what a filter drops is not handed over for ever, where it lets bare positions pass" {
	drops_all jq jq -c --unbuffered 'select(.traceId == null or .severity == "error")'
	drops_all grep grep --line-buffered -e '"severity":"error"' -e '^{"_pos":'
}

# The pair goes on as the warning says, and the database has all again.
survives_an_older_database() {
	local copy=$BATS_TEST_TMPDIR/copy
	rm -rf "$S" "$copy"
	start_pair "$1"
	printf '{"details":"%s"}\n' a b | send
	retry_until details_are "$1" 'a b'
	stop_pair
	back_up "$1" "$copy"
	start_pair "$1"
	printf '{"details":"%s"}\n' c d e | send
	retry_until details_are "$1" 'a b c d e'
	stop_pair
	restore "$1" "$copy"
	details_are "$1" 'a b'
	start_pair "$1"
	echo '{"details":"f"}' | send
	retry_until file_has "$BATS_TEST_TMPDIR/pair.err" 'warning: the mark .* is ahead of the database .* stop dp-ingest and dp-store, remove the mark, and start them$'
	retry_until details_are "$1" 'a b f'
	stop_pair
	rm "$M"
	start_pair "$1"
	retry_until details_are "$1" 'a b f c d e'
	stop_pair
}

back_up() {
	case $1 in
	sqlite:*) cp "${1#sqlite:///}" "$2" ;;
	*) pg_dump "$1" >"$2" ;;
	esac
}

restore() {
	case $1 in
	sqlite:*) cp "$2" "${1#sqlite:///}" ;;
	*)
		query "$1" 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'
		psql -qX -v ON_ERROR_STOP=1 "$1" <"$2"
		;;
	esac
}

@test "a database that is an older copy: what was stored since comes again" { in_both survives_an_older_database; }

@test "the end of a spool's input ends the wait for a database that is away" {
	local status=0
	event 1 10 | timeout 20 dp-store --db "postgresql://nobody@127.0.0.1:$(free_port)/nothing" --mark "$M" \
		2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" = 1 ]
	said 'stopped before the database was there'
}

@test "and for one that goes away meanwhile" {
	local port url
	port=$(free_port)
	url=postgresql://postgres@127.0.0.1:$port/postgres
	start_server "$port"
	mkfifo "$BATS_TEST_TMPDIR/in"
	store "$url" <"$BATS_TEST_TMPDIR/in" 3>&- 4>&- &
	exec 8>"$BATS_TEST_TMPDIR/in"
	event 1 10 >&8
	retry_until count_is "$url" 1
	kill_server
	event 2 20 >&8
	retry_until said 'the database is away'
	exec 8>&-
	wait_for "$!"
	[ "$status" = 1 ]
	said 'could not be stored: 1, which the spool has and hands over again'
}
