"""Secrets are taken out before an event leaves the process: by name, and by value.

By name: what stands under `db_password` or `X-Api-Key` is replaced as a whole. By value: tokens of
a known shape, and `name=value` with such a name, are replaced within the text around them. Both are
guesses that lean towards hiding: a hidden value costs a look at the code, a leaked one a password.
"""

import base64
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final
from urllib.parse import unquote_plus

NAMED: Final = "[scrubbed: name]"
"""What stands for a value whose name is one of a secret."""

INNOCENT: Final = 0
SECRET: Final = 1
SECRET_UNLESS_NUMBER: Final = 2
"""The verdicts on a name. The last is for `max_tokens` and `session_timeout`, mostly numbers."""

# Names are compared in lower case, with `_` between the words of camelCase and for all punctuation.
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")

# What contains a word of _SECRET_NAME by accident; it is taken out before the comparison.
_INNOCENT_NAME = re.compile(
    r"author(?!i[sz])|authentic(?!at)"
    r"|discard|wildcard|postcard|scorecard|flashcard|placard|cardiac|cardio|cardinal|cardboard"
    r"|secretar|tokeni[sz]|cookiecutter|obsession|possession"
    r"|(?:hair|linch|king|push|under|s)pin$"
)

_SECRET_NAME = re.compile(
    r"pass(?:w|phrase|code|key)|pwd|(?:^|_)pw$|(?:^|db_|user_|admin_|root_|smtp_|mail_|proxy_|redis_)pass$"
    r"|secret|token|auth|cookie|session|credential|(?:^|_)creds"
    r"|(?:api|access|private|signing|encryption|master|ssh|account|shared|service|license|hmac)_?key"
    r"|[cx]srf|jwt|bearer|connection_?string|card|pin(?:_?code)?$"
    r"|(?<![a-z])(?:dsn|ssn|otp|totp|cvv|cvc)(?![a-z])"
)

# One of these is in every text that names a secret: a look at them is cheaper than the patterns.
_HINTS = (
    "pass", "pwd", "secret", "token", "auth", "cookie", "session", "cred", "key", "srf", "jwt",
    "bearer", "string", "card", "pin", "dsn", "ssn", "otp", "cvv", "cvc",
)  # fmt: skip

_COUNT_NAME = re.compile(
    r"(?:^|_)(?:n|num|max|min|total)_|(?:tokens|sessions|cookies|cards)$"
    r"|(?:count|total|limit|size|length|len|timeout|ttl|age|expiry|seconds|index)$|expires"
)

_MEMO_MAX = 4096
_MEMO_NAME_MAX = 100
_NAME_MAX = 256
_CODE_MAX = 256
_HEADERS_MAX = 100
_HEADER_MAX = 1024
_URL_MAX = 4096
_WINDOW_MAX = _URL_MAX + 1024  # a secret is told by what follows

# Secrets of a known shape: what is in every one of them, its kind, its pattern. The marks are
# grouped by a character that they contain, so that most texts need only a few looks.
_Shape = tuple[str, str, re.Pattern[str]]


def _shape(mark: str, kind: str, pattern: str) -> _Shape:
    return mark, kind, re.compile(pattern, re.DOTALL)


_GITHUB = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")
_SHAPE_MIN = 12  # characters of the shortest: "Bearer 123456" has 13

