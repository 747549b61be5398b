#include "check.h"

#include <string.h>
#include <strings.h>

static bool is_token(struct dp_str s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.n; i++)
		if (!memchr(chars, s.p[i], sizeof chars - 1))
			return false;
	return s.n > 0;
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* A bare CR in a value is the end of a line to others. */
static bool is_field_value(struct dp_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_control((unsigned char)s.p[i]) && s.p[i] != '\t')
			return false;
	return true;
}

static bool same_name(struct dp_str name, const char *want)
{
	return name.n == strlen(want) && strncasecmp(name.p, want, name.n) == 0;
}

void headers_add(struct headers *h, struct dp_str name, struct dp_str value)
{
	h->bytes += name.n + value.n;
	if (!is_token(name) || !is_field_value(value))
		h->malformed = true;
	if (same_name(name, "Host")) {
		h->host = value;
		h->hosts++;
	} else if (same_name(name, "Origin")) {
		h->origin = value;
		h->origins++;
	} else if (same_name(name, "Content-Length")) {
		h->length = value;
		h->lengths++;
	} else if (same_name(name, "Transfer-Encoding")) {
		h->codings++;
	}
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* The byte that %xx at p stands for, or -1 where it is no such escape. */
static int escaped_byte(const char *p)
{
	int high = hex_digit(p[1]);
	int low = high < 0 ? -1 : hex_digit(p[2]);

	return low < 0 ? -1 : high * 16 + low;
}

/* Whether the byte of an escape means in a path what others may take for its structure. */
static bool is_structure(int byte)
{
	return is_control((unsigned char)byte) || byte == '.' || byte == '/' || byte == '\\';
}

static const char *check_target(const char *target)
{
	bool in_path = true;

	if (target[0] != '/')
		return "the target of a request begins with '/'";
	for (const char *p = target; *p; p++) {
		int byte = *p == '%' ? escaped_byte(p) : 'x';

		if (*p == '?' || *p == '#')
			in_path = false;
		if (byte < 0)
			return "'%' in a target begins two hexadecimal digits";
		if (byte == 0)
			return "a target holds no %00";
		if (is_control((unsigned char)*p))
			return "a target holds no control character";
		if (in_path && (*p == '\\' || is_structure(byte)))
			return "a path holds no backslash, and no escaped '.', '/', '\\' or "
			       "control "
			       "character; such a trace id goes into the query: /api/trace?trace=…";
	}
	return NULL;
}

static bool is_method_known(const char *method)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "OPTIONS"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(method, known[i]) == 0)
			return true;
	return false;
}

/* Whether it is a number of digits, not above CHECK_BODY_MAX; *too_large where it is above. */
static bool is_length(struct dp_str s, bool *too_large)
{
	long n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (n <= CHECK_BODY_MAX)
			n = n * 10 + (s.p[i] - '0');
	}
	*too_large = n > CHECK_BODY_MAX;
	return s.n > 0;
}

static int refuse(struct refusal *out, enum problem problem, const char *detail)
{
	*out = (struct refusal){problem, detail};
	return -1;
}

static int check_body(const char *method, const struct headers *h, struct refusal *out)
{
	bool too_large = false;

	if (h->codings > 0)
		return refuse(out, PROBLEM_BAD_REQUEST, "no Transfer-Encoding is taken");
	if (h->lengths > 1)
		return refuse(out, PROBLEM_BAD_REQUEST, "more than one Content-Length");
	if (h->lengths == 1 && !is_length(h->length, &too_large))
		return refuse(out, PROBLEM_BAD_REQUEST, "a Content-Length is digits");
	if (h->lengths == 1 && strcmp(method, "POST") != 0)
		return refuse(out, PROBLEM_BAD_REQUEST, "only POST may have a Content-Length");
	if (too_large)
		return refuse(out, PROBLEM_BODY_TOO_LARGE, "a body has at most 65536 bytes");
	return 0;
}

int check_request(const struct dp_guard *g, const char *method, const char *target,
    const struct headers *h, struct refusal *out)
{
	const char *why = check_target(target);

	if (strlen(target) > CHECK_TARGET_MAX)
		return refuse(out, PROBLEM_TARGET_TOO_LONG, "a target has at most 24576 bytes");
	if (h->bytes > CHECK_FIELDS_MAX)
		return refuse(out, PROBLEM_FIELDS_TOO_LARGE,
		    "names and values of the header fields have at most 16384 bytes");
	if (why)
		return refuse(out, PROBLEM_BAD_REQUEST, why);
	if (h->malformed)
		return refuse(out, PROBLEM_BAD_REQUEST, "a header field is malformed");
	if (h->hosts != 1)
		return refuse(out, PROBLEM_BAD_REQUEST, "exactly one Host is wanted");
	if (!dp_guard_host_ok(g, h->host))
		return refuse(out, PROBLEM_HOST,
		    "this Host is not served here; dp-http --allow-host NAME allows another one");
	if (h->origins > 1 || (h->origins == 1 && !dp_guard_origin_ok(g, h->origin)))
		return refuse(out, PROBLEM_ORIGIN,
		    "pages of this Origin may not ask here; dp-http --allow-host NAME allows one");
	if (!is_method_known(method))
		return refuse(out, PROBLEM_METHOD, "the methods are GET, HEAD and OPTIONS");
	return check_body(method, h, out);
}
