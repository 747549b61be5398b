"""Where a URL leads: files, folders and servers, and what is said of those that cannot be used."""

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from databases import PG, Database, put_all, record
from devpulse import _internal
from devpulse._database import DatabaseSink
from devpulse._postgresql import public_name
from devpulse._store import Broken
from pipeline import free_port, wait_for


def test_file_and_folders_are_private(tmp_path: Path, sink_of: Callable[..., DatabaseSink]) -> None:
    old = os.umask(0)
    try:
        put_all(sink_of(Database(f"sqlite:///{tmp_path}/a/b/events.db")), [record()])
    finally:
        os.umask(old)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert modes == {"a": 0o700, "b": 0o700} | {
        f"events.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm")
    }


def test_after_close_the_one_file_has_all(sqlite_db: Database, tmp_path: Path) -> None:
    sink = DatabaseSink(sqlite_db.url)
    with contextlib.closing(sqlite3.connect(sqlite_db.url.removeprefix("sqlite:///"))) as reader:
        put_all(sink, [record()])
        reader.execute("SELECT count(*) FROM events").fetchone()
        assert sink.close(5)
        copy = tmp_path / "copy.db"
        shutil.copy(sqlite_db.url.removeprefix("sqlite:///"), copy)
    assert Database(f"sqlite:///{copy}").count() == 1


def test_a_relative_path_is_from_the_folder_of_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink_of: Callable[..., DatabaseSink]
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = sink_of(Database("sqlite:///odd ?name#%20.db"))
    monkeypatch.chdir("/")
    put_all(sink, [record()])
    assert Database(f"sqlite:///{tmp_path}/odd ?name#%20.db").count() == 1


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:events.db", "sqlite:///a/"])
def test_no_path(url: str) -> None:
    with pytest.raises(ValueError, match="three slashes"):
        DatabaseSink(url)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_text("this is no database, whatever its name says" * 50), "not a"),
        (lambda path: path.mkdir(), "unable to open"),
        (
            lambda path: path.parent.rmdir() or path.parent.write_text(""),
            os.strerror(errno.ENOTDIR),
        ),
    ],
    ids=["not a database", "a folder", "a file for a folder"],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path,
    make: Callable[[Path], Any],
    why: str,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    path = tmp_path / "folder" / "events.db"
    path.parent.mkdir()
    make(path)
    sink = sink_of(Database(f"sqlite:///{path}"))
    for n in range(20):
        put_all(sink, [record(n)])
    assert sink.stats()["dropped"] == 20
    (warning,) = warnings()
    assert why in warning
    assert str(path) in warning


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://me:secret@host:5433/db?sslmode=require", "postgresql://me@host:5433/db"),
        ("postgres://host/db?password=secret", "postgres://host/db"),
        ("postgresql://me:s%40cret@h1:1,h2:2/db", "postgresql://me@h1:1,h2:2/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgresql://me:sec@ret@host/db", None),
        ("postgresql://me:sec/ret@host/db", None),
        ("postgresql://me:sec?ret@host/db", None),
        ("postgresql://host/db?password=sec@ret", None),
    ],
)
def test_no_name_has_the_password(url: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(Broken, match="%40") as raised:
            public_name(url)
        assert "ret" not in str(raised.value)
    else:
        assert public_name(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:topsecret@127.0.0.1:{port}/db",
        "postgresql://me:topsecret@127.0.0.1:notaport/db",
        "postgresql://me@127.0.0.1:{port}/db?password=topsecret",
        "postgresql://me:topsecret@127.0.0.1:{port}/db?nosuch=setting",
    ],
)
def test_no_message_has_the_password(
    url: str,
    sink_of: Callable[..., DatabaseSink],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    _internal.forget_warnings()
    caplog.set_level(logging.DEBUG)
    sink = sink_of(Database(url.format(port=free_port())))
    sink.put(record())
    wait_for(lambda: caplog.records)
    sink.close(0.1)
    assert "devpulse.internal" in {r.name for r in caplog.records}
    assert "topsecret" not in caplog.text


@pytest.mark.parametrize("url", ["postgresql://host/db?topsecret=1", "postgresql://[host/db"])
def test_what_is_no_url_is_not_waited_for(
    url: str, sink_of: Callable[..., DatabaseSink], warnings: Callable[[], list[str]]
) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    sink = sink_of(Database(url))
    put_all(sink, [record()])
    assert sink.stats()["dropped"] == 1
    (warning,) = warnings()
    assert "not a URL as PostgreSQL takes it" in warning
    assert "topsecret" not in warning


def test_a_database_that_does_not_exist_is_not_waited_for(
    sink_of: Callable[..., DatabaseSink], warnings: Callable[[], list[str]]
) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if not PG:
        pytest.skip("no PostgreSQL: DEVPULSE_TEST_PG is not set (tests/with-postgres.sh)")
    sink = sink_of(Database(f"{PG.rpartition('/')[0]}/no_such_database"))
    put_all(sink, [record()])
    assert sink.stats()["dropped"] == 1
    (warning,) = warnings()
    assert "does not exist" in warning


def test_psycopg_is_missing(
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    sink = sink_of(Database("postgresql://me:secret@127.0.0.1/db"))
    for n in range(3):
        put_all(sink, [record(n)])
    assert sink.stats()["dropped"] == 3
    (warning,) = warnings()
    assert "pip install 'psycopg[binary]'" in warning
    assert "secret" not in warning
