"""The fingerprint of an error is that of dp-store, byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest

from databases import Database, normalised, store_lines
from devpulse._fingerprint import fingerprint_of
from errors import Errors

TESTS = Path(__file__).parents[3] / "tests"


def differences(some: list[dict[str, Any]], database: Database) -> list[tuple[Any, ...]]:
    """Stores the errors by the programs: those for which Python has another fingerprint."""
    lines = normalised(json.dumps(event).encode() for event in some)
    assert len(lines) == len(some)
    store_lines(lines, database.url)
    theirs = {
        event_id: group
        for event_id, *group in database.query(
            "SELECT event_id, e.fingerprint, g.type, place, message"
            " FROM events e JOIN error_groups g USING (fingerprint)"
        )
    }
    assert len(theirs) == len(some)
    return [
        (line, theirs[event["eventId"]], ours)
        for line in lines
        if (event := json.loads(line))
        and (ours := list(fingerprint_of(event))) != theirs[event["eventId"]]
    ]


@pytest.mark.parametrize("seed", range(3))
def test_of_random_errors(seed: int, sqlite_db: Database) -> None:
    errors = Errors(seed)
    some = [errors.event(n) for n in range(2000)]
    assert differences(some, sqlite_db)[:1] == []
    (groups,) = sqlite_db.query("SELECT count(*) FROM error_groups")[0]
    assert groups > 1000


def test_of_errors_as_applications_write_them(sqlite_db: Database) -> None:
    """The stack as text, and as an array of lines."""
    some = [
        json.loads(line) for line in (TESTS / "data" / "errors.ndjson").read_text().splitlines()
    ]
    lines = [
        {**event, "stacktrace": event["stacktrace"].splitlines()}
        for event in some
        if event.get("stacktrace")
    ]
    assert len(some) > 100
    assert differences(some + lines, sqlite_db)[:1] == []
    ids = {
        (event["group"], fingerprint_of({"type": "error", **event}).id) for event in some + lines
    }
    groups = {group for group, _ in ids}
    assert len(ids) == len(groups) == len({id_ for _, id_ in ids})
