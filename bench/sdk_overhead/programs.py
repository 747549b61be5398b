"""The processes beside the contenders: dp-ingest | dp-store, and the sink of the others."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
BIN = Path(os.environ.get("DEVPULSE_BIN") or HERE.parents[1] / "build" / "bin")


class Pipeline:
    """dp-ingest | dp-store on a new SQLite database in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._db = folder / "bench.db"
        self._log = folder / "bench.log"
        with self._log.open("wb") as log:
            self._ingest = subprocess.Popen(
                [BIN / "dp-ingest", "--listen=127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log
            )
            self._store = subprocess.Popen(
                [BIN / "dp-store", f"--db=sqlite:///{self._db}"],
                stdin=self._ingest.stdout,
                stderr=log,
            )
        self.url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = re.search(r"listening on (ws://[^/\s]+)", self._log.read_text())
            if found and self._db.exists():
                return found[1]
            time.sleep(0.02)
        raise RuntimeError(f"dp-ingest or dp-store did not start: {self._log.read_text()}")

    def counts(self) -> Counter[str]:
        """Stored events by type, so far."""
        db = sqlite3.connect(f"file:{self._db}?mode=ro", uri=True)
        try:
            return Counter(dict(db.execute("SELECT type, count(*) FROM events GROUP BY type")))
        finally:
            db.close()

    def stop(self) -> None:
        self._ingest.terminate()
        self._ingest.wait(10)
        self._store.wait(10)


class Sink:
    """sink.py, running."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, HERE / "sink.py"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def counts(self) -> Counter[str]:
        """What came, by kind, so far."""
        with urllib.request.urlopen(f"{self.url}/counts") as answer:
            return Counter(json.load(answer))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
