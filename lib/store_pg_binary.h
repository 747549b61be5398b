/* PostgreSQL's binary forms, in which everything travels that is not text: exact, and nothing to
 * parse. Private to lib/store_pg*.c. */
#ifndef DP_STORE_PG_BINARY_H
#define DP_STORE_PG_BINARY_H

#include "store_backend.h"

#include <libpq-fe.h>

/* Types of the server (pg_type.dat). */
enum {
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_TEXT = 25,
	PG_JSON = 114,
	PG_JSON_ARRAY = 199,
	PG_FLOAT8 = 701,
	PG_TEXT_ARRAY = 1009,
	PG_INT8_ARRAY = 1016,
	PG_FLOAT8_ARRAY = 1022,
	PG_TIMESTAMPTZ = 1184,
	PG_TIMESTAMPTZ_ARRAY = 1185,
	PG_UUID = 2950,
	PG_UUID_ARRAY = 2951,
};

/* 64 bits in the order of the network. */
void dp_pg_write_int8(int64_t v, char out[8]);
int64_t dp_pg_read_int8(const char *p);

/* Microseconds since 1970 as a timestamptz and back. What no timestamptz can be becomes the nearest
 * one that is finite. */
int64_t dp_pg_time(int64_t us);
int64_t dp_pg_time_us(int64_t pg_time);

/* Reads a row of a binary result; uuid is the place for the text of the only UUID. */
void dp_pg_read_row(
    const PGresult *res, int row, struct dp_store_cell *cells, char uuid[DP_UUID_TEXT + 1]);

#endif
