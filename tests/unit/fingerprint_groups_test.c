/* Errors as applications write them: those of a group have one fingerprint, those of different
 * groups different ones. */
#include "fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACEBACK "Traceback (most recent call last):\n"
#define DURING    "\nDuring handling of the above exception, another exception occurred:\n\n" TRACEBACK
#define PY_FRAME(file, line, function) \
	"  File \"" file "\", line " line ", in " function "\n    call(it)\n"
#define SITE  "/srv/shop/venv/lib/python3.11/site-packages/"
#define SITE2 "/home/zoe/shop/.venv/lib/python3.12/site-packages/"

#define NODE_END                                             \
	"    at Layer.handle [as handle_request] "           \
	"(/app/node_modules/express/lib/router/layer.js:95:" \
	"5)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n"
#define SPRING                                                                         \
	"\tat java.base/java.lang.reflect.Method.invoke(Method.java:568)\n"            \
	"\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(" \
	"InvocableHandlerMethod.java:255)\n"
#define GO_PANIC                                                  \
	"goroutine 34 [running]:\nruntime/debug.Stack()\n"        \
	"\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e\n"   \
	"main.recovered.func1()\n\t/app/middleware.go:19 +0x9a\n" \
	"panic({0x551d60?, 0xd82858ac000?})\n\t/usr/local/go/src/runtime/panic.go:860 +0x13a\n"
#define GO_END                                                                         \
	"net/http.HandlerFunc.ServeHTTP(0xc0000b4000, {0x7f2a10, 0xc0001}, 0xc0002)\n" \
	"\t/usr/local/go/src/net/http/server.go:2136 +0x29\n"                          \
	"created by net/http.(*Server).Serve in goroutine 1\n"                         \
	"\t/usr/local/go/src/net/http/server.go:3285 +0x4b4\n"

