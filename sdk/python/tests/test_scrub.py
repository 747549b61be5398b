"""Secrets, by name and by value."""

import base64

import pytest

from devpulse._scrub import NAMED, Scrubber

# Tokens are put together here, so that nobody's scanner takes them for leaked ones.
JWT = ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiI0NzEzIn0", "q83vEjRWeJ-kPrRqLx_0"))
BASIC = base64.b64encode(b"ann:hunter2").decode()
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"

SECRET_NAMES = [
    *("password", "PASSWORD", "db_password", "passwd", "userPasswd", "passphrase", "passcode"),
    *("pass", "db_pass", "pwd", "secret", "client_secret", "SECRET_KEY", "token", "accessToken"),
    *("api_key", "apikey", "apiKey", "API-KEY", "X-Api-Key", "APIKey", "aws_secret_access_key"),
    *("auth", "oauth", "Authorization", "proxy-authorization", "authenticate", "authentication"),
    *("cookie", "Set-Cookie", "session", "sessionid", "PHPSESSIONID", "credential", "creds"),
    *("private_key", "privateKey", "ssh_key", "encryption_key", "AccountKey", "csrf", "xsrfToken"),
    *("jwt", "bearer", "dsn", "SENTRY_DSN", "connection_string", "connectionString"),
    *("pin", "user_pin", "userPin", "pin_code", "ssn", "userSSN", "card", "card_number", "cardNo"),
    *("creditCard", "cvv", "cvc", "otp", "totp_code", "authenticity_token", "author_token"),
]

INNOCENT_NAMES = [
    *("author", "authors", "author_id", "co_author", "authority", "authored", "authentic"),
    *("discard", "discarded", "wildcard", "postcard", "cardinal", "cardinality", "cardiac"),
    *("scorecard", "secretary", "tokenizer", "tokenize", "tokenised", "cookiecutter"),
    *("obsession", "possession", "possessions", "passenger", "passed", "compass", "bypass"),
    *("spin", "opinion", "pinned", "pins", "spinner", "mapping", "shipping", "hairpin"),
    *("key", "keys", "keyboard", "monkey", "primary_key", "className", "classname", "friendsname"),
    *("desired", "order_id", "name", "email", "", "_", "x", "options", "hotpot", "line_pos"),
]

COUNT_NAMES = [
    "max_tokens",
    "tokens",
    "token_count",
    "session_timeout",
    "cookie_max_age",
    "nTokens",
]


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_name(scrubber: Scrubber, name: str) -> None:
    assert scrubber.is_secret(name)


@pytest.mark.parametrize("name", INNOCENT_NAMES)
def test_innocent_name(scrubber: Scrubber, name: str) -> None:
    assert not scrubber.is_secret(name)


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize(
    "form", ["{}=hunter2", "x {}: 'hunter2'", '{{"{}": "hunter2"}}', "?a=1&{}=hunter2"]
)
def test_a_secret_name_is_seen_in_a_text(scrubber: Scrubber, name: str, form: str) -> None:
    found = scrubber.text(form.format(name))
    assert "hunter2" not in found
    assert NAMED in found


def test_further_keys_are_parts_in_any_case() -> None:
    scrubber = Scrubber(["Internal_Ref", "iban"])
    for name in ("iban", "customerIBAN", "internal_ref", "internalRefNo", "INTERNAL_REF"):
        assert scrubber.is_secret(name), name
    assert scrubber.text("iban=DE02120300000000202051, n=1") == f"iban={NAMED}, n=1"
    assert not Scrubber().is_secret("iban")


def test_the_memo_is_bounded_and_its_answers_stay() -> None:
    scrubber = Scrubber()
    for i in range(20_000):
        assert scrubber.is_secret(f"password{i}")
        assert not scrubber.is_secret(f"name{i}")
    memo = scrubber.name.__self__  # type: ignore[attr-defined]
    assert 0 < len(memo) <= 4096


def test_a_name_is_shown_short_and_storable(scrubber: Scrubber) -> None:
    assert scrubber.name("a" * 1000)[1] == "a" * 256
    assert scrubber.name("a\0b\ud800c")[1] == "a\ufffdb\ufffdc"
    assert JWT not in scrubber.name(f"session of {JWT}")[1]