_SHAPES: tuple[tuple[str, tuple[_Shape, ...]], ...] = (
    (
        "_",
        (
            *(_shape(mark, "github", rf"(?<![A-Za-z0-9]){mark}\w{{16,}}") for mark in _GITHUB),
            _shape("k_live_", "stripe", r"(?<![A-Za-z0-9])[rs]k_live_\w{8,}"),
            _shape("k_test_", "stripe", r"(?<![A-Za-z0-9])[rs]k_test_\w{8,}"),
            _shape("whsec_", "stripe", r"(?<![A-Za-z0-9])whsec_[\w+/=]{16,}"),
            _shape("npm_", "npm", r"(?<![A-Za-z0-9])npm_\w{30,}"),
            _shape("hf_", "huggingface", r"(?<![A-Za-z0-9])hf_\w{30,}"),
        ),
    ),
    (
        "-",
        (
            _shape("xox", "slack", r"(?<!\w)xox[a-z]-[\w-]{8,}"),
            _shape("xapp-", "slack", r"(?<!\w)xapp-[\w-]{8,}"),
            _shape("glpat-", "gitlab", r"(?<!\w)glpat-[\w-]{16,}"),
            _shape("pypi-", "pypi", r"(?<!\w)pypi-[\w-]{16,}"),
            _shape("sk-", "key", r"(?<![\w-])sk-[\w-]{20,}"),
            _shape(
                "PRIVATE KEY",
                "pem",
                r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [^-]*-----|\Z)",
            ),
        ),
    ),
    (
        ":",
        (
            _shape("://", "userinfo", r"(?<=://)[^\s/?#'\"<>]+(?=@)"),
            # user:password@host by itself, or in quotes: what urlsplit() calls netloc.
            _shape(
                "@",
                "userinfo",
                r"(?<![^'\"])(?!(?:mailto|acct|sips?|xmpp|im|cid|mid|npm):)"
                r"[^\s/?#@:'\"<>]*:[^\s/?#@'\"<>]+(?=@(?!sha\d)[\w.:%\[\]-]+(?![^'\"/?]))",
            ),
            _shape("hooks.slack.com", "slack", r"(?<=hooks\.slack\.com)/[\w/-]{8,}"),
        ),
    ),
    (
        "",
        (
            _shape("eyJ", "jwt", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*){0,3}"),
            # Not the words that follow the scheme in a challenge or in prose.
            _shape(
                "earer ",
                "bearer",
                r"(?<=[Bb]earer )(?!(?:token|auth|realm|error|scheme|credential|is|was)\w*)"
                r"[\w.~+/=-]{6,}",
            ),
            _shape("AKIA", "aws", r"(?<!\w)AKIA[A-Z0-9]{16}(?!\w)"),
            _shape("ASIA", "aws", r"(?<!\w)ASIA[A-Z0-9]{16}(?!\w)"),
            _shape("AIza", "google", r"(?<!\w)AIza[\w-]{30,}"),
            _shape("ya29.", "google", r"(?<!\w)ya29\.[\w-]{16,}"),
            _shape("SG.", "sendgrid", r"(?<!\w)SG\.[\w-]{12,}\.[\w-]{12,}"),
        ),
    ),
)

# A name and what stands between it and its value: name=value, "name": value, name => value, the
# same within a string of JSON, the pair ("name", "value") of headers, SQL's PASSWORD 'value', and
# <name>value</name>.
_NAME_AND_MARK = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z_][\w.-]{0,99})"
    r"(?P<mark>\\?[\"']?\s{0,2}(?:={1,2}>?|:)\s{0,2}|[\"'], (?=b?[\"'])|\s{1,2}(?=')|>(?=[^<>]+</))"
)
_PAIR = re.compile(r"\(b?[\"']\Z")
_QUOTED = re.compile(r"[bruf]{0,2}(\\?[\"'])((?:(?!\1).)*)", re.DOTALL)
_BARE = re.compile(r"[^\s\"'&,;(\[{<)\]}]*")
_LINE = re.compile(r"[^\r\n\"']*")
_OPENING = "([{<"
_CLOSING = ")]}>"

# The value after an option: --name value, or '--name', 'value' of a list of arguments.
_OPTION = re.compile(
    r"(?<![\w-])--(?P<name>[A-Za-z][\w-]{0,99})(?P<mark>[\"'], b?[\"']| [\"']?)(?!\[scrubbed|-)"
    r"(?P<value>(?<=\")[^\"]+|(?<=')[^']+|[^\s\"']+)"
)

# Unquoted values that tell nothing: constants, and the places of parameters in SQL and templates.
_TELLS_NOTHING = re.compile(
    r"(?:None|True|False|null|true|false|undefined|%s|%\(\w+\)s|\?|\$\d+|:\w+|\.\.\.|…)?\Z"
)
_IN_PROSE = re.compile(r"\D{0,15}\Z")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?\Z")
_WHOLE_LINE = re.compile(r"(?:.*_)?(?:authorization|cookie)\Z")

# In source code only literals are secrets: `token = read_token()` stays.
_LITERAL = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,99})"
    r"(?P<mark>(?:[\"']?\]?\s*(?::[ \w\[\]|.,]{0,60})?[!=]{0,1}=|[\"']\s*:)\s*)"
    r"(?P<value>[bruf]{0,2}(?P<quote>[\"'])(?P<quoted>(?:(?!(?P=quote)).)+))"
)

