"""Databases of a bench's own, gone at the end."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rig.processes import children_of, cpu_of
from rig.told import CannotMeasure, write


class Database:
    """A database of its own, gone at the end."""

    url: str

    def query(self, sql: str) -> str:
        """What one statement gives, as text."""
        raise NotImplementedError

    def settle(self) -> None:
        """Before a measurement: what was done before is finished."""

    def tidy(self) -> None:
        """What the server does by itself, sooner or later, after much was written."""

    def cpu(self) -> dict[str, float]:
        """Seconds of processor of the server, by part."""
        return {}

    def count(self) -> int:
        return int(self.query("SELECT count(*) FROM events"))


class Sqlite(Database):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def query(self, sql: str) -> str:
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return "\n".join("|".join(map(str, row)) for row in db.execute(sql))

    def drop(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


class Postgresql(Database):
    def __init__(self, server: str, name: str) -> None:
        scheme, rest = server.split("://", 1)
        authority, _, tail = rest.partition("/")
        query = tail.partition("?")[2]
        self.server = server
        self.name = name
        self.url = f"{scheme}://{authority}/{name}" + (f"?{query}" if query else "")
        self._ask(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        self._postmaster = self._find_postmaster()

    def _find_postmaster(self) -> int | None:
        """None where the server isn't on this machine, or hides."""
        try:
            data = self._ask("SHOW data_directory")
            pid = int((Path(data) / "postmaster.pid").read_text().split()[0])
        except (CannotMeasure, OSError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    def _ask(self, sql: str) -> str:
        return psql(self.server, sql)

    def query(self, sql: str) -> str:
        return psql(self.url, sql)

    def settle(self) -> None:
        self._ask("CHECKPOINT")

    def tidy(self) -> None:
        self.query("VACUUM ANALYZE")

    def cpu(self) -> dict[str, float]:
        """`backend`: this database's, that live; `pg rest`: what else there is and was."""
        if self._postmaster is None:
            return {}
        backends = rest = 0.0
        for pid in children_of(self._postmaster):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f" {self.name} " in title and "autovacuum" not in title:
                backends += cpu_of(pid)
            else:
                rest += cpu_of(pid)
        return {"backend": backends, "pg rest": rest + cpu_of(self._postmaster, with_children=True)}

    def drop(self) -> None:
        self._ask(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


def psql(url: str, sql: str) -> str:
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url],
        input=sql,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CannotMeasure(f"psql: {done.stderr.strip()}")
    return done.stdout.strip()


def kinds(db: str | None) -> list[str]:
    if db is None:
        return ["postgresql", "sqlite"]
    if not db.startswith(("sqlite:///", "postgresql:", "postgres:")):
        raise CannotMeasure(
            f"--db: a URL is wanted, as sqlite:///FILE or postgresql://…, not {db!r}"
        )
    return ["sqlite" if db.startswith("sqlite:") else "postgresql"]


@contextlib.contextmanager
def database(kind: str, place: Path, db: str | None = None) -> Iterator[Database]:
    """A new one, of the server that `db` or the environment names, or in the folder `place`."""
    made: Sqlite | Postgresql
    if kind == "sqlite":
        path = Path(db.removeprefix("sqlite:///")) if db else place / "bench.db"
        if path.exists():
            raise CannotMeasure(f"{path} exists: name a new file, which is removed at the end")
        made = Sqlite(path)
    else:
        made = Postgresql(db or os.environ["DEVPULSE_TEST_PG"], f"devpulse_bench_{os.getpid()}")
    try:
        yield made
    finally:
        made.drop()


def write_databases(names: list[str], db: str | None) -> None:
    if "postgresql" in names:
        server = db or os.environ["DEVPULSE_TEST_PG"]
        settings = psql(
            server,
            "SELECT string_agg(name || '=' || current_setting(name), ', ' ORDER BY name)"
            " FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes',"
            " 'shared_buffers', 'max_wal_size', 'checkpoint_timeout')",
        )
        write(f"PostgreSQL {psql(server, 'SHOW server_version')}: {settings}")
    if "sqlite" in names:
        write(f"SQLite {sqlite3.sqlite_version}: lib/sql/sqlite/writer.sql, cache.sql")
