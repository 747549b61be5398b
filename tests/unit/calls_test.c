#include "calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct line_case {
	const char *before;
	const char *line;
	const char *want; /* "file|function|app" or "…|library"; NULL: no call */
} lines[] = {
    {"", "  File \"/app/shop/tasks.py\", line 97, in split", "/app/shop/tasks.py|split|app"},
    {"", "  File \"/app/x.py\", line 3", "/app/x.py||app"},
    {"", "  |   File \"/app/x.py\", line 3, in Cart.<locals>.f", "/app/x.py|Cart.<locals>.f|app"},
    {"", "  File \"/v/site-packages/a.py\", line 3, in f", "/v/site-packages/a.py|f|library"},
    {"", "  File \"/usr/lib/python3/dist-packages/a.py\", line 3, in f",
	"/usr/lib/python3/dist-packages/a.py|f|library"},
    {"", "  File \"/usr/lib/python3.11/json/decoder.py\", line 3, in f",
	"/usr/lib/python3.11/json/decoder.py|f|library"},
    {"", "  File \"<frozen importlib._bootstrap>\", line 3, in f",
	"<frozen importlib._bootstrap>|f|library"},
    {"", "  File \"<string>\", line 1, in <module>", "<string>|<module>|app"},
    {"", "File \"/app/x.py\", line 3, in f", NULL}, /* a message may say so */
    {"", "  File \"/app/x.py\", lines", NULL},

    {"", "    at total (/app/cart.js:10:5)", "/app/cart.js|total|app"},
    {"", "    at async Cart.total (/app/cart.js:10:5)", "/app/cart.js|Cart.total|app"},
    {"", "    at new Cart (/app/cart.js:10:5)", "/app/cart.js|Cart|app"},
    {"", "    at Cart.total [as sum] (/app/cart.js:10:5)", "/app/cart.js|Cart.total|app"},
    {"", "    at page (/app/(shop)/page.js:10:5)", "/app/(shop)/page.js|page|app"},
    {"", "    at /app/cart.js:10:5", "/app/cart.js||app"},
    {"", "    at async /app/cart.js:10:5", "/app/cart.js||app"},
    {"", "    at file:///app/cart.mjs:10:5", "file:///app/cart.mjs||app"},
    {"", "    at f (/app/node_modules/x/y.js:1:2)", "/app/node_modules/x/y.js|f|library"},
    {"", "    at f (C:\\app\\node_modules\\x\\y.js:1:2)",
	"C:\\app\\node_modules\\x\\y.js|f|library"},
    {"", "    at f (node:internal/a:1:2)", "node:internal/a|f|library"},
    {"", "    at f (internal/a.js:1:2)", "internal/a.js|f|library"},
    {"", "    at Array.map (<anonymous>)", "|Array.map|library"},
    {"", "    at async Promise.all (index 0)", "|Promise.all|library"},
    {"", "    at eval (eval at f (/app/x.js:1:2), <anonymous>:1:1)", "|eval|library"},
    {"", "    at least 3 items are wanted", NULL},
    {"", "    at (3)", NULL},
    {"", "    at work in a.b(5)", NULL},
    {"", "    at ", NULL},
    {"", "at", NULL},

    {"", "\tat com.acme.Foo.bar(Foo.java:42)", "Foo.java|com.acme.Foo.bar|app"},
    {"", "\tat app//com.acme.Foo.bar(Foo.kt:42) ~[a.jar:1.0]", "Foo.kt|com.acme.Foo.bar|app"},
    {"", "\tat com.acme.Foo.bar(Native Method)", "|com.acme.Foo.bar|app"},
    {"", "\tat com.acme.Foo.bar(Unknown Source)", "|com.acme.Foo.bar|app"},
    {"", "\tat com.acme.Foo$$Lambda$14/0x0000000800c03000.run(Unknown Source)",
	"|com.acme.Foo$$Lambda$14/0x0000000800c03000.run|app"},
    {"", "\tat java.base/java.util.ArrayList.get(ArrayList.java:427)",
	"ArrayList.java|java.util.ArrayList.get|library"},
    {"", "\tat jdk.internal.X.y(X.java:1)", "X.java|jdk.internal.X.y|library"},
    {"", "\tat org.springframework.web.X.y(X.java:1)",
	"X.java|org.springframework.web.X.y|library"},
    {"", "\tat javac.Foo.bar(Foo.java:1)", "Foo.java|javac.Foo.bar|app"},
    {"", "   at Acme.Foo.Bar(String x, Int32 n) in /src/Foo.cs:line 42", "|Acme.Foo.Bar|app"},
    {"", "\tat position(5)", NULL},

    {"main.(*Cart).total(0xc0, {0x1, 0x2})", "\t/app/cart.go:42 +0x1d",
	"/app/cart.go|main.(*Cart).total|app"},
    {"github.com/acme/shop.Run", "\t/src/run.go:42", "/src/run.go|github.com/acme/shop.Run|app"},
    {"created by main.run in goroutine 7", "\t/app/run.go:42 +0x1d", "/app/run.go|main.run|app"},
    {"net/http.(*conn).serve(0xc0)", "\t/usr/local/go/src/net/http/server.go:1 +0x1",
	"/usr/local/go/src/net/http/server.go|net/http.(*conn).serve|library"},
    {"panic({0x1, 0x2})", "\t/usr/local/go/src/runtime/panic.go:860 +0x1",
	"/usr/local/go/src/runtime/panic.go|panic|library"},
    {"github.com/lib/pq.f(0x1)", "\t/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go:1 +0x1",
	"/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go|github.com/lib/pq.f|library"},
    {"github.com/lib/pq.f(0x1)", "\t/app/vendor/github.com/lib/pq/conn.go:1 +0x1",
	"/app/vendor/github.com/lib/pq/conn.go|github.com/lib/pq.f|library"},
    {"go.acme.dev/shop.f(0x1)", "\t/app/f.go:1 +0x1", "/app/f.go|go.acme.dev/shop.f|app"},
    {"", "\t/app/f.go:1 +0x1", "/app/f.go||app"},
    {"main.f()", "/app/f.go:1 +0x1", NULL},
    {"main.f()", "\t/app/f.go", NULL},

    {"", "", NULL},
    {"", "   |  ", NULL},
    {"", "ValueError: bad id 42", NULL},
};

