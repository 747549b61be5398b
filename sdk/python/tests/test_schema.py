"""The schema that database logging makes, and those that it finds."""

from collections.abc import Callable

import pytest

from databases import (
    TABLES,
    VERSION,
    Database,
    put_all,
    record,
    store_by_programs,
    store_by_sdk,
    store_lines,
)
from devpulse import _postgresql
from devpulse._database import DatabaseSink
from devpulse._store import migrations, sql

ID = "'01890a5d-ac96-774b-bcce-b302099a8057'"


def make_old(database: Database, version: int) -> None:
    """As an older release left it."""
    name = "sqlite" if database.url.startswith("sqlite:") else "postgresql"
    if name == "postgresql":
        _, table = sql(name, "begin_migration").split("CREATE TABLE")
        database.change(f"CREATE TABLE{table}")
    for step in migrations(name)[:version]:
        database.change(step)
    if version > 2:
        database.change("DROP TABLE events_2")
    database.change(f"INSERT INTO schema_version VALUES (1, {version}, {ID})")


def tables_of(database: Database) -> list[str]:
    if database.url.startswith("sqlite:"):
        return [n for (n,) in database.query("SELECT name FROM sqlite_schema ORDER BY name")]
    return [n for (n,) in database.query("SELECT relname FROM pg_class ORDER BY relname")]


def assert_same_tables(ours: Database, theirs: Database) -> None:
    """But for those that PostgreSQL gives numbers to."""
    found = [[t for t in tables_of(d) if "toast" not in t] for d in (ours, theirs)]
    assert found[0] == found[1]
    for table in TABLES:
        assert ours.columns(table) == theirs.columns(table)


def test_an_empty_database_gets_the_schema_of_dp_store(
    make_database: Callable[[], Database],
) -> None:
    theirs, ours = make_database(), make_database()
    store_lines([], theirs.url)
    assert store_by_sdk([], ours.url) == 0
    assert ours.query("SELECT version FROM schema_version") == [(VERSION,)]
    assert_same_tables(ours, theirs)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_an_old_schema_without_events_is_brought_up_to_date(
    make_database: Callable[[], Database], version: int
) -> None:
    ours, theirs = make_database(), make_database()
    make_old(ours, version)
    some = [record(n) for n in range(20)]
    assert store_by_sdk(some, ours.url) == 20
    store_by_programs(some, theirs.url)
    for table in TABLES:
        assert ours.rows(table) == theirs.rows(table)
    assert ours.query("SELECT version FROM schema_version") == [(VERSION,)]
    assert ours.query("SELECT CAST(database_id AS TEXT) FROM schema_version") == [(ID[1:-1],)]
    assert_same_tables(ours, theirs)


@pytest.mark.parametrize("make_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_the_numbers_that_dp_store_gave_to_old_traces_are_used(
    database: Database, version: int
) -> None:
    make_old(database, version)
    columns = "seq, trace_id, event_id, ts, severity, system, type, environment, body"
    database.change(
        f"INSERT INTO events ({columns}) VALUES"
        f" (7, 'z', {ID}, 5, 'info', 's', 'log', 'prod', '{{\"n\":1}}'),"
        f" (9, 'a', {ID}, 7, 'info', 's', 'log', 'prod', '{{\"n\":2}}');"
        "INSERT INTO traces VALUES"
        " ('a', 7, 7, 1, 0, 0, 0, 'title', 7, 1, 'prod', '', 7, '[\"s\"]', '[7]'),"
        " ('z', 5, 5, 1, 0, 0, 0, 'title', 5, 1, 'prod', '', 5, '[\"s\"]', '[5]')"
    )
    store_lines([], database.url)
    some = [record(1, trace_id="a"), record(2, trace_id="new"), record(3, trace_id="z")]
    assert store_by_sdk(some, database.url) == 3
    assert database.query("SELECT version FROM schema_version") == [(VERSION,)]
    assert database.query("SELECT trace_n, trace_id, events FROM traces ORDER BY 1") == [
        (1, "z", 2),
        (2, "a", 2),
        (3, "new", 1),
    ]
    assert database.query("SELECT seq, trace_n FROM events ORDER BY 1") == [
        *((7, 1), (9, 2), (10, 2), (11, 3), (12, 1)),
    ]
    assert not {"events_2", "events_6", "traces_7"} & set(tables_of(database))


