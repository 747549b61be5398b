"""Plain values become members in a way of their own, which must not be told from the other."""

import math

import pytest

from devpulse._fields import MEMBERS_MAX, attributes, plain_attributes, plain_cost
from devpulse._scrub import Scrubber
from devpulse._walk import STRING_MAX, Walk

VALUES: list[dict[str, object]] = [
    {},
    {"order_id": 17, "amount": 42.5, "currency": "EUR", "paid": True, "note": None},
    {"password": "x", "max_tokens": 17, "api_token": None, "session": True},
    {"text": "a token=abcdef", "key": "ghp_" + "a" * 20, "short": "pw=abc", "pair": "auth:x"},
    {"long": "x" * STRING_MAX, "longer": "x" * (STRING_MAX + 1), "n" * 300: 1},
    {"umlaut": "ü\0", "half": "\ud800 and more text", "\0": 1, "\ufffd": 2},
    {"big": 2**63, "small": -(2**63), "huge": 10**400, "nan": math.nan, "tiny": 1e-310},
    {"name": "E", "line": 3, "durationMs": 1.5, "file": "a.py"},
    {"durationMs": math.nan, "line": 2**63},
    {"durationMs": math.inf, "line": 10**400},
    {"durationMs": 2**63, "line": 1e-310},
    {"name": 1, "line": "3", "durationMs": True, "traceId": "x", "environment": "y", "locals": 1},
    {"_private": 1, "": 2},
    {f"member{n}": n for n in range(MEMBERS_MAX + 5)},
]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("keys", [(), ("line", "note")])
def test_of_plain_values(values: dict[str, object], keys: tuple[str, ...]) -> None:
    scrubber = Scrubber(keys)
    assert plain_cost(values.values()) is not None
    plain, walked = plain_attributes(values, scrubber), attributes(values, Walk(scrubber))
    assert repr(plain) == repr(walked)


@pytest.mark.parametrize("value", [[], {}, b"", 1j, object(), "x" * 9000, type("S", (str,), {})()])
def test_what_is_not_plain(value: object) -> None:
    assert plain_cost([1, value]) is None
