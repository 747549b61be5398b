/* What another reader of JSON thinks of a text. */
#ifndef DP_TEST_JSON_ORACLE_H
#define DP_TEST_JSON_ORACLE_H

#include <json-c/json.h>
#include <stdbool.h>

/* json-c 0.18, when strict, takes what is not ASCII for a control character (its issue 892). */
#if JSON_C_MAJOR_VERSION == 0 && JSON_C_MINOR_VERSION == 18
#define STRICT 0
#else
#define STRICT JSON_TOKENER_STRICT
#endif

/* Reads text[0, n), behind which is a NUL, by json-c, as strict as it can be. Returns whether it is
 * JSON, and the value, which is NULL for null. */
static inline bool json_oracle(const char *text, size_t n, struct json_object **v)
{
	struct json_tokener *tok = json_tokener_new_ex(200);
	enum json_tokener_error error;

	json_tokener_set_flags(tok, STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*v = json_tokener_parse_ex(tok, text, (int)n + 1);
	error = json_tokener_get_error(tok);
	json_tokener_free(tok);
	return error == json_tokener_success;
}

#endif
