"""Headers in and out, hostile ones among them."""

import pytest

from devpulse._context import Scope, is_trace_id
from devpulse._propagation import Incoming, extract, hashed, outgoing, parse_traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
UUID = "019cebab-8995-76cc-b401-58a3ff4122a9"


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (f"00-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-00", (TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01-more", (TRACE, SPAN)),
        ("00-11111111111111111111111111111111-2222222222222222-01", ("1" * 32, "2" * 16)),
        ("", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"cc-{TRACE}-{SPAN}-01more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-0g", None),
        (f"00-{TRACE[:-1]}-{SPAN}-01", None),
        (f" 00-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        (f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01", None),
        ("\u0660" * 55, None),
        ("0" * 100_000, None),
    ],
)
def test_traceparent(value: str, want: tuple[str, str] | None) -> None:
    assert parse_traceparent(value) == want


@pytest.mark.parametrize(
    ("headers", "want"),
    [
        ({}, Incoming()),
        ({"x-trace-id": "abc123"}, Incoming("abc123")),
        ({"x-request-id": "req-7"}, Incoming("req-7")),
        ({"x-trace-id": "abc123", "x-request-id": "req-7"}, Incoming("abc123")),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, Incoming(TRACE, SPAN)),
        (
            {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-trace-id": "abc123"},
            Incoming(TRACE, SPAN),
        ),
        (
            {"traceparent": f"00-{hashed('abc123')}-{SPAN}-01", "x-trace-id": "abc123"},
            Incoming("abc123", SPAN),
        ),
        (
            {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=1,b=2"},
            Incoming(TRACE, SPAN, "a=1,b=2"),
        ),
        ({"tracestate": "a=1"}, Incoming()),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "é"}, Incoming(TRACE, SPAN)),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a" * 513}, Incoming(TRACE, SPAN)),
        ({"x-correlation-id": UUID}, Incoming(UUID, "", "", UUID)),
        ({"x-correlation-id": "batch 7"}, Incoming()),
        ({"x-correlation-id": "batch-7"}, Incoming("", "", "", "batch-7")),
        ({"x-trace-id": "abc", "x-correlation-id": "b"}, Incoming("abc", "", "", "b")),
        ({"x-trace-id": "a" * 129}, Incoming()),
        ({"x-trace-id": "a\r\nSet-Cookie: x"}, Incoming()),
        ({"x-trace-id": "<script>", "x-request-id": "fine"}, Incoming("fine")),
        ({"x-trace-id": "é"}, Incoming()),
    ],
)
def test_extract(headers: dict[str, str], want: Incoming) -> None:
    assert extract(headers.get) == want


def test_what_goes_out_comes_in() -> None:
    for trace_id in (TRACE, "abc123", UUID, "0" * 32, "a" * 128):
        scope = Scope(trace_id, SPAN, "", "vendor=1")
        sent = {name.lower(): value for name, value in outgoing(scope).items()}
        assert extract(sent.get) == Incoming(trace_id, SPAN, "vendor=1")
        parsed = parse_traceparent(sent["traceparent"])
        assert parsed is not None
        assert (parsed[0] == trace_id) == (trace_id == TRACE)


def test_a_scope_without_a_span_still_makes_a_valid_traceparent() -> None:
    assert parse_traceparent(outgoing(Scope("abc123"))["traceparent"]) is not None


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("abc123", True),
        ("a" * 128, True),
        ("a:b_c.d-E", True),
        ("", False),
        ("a" * 129, False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
        (None, False),
        (17, False),
        (b"abc", False),
    ],
)
def test_what_is_a_trace_id(value: object, want: bool) -> None:
    assert is_trace_id(value) is want
