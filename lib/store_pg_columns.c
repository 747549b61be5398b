#include "store_pg_columns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

void dp_pg_columns_release(struct pg_columns *c)
{
	for (int i = 0; i < c->count; i++)
		dp_buf_release(&c->values[i]);
	c->count = 0;
}

void dp_pg_add_raw4(struct dp_buf *b, uint32_t v)
{
	uint32_t net = htonl(v);

	dp_buf_add(b, (const char *)&net, sizeof net);
}

void dp_pg_add_raw2(struct dp_buf *b, uint16_t v)
{
	uint16_t net = htons(v);

	dp_buf_add(b, (const char *)&net, sizeof net);
}

struct dp_buf *dp_pg_add_column(struct pg_columns *c, Oid type)
{
	assert(c->count < PG_COLUMNS_MAX);
	c->types[c->count] = type;
	c->values[c->count] = (struct dp_buf){0};
	return &c->values[c->count++];
}

void dp_pg_add_number(struct pg_columns *c, int64_t v)
{
	char net[8];

	dp_pg_write_int8(v, net);
	dp_buf_add(dp_pg_add_column(c, PG_INT8), net, sizeof net);
}

static Oid array_of(Oid element)
{
	static const Oid types[][2] = {
	    {PG_INT8, PG_INT8_ARRAY},
	    {PG_TEXT, PG_TEXT_ARRAY},
	    {PG_JSON, PG_JSON_ARRAY},
	    {PG_UUID, PG_UUID_ARRAY},
	    {PG_FLOAT8, PG_FLOAT8_ARRAY},
	    {PG_TIMESTAMPTZ, PG_TIMESTAMPTZ_ARRAY},
	};
	size_t i = 0;

	while (types[i][0] != element)
		i++;
	return types[i][1];
}

/* As array_recv in the server's arrayfuncs.c reads it. */
struct dp_buf *dp_pg_add_array(struct pg_columns *c, Oid element, size_t n)
{
	struct dp_buf *b = dp_pg_add_column(c, array_of(element));

	dp_pg_add_raw4(b, 1); /* dimension */
	dp_pg_add_raw4(b, 1); /* there may be NULLs */
	dp_pg_add_raw4(b, element);
	dp_pg_add_raw4(b, (uint32_t)n);
	dp_pg_add_raw4(b, 1); /* the first subscript */
	return b;
}

void dp_pg_add_bytes(struct dp_buf *b, const char *p, size_t n)
{
	dp_pg_add_raw4(b, (uint32_t)n);
	dp_buf_add(b, p, n);
}

void dp_pg_add_str(struct dp_buf *b, struct dp_str s)
{
	dp_pg_add_bytes(b, s.p, s.n);
}

void dp_pg_add_int8(struct dp_buf *b, int64_t v)
{
	char net[8];

	dp_pg_write_int8(v, net);
	dp_pg_add_bytes(b, net, sizeof net);
}

void dp_pg_add_float8(struct dp_buf *b, double v)
{
	int64_t bits;

	memcpy(&bits, &v, sizeof bits);
	dp_pg_add_int8(b, bits);
}

void dp_pg_add_time(struct dp_buf *b, int64_t us)
{
	dp_pg_add_int8(b, dp_pg_time(us));
}

void dp_pg_add_uuid(struct dp_buf *b, const char *text)
{
	uint8_t bytes[16];

	dp_uuid_to_bytes(text, bytes);
	dp_pg_add_bytes(b, (const char *)bytes, sizeof bytes);
}

void dp_pg_add_null(struct dp_buf *b)
{
	dp_pg_add_raw4(b, UINT32_MAX);
}
