#include "metrics.h"

#include "mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds in microseconds, and as they are written. */
static const struct bound {
	int64_t us;
	const char *text;
} bounds[] = {
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {2500000, "2.5"},
    {5000000, "5"},
    {10000000, "10"},
};

enum { BOUNDS = sizeof bounds / sizeof *bounds };

struct series {
	const char *route;
	const char *method;
	int status;
	uint64_t counts[BOUNDS + 1]; /* each of its own bucket alone */
	int64_t sum_us;
};

struct metrics {
	pthread_mutex_t lock;
	struct series *series;
	size_t count;
	int64_t connections;
	uint64_t connections_total;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = dp_mem_new(sizeof *m);

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void metrics_free(struct metrics **m)
{
	if (!*m)
		return;
	pthread_mutex_destroy(&(*m)->lock);
	free((*m)->series);
	free(*m);
	*m = NULL;
}

/* Of what clients invent there is one. */
static const char *method_label(const char *method)
{
	static const char *const known[] = {"GET", "HEAD", "OPTIONS", "POST"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(method, known[i]) == 0)
			return known[i];
	return "other";
}

/* There are as many as routes, methods and statuses together make: some dozen come up. */
static struct series *find(struct metrics *m, const char *route, const char *method, int status)
{
	struct series *s;

	for (size_t i = 0; i < m->count; i++) {
		s = &m->series[i];
		if (s->status == status && s->method == method && strcmp(s->route, route) == 0)
			return s;
	}
	m->series = dp_mem_resize_array(m->series, m->count + 1, sizeof *m->series);
	s = &m->series[m->count++];
	*s = (struct series){.route = route, .method = method, .status = status};
	return s;
}

void metrics_count(struct metrics *m, const char *route, const char *method, int status, int64_t us)
{
	size_t i = 0;
	struct series *s;

	while (i < BOUNDS && us > bounds[i].us)
		i++;
	pthread_mutex_lock(&m->lock);
	s = find(m, route ? route : "none", method_label(method), status);
	s->counts[i]++;
	s->sum_us += us;
	pthread_mutex_unlock(&m->lock);
}

void metrics_count_connection(struct metrics *m, int change)
{
	pthread_mutex_lock(&m->lock);
	m->connections += change;
	m->connections_total += change > 0;
	pthread_mutex_unlock(&m->lock);
}

void metrics_write_help(struct dp_buf *out, const char *name, const char *type, const char *help)
{
	dp_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_write_value(
    struct dp_buf *out, const char *name, const char *type, const char *help, int64_t value)
{
	metrics_write_help(out, name, type, help);
	dp_buf_addf(out, "%s %" PRId64 "\n", name, value);
}

#define REQUESTS "dp_http_request_duration_seconds"

static void write_series(struct dp_buf *out, const struct series *s)
{
	char labels[200];
	uint64_t count = 0;

	snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",code=\"%d\"", s->route,
	    s->method, s->status);
	for (size_t i = 0; i <= BOUNDS; i++) {
		count += s->counts[i];
		dp_buf_addf(out, REQUESTS "_bucket{%s,le=\"%s\"} %" PRIu64 "\n", labels,
		    i < BOUNDS ? bounds[i].text : "+Inf", count);
	}
	dp_buf_addf(out, REQUESTS "_sum{%s} %" PRId64 ".%06d\n" REQUESTS "_count{%s} %" PRIu64 "\n",
	    labels, s->sum_us / 1000000, (int)(s->sum_us % 1000000), labels, count);
}

void metrics_write(struct metrics *m, struct dp_buf *out)
{
	pthread_mutex_lock(&m->lock);
	metrics_write_help(
	    out, REQUESTS, "histogram", "Requests, by the time until their answer began.");
	for (size_t i = 0; i < m->count; i++)
		write_series(out, &m->series[i]);
	metrics_write_value(out, "dp_http_connections", "gauge", "Clients now.", m->connections);
	metrics_write_value(out, "dp_http_connections_total", "counter", "Clients taken.",
	    (int64_t)m->connections_total);
	pthread_mutex_unlock(&m->lock);
}
