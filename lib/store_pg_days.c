/* The partitions of days in PostgreSQL. An event of a day without one goes into the default
 * partition, and moves when the day gets one; that takes the longer the more there are. So the days
 * to come get theirs in advance, and others as soon as many events of them come: of an import, or
 * after a long outage. Where that is not possible, as a reader has been at it for long or the right
 * is missing, it is tried again later. */
#include "store_pg_parts.h"
#include "store_pg_run.h"

#include "clock.h"
#include "log.h"
#include "store_query.h"
#include "store_sql.h"

#include <assert.h>
#include <string.h>

DP_SQL(add_day_sql, "postgresql/add_day.sql");
DP_SQL(add_days_sql, "postgresql/add_days.sql");
DP_SQL(find_days_sql, "postgresql/find_days.sql");

enum {
	LOOK_MS = 10 * 60 * 1000, /* between two looks for what is missing */
	DAYS_AGO = 365,           /* the oldest that gets a partition */
	DAYS_AHEAD = 2,
	DAYS = DAYS_AGO + 1 + DAYS_AHEAD,
	MANY = 100, /* events of a day in a batch, that are worth a partition */
};

static_assert((int)DAYS <= (int)PG_DAYS, "each day has its place");

static const int64_t day_us = INT64_C(86400000000);

/* Of no matter to who stores, but where the connection is lost. */
static void take_failure(struct pg_store *s)
{
	if (!s->conn)
		return;
	dp_log_limited(DP_LOG_WARNING, "days", "cannot make the partitions of days: %s",
	    dp_store_error(&s->store));
	s->store.fault = DP_STORE_OK;
}

int dp_pg_add_days(struct pg_store *s)
{
	const int64_t now_ms = dp_clock_monotonic_ms();

	if (s->store.mode != DP_STORE_WRITE || s->store.is_ahead || now_ms < s->days_ms)
		return 0;
	s->days_ms = now_ms + LOOK_MS;
	memset(s->days, 0, sizeof s->days);
	if (dp_pg_execute(s, add_days_sql) < 0)
		take_failure(s);
	return s->conn ? 0 : -1;
}

/* Once, until it is time to look again. */
static bool is_seen_to(const struct pg_store *s, int64_t day)
{
	return s->days[day % PG_DAYS] == day;
}

/* What is found of days. */
struct finding {
	struct pg_store *store;
	bool is_any;
};

static int on_day(void *arg, const struct dp_store_cell *c)
{
	struct finding *f = arg;
	const int64_t day = c[0].number / day_us;

	f->is_any = true;
	if (day > 0)
		f->store->days[day % PG_DAYS] = day;
	return 0;
}

/* Another handle may have made it. Where there are none at all the table is laid out otherwise. */
static bool is_there(struct pg_store *s, int64_t day)
{
	struct dp_query q = {.count = 0};
	struct finding f = {.store = s};

	dp_buf_add_text(&q.sql, find_days_sql);
	if (dp_query_run(&s->store, &q, on_day, &f) < 0)
		take_failure(s);
	else if (!f.is_any)
		s->days[day % PG_DAYS] = day;
	return is_seen_to(s, day);
}

static void add_day(struct pg_store *s, int64_t day)
{
	struct pg_columns c = {0};
	char time[8];

	s->days[day % PG_DAYS] = day;
	dp_pg_write_int8(dp_pg_time(day * day_us), time);
	dp_buf_add(dp_pg_add_column(&c, PG_TIMESTAMPTZ), time, sizeof time);
	if (dp_pg_run_only(s, add_day_sql, &c) < 0)
		take_failure(s);
}

int dp_pg_prepare(struct dp_store *store, const struct dp_entry *entries, size_t n)
{
	struct pg_store *s = (struct pg_store *)store;
	const int64_t first = dp_clock_now_us() / day_us - DAYS_AGO;
	size_t count[DAYS] = {0};

	if (first < 1)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const int64_t us = entries[i].ev->ts_us - first * day_us;

		if (us >= 0 && us < DAYS * day_us)
			count[us / day_us]++;
	}
	for (int i = 0; i < DAYS && s->conn; i++) {
		if (count[i] < MANY || is_seen_to(s, first + i))
			continue;
		if (!store->is_ahead)
			add_day(s, first + i);
		else if (!is_there(s, first + i))
			return s->conn ? 1 : -1;
	}
	return s->conn ? 0 : -1;
}
