"""Random errors: messages, paths and stacks of what the rules of fingerprints look at."""

import random
from collections.abc import Callable
from typing import Any

WORDS = [
    *("'", '"', "`", "«", "»", "“", "”", "„", "‘", "’", "can't", "O'Brien", "b'x'", 'u"y"'),
    *("a", "Error", "GET", "POST", "/a/b", "./x", "../y", "~/z", "C:\\d\\e", "C:/x", "\\\\h\\s"),
    *("http://u:p@h:80/x?y#z", "https://[::1]:80/", "file:///", "://", "-5", "+7.5", "1,2"),
    *("3 4", "12ms", "3µs", "4μs", "0x7f", "deadbeef1", "a1b2c3", "1e-5", "user42", "v1.2.3"),
    *("f47ac10b-58cc-4372-a567-0e02b2c3d479", "abcdefab-abcd-abcd-abcd-abcdefabcdef"),
    *("::1", "fe80::1%eth0", "[::1]:5432", "[2001:db8::1]", "a.b@c.de", "x@y", "Foo@cafe1"),
    *("ä", "é1", "注文42", "€", "😀", "\x01", "\x7f", "\t", "\n", "...", "…", "\\", "{}", '"\\""'),
    *("\u2028", "\u0301", "ß", "Ж", "x" * 33 + "1", "y" * 120, "2026-03-14T09:26:53.5+01:00"),
    *("ValueError: ", "java.io.IOException: ", "Http404: ", "zlib.error: ", "TypeError [CODE]: "),
    *("Uncaught ", "panic: ", 'Exception in thread "main" ', "'a\\'b'", *".,;:!?()[]{}<>|=_"),
    *"$*#%&@^~/-+",
]
FOLDERS = [
    *("/app/", "/srv/x/", "/home/z/w/", "C:\\Users\\z\\", "/usr/src/a/", "/opt/", "src/", "a.b/"),
    *("lib/python3.11/", "site-packages/", "node_modules/", "vendor/", "pq@v1.2/", "20260101/"),
    *("./", "//", "\\", "webpack:///", "https://h.x/", "node:", "internal/", "<frozen ", "@b/"),
]
FILES = [
    *("main.py", "x.js", "a.8f3a2c.js", "index-BkF3x9aQ.mjs", "Cart.java", "s.go", "a.kt"),
    *("q.pyc", "noend", ".js", "a.b.c", "cart.js?v=3", "site-packages", "é.py", "x\x01.py", ""),
    *("<string>", "w" * 150 + ".py"),
]
FUNCTIONS = [
    *("f", "main.run", "main.(*S).h", "net/http.(*conn).serve", "java.util.X.get", "fmt", "f1"),
    *("com.shop.Cart.total", "lambda$run$3", "main.run.func1.2", "Cart$$Lambda$14/0x7f.run"),
    *("panic", "<module>", "github.com/a/b.C", "go.uber.org/x.Y", "org.apache.X.y", "a.func12"),
    *("$1", "1", "a$1$2", "x" * 150, "ünï.1", ""),
]
LINES = [
    '{m}File "{f}", line {n}, in {g}',
    '{m}File "{f}", line {n}',
    '{m}File "{f}',
    "{m}at {g} ({f}:{n}:5)",
    "{m}at async {g} [as h] ({f}:{n}:5)",
    "{m}at new {g} (<anonymous>)",
    "{m}at {f}:{n}:5",
    "{m}at eval (eval at {g} ({f}:1:2), <anonymous>:1:1)",
    "{m}at {g}({f}:{n})",
    "{m}at java.base/{g}(Native Method)",
    "{m}at {g}",
    "{g}(0xc00, {{0x1}})",
    "created by {g} in goroutine 7",
    "{m}{f}:{n} +0x1d",
    "main.x(1)\n\t/app/m.go:3 +0x1",
    "panic(0x1)\n\t/usr/local/go/src/runtime/panic.go:860 +0x13a",
    "goroutine 34 [running]:",
    "Traceback (most recent call last):",
    "  +-+---------------- 1 ----------------",
    "ValueError: {t}",
    "{m}{t}",
    "",
]
MEMBERS = [
    *("file", "line", "function", "inApp", "code", "filename", "path", "module", "lineno", "func"),
    *("name", "method", "in_app", "class", "className", "source", "text", "locals", "x"),
]