static const struct error {
	const char *group;
	const char *name;
	const char *details; /* NULL: none */
	const char *stack;   /* NULL: none */
} errors[] = {
    /* Python */
    {"py-key", "KeyError", "'user'", TRACEBACK PY_FRAME("/app/shop/cart.py", "10", "load")},
    {"py-key", "KeyError", "'order'",
	TRACEBACK PY_FRAME("/home/zoe/work/shop/cart.py", "12", "load")},
    {"py-key", "KeyError", "\"it's\"",
	TRACEBACK PY_FRAME("C:\\Users\\zoe\\work\\shop\\cart.py", "12", "load")},
    {"py-key-elsewhere", "KeyError", "'user'",
	TRACEBACK PY_FRAME("/app/shop/cart.py", "10", "store")},
    {"py-key-other-file", "KeyError", "'user'",
	TRACEBACK PY_FRAME("/app/shop/session.py", "10", "load")},
    {"py-index", "IndexError", "list index out of range",
	TRACEBACK PY_FRAME("/app/shop/cart.py", "10", "load")},
    {"py-none", "AttributeError", "'NoneType' object has no attribute 'id'",
	TRACEBACK PY_FRAME("/app/shop/views.py", "8", "show")},
    {"py-none", "AttributeError", "'Order' object has no attribute 'total'",
	TRACEBACK PY_FRAME("/app/shop/views.py", "81", "show")},
    {"py-int", "ValueError", "invalid literal for int() with base 10: '12a'",
	TRACEBACK PY_FRAME("/app/shop/views.py", "8", "show")},
    {"py-int", "ValueError", "invalid literal for int() with base 16: 'O'Brien'",
	TRACEBACK PY_FRAME("/app/shop/views.py", "8", "show")},
    {"py-id", "ValueError", "bad id 42", TRACEBACK PY_FRAME("/app/main.py", "8", "show")},
    {"py-id", NULL, "ValueError: bad id 4711", TRACEBACK PY_FRAME("/srv/api/main.py", "9", "show")},
    {"py-id", "ValueError", NULL,
	TRACEBACK PY_FRAME("/app/main.py", "8", "show") "ValueError: bad id 7\n"},
    {"py-id", NULL, TRACEBACK PY_FRAME("/app/main.py", "8", "show") "ValueError: bad id 7\n", NULL},
    {"py-id-cannot", "ValueError", "bad name 42", TRACEBACK PY_FRAME("/app/main.py", "8", "show")},
    {"py-id-type", "shop.errors.Refused", "bad id 42",
	TRACEBACK PY_FRAME("/app/main.py", "8", "show")},
    {"py-json", "json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)",
	TRACEBACK PY_FRAME("/app/api/read.py", "5", "read")
	    PY_FRAME("/usr/lib/python3.11/json/decoder.py", "355", "raw_decode")},
    {"py-json", "json.decoder.JSONDecodeError", "Expecting value: line 14 column 231 (char 4711)",
	TRACEBACK PY_FRAME("/app/api/read.py", "6", "read")
	    PY_FRAME("/usr/local/lib/python3.12/json/decoder.py", "361", "raw_decode")},
    {"py-refused", "ConnectionRefusedError", "[Errno 111] Connection refused",
	TRACEBACK PY_FRAME("/app/shop/export.py", "45", "send")
	    PY_FRAME("/usr/lib/python3.11/socket.py", "845", "create_connection")},
    {"py-refused", "ConnectionRefusedError", "[Errno 61] Connection refused",
	TRACEBACK PY_FRAME("/opt/shop/shop/export.py", "45", "send")},
    {"py-http", "requests.exceptions.ConnectionError",
	"HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: "
	"/v1/orders/4711 (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object "
	"at 0x7f3a5c0b1d50>: Failed to establish a new connection'))",
	TRACEBACK PY_FRAME("/app/shop/pay.py", "45", "charge")
	    PY_FRAME(SITE "requests/adapters.py", "519", "send")},
    {"py-http", "requests.exceptions.ConnectionError",
	"HTTPSConnectionPool(host='eu.example.com', port=8443): Max retries exceeded with url: "
	"/v1/orders/a81bc81b-dead-4e5d-abff-90865d1e13b1 (Caused by "
	"NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7fffa2>: Failed'))",
	TRACEBACK PY_FRAME("/app/shop/pay.py", "47", "charge")
	    PY_FRAME(SITE2 "requests/adapters.py", "700", "send")},
    {"py-unique", "sqlalchemy.exc.IntegrityError",
	"(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint "
	"\"users_email_key\"\nDETAIL:  Key (email)=(a@example.com) already exists.\n",
	TRACEBACK PY_FRAME("/app/shop/users.py", "20", "add")
	    PY_FRAME(SITE "sqlalchemy/engine/base.py", "1969", "_exec_single_context")},
    {"py-unique", "sqlalchemy.exc.IntegrityError",
	"(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint "
	"\"users_pkey\"\nDETAIL:  Key (id)=(17) already exists.\n",
	TRACEBACK PY_FRAME("/app/shop/users.py", "21", "add")},
    {"py-pydantic", "pydantic_core._pydantic_core.ValidationError",
	"2 validation errors for Order\nname\n  Field required [type=missing]",
	TRACEBACK PY_FRAME("/app/shop/orders.py", "20", "parse")
	    PY_FRAME(SITE "pydantic/main.py", "171", "__init__")},
    {"py-pydantic", "pydantic_core._pydantic_core.ValidationError",
	"3 validation errors for Order\nid\n  Input should be a valid integer",
	TRACEBACK PY_FRAME("/app/shop/orders.py", "20", "parse")},
    {"py-missing-file", "FileNotFoundError",
	"[Errno 2] No such file or directory: '/tmp/upload-1764.csv'",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "20", "read")},
    {"py-missing-file", "FileNotFoundError",
	"[Errno 2] No such file or directory: 'report \"x\".pdf'",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "20", "read")},
    {"py-decode", "UnicodeDecodeError",
	"'utf-8' codec can't decode byte 0xe9 in position 3: unexpected end of data",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "21", "read")},
    {"py-decode", "UnicodeDecodeError",
	"'ascii' codec can't decode byte 0xff in position 1207: unexpected end of data",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "21", "read")},
    {"py-args", "TypeError", "f() takes 2 positional arguments but 3 were given",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "21", "read")},
    {"py-args", "TypeError", "f() takes 1 positional arguments but 2 were given",
	TRACEBACK PY_FRAME("/app/shop/upload.py", "22", "read")},
    {"py-timeout", "TimeoutError", "no answer of worker7 within 30.5s (attempt 3/5)",
	TRACEBACK PY_FRAME("/app/shop/jobs.py", "21", "wait")},
    {"py-timeout", "TimeoutError", "no answer of worker12 within 1m3s (attempt 1/5)",
	TRACEBACK PY_FRAME("/app/shop/jobs.py", "21", "wait")},
    /* the one raised last counts, not its cause */
    {"py-chained", "billing.Declined", "card 4711 was declined",
	TRACEBACK PY_FRAME("/app/billing/gate.py", "7", "ask") "KeyError: 'x'\n" DURING PY_FRAME(
	    "/app/billing/charge.py", "31", "charge") "billing.Declined: card 4711 was declined\n"},
    {"py-chained", "billing.Declined", NULL,
	TRACEBACK PY_FRAME("/app/billing/gate.py", "9", "tell") "ValueError: x\n" DURING PY_FRAME(
	    "/app/billing/charge.py", "31", "charge") "billing.Declined: card 1 was declined\n"},
    /* the members of a group do not count */
    {"py-group", "ExceptionGroup", "2 tasks failed (2 sub-exceptions)",
	"  + Exception Group Traceback (most recent call last):\n"
	"  |   File \"/app/jobs/all.py\", line 9, in run\n  |     go()\n"
	"  | ExceptionGroup: 2 tasks failed (2 sub-exceptions)\n"
	"  +-+---------------- 1 ----------------\n"
	"    | Traceback (most recent call last):\n"
	"    |   File \"/app/jobs/one.py\", line 3, in one\n    | ValueError: 1\n"},
    {"py-group", "ExceptionGroup", "3 tasks failed (3 sub-exceptions)",
	"  + Exception Group Traceback (most recent call last):\n"
	"  |   File \"/app/jobs/all.py\", line 9, in run\n  |     go()\n"
	"  +-+---------------- 1 ----------------\n"
	"    |   File \"/app/jobs/two.py\", line 3, in two\n"},
    /* without a frame of the application: the library's, without its place on the machine */
    {"py-library", "RuntimeError", "worker 3 is gone",
	TRACEBACK PY_FRAME(SITE "celery/app/trace.py", "477", "trace_task")},
    {"py-library", "RuntimeError", "worker 11 is gone",
	TRACEBACK PY_FRAME(SITE2 "celery/app/trace.py", "453", "trace_task")},

    /* Node and browsers */
    {"js-undefined", "TypeError", "Cannot read properties of undefined (reading 'price')",
	"TypeError: Cannot read properties of undefined (reading 'price')\n"
	"    at Cart.total (/app/src/cart.js:14:50)\n" NODE_END},
    {"js-undefined", "TypeError", "Cannot read properties of undefined (reading 'name')",
	"TypeError: Cannot read properties of undefined (reading 'name')\n"
	"    at Array.map (<anonymous>)\n"
	"    at Cart.total (/home/zoe/shop/src/cart.js:17:3)\n" NODE_END},
    {"js-undefined", NULL,
	"Uncaught TypeError: Cannot read properties of undefined (reading 'x')\n"
	"    at Cart.total (file:///app/src/cart.js:17:3)\n" NODE_END,
	NULL},
    {"js-null", "TypeError", "Cannot read properties of null (reading 'price')",
	"TypeError: x\n    at Cart.total (/app/src/cart.js:14:50)\n" NODE_END},
    {"js-function", "TypeError", "Cannot read properties of undefined (reading 'price')",
	"TypeError: x\n    at Cart.tax (/app/src/cart.js:14:50)\n" NODE_END},
    {"js-enoent", "Error", "ENOENT: no such file or directory, open '/tmp/a17.json'",
	"Error: x\n    at Object.openSync (node:fs:601:3)\n"
	"    at readConfig (/app/src/config.js:4:10)\n"},
    {"js-enoent", "Error", "ENOENT: no such file or directory, open 'b.json'",
	"Error: x\n    at Object.openSync (node:fs:573:18)\n"
	"    at async readConfig (/app/src/config.js:5:1)\n"},
    {"js-refused", "Error", "connect ECONNREFUSED 127.0.0.1:5432",
	"Error: connect ECONNREFUSED 127.0.0.1:5432\n"
	"    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16)\n"},
    {"js-refused", "Error", "connect ECONNREFUSED ::1:5432",
	"Error: connect ECONNREFUSED ::1:5432\n"
	"    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n"},
    {"js-refused", "Error", "connect ECONNREFUSED 10.2.0.17:6379",
	"Error: connect ECONNREFUSED 10.2.0.17:6379\n"
	"    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16)\n"},
    {"js-reset", "Error", "read ECONNRESET",
	"Error: read ECONNRESET\n    at TCP.onStreamRead "
	"(node:internal/stream_base_commons:217:20)\n"},
    {"js-status", "AxiosError", "Request failed with status code 502",
	"AxiosError: x\n    at settle (/app/node_modules/axios/dist/node/axios.cjs:1967:12)\n"
	"    at async charge (/app/src/pay.ts:31:9)\n"},
    {"js-status", "AxiosError", "Request failed with status code 404",
	"AxiosError: x\n    at settle (/x/node_modules/axios/dist/node/axios.cjs:2019:12)\n"
	"    at async charge (/workspace/src/pay.ts:33:2)\n"},
    {"js-json", "SyntaxError", "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
	"SyntaxError: x\n    at JSON.parse (<anonymous>)\n    at parse (/app/src/api.js:9:2)\n"},
    {"js-json", "SyntaxError", "Unexpected token 'N', \"Not found\" is not valid JSON",
	"SyntaxError: x\n    at JSON.parse (<anonymous>)\n    at parse (/app/src/api.js:9:2)\n"},
    {"js-bundle", "ReferenceError", "user42 is not defined",
	"ReferenceError: x\n    at render (https://shop.example/static/main.8f3a2c.js:1:23414)\n"},
    {"js-bundle", "ReferenceError", "user7 is not defined",
	"ReferenceError: x\n    at render "
	"(https://shop.example/static/main.00b9ee41.js?v=2:1:3)\n"},
    {"js-bundle-other", "ReferenceError", "user7 is not defined",
	"ReferenceError: x\n    at render (https://shop.example/static/vendor.00b9ee41.js:1:3)\n"},
    {"js-module", "Error", "Cannot find module './routes/v2'\nRequire stack:\n- /app/index.js",
	"Error: x\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1143:15)\n"
	"    at Object.<anonymous> (/app/index.js:3:1)\n"},
    {"js-module", "Error", "Cannot find module 'left-pad'\nRequire stack:\n- /app/index.js",
	"Error: x\n    at Module._resolveFilename (internal/modules/cjs/loader.js:902:15)\n"
	"    at Object.<anonymous> (/srv/shop/index.js:2:1)\n"},
    {"js-code", NULL, "TypeError [ERR_INVALID_ARG_TYPE]: The \"size\" argument must be a number",
	"    at alloc (/app/src/pool.js:9:2)\n"},
    {"js-code", NULL, "TypeError [ERR_INVALID_ARG_TYPE]: The \"max\" argument must be a number",
	"    at alloc (/app/src/pool.js:11:2)\n"},
    {"js-strapi", "ValidationError", "customer cus_Nf8a9ZxQ has no card pm_1MqLrF2eZvKYlo2C",
	"E: x\n    at /app/src/pool.js:9:2\n"},
    {"js-strapi", "ValidationError", "customer cus_9s6XKzkNRi has no card pm_2Hh1vQ8nBc",
	"E: x\n    at /code/src/pool.js:9:2\n"},

    /* Java */
    {"java-null", "java.lang.NullPointerException",
	"Cannot invoke \"com.acme.User.getName()\" because \"user\" is null",
	"java.lang.NullPointerException: x\n"
	"\tat com.acme.OrderService.place(OrderService.java:42)\n" SPRING},
    {"java-null", "java.lang.NullPointerException",
	"Cannot invoke \"com.acme.Cart.total()\" because \"this.cart\" is null",
	"java.lang.NullPointerException: x\n"
	"\tat java.base/java.util.Objects.requireNonNull(Objects.java:233)\n"
	"\tat app//com.acme.OrderService.place(OrderService.java:57) ~[shop-1.4.2.jar:1.4.2]\n"},
    {"java-null", NULL,
	"Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \"x\" because "
	"\"y\" is null\n\tat com.acme.OrderService.place(OrderService.java:42)\n",
	NULL},
    {"java-null-other", "java.lang.NullPointerException",
	"Cannot invoke \"com.acme.User.getName()\" because \"user\" is null",
	"java.lang.NullPointerException: x\n"
	"\tat com.acme.OrderService.cancel(OrderService.java:42)\n" SPRING},
    {"java-number", "java.lang.NumberFormatException", "For input string: \"12a\"",
	"java.lang.NumberFormatException: For input string: \"12a\"\n"
	"\tat java.base/java.lang.Integer.parseInt(Integer.java:668)\n"
	"\tat com.acme.Params.page(Params.java:12)\n"},
    {"java-number", "java.lang.NumberFormatException", "For input string: \"\"",
	"java.lang.NumberFormatException: For input string: \"\"\n"
	"\tat java.lang.Integer.parseInt(Integer.java:592)\n"
	"\tat com.acme.Params.page(Params.java:14)\n"},
    {"java-bounds", "java.lang.ArrayIndexOutOfBoundsException",
	"Index 5 out of bounds for length 3", "x\n\tat com.acme.Params.page(Params.java:14)\n"},
    {"java-bounds", "java.lang.ArrayIndexOutOfBoundsException",
	"Index -1 out of bounds for length 0", "x\n\tat com.acme.Params.page(Params.java:14)\n"},
    {"java-lambda", "java.lang.ArithmeticException", "/ by zero",
	"x\n\tat com.acme.Report.lambda$rows$3(Report.java:80)\n"
	"\tat "
	"java.base/java.util.stream.ReferencePipeline$3$1.accept(ReferencePipeline.java:197)\n"},
    {"java-lambda", "java.lang.ArithmeticException", "/ by zero",
	"x\n\tat com.acme.Report.lambda$rows$5(Report.java:91)\n"},
    {"java-proxy", "com.acme.Refused", "order 17 is closed",
	"x\n\tat com.acme.Orders$$EnhancerBySpringCGLIB$$a1b2c3d4.close(<generated>)\n"},
    {"java-proxy", "com.acme.Refused", "order 4711 is closed",
	"x\n\tat com.acme.Orders$$EnhancerBySpringCGLIB$$9f00de12.close(<generated>)\n"},
    {"java-cause", "jakarta.servlet.ServletException", "Request processing failed",
	"jakarta.servlet.ServletException: Request processing failed\n" SPRING
	"Caused by: java.lang.IllegalStateException: x\n"
	"\tat com.acme.Pay.charge(Pay.java:10)\n\t... 11 more\n"},
    {"java-cause", "jakarta.servlet.ServletException", "Request processing failed",
	"jakarta.servlet.ServletException: Request processing failed\n" SPRING
	"Caused by: java.io.IOException: y\n\tat com.acme.Pay.charge(Pay.java:19)\n"},
    {"java-object", "java.lang.IllegalArgumentException", "bad com.acme.Order@1b6d3586",
	"x\n\tat com.acme.Pay.charge(Pay.java:10)\n"},
    {"java-object", "java.lang.IllegalArgumentException", "bad com.acme.Order@cafe123",
	"x\n\tat com.acme.Pay.charge(Pay.java:10)\n"},
    {"java-sql", "java.sql.SQLTransientConnectionException",
	"HikariPool-1 - Connection is not available, request timed out after 30000ms.",
	"x\n\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)\n"
	"\tat com.acme.Orders.find(Orders.java:31)\n"},
    {"java-sql", "java.sql.SQLTransientConnectionException",
	"HikariPool-2 - Connection is not available, request timed out after 30005ms.",
	"x\n\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)\n"
	"\tat com.acme.Orders.find(Orders.java:31)\n"},
    {"java-file", "java.io.FileNotFoundException", "/data/in/17.csv (No such file or directory)",
	"x\n\tat java.base/java.io.FileInputStream.open0(Native Method)\n"
	"\tat com.acme.Import.read(Import.java:8)\n"},
    {"java-file", "java.io.FileNotFoundException", "C:\\in\\a.csv (No such file or directory)",
	"x\n\tat com.acme.Import.read(Import.java:8)\n"},
    {"java-time", "java.time.format.DateTimeParseException",
	"Text '2026-13-01' could not be parsed: Invalid value for MonthOfYear (valid values 1 - "
	"12): "
	"13",
	"x\n\tat java.base/java.time.LocalDate.parse(LocalDate.java:430)\n"
	"\tat com.acme.Import.read(Import.java:9)\n"},
    {"java-time", "java.time.format.DateTimeParseException",
	"Text '2026-99-31' could not be parsed: Invalid value for MonthOfYear (valid values 1 - "
	"12): "
	"99",
	"x\n\tat com.acme.Import.read(Import.java:9)\n"},
    {"java-no-message", "java.util.NoSuchElementException", NULL,
	"java.util.NoSuchElementException\n"
	"\tat java.base/java.util.ArrayList$Itr.next(ArrayList.java:1000)\n"
	"\tat com.acme.Import.next(Import.java:9)\n"},
    {"java-no-message", NULL,
	"java.util.NoSuchElementException\n"
	"\tat java.util.ArrayList$Itr.next(ArrayList.java:862)\n"
	"\tat com.acme.Import.next(Import.java:12)\n",
	NULL},

    /* Go */
    {"go-index", "runtime.boundsError", "runtime error: index out of range [5] with length 3",
	GO_PANIC "main.(*Cart).total(0xc000010000, {0x1, 0x2})\n\t/app/cart.go:42 +0x1d\n" GO_END},
    {"go-index", "runtime.boundsError", "runtime error: index out of range [7] with length 0",
	GO_PANIC "main.(*Cart).total(...)\n\t/home/zoe/shop/cart.go:44\n" GO_END},
    {"go-index-other", "runtime.boundsError", "runtime error: index out of range [5] with length 3",
	GO_PANIC "main.(*Cart).tax(0xc000010000)\n\t/app/cart.go:42 +0x1d\n" GO_END},
    {"go-crash", NULL,
	"panic: runtime error: invalid memory address or nil pointer dereference\n"
	"[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x4a1b2c]\n\n"
	"goroutine 1 [running]:\nmain.main()\n\t/app/main.go:14 +0x34f\nexit status 2\n",
	NULL},
    {"go-crash", NULL, "runtime error: invalid memory address or nil pointer dereference",
	"goroutine 71 [running]:\nmain.main()\n\t/srv/shop/main.go:15 +0x11\n"},
    {"go-dial", "*net.OpError", "dial tcp 10.0.0.5:5432: connect: connection refused", NULL},
    {"go-dial", "*net.OpError", "dial tcp [::1]:6379: connect: connection refused", NULL},
    {"go-dial", "*net.OpError", "dial tcp [fe80::1c2d%eth0]:80: connect: connection refused", NULL},
    {"go-read", "*net.OpError", "read tcp 10.0.0.5:39214->10.0.0.9:5432: i/o timeout", NULL},
    {"go-read", "*net.OpError", "read tcp 127.0.0.1:1->127.0.0.1:22: i/o timeout", NULL},
    {"go-url", "*url.Error", "Post \"https://api.example.com/v1/17\": context deadline exceeded",
	NULL},
    {"go-url", "*url.Error", "Post \"http://localhost:8080/x\": context deadline exceeded", NULL},
    {"go-open", "*fs.PathError", "open /var/lib/shop/orders.db: permission denied", NULL},
    {"go-open", "*fs.PathError", "open /data/17/x: permission denied", NULL},
    {"go-open-missing", "*fs.PathError", "open /data/17/x: no such file or directory", NULL},
    {"go-atoi", "*strconv.NumError", "strconv.Atoi: parsing \"12a\": invalid syntax", NULL},
    {"go-atoi", "*strconv.NumError", "strconv.Atoi: parsing \"a\\\"b\": invalid syntax", NULL},
    {"go-pq", "*pq.Error", "pq: duplicate key value violates unique constraint \"users_email_key\"",
	"github.com/acme/shop/store.(*Users).Add\n"
	"\t/go/src/github.com/acme/shop/store/users.go:31\n"},
    {"go-pq", "*pq.Error", "pq: duplicate key value violates unique constraint \"orders_pkey\"",
	"github.com/lib/pq.(*conn).exec\n\t/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go:12 +0x1\n"
	"github.com/acme/shop/store.(*Users).Add\n"
	"\t/home/zoe/go/src/github.com/acme/shop/store/users.go:33\n"},
    {"go-closure", "*errors.errorString", "job 17 took 350µs",
	"goroutine 9 [running]:\nmain.run.func1.2()\n\t/app/run.go:9 +0x1\n"},
    {"go-closure", "*errors.errorString", "job 4711 took 1m3.5s",
	"goroutine 9 [running]:\nmain.run.func3()\n\t/app/run.go:19 +0x1\n"},
    {"go-json", "*json.UnmarshalTypeError",
	"json: cannot unmarshal string into Go struct field Order.id of type int64", NULL},
    {"go-json", "*json.UnmarshalTypeError",
	"json: cannot unmarshal string into Go struct field Order.id of type int32", NULL},
    {"go-mail", "*smtp.Error", "550 no mailbox zoe.m@example.com at 2026-03-14T09:26:53.589+01:00",
	NULL},
    {"go-mail", "*smtp.Error", "551 no mailbox bob@mail.example.org at 2026-12-01 23:00:01", NULL},

    /* messages alone, as of a log */
    {"log-order", NULL, "order 4711 of zoe@example.com failed after 3 attempts", NULL},
    {"log-order", NULL, "order 17 of bob+x@example.org failed after 12 attempts", NULL},
    {"log-order", NULL, "  order\t-1 of a@b.cd failed   after 0x1f attempts\nmore", NULL},
    {"log-list", NULL, "items 1, 2, 3 are missing", NULL},
    {"log-list", NULL, "items 17 are missing", NULL},
    {"log-route", NULL, "GET /orders/17 failed with 500", NULL},
    {"log-route", NULL, "GET /orders/4711 failed with 503", NULL},
    {"log-route-other", NULL, "GET /users/4711 failed with 503", NULL},
    {"log-method", NULL, "PUT /orders/4711 failed with 503", NULL},
    {"log-url", NULL, "https://api.example.com:8443/v1/17?x=1,2 answered 500", NULL},
    {"log-url", NULL, "https://user:secret@api.example.com:80/ answered 502", NULL},
    {"log-url-other", NULL, "https://eu.example.com:80/v2 answered 502", NULL},
    {"log-case", NULL, "HTTPS://eu.example.com:80/v2 answered 502", NULL},
    {"log-uuid", NULL, "no trace 0be9dc66-6663-13d8-e93e-bde24d45779e", NULL},
    {"log-uuid", NULL, "no trace f47ac10b-58cc-4372-a567-0e02b2c3d479", NULL},
    {"log-uuid", NULL, "no trace d589f037a49d8e3190c146afb4e63ea3", NULL},
    {"log-word", NULL, "no trace deadbeef", NULL},
    {"log-apostrophe", NULL, "can't find O'Brien", NULL},
    {"log-apostrophe-other", NULL, "can't find O'Neill", NULL},
    {"log-japanese", NULL, "注文42が見つかりません", NULL},
    {"log-japanese", NULL, "注文4711が見つかりません", NULL},
    {"log-japanese-other", NULL, "顧客4711が見つかりません", NULL},
    {"log-guillemets", NULL, "Produit «café» introuvable", NULL},
    {"log-guillemets", NULL, "Produit «thé» introuvable", NULL},
    {"log-german", NULL, "Artikel „Käse“ fehlt", NULL},
    {"log-german", NULL, "Artikel „Brot“ fehlt", NULL},
};

