"""Starts the real programs for the tests: dp-ingest alone, or dp-ingest | dp-store and dp-http.

    with Pipeline(tmp_path) as pipeline:
        devpulse.init(websocket_url=pipeline.ws_url)
        ...
        assert pipeline.trace(trace_id)["events"][0]["event_type"] == "error"

The programs are those of the environment variable DEVPULSE_BIN, else of the checkout's build/bin.
"""

import json
import os
import select
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

BIN = Path(os.environ.get("DEVPULSE_BIN") or Path(__file__).parents[3] / "build" / "bin")
PATIENCE = 60.0  # seconds until a test gives up on what should take milliseconds


def wait_for(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Calls `what` until it returns something true, which is returned; AssertionError after
    `seconds`, with what it returned last."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, f"after {seconds} s still {result!r}"
        time.sleep(0.01)
    return result


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Program:
    """One of the C programs. The file `log` gets its standard error."""

    def __init__(self, args: Sequence[str], log: Path, **popen: Any) -> None:
        """Returns once the program is ready, by its --ready-fd."""
        ready, given = os.pipe()
        try:
            with log.open("ab") as stderr:
                self.process = subprocess.Popen(
                    [str(BIN / args[0]), *args[1:], f"--ready-fd={given}"],
                    stderr=stderr,
                    pass_fds=(given,),
                    env={**os.environ, "TZ": "UTC", "DEVPULSE_TOKEN": ""},
                    **popen,
                )
            os.close(given)
            readable, _, _ = select.select([ready], [], [], PATIENCE)
            is_ready = bool(readable) and os.read(ready, 1) == b"\n"
        finally:
            os.close(ready)
        if not is_ready:
            self.kill()
            raise RuntimeError(f"{args[0]} did not start: {log.read_text()}")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to end; returns its status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


class Ingest:
    """dp-ingest alone, its output in a file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.ws_url = f"ws://localhost:{self.port}"
        self.output = folder / "ingest.ndjson"
        self.log = folder / "ingest.log"
        self._options = options
        self._program: Program | None = None
        self.output.touch()
        self.start()

    def start(self) -> None:
        """Again after kill() or stop(), on the same port, with the same file."""
        args = ["dp-ingest", f"--listen=127.0.0.1:{self.port}", *self._options]
        with self.output.open("ab") as stdout:
            self._program = Program(args, self.log, stdout=stdout)

    def kill(self) -> None:
        if self._program is not None:
            self._program.kill()
            self._program = None
            _cut_torn_line(self.output)

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop()
            self._program = None

    def pause(self, signal: int) -> None:
        """Sends SIGSTOP, or SIGCONT."""
        assert self._program is not None
        self._program.process.send_signal(signal)

    def events(self) -> list[dict[str, Any]]:
        """What was written so far. Repeats stand there as often as they came."""
        lines = self.output.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def wait_for_events(self, count: int, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """The events, once there are `count` different ones."""

        def enough() -> list[dict[str, Any]] | None:
            events = self.events()
            return events if len({e["eventId"] for e in events}) >= count else None

        return wait_for(enough, seconds) if count else self.events()

    def __enter__(self) -> "Ingest":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _cut_torn_line(path: Path) -> None:
    data = path.read_bytes()
    os.truncate(path, data.rfind(b"\n") + 1)


class Pipeline:
    """dp-ingest | dp-store, and dp-http over the same database: SQLite in `folder`, or `db_url`."""

    def __init__(self, folder: Path, *options: str, db_url: str | None = None) -> None:
        """`options` are dp-ingest's."""
        self.db_path = folder / "devpulse.db"
        self.db_url = db_url or f"sqlite:///{self.db_path}"
        self.port = free_port()
        self.ws_url = f"ws://localhost:{self.port}"
        self.log = folder / "pipeline.log"
        self._options = options
        self._ingest: Program | None = None
        self._store: Program | None = None
        self.start()
        http_port = free_port()
        self.http_url = f"http://localhost:{http_port}"
        self._http = Program(
            ["dp-http", f"--listen=127.0.0.1:{http_port}", f"--db={self.db_url}"], self.log
        )

    def start(self) -> None:
        """Starts dp-ingest | dp-store, again after kill() on the same port."""
        reader, writer = os.pipe()
        self._store = Program(["dp-store", f"--db={self.db_url}"], self.log, stdin=reader)
        os.close(reader)
        args = ["dp-ingest", f"--listen=127.0.0.1:{self.port}", *self._options]
        self._ingest = Program(args, self.log, stdout=writer)
        os.close(writer)

    def pause(self, signal: int) -> None:
        """Sends dp-ingest SIGSTOP, or SIGCONT."""
        assert self._ingest is not None
        self._ingest.process.send_signal(signal)

    def kill(self) -> None:
        """kill -9 of dp-ingest; dp-store stores what it was given, and ends."""
        if self._ingest is not None:
            self._ingest.kill()
            self._ingest = None
        if self._store is not None:
            self._store.process.wait(PATIENCE)
            self._store = None

    def stop(self) -> None:
        """Ends all three, politely."""
        if self._ingest is not None:
            self._ingest.stop()
        self.kill()
        self._http.stop()

    def trace(self, trace_id: str, events: int = 1, seconds: float = PATIENCE) -> dict[str, Any]:
        """GET /api/traces/<id>, once it has at least so many events."""

        def enough() -> dict[str, Any] | None:
            document = self.get(f"/api/traces/{trace_id}")
            return document if document and len(document["events"]) >= events else None

        return wait_for(enough, seconds)

    def get(self, path: str) -> Any:
        """The JSON document at a path of dp-http; None for 404."""
        try:
            with urllib.request.urlopen(self.http_url + path, timeout=PATIENCE) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._http.stop()