def test_tables_that_cannot_be_made_are_no_fault_of_an_event(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    make_old(database, 2)
    database.change(
        "CREATE TRIGGER no BEFORE UPDATE ON schema_version BEGIN SELECT RAISE(ABORT, 'no'); END"
        if database.url.startswith("sqlite:")
        else "ALTER TABLE schema_version ADD CONSTRAINT no CHECK (version < 3)"
    )
    sink = sink_of(database)
    put_all(sink, [record(n) for n in range(4)])
    assert sink.stats()["dropped"] == 4
    assert sink.stats()["refused"] == 0
    (warning,) = warnings()
    assert "events are not stored" in warning


@pytest.mark.parametrize("version", [2, VERSION - 1])
def test_an_old_schema_with_events_is_left_to_dp_store(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
    version: int,
) -> None:
    make_old(database, version)
    time = "0" if database.url.startswith("sqlite:") else "'epoch'"
    columns = "seq, trace_id, event_id, ts, severity, system, type, body"
    values = f"1, 't', {ID}, {time}, 'error', 's', 'log', '{{\"details\":\"old\"}}'"
    database.change(f"INSERT INTO events ({columns}) VALUES ({values})")
    if not database.url.startswith("sqlite:"):
        database.change("UPDATE event_counter SET n = 1")
    if version > 2:
        title = f"'title', {time}, 1, '', 'old', {time}, '[\"s\"]', '[0]'"
        database.change(f"INSERT INTO traces VALUES ('t', {time}, {time}, 1, 1, 0, 0, {title})")
    sink = sink_of(database)
    put_all(sink, [record()])
    assert sink.stats()["dropped"] == 1
    (warning,) = warnings()
    assert f"has events in tables of the older version {version}" in warning
    assert 'run "dp-store --db URL </dev/null" once' in warning
    assert database.query("SELECT version FROM schema_version") == [(version,)]
    assert database.count() == 1
    sink.close(5)
    store_lines([], database.url)
    assert store_by_sdk([record(2, trace_id="t")], database.url) == 1
    assert database.query("SELECT seq FROM events ORDER BY seq") == [(1,), (2,)]
    assert database.query("SELECT events, errors FROM traces") == [(2, 2)]


of_postgresql = pytest.mark.parametrize("make_database", ["postgresql"], indirect=True)
PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"


@of_postgresql
@pytest.mark.parametrize("version", [0, 2])
def test_who_may_not_make_tables_says_who_may(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
    version: int,
) -> None:
    role = database.url.rpartition("/")[2] + "_writer"
    database.change(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN")
    if version > 0:
        make_old(database, version)
        database.change(f"GRANT SELECT ON schema_version TO {role}")
    sink = sink_of(Database(database.url.replace("://postgres@", f"://{role}@")))
    put_all(sink, [record()])
    sink.close(5)
    assert sink.stats()["dropped"] == 1
    (warning,) = warnings()
    assert "this role may not make or change them: run" in warning
    assert '"dp-store --db URL </dev/null" once with the URL of their owner' in warning
    database.change(f"DROP OWNED BY {role}; DROP ROLE {role}")


@of_postgresql
def test_partitions_are_made_for_the_days_to_come(database: Database) -> None:
    store_by_sdk([record()], database.url)
    assert database.query(PARTITIONS) == [(5,)]  # yesterday to the day after tomorrow, and the rest
    assert database.query("SELECT count(*) FROM events_default") == [(1,)]


@of_postgresql
def test_partitions_that_cannot_be_made_cost_nothing(database: Database) -> None:
    store_by_sdk([record()], database.url)
    database.change("DROP FUNCTION devpulse_add_day")
    assert store_by_sdk([record(1)], database.url) == 1
    assert database.count() == 2


@of_postgresql
@pytest.mark.parametrize("is_mute", [False, True])
def test_who_waits_for_events_is_told(
    database: Database, is_mute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no NOTIFY gets the events all the same, once."""
    import psycopg

    store_by_sdk([record()], database.url)
    given = sql
    if is_mute:
        monkeypatch.setattr(
            _postgresql,
            "sql",
            lambda folder, name: given(folder, name).replace("NOTIFY", "NOTIFY?"),
        )
    with psycopg.connect(database.url, autocommit=True) as listener:
        listener.execute("LISTEN devpulse")
        assert store_by_sdk([record(n) for n in range(1, 4)], database.url) == 3
        told = list(listener.notifies(timeout=0.1 if is_mute else 10, stop_after=1))
    assert [n.channel for n in told] == ([] if is_mute else ["devpulse"])
    assert database.count() == 4
    assert database.query("SELECT sum(events) FROM minute_counts") == [(4,)]
