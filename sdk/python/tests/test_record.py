"""A record's text is the normal form that dp-ingest would write."""

import json
import re
from pathlib import Path

import pytest

from devpulse._record import Common, Record, rfc3339, severity_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
NS = 1_773_480_413_589_123_456


def record(**fields: object) -> Record:
    return Record(TRACE, "error", "api", "error", fields, Common({"environment": "dev"}), 100, NS)


def test_members_stand_in_the_order_of_the_normal_form() -> None:
    made = record(name="E", line=3, locals={"ü": "\t"})
    assert made.encode().decode() == (
        f'{{"traceId":"{TRACE}","eventId":"{made.event_id}","timestamp":"2026-03-14T09:26:53.589123Z",'
        '"severity":"error","system":"api","type":"error","name":"E","line":3,'
        '"locals":{"ü":"\\t"},"environment":"dev"}'
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"environment": "its own"},
        {"traceId": "x", "name": "E"},
        {"receivedAt": "x"},
        {"n": [1, 2.5, None, True], "ü": {"\0": "\ud800"}},
    ],
)
def test_the_text_is_that_of_the_event(fields: dict[str, object]) -> None:
    made = record(**fields)
    members = json.loads(made.encode(), object_pairs_hook=list)
    assert [name for name, _ in members] == [*made.event]
    assert dict(members)["environment"] == "dev"


def test_fields_are_made_of_arguments_when_they_are_wanted() -> None:
    def fields(name: str, line: int) -> dict[str, object]:
        return {"name": name, "line": line}

    made = Record(TRACE, "info", "api", "log", fields, Common({}), 100, NS, ("E", 3))
    assert json.loads(made.encode()) == made.event
    assert (made.event["name"], made.event["line"]) == ("E", 3)


def test_the_text_is_made_once_and_the_cost_is_exact_then() -> None:
    made = record(details="x" * 1000)
    assert made.cost == 100
    assert made.encode() is made.encode()
    assert made.cost == len(made.encode())


def test_id_and_time_are_settled_when_it_is_made() -> None:
    made = record()
    assert made.event_id == made.event_id == json.loads(made.encode())["eventId"]
    assert made.timestamp_us == NS // 1000


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud800 alone", "\ufffd alone"),
        ("\ud83d\ude00", "\U0001f600"),
        ("literally \\u0000", "literally \\u0000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ({"a\0": ["\0", 1.5]}, {"a\ufffd": ["\ufffd", 1.5]}),
        ((1, 2), [1, 2]),
        (b"bytes", "b'bytes'"),
    ],
)
def test_what_no_database_holds_is_repaired(value: object, want: object) -> None:
    assert json.loads(record(x=value).encode())["x"] == want


def test_what_is_nested_without_end_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert len(record(x=endless).encode()) < 1000


def test_a_replaced_record_keeps_its_identity() -> None:
    made = record(locals={"password": "x"})
    other = made.replaced(
        {"traceId": "x", "eventId": "x", "severity": "info", "system": 7, "type": "", "_pos": 1}
    )
    assert (other.event_id, other.trace_id, other.timestamp_us) == (
        made.event_id,
        made.trace_id,
        made.timestamp_us,
    )
    assert (other.severity, other.system, other.type) == ("info", "api", "error")
    assert "password" not in other.encode().decode()
    assert "_pos" not in other.encode().decode()


@pytest.mark.parametrize(
    ("us", "want"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_773_480_413_000_001, "2026-03-14T09:26:53.000001Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times(us: int, want: str) -> None:
    assert rfc3339(us) == want


def test_severities_mean_what_dp_ingest_takes_them_for() -> None:
    table = Path(__file__).parents[3].joinpath("lib", "event.c").read_text()
    pairs = re.findall(r'{"(\w+)", DP_(DEBUG|INFO|WARNING|ERROR)}', table)
    assert len(pairs) > 10
    for name, meant in pairs:
        assert severity_of(name) == severity_of(name.upper()) == meant.lower(), name
    assert [severity_of(value) for value in ("loud", "", None, 3, [])] == [None] * 5
