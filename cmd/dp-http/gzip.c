#include "gzip.h"

#include "log.h"
#include "mem.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

/* A quarter of a megabyte for each stream that is being compressed, and the quickest level: events
 * repeat each other so much that the next ones gain little. */
enum { LEVEL = 1, WINDOW_BITS = 15, GZIP_FORM = 16, MEMORY_LEVEL = 8, ROOM = 16 * 1024 };

struct gzip {
	z_stream z;
};

struct gzip *gzip_new(void)
{
	struct gzip *g = dp_mem_new(sizeof *g);

	if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, WINDOW_BITS + GZIP_FORM, MEMORY_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK)
		dp_log_die(DP_EXIT_FAILURE, "out of memory (to compress an answer)");
	return g;
}

void gzip_free(struct gzip **g)
{
	if (!*g)
		return;
	deflateEnd(&(*g)->z);
	free(*g);
	*g = NULL;
}

static void set_input(z_stream *z, struct dp_str text)
{
	assert(text.n <= UINT_MAX);
	z->next_in = (const Bytef *)text.p;
	z->avail_in = (uInt)text.n;
}

/* Room for what comes next, behind *out. */
static void set_output(z_stream *z, struct dp_buf *out)
{
	dp_buf_reserve(out, ROOM);
	z->next_out = (Bytef *)out->data + out->len;
	z->avail_out = ROOM;
}

void gzip_add(struct gzip *g, struct dp_str piece, bool last, struct dp_buf *out)
{
	set_input(&g->z, piece);
	do {
		set_output(&g->z, out);
		deflate(&g->z, last ? Z_FINISH : Z_SYNC_FLUSH);
		out->len += ROOM - g->z.avail_out;
	} while (g->z.avail_out == 0);
}

void gzip_pack(struct dp_str text, struct dp_buf *out)
{
	struct gzip *g = gzip_new();

	gzip_add(g, text, true, out);
	gzip_free(&g);
}

void gzip_unpack(struct dp_str packed, struct dp_buf *out)
{
	z_stream z = {0};
	int rc;

	if (inflateInit2(&z, WINDOW_BITS + GZIP_FORM) != Z_OK)
		dp_log_die(DP_EXIT_FAILURE, "out of memory (to unpack a file)");
	set_input(&z, packed);
	do {
		set_output(&z, out);
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += ROOM - z.avail_out;
	} while (rc == Z_OK);
	assert(rc == Z_STREAM_END);
	inflateEnd(&z);
}
