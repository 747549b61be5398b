"""The databases of the fault tests, as the checker reads them: SQLite, and a PostgreSQL of
one's own, to be killed."""

import atexit
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

# What is rejected: events of the system "bad".
POISON = {
    "sqlite": """CREATE TRIGGER good BEFORE INSERT ON events WHEN NEW.system = 'bad'
        BEGIN SELECT RAISE(ABORT, 'not this'); END""",
    "postgresql": "ALTER TABLE events ADD CHECK (system <> 'bad')",
}

ROWS = 10000  # at once


def free_port():
    """Below those that the system gives to clients, and of nobody else in these tests: helpers.bash
    has the same rule."""
    while True:
        port = random.SystemRandom().randrange(10000, 20000)
        taken = Path(tempfile.gettempdir()) / f".devpulse-port-{port}"
        try:
            taken.mkdir()
        except FileExistsError:
            continue
        atexit.register(taken.rmdir)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Database:
    def make(self):
        """The tables, and the rule that makes poison of some events."""
        subprocess.run(["dp-store", "--db", self.url], stdin=subprocess.DEVNULL, check=True)
        self.query(POISON[self.kind])

    def events(self, after=0):
        """Those behind a sequence number, in order, with their own."""
        while True:
            rows = self.query(
                "SELECT seq, trace_id, event_id, system, body FROM events"
                f" WHERE seq > {after} ORDER BY seq LIMIT {ROWS}"
            )
            for after, *columns, body in rows:
                event = json.loads(body) if isinstance(body, str) else body
                told = [event["traceId"], event["eventId"], event["system"]]
                assert told == columns, f"number {after}: {told}, in columns {columns}"
                yield after, event
            if len(rows) < ROWS:
                return

    def dead(self):
        return [json.loads(body) for (body,) in self.query(self.DEAD)]

    def position(self):
        """The one that there is; 0 where there is none."""
        rows = self.query("SELECT pos FROM positions")
        assert len(rows) <= 1, f"positions of more than one spool: {rows}"
        return rows[0][0] if rows else 0

    def counts(self):
        """Of all rows, and as the rows of traces have it."""
        return tuple(
            self.query(
                """SELECT (SELECT count(*) FROM events) AS stored,
                (SELECT coalesce(sum(events), 0) FROM traces) AS in_traces"""
            )[0]
        )


class Sqlite(Database):
    kind = "sqlite"
    DEAD = "SELECT cast(body AS TEXT) FROM dead_letters"

    def __init__(self, folder):
        self.path = f"{folder}/events.db"
        self.url = f"sqlite:///{self.path}"

    def query(self, sql):
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def stop(self):
        pass


class Postgres(Database):
    """Durable as it is by default. root may not run it: then it is the user postgres who does."""

    kind = "postgresql"
    DEAD = "SELECT convert_from(body, 'UTF8') FROM dead_letters"

    def __init__(self, folder):
        self.folder = Path(folder) / "server"
        self.data = self.folder / "data"
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        found = Path("/usr/lib/postgresql").glob("*/bin")
        self.bin = max(found, key=lambda path: int(path.parent.name))
        self.folder.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        owner = "postgres" if os.getuid() == 0 else None
        self.owner = {"user": owner, "group": owner, "extra_groups": []} if owner else {}
        self.run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8").wait()
        with (self.data / "postgresql.conf").open("a") as f:
            f.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{self.folder}'\n"
                "recovery_init_sync_method = syncfs\n"  # for a quick start, and as durable
            )
        self.start()

    def run(self, program, *args):
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.bin / program, "-D", self.data, *args],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self.owner,
            )

    def start(self):
        """Until it takes connections. Those that were killed may hold its memory for a moment."""
        end = time.monotonic() + 60
        self.server = self.run("postgres")
        while not self.is_ready():
            assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            if self.server.poll() is not None:
                self.server = self.run("postgres")
            time.sleep(0.02)

    def is_ready(self):
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and int(lines[0]) == self.server.pid and lines[7].strip() == "ready"

    def stop(self):
        """At once, but by itself: pg_ctl -m immediate."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def kill(self):
        """All of its processes, as far as possible at the same time."""
        pid = self.server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (pid, *map(int, children)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.wait()

    def query(self, sql):
        """Each row as a list, of a SELECT; tried again while it recovers."""
        if sql.startswith("SELECT"):
            sql = f"SELECT (SELECT json_agg(value) FROM json_each(row_to_json(r))) FROM ({sql}) r"
        command = ["psql", "-qAtX", self.url, "-v", "ON_ERROR_STOP=1", "-c", sql]
        end = time.monotonic() + 30
        while (done := subprocess.run(command, capture_output=True, text=True)).returncode == 2:
            assert time.monotonic() < end, done.stderr
            time.sleep(0.05)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.split("\n") if line]