_BASIC = re.compile(r"(?<=[Bb]asic )[\w+/-]{4,}={0,2}")

_SIGNATURES = frozenset(("sig", "signature", "x_amz_signature", "x_goog_signature"))


class _Memo(dict[str, tuple[int, str]]):
    """Names and what was found out about them; begins anew when it is full."""

    def __init__(self, judge: Callable[[str], tuple[int, str]]) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, name: str) -> tuple[int, str]:
        found = self._judge(name)
        if len(name) <= _MEMO_NAME_MAX:
            if len(self) >= _MEMO_MAX:
                self.clear()
            self[name] = found
        return found


class Scrubber:
    """Finds secrets. Safe to use from several threads."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """`keys`: further parts of names that make a name a secret one, in any case."""
        self._keys = tuple(key.lower() for key in keys if key)
        self._hints = _HINTS + self._keys + tuple(key.split("_")[-1] for key in self._keys)
        self.name: Callable[[str], tuple[int, str]] = _Memo(self._judge).__getitem__
        """The verdict on a name, and the name as it may be shown: at most 256 characters."""

    def is_secret(self, name: str) -> bool:
        """Whether what has this name is to be hidden."""
        return self.name(name)[0] != INNOCENT

    def text(self, value: str) -> str:
        """The text with every secret in it replaced by "[scrubbed: kind]"."""
        names = "=" in value or ":" in value or "', " in value or "--" in value
        names = names or " '" in value or "</" in value
        if not names and len(value) < _SHAPE_MIN:
            return value
        # Looks for their marks are cheap, and most texts have none.
        if (
            "_" in value
            or "-" in value
            or "eyJ" in value
            or "earer " in value
            or "asic " in value
            or "://" in value
            or (":" in value and "@" in value)
            or "AKIA" in value
            or "ASIA" in value
            or "AIza" in value
            or "SG." in value
            or "ya29." in value
        ):
            value = self._shapes_only(value)
            if "asic " in value:
                value = _BASIC.sub(_basic, value)
        return self._assignments(value) if names else value

    def code(self, line: str) -> str:
        """The same for a line of source code, in which names stand beside names, not secrets."""
        line = self._shapes_only(clean(line[:_CODE_MAX]))
        return _LITERAL.sub(self._literal, line)

    def headers(self, items: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
        """The headers of a request or an answer (ASGI's form): names in lower case; of several with
        one name the values are joined by ", ". What is not UTF-8 is read as Latin-1. The first 100,
        and 1,024 characters of each."""
        found: dict[str, str] = {}
        for raw_name, raw_value in islice(items, _HEADERS_MAX):
            name = self.name(_decoded(raw_name).lower())[1]
            value = NAMED if self.is_secret(name) else self.url(_decoded(raw_value), _HEADER_MAX)
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    def query_string(self, raw: bytes) -> str:
        """A query string, secret parameters without their value, the others as they were; at most
        4,096 characters."""
        text = _decoded(raw)
        return _cut(self._query(text[:_WINDOW_MAX]), _URL_MAX, len(text))

    def url(self, text: str, limit: int = _URL_MAX) -> str:
        """A URL without user-info, and without the values of secret parameters; at most `limit`
        characters."""
        shown = self.text(clean(text[:_WINDOW_MAX]))
        head, mark, query = shown.partition("?")
        if mark:
            query, mark, fragment = query.partition("#")
            shown = f"{head}?{self._query(query)}{mark}{fragment}"
        return _cut(shown, limit, len(text))

    def _query(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&")))

    def _parameter(self, parameter: str) -> str:
        name, mark, value = parameter.partition("=")
        if not mark or not value:
            return self.text(parameter)
        plain = unquote_plus(name) if "%" in name or "+" in name else name
        if self.is_secret(plain) or _words(plain) in _SIGNATURES:
            return f"{name}={NAMED}"
        found = self.text(value)
        if found == value and "%" in value:
            decoded = unquote_plus(value)
            if self.text(decoded) != decoded:
                return f"{name}=[scrubbed: value]"
        return f"{name}={found}"

    def _judge(self, name: str) -> tuple[int, str]:
        shown = clean(name[:_NAME_MAX])
        words = _words(shown)
        verdict = INNOCENT
        if _SECRET_NAME.search(_INNOCENT_NAME.sub("", words)):
            verdict = SECRET_UNLESS_NUMBER if _COUNT_NAME.search(words) else SECRET
        if self._keys:
            lower = shown.lower()
            if any(key in lower or key in words for key in self._keys):
                verdict = SECRET
        return verdict, self._shapes_only(shown)

    def _shapes_only(self, text: str) -> str:
        for character, shapes in _SHAPES:
            if character in text:
                for mark, kind, pattern in shapes:
                    if mark in text:
                        text = pattern.sub(f"[scrubbed: {kind}]", text)
        return text

    def _assignments(self, value: str) -> str:
        lower = value.lower()
        for hint in self._hints:
            if hint in lower:
                break
        else:
            return value
        if "--" in value:
            value = _OPTION.sub(self._option, value)
        parts: list[str] = []
        done = 0
        for match in _NAME_AND_MARK.finditer(value):
            if match.start() < done:
                continue
            verdict, _ = self.name(match["name"])
            if verdict == INNOCENT:
                continue
            start, end = _secret_span(value, match, verdict)
            if start < end:
                parts += value[done:start], NAMED
                done = end
        return "".join((*parts, value[done:])) if parts else value

    def _option(self, match: re.Match[str]) -> str:
        name, mark, value = match["name"], match["mark"], match["value"]
        verdict, _ = self.name(name)
        is_prose = mark == " " and "pass" not in name.lower() and _IN_PROSE.match(value)
        is_count = verdict == SECRET_UNLESS_NUMBER and _NUMBER.match(value)
        if verdict == INNOCENT or is_prose or is_count:
            return match[0]
        return f"--{name}{mark}{NAMED}"

    def _literal(self, match: re.Match[str]) -> str:
        if not self.is_secret(match["name"]) or match["value"].startswith("[scrubbed"):
            return match[0]
        return f"{match['name']}{match['mark']}{match['quote']}{NAMED}"


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with U+FFFD for what no database takes: U+0000 and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def _cut(text: str, limit: int, length: int) -> str:
    """`length`: of the text before it was scrubbed."""
    return text if len(text) <= limit else f"{text[:limit]}… ({length} characters)"


def last_word(name: str) -> str:
    """Of a name in camelCase or with punctuation, in lower case: "cookie" of "SessionCookie"."""
    return _words(name).rpartition("_")[2]


def _words(name: str) -> str:
    return _WORDS.sub("_", name).lower().strip("_")


def _basic(match: re.Match[str]) -> str:
    """Basic credentials are base64 of user:password (RFC 7617); other words after "Basic" stay."""
    try:
        decoded = base64.b64decode(match[0] + "=" * (-len(match[0].rstrip("=")) % 4))
    except ValueError:
        return match[0]
    return "[scrubbed: basic]" if b":" in decoded else match[0]


def _secret_span(text: str, match: re.Match[str], verdict: int) -> tuple[int, int]:
    """From where to where the value of a name is to be hidden; nothing if the two are equal."""
    start = match.end()
    if match["mark"] == ">":
        return start, text.index("<", start)
    if match["mark"].isspace() and "pass" not in match["name"].lower():
        return start, start
    if "," in match["mark"] and not _PAIR.search(text[max(0, match.start() - 3) : match.start()]):
        return start, start
    quoted = _QUOTED.match(text, start)
    if quoted:
        start, end = quoted.span(2)
        return (start, start) if text.startswith("[scrubbed", start) else (start, end)
    mark = match["mark"]
    if "," in mark:  # a value is quoted, and two strings of a list are no pair
        return start, start
    if mark.startswith(":") and _WHOLE_LINE.match(_words(match["name"])):
        return start, _end_of(_LINE, text, start)
    end = _end_of(_BARE, text, start)
    if text.startswith("[scrubbed", end):
        return start, start
    if end < len(text) and text[end] in _OPENING:
        return start, _closed(text, end)
    value = text[start:end]
    if (
        _TELLS_NOTHING.match(value)
        or (verdict == SECRET_UNLESS_NUMBER and _NUMBER.match(value))
        or (mark == ": " and "pass" not in match["name"].lower() and _IN_PROSE.match(value))
    ):
        return start, start
    return start, end


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


def _closed(text: str, start: int) -> int:
    """The end of what is in brackets from `start` on; that of the text if they do not close."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in _OPENING:
            depth += 1
        elif text[i] in _CLOSING:
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def _decoded(raw: bytes) -> str:
    try:
        return clean(raw.decode())
    except UnicodeDecodeError:
        return clean(raw.decode("latin-1"))
