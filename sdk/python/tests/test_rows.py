"""What of an event reaches the database."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from databases import Database, put_all, record
from devpulse._database import DatabaseSink
from devpulse._rows import Refused, row_of
from pipeline import BIN


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"line": "seven"}, "line: a whole number"),
        ({"line": True}, "line"),
        ({"name": 7}, "name: a string"),
        ({"locals": []}, "locals: an object"),
        ({"stacktrace": {}}, "stacktrace: an array or a string"),
        ({"durationMs": "1"}, "durationMs: a number"),
        ({"trace_id": ""}, "traceId: 1 to 128"),
        ({"trace_id": "ä" * 65}, "traceId: 1 to 128"),
        ({"trace_id": "a\x7f"}, "traceId: holds a control"),
        ({"system": "ä" * 257}, "system: at most 512"),
        ({"details": "x" * 1024 * 1024}, "at most 1048576"),
    ],
)
def test_what_dp_ingest_refuses_is_refused(fields: dict[str, Any], why: str) -> None:
    refused = record(0, **fields)
    with pytest.raises(Refused, match=why):
        row_of(refused, 0)
    ingest = subprocess.run(
        [BIN / "dp-ingest", "-"], input=refused.encode() + b"\n", capture_output=True
    )
    assert ingest.stdout == b""


def test_what_is_refused_is_counted_and_stops_nothing(
    sqlite_db: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    sink = sink_of(sqlite_db)
    put_all(sink, [record(n, line="x" if n % 2 else 1) for n in range(10)])
    assert sink.stats()["refused"] == sink.stats()["stored"] == sqlite_db.count() == 5
    assert len(warnings()) == 1


def test_members_that_are_not_the_applications_are_left_out() -> None:
    foreign = {"_pos": 1, "receivedAt": "yesterday", "repairs": [], "details": "x", "x": 1e-7}
    row = row_of(record(0, **foreign), 1_000_000)
    body = json.loads(row.body, object_pairs_hook=list)
    assert [name for name, _ in body] == [
        *("traceId", "eventId", "timestamp", "severity", "system", "type"),
        *("details", "x", "environment", "receivedAt"),
    ]
    assert body[-1] == ("receivedAt", "1970-01-01T00:00:01.000000Z")
