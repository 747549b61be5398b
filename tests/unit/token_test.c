#include "token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "child.h"

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_16  "0123456789abcdef"
#define TOKEN_128 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 "ABCZ._~+/=-xyz01"

static const struct {
	const char *name;
	const char *contents;
	mode_t mode;
	const char *token; /* NULL: refused */
	const char *why;   /* a part of it */
} files[] = {
    {"with newline", TOKEN_16 "\n", 0600, TOKEN_16, NULL},
    {"without newline", TOKEN_16, 0400, TOKEN_16, NULL},
    {"the longest", TOKEN_128 "\n", 0600, TOKEN_128, NULL},
    {"too short", "0123456789abcde\n", 0600, NULL, "16 to 128"},
    {"too long", TOKEN_128 "x\n", 0600, NULL, "16 to 128"},
    {"far too long", TOKEN_128 TOKEN_128 "\n", 0600, NULL, "16 to 128"},
    {"empty", "", 0600, NULL, "16 to 128"},
    {"only a newline", "\n", 0600, NULL, "16 to 128"},
    {"two lines", TOKEN_16 "\n" TOKEN_16 "\n", 0600, NULL, "16 to 128"},
    {"two newlines", TOKEN_16 "\n\n", 0600, NULL, "16 to 128"},
    {"longest and one more line", TOKEN_128 "\nx", 0600, NULL, "16 to 128"},
    {"a space", "0123456789 abcdef\n", 0600, NULL, "16 to 128"},
    {"another character", "0123456789abcde;\n", 0600, NULL, "16 to 128"},
    {"CR LF", TOKEN_16 "\r\n", 0600, NULL, "16 to 128"},
    {"not ASCII", "0123456789abcd\xc3\xa9\n", 0600, NULL, "16 to 128"},
    {"the group may read it", TOKEN_16 "\n", 0640, NULL, "chmod 600"},
    {"others may read it", TOKEN_16 "\n", 0604, NULL, "chmod 600"},
    {"others may write it", TOKEN_16 "\n", 0602, NULL, "chmod 600"},
};

static void reads_token_files(void **state)
{
	char path[] = "/tmp/devpulse-token.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *why = "";
		struct dp_token token = {""};
		FILE *f;
		int rc;

		chmod(path, 0600);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(files[i].contents, f);
		fclose(f);
		chmod(path, files[i].mode);
		rc = dp_token_read(&token, path, &why);
		if (rc != (files[i].token ? 0 : -1))
			fail_msg("%s: %s", files[i].name, rc == 0 ? token.text : why);
		assert_string_equal(token.text, rc == 0 ? files[i].token : "");
		if (rc < 0 && !strstr(why, files[i].why))
			fail_msg("%s: %s", files[i].name, why);
	}
	unlink(path);
}

static void says_why_a_token_file_cannot_be_read(void **state)
{
	char directory[] = "/tmp/devpulse-token.XXXXXX";
	struct dp_token token = {""};
	const char *why = "";

	(void)state;
	assert_int_equal(dp_token_read(&token, "/nonexistent/token", &why), -1);
	assert_string_equal(why, "No such file or directory");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(dp_token_read(&token, directory, &why), -1);
	assert_string_equal(why, "Is a directory");
	rmdir(directory);
}

static void takes_the_variable_where_no_file_gave_one(void **state)
{
	struct dp_token token = {""};

	(void)state;
	unsetenv("DEVPULSE_TOKEN");
	dp_token_set_default(&token);
	assert_string_equal(token.text, "");
	setenv("DEVPULSE_TOKEN", TOKEN_16, 1);
	dp_token_set_default(&token);
	assert_string_equal(token.text, TOKEN_16);
	setenv("DEVPULSE_TOKEN", TOKEN_128, 1);
	dp_token_set_default(&token);
	assert_string_equal(token.text, TOKEN_16);
}

static int set_default(const void *arg)
{
	struct dp_token token = {""};

	(void)arg;
	dp_token_set_default(&token);
	return 0;
}

static void refuses_a_bad_variable(void **state)
{
	struct child c;

	(void)state;
	setenv("DEVPULSE_TOKEN", "short", 1);
	c = child_run(set_default, NULL);
	assert_int_equal(c.status, 2);
	assert_non_null(strstr(dp_buf_text(&c.out), "DEVPULSE_TOKEN: a token is 16 to 128"));
	assert_null(strstr(dp_buf_text(&c.out), "short"));
	child_release(&c);
}

enum { ATTACHED_ONLY = 100 };

struct exposure {
	const char *listen;
	const char *token;
	enum dp_token_trust trust;
	int want; /* the exit status, or ATTACHED_ONLY */
};

static int require(const void *arg)
{
	const struct exposure *e = arg;
	struct dp_token token = {""};
	struct dp_listen l;
	const char *why;

	if (dp_listen_parse(e->listen, &l, &why) < 0)
		return -1;
	snprintf(token.text, sizeof token.text, "%s", e->token);
	dp_token_require(&token, &l, e->trust);
	return l.attached_only ? ATTACHED_ONLY : 0;
}

static void asks_for_a_token_beyond_loopback(void **state)
{
	static const struct exposure rows[] = {
	    {"127.0.0.1:80", "", DP_TOKEN_TRUST_LOOPBACK, 0},
	    {"[::1]:80", "", DP_TOKEN_TRUST_LOOPBACK, 0},
	    {"0.0.0.0:80", "", DP_TOKEN_TRUST_LOOPBACK, 2},
	    {"[::]:80", "", DP_TOKEN_TRUST_LOOPBACK, 2},
	    {"192.168.1.20:80", "", DP_TOKEN_TRUST_LOOPBACK, 2},
	    {"192.168.1.20:80", TOKEN_16, DP_TOKEN_TRUST_LOOPBACK, 0},
	    {"127.0.0.1:80", "", DP_TOKEN_TRUST_ATTACHED, 0},
	    {"[::1]:80", "", DP_TOKEN_TRUST_ATTACHED, 0},
	    {"0.0.0.0:80", "", DP_TOKEN_TRUST_ATTACHED, ATTACHED_ONLY},
	    {"0.0.0.0:80", TOKEN_16, DP_TOKEN_TRUST_ATTACHED, 0},
	    {"[::]:80", "", DP_TOKEN_TRUST_ATTACHED, 2},
	    {"0.0.0.0:80", "", DP_TOKEN_TRUST_ALL, 0},
	    {"[::]:80", "", DP_TOKEN_TRUST_ALL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct child c = child_run(require, &rows[i]);

		if (c.status != rows[i].want)
			fail_msg("row %zu: exit %d: %s", i, c.status, dp_buf_text(&c.out));
		child_release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_token_files),
	    cmocka_unit_test(says_why_a_token_file_cannot_be_read),
	    cmocka_unit_test(takes_the_variable_where_no_file_gave_one),
	    cmocka_unit_test(refuses_a_bad_variable),
	    cmocka_unit_test(asks_for_a_token_beyond_loopback),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
