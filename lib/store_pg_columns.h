/* The parameters of a statement, one array a column where they are those of many rows, in the
 * binary form of the server. Private to lib/store_pg*.c. */
#ifndef DP_STORE_PG_COLUMNS_H
#define DP_STORE_PG_COLUMNS_H

#include "store_pg_binary.h"

enum { PG_COLUMNS_MAX = 16 };

/* {0} has none. */
struct pg_columns {
	int count;
	Oid types[PG_COLUMNS_MAX];
	struct dp_buf values[PG_COLUMNS_MAX];
};

void dp_pg_columns_release(struct pg_columns *c);

/* Adds a parameter; the bytes of its value are to be appended. */
struct dp_buf *dp_pg_add_column(struct pg_columns *c, Oid type);
void dp_pg_add_number(struct pg_columns *c, int64_t v);

/* Begins an array of n elements, of a type that has one, which are to be appended; NULL where there
 * may be any. */
struct dp_buf *dp_pg_add_array(struct pg_columns *c, Oid element, size_t n);

/* Append an element to an array; a field to a row of COPY: the form is the same. */
void dp_pg_add_bytes(struct dp_buf *b, const char *p, size_t n);
void dp_pg_add_str(struct dp_buf *b, struct dp_str s);
void dp_pg_add_int8(struct dp_buf *b, int64_t v);
void dp_pg_add_float8(struct dp_buf *b, double v);
void dp_pg_add_time(struct dp_buf *b, int64_t us);
void dp_pg_add_uuid(struct dp_buf *b, const char *text);
void dp_pg_add_null(struct dp_buf *b);

/* Numbers in the order of the network. */
void dp_pg_add_raw4(struct dp_buf *b, uint32_t v);
void dp_pg_add_raw2(struct dp_buf *b, uint16_t v);

#endif