enum { ERROR_COUNT = sizeof errors / sizeof *errors };

enum form { AS_TEXT, AS_LINES, FORM_COUNT };

static void add_member(struct dp_buf *json, const char *name, const char *value)
{
	if (!value)
		return;
	dp_buf_addf(json, ",\"%s\":", name);
	dp_json_write_string(json, dp_str_from(value));
}

static void add_lines(struct dp_buf *json, const char *text)
{
	dp_buf_add_text(json, ",\"stacktrace\":[");
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		dp_json_write_string(json, (struct dp_str){text, (size_t)(end - text)});
		if (*end && end[1])
			dp_buf_add_char(json, ',');
	}
	dp_buf_add_char(json, ']');
}

static void fingerprint(const struct error *e, enum form form, struct dp_fingerprint *out)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_buf json = {0};
	struct dp_event ev;
	struct dp_refusal why;

	dp_buf_add_text(&json, "{\"severity\":\"error\"");
	add_member(&json, "name", e->name);
	add_member(&json, "details", e->details);
	if (e->stack && form == AS_LINES)
		add_lines(&json, e->stack);
	else
		add_member(&json, "stacktrace", e->stack);
	dp_buf_add_char(&json, '}');
	if (dp_event_read(r, dp_buf_str(&json), 0, &ev, &why) < 0)
		fail_msg("%s: %s", e->group, why.why);
	dp_fingerprint_read(&ev, out);
	dp_event_reader_free(&r);
	dp_buf_release(&json);
}