static void describe(const struct dp_call *call, char *out, size_t cap)
{
	snprintf(out, cap, "%.*s|%.*s|%s", (int)call->file.n, call->file.p, (int)call->function.n,
	    call->function.p, call->is_library ? "library" : "app");
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const struct line_case *c = &lines[i];
		struct dp_call call;
		char got[300] = "none";

		if (dp_call_parse(dp_str_from(c->line), dp_str_from(c->before), &call))
			describe(&call, got, sizeof got);
		if (strcmp(got, c->want ? c->want : "none") != 0)
			fail_msg("'%s': %s", c->line, got);
	}
}

#define PY(file, function, in_app) \
	"{\"file\":\"" file "\",\"line\":1,\"function\":\"" function "\",\"inApp\":" in_app "}"

#define LIBRARY       PY("/v/site-packages/l.py", "l", "false")
#define SIX_LIBRARIES LIBRARY "," LIBRARY "," LIBRARY "," LIBRARY "," LIBRARY "," LIBRARY

#define LONG "long-long-long-long-long-long-long-long-long-long-long-long-long-long.js"

static const struct stack_case {
	const char *name;
	const char *json;
	const char *want;     /* of the top call; NULL: none */
	const char *headline; /* NULL: none */
} stacks[] = {
    {"nothing", "[]", NULL, NULL},
    {"other types", "[1,null,true,[\"  File \\\"a.py\\\", line 1, in f\"]]", NULL, NULL},
    {"no stack", "{\"file\":\"a.py\"}", NULL, NULL},
    {"objects: the last of the application",
	"[" PY("a.py", "f", "true") "," PY("b.py", "g", "true") "," PY("c.py", "h", "false") "]",
	"b.py|g|app", NULL},
    {"objects: the flag wins over the place",
	"[" PY("/v/site-packages/a.py", "f", "true") "," PY("b.py", "g", "false") "]",
	"/v/site-packages/a.py|f|app", NULL},
    {"objects: no flag",
	"[{\"file\":\"a.py\",\"function\":\"f\"},{\"file\":\"/usr/lib/python3.11/b.py\"}]",
	"a.py|f|app", NULL},
    {"objects: all of libraries", "[" PY("a.py", "f", "false") "," PY("b.py", "g", "false") "]",
	"b.py|g|library", NULL},
    {"objects: what is left out is no call",
	"[" PY("a.py", "f", "false") ",{\"function\":\"… 3 more\",\"inApp\":false}]",
	"a.py|f|library", NULL},
    {"objects: more than are kept, the application's far above",
	"[" PY("a.py", "f", "true") "," SIX_LIBRARIES "," SIX_LIBRARIES "," SIX_LIBRARIES "]",
	"a.py|f|app", NULL},
    {"objects: more than are kept, the application's among them",
	"[" PY("a.py", "f", "true") "," SIX_LIBRARIES "," SIX_LIBRARIES
				    "," PY("b.py", "g", "true") "," SIX_LIBRARIES "]",
	"b.py|g|app", NULL},
    {"objects: a line behind them",
	"[" PY("a.py", "f", "true") ",\"    at g (b.js:1:2)\",\"    at h (c.js:1:2)\"]",
	"a.py|f|app", NULL},
    {"objects: of two languages", "[{\"file\":\"a.js\"},{\"file\":\"b.py\"},{\"file\":\"c.js\"}]",
	"b.py||app", NULL},
    {"objects: with escapes, read twice",
	"[{\"file\":\"C:\\\\x\\\\a.js\"},{\"file\":\"C:\\\\" LONG "\"}]", "C:\\x\\a.js||app", NULL},
    {"objects: other names",
	"[{\"filename\":\"a.py\",\"lineno\":1,\"func\":\"f\",\"in_app\":true}]", "a.py|f|app",
	NULL},
    {"objects: the first name counts",
	"[{\"abs_path\":\"/x/a.py\",\"name\":\"g\",\"filename\":\"a.py\",\"function\":\"f\"}]",
	"a.py|f|app", NULL},
    {"objects: the first name counts, in any order",
	"[{\"filename\":\"a.py\",\"abs_path\":\"/x/a.py\",\"func\":\"f\",\"name\":\"g\"}]",
	"a.py|f|app", NULL},
    {"objects: of unfit types",
	"[{\"file\":{},\"path\":\"a.py\",\"function\":[],\"inApp\":\"no\"}]", "a.py||app", NULL},
    {"objects: JavaScript begins with the newest",
	"[{\"file\":\"a.js\",\"function\":\"f\"},{\"file\":\"b.ts\",\"function\":\"g\"}]",
	"a.js|f|app", NULL},
    {"objects: Java",
	"[{\"className\":\"java.util.List\",\"methodName\":\"get\",\"fileName\":\"List.java\"},"
	"{\"className\":\"com.acme.Foo\",\"methodName\":\"bar\",\"fileName\":\"Foo.java\"}]",
	"Foo.java|com.acme.Foo.bar|app", NULL},
    {"objects: with escapes", "[{\"file\":\"C:\\\\x\\\\a.py\",\"function\":\"\\\"f\\\"\"}]",
	"C:\\x\\a.py|\"f\"|app", NULL},
    {"objects among lines",
	"[\"  File \\\"a.py\\\", line 1, in f\"," PY("b.py", "g", "true") ",\"E: x\"]",
	"b.py|g|app", "E: x"},
    {"Python: the last, and the error below",
	"\"Traceback (most recent call last):\\n  File \\\"a.py\\\", line 1, in f\\n    x\\n"
	"  File \\\"b.py\\\", line 1, in g\\n    y\\nValueError: no\\nmore\\n\"",
	"b.py|g|app", "ValueError: no"},
    {"Python: two lines an item, as format_exception gives them",
	"[\"Traceback (most recent call last):\\n\",\"  File \\\"a.py\\\", line 1, in f\\n    "
	"x\\n\","
	"\"ValueError: no\\n\"]",
	"a.py|f|app", "ValueError: no"},
    {"JavaScript: the first, and the error above",
	"\"TypeError: no\\nmore\\n    at f (a.js:1:2)\\n    at g (b.js:1:2)\"", "a.js|f|app",
	"TypeError: no"},
    {"Python: no call", "\"Traceback (most recent call last):\\n  gone\\nE: x\"", NULL, "E: x"},
    {"CR LF", "\"TypeError: no\\r\\n    at f (a.js:1:2)\\r\\n\"", "a.js|f|app", "TypeError: no"},
    {"Go: the function is no headline", "\"goroutine 1 [running]:\\nmain.f()\\n\\t/app/f.go:1\\n\"",
	"/app/f.go|main.f|app", NULL},
    {"Go: what panicked, not what recovered",
	"\"goroutine 1 [running]:\\nmain.rescue()\\n\\t/app/r.go:1\\npanic(0x1)\\n\\t/go/p.go:1\\n"
	"main.f()\\n\\t/app/f.go:1\\nmain.g()\\n\\t/app/g.go:1\\n\"",
	"/app/f.go|main.f|app", NULL},
    {"Java: a cause has the application's call",
	"\"a.E: x\\n\\tat java.X.y(X.java:1)\\nCaused by: b.E: y\\n\\tat "
	"com.acme.F.g(F.java:1)\\n\"",
	"F.java|com.acme.F.g|app", "a.E: x"},
    {"Python: a group without its members",
	"\"  +-+-- 1 --\\n    |   File \\\"a.py\\\", line 1, in f\\n\"", NULL, NULL},
};

static void test_stacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
		const struct stack_case *c = &stacks[i];
		const struct dp_json stack = dp_json_value(dp_str_from(c->json));
		struct dp_buf scratch = {0};
		struct dp_calls calls;
		char got[300] = "none";

		dp_buf_reserve(&scratch, stack.text.n);
		dp_calls_read(&stack, &scratch, &calls);
		if (calls.has_calls)
			describe(&calls.top, got, sizeof got);
		if (strcmp(got, c->want ? c->want : "none") != 0)
			fail_msg("%s: %s", c->name, got);
		if (!dp_str_is(calls.headline, c->headline ? c->headline : ""))
			fail_msg("%s: headline '%.*s'", c->name, (int)calls.headline.n,
			    calls.headline.p);
		assert_true(scratch.len <= stack.text.n);
		dp_buf_release(&scratch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_stacks),
	};

	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
