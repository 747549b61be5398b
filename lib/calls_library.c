#include "calls.h"

#include <string.h>

/* Java's packages do not tell whose they are: these are the usual ones. */
static const char *const JAVA_LIBRARIES[] = {"java.", "javax.", "jdk.", "sun.", "com.sun.",
    "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.", "org.codehaus.groovy.", "clojure.",
    "org.springframework.", "org.apache.", "org.hibernate.", "org.eclipse.", "org.junit.",
    "org.postgresql.", "org.slf4j.", "com.fasterxml.", "com.google.common.", "com.mysql.",
    "com.zaxxer.", "io.netty.", "io.undertow.", "io.micrometer.", "io.quarkus.", "io.vertx.",
    "net.sf.cglib.", "okhttp3.", "reactor.", NULL};

/* The first parts of the import paths of Go's standard library. */
static const char *const GO_LIBRARIES[] = {"archive", "bufio", "bytes", "cmp", "compress",
    "container", "context", "crypto", "database", "debug", "encoding", "errors", "expvar", "flag",
    "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter", "log", "maps", "math",
    "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort",
    "strconv", "strings", "sync", "syscall", "testing", "text", "time", "unicode", "unique",
    "unsafe", NULL};

static inline bool begins(struct dp_str s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && memcmp(s.p, text, n) == 0;
}

static inline bool ends(struct dp_str s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && memcmp(s.p + s.n - n, text, n) == 0;
}

/* A folder of a path. */
static bool is_library_folder(struct dp_str s, bool is_go)
{
	const char *at;

	if (is_go) {
		at = memchr(s.p, '@', s.n);
		return dp_str_is(s, "vendor") ||
		       (at && begins((struct dp_str){at, (size_t)(s.p + s.n - at)}, "@v"));
	}
	switch (s.n ? *s.p : '\0') {
	case 's':
		return dp_str_is(s, "site-packages");
	case 'd':
		return dp_str_is(s, "dist-packages");
	case 'n':
		return dp_str_is(s, "node_modules");
	case 'p':
		return begins(s, "python3.") || begins(s, "python2.");
	default:
		return false;
	}
}

static bool is_in_library_folder(struct dp_str file, bool is_go)
{
	size_t start = 0;

	for (size_t i = 0; i < file.n; i++) {
		if (file.p[i] != '/' && file.p[i] != '\\')
			continue;
		if (is_library_folder((struct dp_str){file.p + start, i - start}, is_go))
			return true;
		start = i + 1;
	}
	return false;
}

/* net/http.(*conn).serve is of the package net/http; panic is of none. */
static bool is_go_library(struct dp_str function)
{
	size_t n = 0;

	while (n < function.n && function.p[n] != '.' && function.p[n] != '/')
		n++;
	if (n == function.n)
		return n > 0;
	for (size_t i = 0; GO_LIBRARIES[i]; i++)
		if (*GO_LIBRARIES[i] == *function.p &&
		    dp_str_is((struct dp_str){function.p, n}, GO_LIBRARIES[i]))
			/* github.com/… is a module's, though "go" is none: go.uber.org */
			return function.p[n] == '/' || !memchr(function.p + n, '/', function.n - n);
	return false;
}

static bool is_java_library(struct dp_str function)
{
	for (size_t i = 0; JAVA_LIBRARIES[i]; i++)
		if (*function.p == *JAVA_LIBRARIES[i] && begins(function, JAVA_LIBRARIES[i]))
			return true;
	return false;
}

bool dp_call_is_library(struct dp_str file, struct dp_str function)
{
	const bool is_go = ends(file, ".go");

	if (is_in_library_folder(file, is_go))
		return true;
	if (is_go)
		return is_go_library(function);
	if (function.n > 0 &&
	    (ends(file, ".java") || ends(file, ".kt") || ends(file, ".scala") || file.n == 0))
		return is_java_library(function);
	return begins(file, "<frozen ") || begins(file, "node:") ||
	       (begins(file, "internal/") && ends(file, ".js"));
}
