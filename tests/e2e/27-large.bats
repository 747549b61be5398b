#!/usr/bin/env bats
# One trace of very many events: what an event costs does not grow with it, nor does dp-store or dp-http. Of
# 50,000, or of as many as DEVPULSE_TEST_ROWS says (make big).

load helpers
load http

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
	[[ ${DEVPULSE_BUILD:-} == *san ]] || (($(memory_kb) < 96 * 1024))
	exec 8>&-
	wait_for "$FIFO_PID"
	[ "$status" = 0 ]
	[ "$(query "$1" 'SELECT errors, systems FROM traces')" = "$n|$(query "$1" 'SELECT systems FROM error_groups')" ]
	[ "$(query "$1" 'SELECT count(*), min(events) FROM error_groups')" = "1|$n" ]
}

@test "a trace of many events costs no more for each, and no memory" { in_both trace_of_many; }

# The ids of a document's events, one a line; `sort -cu` says whether they are in order.
ids() { tr , '\n' | sed -n 's/^"event_id":"\([^"]*\)".*/\1/p'; }

flow() { curl -fsS "$url/api/flow?trace=large" | jq -r '"\(.traces) \(.complete) \(.nodes | length) \([.nodes[].events] | add)"'; }

read_trace_of_many() {
	local n=${DEVPULSE_TEST_ROWS:-50000}
	events 1 "$n" | dp-store --db "$1"
	# an order that it has to make would be too large to be made in memory
	[[ $1 != postgresql:* ]] || query "$1" "ALTER DATABASE ${1##*/} SET temp_file_limit = 0"
	serve "$1"
	if ((n <= 100000)); then
		[ "$(flow)" = "1 true 7 $n" ]
	else
		[ "$(flow)" = '1 false 7 100000' ]
	fi
	end_http
	[[ $1 != postgresql:* ]] || query "$1" "ALTER DATABASE ${1##*/} RESET temp_file_limit"
	serve "$1"
	curl -fsS "$url/api/traces/large" | ids >"$BATS_TEST_TMPDIR/ids"
	sort -cu "$BATS_TEST_TMPDIR/ids"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ids")" = "$n" ]
	curl -fsS "$url/api/traces/large/timeline" >"$BATS_TEST_TMPDIR/timeline"
	[ "$(ids <"$BATS_TEST_TMPDIR/timeline" | sort -u | wc -l)" = "$n" ]
	tr '{' '\n' <"$BATS_TEST_TMPDIR/timeline" | sed -n 's/^"system":"\(s.\)","start_time".*"event_count":\([0-9]*\),"events":\[$/\1 \2/p' \
		>"$BATS_TEST_TMPDIR/stages"
	seq 1 "$n" | awk '{ if (!count[$1 % 7]++) order[++stages] = $1 % 7 } END { for (i = 1; i <= stages; i++) print "s" order[i], count[order[i]] }' |
		diff - "$BATS_TEST_TMPDIR/stages"
	echo "KiB: $(awk '$1 == "VmHWM:" { print $2 }' "/proc/$http_pid/status")"
	[[ ${DEVPULSE_BUILD:-} == *san ]] || (($(awk '$1 == "VmHWM:" { print $2 }' "/proc/$http_pid/status") < 40 * 1024))
	end_http
}

@test "a trace of many events is read in flat memory, its flow without a sort" { in_both read_trace_of_many; }
