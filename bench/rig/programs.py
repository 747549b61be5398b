"""The programs, as `devpulse up` wires them."""

import contextlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rig.databases import Database
from rig.places import BIN
from rig.processes import cpu_of, end, rss_of
from rig.told import CannotMeasure

PATIENCE = 3600  # seconds until a bench that waits gives up
ASK_BYTES = 4 << 20  # from the end of the spool on, the database itself is asked


class Pipeline:
    """dp-ingest --spool | dp-store --mark, and dp-http where it is wanted."""

    def __init__(self, db: Database, place: Path) -> None:
        self.db = db
        self.spool = place / "spool"
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self._log = place / "programs.log"
        self._log.write_bytes(b"")

    def start(self, http: bool) -> None:
        ingest = self._start(
            "dp-ingest",
            f"--spool={self.spool}",
            "--spool-max=1T",
            "--listen=127.0.0.1:0",
            stdout=subprocess.PIPE,
        )
        self._start(
            "dp-store", f"--db={self.db.url}", f"--mark={self.spool}/mark", stdin=ingest.stdout
        )
        assert ingest.stdout is not None
        ingest.stdout.close()
        self.port = self._port_of("ws")
        if http:
            self._start("dp-http", f"--db={self.db.url}", "--listen=127.0.0.1:0")
            self.http_port = self._port_of("http")
            self._wait_until(self.is_ready, "dp-http is ready")

    def _start(self, name: str, *args: str, **streams: Any) -> subprocess.Popen[Any]:
        with self._log.open("ab") as log:
            process = subprocess.Popen([BIN / name, *args], stderr=log, **streams)
        self.processes[name] = process
        return process

    def _wait_until(self, holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := holds()):
            self.check()
            if time.monotonic() > deadline:
                raise CannotMeasure(f"not in {seconds} s: {what}\n{self._log.read_text()}")
            time.sleep(0.02)
        return result

    def _port_of(self, scheme: str) -> int:
        pattern = re.compile(rf"{scheme}://127\.0\.0\.1:(\d+)")
        found = self._wait_until(
            lambda: pattern.search(self._log.read_text()), f"a port of {scheme}", 30
        )
        return int(found[1])

    def check(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise CannotMeasure(f"{name} has ended:\n{self._log.read_text()}")

    def is_ready(self) -> bool:
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}") as answer:
            return bytes(answer.read())

    def metric(self, name: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        return int(re.search(rf"^dp_ingest_{name} (\d+)$", text, re.M)[1])  # type: ignore[index]

    def wait_until_writer(self) -> None:
        """Until dp-store has made its tables."""
        self._wait_until(self._has_tables, "dp-store has made its tables")

    def _has_tables(self) -> bool:
        try:
            return self.db.count() >= 0
        except (CannotMeasure, sqlite3.Error):
            return False

    def stored(self) -> int:
        """Up to which offset the spool is in the database, as that says."""
        done = subprocess.run(
            [BIN / "dp-store", f"--db={self.db.url}", "--status"],
            capture_output=True,
            text=True,
            check=True,
        )
        found = re.search(r"^position \S+:(\d+)$", done.stdout, re.M)
        return int(found[1]) if found else 0

    def wait_until_stored(self) -> None:
        """Until the last acknowledged event is committed."""
        wanted = self.metric("spool_end_offset")
        # The mark costs nothing to look at, but is behind by up to a tenth of a second.
        self._wait_until(lambda: wanted - self.metric("spool_mark_offset") < ASK_BYTES, "stored")
        self._wait_until(lambda: self.stored() >= wanted, "all is stored")

    def cpu(self) -> dict[str, float]:
        taken = {name: cpu_of(p.pid) for name, p in self.processes.items()}
        return {**taken, **self.db.cpu()}

    def rss(self) -> dict[str, dict[str, float]]:
        return {name: rss_of(p.pid) for name, p in self.processes.items()}

    def stop(self) -> None:
        """dp-store ends behind dp-ingest, when all is stored."""
        end(self.processes.get("dp-http"))
        end(self.processes.get("dp-ingest"))
        store = self.processes.get("dp-store")
        if store is not None:
            store.send_signal(signal.SIGCONT)
            try:
                store.wait(60)
            except subprocess.TimeoutExpired:
                end(store)
        shutil.rmtree(self.spool, ignore_errors=True)


@contextlib.contextmanager
def pipeline(db: Database, place: Path, http: bool = False) -> Iterator[Pipeline]:
    made = Pipeline(db, place)
    try:
        made.start(http)
        yield made
    finally:
        made.stop()