/* Each with each; `b` may have its stack in another form. */
static void compare(
    size_t a, const struct dp_fingerprint *fa, size_t b, const struct dp_fingerprint *fb)
{
	const bool is_same = strcmp(errors[a].group, errors[b].group) == 0;

	if (is_same != (strcmp(fa->id, fb->id) == 0))
		fail_msg("%zu (%s) and %zu (%s)\n%s|%s|%s\n%s|%s|%s", a, errors[a].group, b,
		    errors[b].group, fa->type, fa->place, fa->message, fb->type, fb->place,
		    fb->message);
}

static void test_groups(void **state)
{
	static struct dp_fingerprint all[FORM_COUNT][ERROR_COUNT];

	(void)state;
	for (size_t i = 0; i < ERROR_COUNT; i++)
		for (enum form form = AS_TEXT; form < FORM_COUNT; form++)
			fingerprint(&errors[i], form, &all[form][i]);
	for (size_t a = 0; a < ERROR_COUNT; a++)
		for (size_t b = 0; b < ERROR_COUNT; b++) {
			compare(a, &all[AS_TEXT][a], b, &all[AS_TEXT][b]);
			compare(a, &all[AS_TEXT][a], b, &all[AS_LINES][b]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests_name("fingerprint_groups", tests, NULL, NULL);
}