class Errors:
    """Events of severity error, the same for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def event(self, n: int) -> dict[str, Any]:
        chance = self._random.random
        event: dict[str, Any] = {
            "traceId": f"trace {n % 97}",
            "timestamp": f"2026-01-01T00:00:00.{n:06d}Z",
            "severity": "error",
            "system": "tests",
            "type": self._one("error", "exception", "log", "request"),
        }
        members: dict[str, tuple[float, Callable[[], Any]]] = {
            "name": (0.5, self._name),
            "details": (0.85, self._details),
            "message": (0.3, lambda: self._one(3, self.text())),
            "file": (0.5, self._path),
            "source": (0.5, lambda: self._one(self._function(), self.text(30), "a\nb")),
            "stacktrace": (0.5, self._stack),
        }
        for name, (share, make) in members.items():
            if chance() < share:
                event[name] = make()
        return event

    def text(self, most: int | None = None) -> str:
        chance = self._random.random
        most = self._one(1, 2, 3, 5, 8, 13, 40, 200) if most is None else most
        parts = []
        for _ in range(self._random.randint(0, most)):
            last = self._one(0x7F, 0x7FF, 0xD7FF)
            word = self._word() if chance() < 0.9 else chr(self._random.randint(1, last))
            parts.append(word + " " * (chance() < 0.5))
        return "".join(parts)

    def _word(self) -> str:
        return self._id() if self._random.random() < 0.1 else str(self._one(*WORDS))

    def _id(self) -> str:
        """Of the sizes that make a difference."""
        letters = self._one("abcdef", "abcdefgxyz")
        size = self._one(5, 6, 7, 8, 9, 31, 32, 33)
        place = self._random.randint(0, size)
        return "".join("7" if n == place else self._one(*letters) for n in range(size))

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _some(self, most: int) -> range:
        return range(self._random.randint(0, most))

    def _name(self) -> Any:
        names = ("ValueError", "a.b.C", "Http404", "E4711", "two words", "", None)
        return self._one(self.text(2), *names, "é" * 99, "é" * 101)

    def _details(self) -> Any:
        lines = "\n".join(self._line() for _ in range(6))
        others = ({"message": self.text()}, {"message": 1}, None, [1], lines)
        return self._one(self.text(), *others) if self._random.random() < 0.5 else self.text()

    def _path(self) -> str:
        return "".join(self._one(*FOLDERS) for _ in self._some(4)) + str(self._one(*FILES))

    def _function(self) -> str:
        return "".join(self._one(*FUNCTIONS) for _ in range(self._one(1, 1, 1, 2)))

    def _line(self) -> str:
        form: str = self._one(*LINES)
        margin = self._one("", "  ", "\t", "  | ", "    ")
        number = self._random.randint(0, 300)
        return form.format(m=margin, n=number, f=self._path(), g=self._function(), t=self.text(3))

    def _frame(self) -> dict[str, Any]:
        names = [self._one(*MEMBERS) for _ in self._some(7)]
        if self._random.random() < 0.6:
            names = MEMBERS[:5] + names
        return {name: self._member(name) for name in names}

    def _member(self, name: str) -> Any:
        if self._random.random() < 0.06:
            return self._one(None, [], {}, True, 1, 1.5, -2e300, "")
        if name in ("inApp", "in_app"):
            return self._random.random() < 0.4
        if name in ("line", "lineno"):
            return self._random.randint(0, 99)
        if name in ("function", "func", "name", "method"):
            return self._function()
        return self._one("Cart", "java.util.X") if name[:5] == "class" else self._path()

    def _stack(self) -> Any:
        chance = self._random.random()
        if chance < 0.35:
            return self._one("\n", "\r\n").join(self._line() for _ in self._some(10))
        if chance < 0.7:
            frames: list[Any] = [self._frame() for _ in self._some(20)]
            return [*([self._one(1, None, "x")] if chance < 0.45 else []), *frames]
        return [self._one(self._line(), self._frame()) for _ in self._some(8)]
