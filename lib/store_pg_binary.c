#include "store_pg_binary.h"

#include <endian.h>
#include <math.h>
#include <string.h>

void dp_pg_write_int8(int64_t v, char out[8])
{
	uint64_t net = htobe64((uint64_t)v);

	memcpy(out, &net, sizeof net);
}

int64_t dp_pg_read_int8(const char *p)
{
	uint64_t net;

	memcpy(&net, p, sizeof net);
	return (int64_t)be64toh(net);
}

static double read_float8(const char *p)
{
	const int64_t bits = dp_pg_read_int8(p);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* A timestamptz counts microseconds from 2000-01-01, from 4714 BC to 294276. The least and the
 * greatest number of 64 bits stand for -infinity and infinity, which spoil all arithmetic. */
static const int64_t pg_epoch_us = INT64_C(946684800000000);
static const int64_t pg_first = INT64_C(-211813488000000000);
static const int64_t pg_last = INT64_C(9223371331199999999);

int64_t dp_pg_time(int64_t us)
{
	if (us < pg_first + pg_epoch_us)
		return pg_first;
	return us - pg_epoch_us < pg_last ? us - pg_epoch_us : pg_last;
}

int64_t dp_pg_time_us(int64_t pg_time)
{
	return pg_time < INT64_MAX - pg_epoch_us ? pg_time + pg_epoch_us : INT64_MAX;
}

void dp_pg_read_row(
    const PGresult *res, int row, struct dp_store_cell *cells, char uuid[DP_UUID_TEXT + 1])
{
	int n = PQnfields(res);

	for (int i = 0; i < n && i < DP_STORE_CELLS_MAX; i++) {
		const int bytes = PQgetlength(res, row, i);
		const char *p = PQgetvalue(res, row, i);
		struct dp_store_cell *c = &cells[i];

		*c = (struct dp_store_cell){.real = NAN};
		if (bytes == 0 && PQgetisnull(res, row, i))
			continue;
		switch (PQftype(res, i)) {
		case PG_INT8:
			c->number = dp_pg_read_int8(p);
			break;
		case PG_FLOAT8:
			c->real = read_float8(p);
			break;
		case PG_TIMESTAMPTZ:
			c->number = dp_pg_time_us(dp_pg_read_int8(p));
			break;
		case PG_UUID:
			dp_uuid_from_bytes((const uint8_t *)p, uuid);
			c->text = dp_str_from(uuid);
			break;
		default:
			c->text = (struct dp_str){p, (size_t)bytes};
		}
	}
}