GITHUB = "ghp" + "_" + "a1B2" * 9
TEXTS = [  # the text, what must be gone, what comes out
    (f"got {JWT}, ok", JWT, "got [scrubbed: jwt], ok"),
    (f"Bearer {GITHUB}", GITHUB, None),
    ("Bearer abcdef", "abcdef", "Bearer [scrubbed: bearer]"),
    ("bearer 0123456789.abc", "0123456789", "bearer [scrubbed: bearer]"),
    (f"Basic {BASIC}", BASIC, "Basic [scrubbed: basic]"),
    (f"key:\n{PEM}\nend", "MIIEow", "key:\n[scrubbed: pem]\nend"),
    (PEM[:60], "MIIEow", "[scrubbed: pem]"),
    ("postgres://app:p@ss@db/x?a=1", "p@ss", "postgres://[scrubbed: userinfo]@db/x?a=1"),
    ("https://tok3n@git.example/a", "tok3n", "https://[scrubbed: userinfo]@git.example/a"),
    ("app:hunter2@db.example:5432", "hunter2", "[scrubbed: userinfo]@db.example:5432"),
    (":hunter2@[::1]:6379/0", "hunter2", "[scrubbed: userinfo]@[::1]:6379/0"),
    (
        "SplitResult(scheme='redis', netloc='app:hunter2@db', path='/0')",
        "hunter2",
        "SplitResult(scheme='redis', netloc='[scrubbed: userinfo]@db', path='/0')",
    ),
    ("AKIA" + "ABCDEFGH12345678", "ABCDEFGH", "[scrubbed: aws]"),
    (f"push with {GITHUB}", GITHUB, "push with [scrubbed: github]"),
    ("github" + "_pat_" + "1a" * 20, "1a1a", "[scrubbed: github]"),
    ("xox" + "b-12345678-abcdef", "12345678", "[scrubbed: slack]"),
    ("https://hooks.slack" + ".com/services/T0/B0/x1y2", "x1y2", None),
    ("sk" + "_live_" + "4eC39HqL", "4eC39HqL", "[scrubbed: stripe]"),
    ("AIza" + "x" * 35, "xxxx", "[scrubbed: google]"),
    ("sk-" + "proj-" + "a1" * 16, "a1a1", "[scrubbed: key]"),
    ("glpat" + "-" + "a1" * 10, "a1a1", "[scrubbed: gitlab]"),
    ("npm" + "_" + "a1" * 18, "a1a1", "[scrubbed: npm]"),
    (
        "host=db user=app password=s3cret dbname=x",
        "s3cret",
        f"host=db user=app password={NAMED} dbname=x",
    ),
    ("User(name='ann', password='hun\"ter2')", "ter2", f"User(name='ann', password='{NAMED}')"),
    ("{'cookies': {'sid': 'abc', 'b': {}}, 'n': 1}", "abc", f"{{'cookies': {NAMED}, 'n': 1}}"),
    ("Login(auth=Plain('ann', 'hunter2'), n=1)", "hunter2", f"Login(auth={NAMED}, n=1)"),
    ("password=SecretStr('hunter2')", "hunter2", f"password={NAMED}"),
    ("cut off: {'password': 'hunt", "hunt", None),
    ("Authorization: Digest username=ann, response=6629", "6629", f"Authorization: {NAMED}"),
    ("Cookie: a=1; sid=abc\r\nHost: x", "abc", f"Cookie: {NAMED}\r\nHost: x"),
    ('{\\"token\\": \\"abc\\"}', "abc", f'{{\\"token\\": \\"{NAMED}\\"}}'),
    ("login=ann&password=hunter2&next=/", "hunter2", f"login=ann&password={NAMED}&next=/"),
    ("mysql --password=hunter2 -h x", "hunter2", f"mysql --password={NAMED} -h x"),
    ("mysql --password hunter2 -h x", "hunter2", f"mysql --password {NAMED} -h x"),
    ("curl --oauth2-bearer 'ab c1' x", "ab c1", f"curl --oauth2-bearer '{NAMED}' x"),
    (
        "Command '['pg', '--api-key', 'ab', '-v']' returned 1",
        "'ab'",
        f"Command '['pg', '--api-key', '{NAMED}', '-v']' returned 1",
    ),
    ("-Ddb.password=hunter2", "hunter2", f"-Ddb.password={NAMED}"),
    ("password: swordfish", "swordfish", f"password: {NAMED}"),
    ("ALTER USER ann PASSWORD 'hunter 2'", "hunter", f"ALTER USER ann PASSWORD '{NAMED}'"),
    ("login with password 'swordfish' failed", "swordfish", None),
    ("<password>hunter 2</password>", "hunter", f"<password>{NAMED}</password>"),
    ("<a:apiKey>1234</a:apiKey><b>1</b>", "1234", f"<a:apiKey>{NAMED}</a:apiKey><b>1</b>"),
    ("url=https://x.example/?token=abc", "abc", f"url=https://x.example/?token={NAMED}"),
    ("token=b'abc'", "abc", f"token=b'{NAMED}'"),
    ("jwt => abc", "abc", f"jwt => {NAMED}"),
    ("Headers([(b'x-api-key', b'abc'), (b'host', b'x')])", "abc", None),
    ("[('cookie', 'abc'), ('host', 'x')]", "abc", f"[('cookie', '{NAMED}'), ('host', 'x')]"),
]


