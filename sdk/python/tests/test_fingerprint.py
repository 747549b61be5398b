"""The fingerprint of an error is that of dp-store, byte for byte."""

import json
from typing import Any

import pytest

from databases import Database, normalised, store_lines
from devpulse._fingerprint import fingerprint_of
from errors import Errors
from pipeline import BIN

REPOSITORY = BIN.parents[1]


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
