#include "frame.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static uint64_t number(struct json_object *o, const char *key, uint64_t otherwise)
{
	struct json_object *v;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return otherwise;
	n = json_object_get_int64(v);
	return n < 0 ? otherwise : (uint64_t)n;
}

static void copy_string(struct json_object *o, const char *key, char *out, size_t size)
{
	struct json_object *v;

	out[0] = '\0';
	if (json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string))
		snprintf(out, size, "%s", json_object_get_string(v));
}

static enum frame_type type_of(struct json_object *o)
{
	char name[16];

	copy_string(o, "t", name, sizeof name);
	if (strcmp(name, "hello") == 0)
		return FRAME_HELLO;
	if (strcmp(name, "ack") == 0)
		return FRAME_ACK;
	return strcmp(name, "nack") == 0 ? FRAME_NACK : FRAME_UNKNOWN;
}

static void read_members(struct json_object *o, struct frame *out)
{
	*out = (struct frame){.type = type_of(o)};
	out->n = number(o, "n", 0);
	out->index = number(o, "i", 0);
	out->count = number(o, "count", 1);
	out->max = number(o, "max", 65536);
	out->window = number(o, "win", 1);
	copy_string(o, "code", out->code, sizeof out->code);
	copy_string(o, "why", out->why, sizeof out->why);
}

int frame_parse(struct dp_str text, struct frame *out)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o = json_tokener_parse_ex(tokener, text.p, (int)text.n);
	int rc = o && json_object_is_type(o, json_type_object) ? 0 : -1;

	if (rc == 0)
		read_members(o, out);
	json_object_put(o);
	json_tokener_free(tokener);
	return rc;
}