@pytest.mark.parametrize(("text", "secret", "expected"), TEXTS)
def test_secret_in_a_text(scrubber: Scrubber, text: str, secret: str, expected: str | None) -> None:
    found = scrubber.text(text)
    assert secret not in found
    assert "[scrubbed" in found
    if expected is not None:
        assert found == expected
    assert scrubber.text(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order 4713 placed",
        "unexpected token: '}'"[:17],
        "invalid token: unexpected end",
        "a basic understanding of the bearer token",
        "WWW-Authenticate: Bearer realm"[18:],
        "https://example.com/a@b?c=d",
        "mailto:ann@example.com",
        "from ann@example.com:25 to bob@example.com",
        "nginx:1.27@sha256:4d5a113fd08c4bb7",
        "ann@example.com",
        "unexpected token '}' in session 'x'",
        "<token/><tokens></tokens><note>key</note>",
        "WHERE token = %s AND session_id = :id AND pin = ?",
        "token=None, secret=True, password=''",
        "max_tokens=100, session_timeout: 30",
        "12:30:00 key=value author=ann cardinality=3",
        "at eyJust a word",
        "['token', 'user', 'card', 'x']",
        "2026-01-01T10:00:00Z 10.0.0.1:8000 /cart -> 200",
        "C:\\Users\\ann: no such file",
        "run --max-tokens 100 --token-file --verbose",
        "--token is needed, or --session-cookie",
    ],
)
def test_a_text_without_secrets_stays(scrubber: Scrubber, text: str) -> None:
    assert scrubber.text(text) == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('password = "hunter2"', f'password = "{NAMED}"'),
        ("self.api_key: str = 'abc'  # x", f"self.api_key: str = '{NAMED}'  # x"),
        ('login("ann", password="hunter2")', f'login("ann", password="{NAMED}")'),
        ('h["X-Api-Key"] = "abc"', f'h["X-Api-Key"] = "{NAMED}"'),
        ('config = {"secret": "abc", "n": 1}', f'config = {{"secret": "{NAMED}", "n": 1}}'),
        ("token = read_token(path)", None),
        ('token = request.headers["X-Token"]', None),
        ("if session.get(user_id) is None:", None),
        ('key = os.environ["API_KEY"]', None),
        (f'x = "{JWT}"', 'x = "[scrubbed: jwt]"'),
    ],
)
def test_code(scrubber: Scrubber, line: str, expected: str | None) -> None:
    assert scrubber.code(line) == (line if expected is None else expected)


def test_headers(scrubber: Scrubber) -> None:
    found = scrubber.headers(
        [
            (b"Host", b"example.com"),
            (b"AUTHORIZATION", b"Bearer abcdefgh"),
            (b"cookie", b"sid=1"),
            (b"X-Name", b"Andr\xe9"),
            (b"x-city", "Zürich".encode()),
            (b"accept", b"a"),
            (b"Accept", b"b"),
            (b"referer", b"https://u:p@x.example/?token=abc&page=2"),
            (b"x-nul", b"a\0b"),
        ]
    )
    assert found == {
        "host": "example.com",
        "authorization": NAMED,
        "cookie": NAMED,
        "x-name": "André",
        "x-city": "Zürich",
        "accept": "a, b",
        "referer": f"https://[scrubbed: userinfo]@x.example/?token={NAMED}&page=2",
        "x-nul": "a\ufffdb",
    }


def test_headers_are_bounded(scrubber: Scrubber) -> None:
    found = scrubber.headers((b"x-%d" % i, b"y" * 10_000) for i in range(1000))
    assert len(found) == 100
    assert found["x-0"] == "y" * 1024 + "… (10000 characters)"
    assert len(scrubber.query_string(b"a=1&" * 10_000)) < 4200
    assert len(scrubber.url("/" * 10_000_000)) < 4200


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ""),
        (b"a=1&b=%20x&c", "a=1&b=%20x&c"),
        (b"page=2&api_key=abc&sort=up", f"page=2&api_key={NAMED}&sort=up"),
        (b"api%5Fkey=abc", f"api%5Fkey={NAMED}"),
        (b"X-Amz-Signature=ab12&n=1", f"X-Amz-Signature={NAMED}&n=1"),
        (b"next=https%3A%2F%2Fu%3Ap%40x", "next=[scrubbed: value]"),
        (b"token=", "token="),
        (b"q=\xff\0", "q=ÿ\ufffd"),
        (f"q={JWT}".encode(), "q=[scrubbed: jwt]"),
    ],
)
def test_query_string(scrubber: Scrubber, raw: bytes, expected: str) -> None:
    assert scrubber.query_string(raw) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.example/a", "https://x.example/a"),
        ("https://u:p@x.example/a?b=1#c", "https://[scrubbed: userinfo]@x.example/a?b=1#c"),
        ("/a?sig=abc#top", f"/a?sig={NAMED}#top"),
        ("/a?b?c=1&token=x", f"/a?b?c=1&token={NAMED}"),
    ],
)
def test_url(scrubber: Scrubber, url: str, expected: str) -> None:
    assert scrubber.url(url) == expected


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "=",
        ":",
        "://",
        "eyJ.",
        "token='",
        "token={",
        "Bearer ",
        "a:",
        "'a':",
        '\\"',
        "-----BEGIN PRIVATE KEY-----",
        "https://a",
        "'a:b@",
        "a:b@c",
        "password '",
        "token>",
        "<token>a",
        "x_",
        "_",
        "password: ",
        "--token ",
        "--token '",
        "--",
    ],
)
def test_time_grows_with_the_text(scrubber: Scrubber, piece: str) -> None:
    """No pattern may go over a text again and again: 64 KiB of anything end at once."""
    scrubber.text(piece * (65536 // len(piece)))
    scrubber.code(piece * (65536 // len(piece)))
