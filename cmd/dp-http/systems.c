#include "systems.h"

#include "json.h"

bool systems_write(
    struct dp_buf *out, const struct dp_census *c, systems_write_fn *write, const void *arg)
{
	const bool has_others = c->rows[DP_CENSUS_OTHERS].events > 0;

	for (size_t i = DP_CENSUS_OTHERS + 1; i < c->n; i++) {
		dp_buf_add_text(out, i > DP_CENSUS_OTHERS + 1 ? "," : "");
		write(out, arg, i);
	}
	if (has_others) {
		dp_buf_add_text(out, c->n > 1 ? "," : "");
		write(out, arg, DP_CENSUS_OTHERS);
	}
	return has_others;
}

void systems_write_name(struct dp_buf *out, const struct dp_census *c, size_t row)
{
	dp_json_write_string(
	    out, row == DP_CENSUS_OTHERS ? DP_STR("(other)") : c->rows[row].system);
}
