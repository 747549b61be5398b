#!/usr/bin/env bats
# One trace of very many events: what an event costs does not grow with it, nor does dp-store. Of
# 50,000, or of as many as DEVPULSE_TEST_ROWS says (make big).

load helpers

teardown() {
	stop_background
}

# Errors of one trace, of a few systems, a millisecond apart: events FIRST LAST.
events() {
	seq "$1" "$2" | awk '{ printf "{\"traceId\":\"large\",\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"timestamp\":\"%s.%03dZ\",\"severity\":\"error\",\"system\":\"s%d\",\"details\":\"event %d\"}\n",
		$1, strftime("2026-01-02T%H:%M:%S", $1 / 1000, 1), $1 % 1000, $1 % 7, $1 }'
}

# Ticks of the processor that a process has had.
ticks_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# Those of dp-store, and of the server's process for it.
ticks() {
	local server=0
	if [[ $1 == postgresql:* ]]; then
		server=$(ticks_of "$(query "$1" "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'dp-store'")")
	fi
	echo $(($(ticks_of "$FIFO_PID") + server))
}

memory_kb() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$FIFO_PID/status"; }

count_is() { [ "$(query "$1" "SELECT events FROM traces WHERE trace_id = 'large'")" = "$2" ]; }

trace_of_many() {
	local n=${DEVPULSE_TEST_ROWS:-50000} first begin_ticks first_ticks later_ticks
	first=$((n / 5))
	feed_fifo store dp-store --db "$1"
	events 1 1000 >&8
	retry_until count_is "$1" 1000
	begin_ticks=$(ticks "$1")
	events 1001 "$first" >&8
	RETRY_SECONDS=600 retry_until count_is "$1" "$first"
	first_ticks=$(($(ticks "$1") - begin_ticks))
	events "$((first + 1))" "$n" >&8
	RETRY_SECONDS=3600 retry_until count_is "$1" "$n"
	later_ticks=$(($(ticks "$1") - begin_ticks - first_ticks))
	echo "ticks: $first_ticks, $later_ticks; KiB: $(memory_kb)"
	((later_ticks <= 2 * 4 * first_ticks + 20))
	[[ ${DEVPULSE_BUILD:-} == *san ]] || (($(memory_kb) < 72 * 1024))
	exec 8>&-
	wait_for "$FIFO_PID"
	[ "$status" = 0 ]
	[ "$(query "$1" 'SELECT errors, systems FROM traces')" = "$n|$(query "$1" 'SELECT systems FROM error_groups')" ]
	[ "$(query "$1" 'SELECT count(*), min(events) FROM error_groups')" = "1|$n" ]
}

@test "a trace of many events costs no more for each, and no memory" { in_both trace_of_many; }
