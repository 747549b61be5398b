"""dp-ingest | dp-store, and what starts them again, as `devpulse up` does but without its pause."""

import os
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from spool import checked

# What no kill may bring about.
NEVER = (
    "damage at offset",
    "is damaged",
    "is beyond the end",
    "is ahead of the database",
    "is missing",
    "Sanitizer",
    "comes after",
)


def marked(spool, uuid=None):
    """The offset of the mark, 0 where there is none or it says nothing yet."""
    try:
        content = Path(f"{spool}/mark").read_bytes()
    except FileNotFoundError:
        return 0
    if content == b"\n":
        return 0
    assert content == checked(content[9:-1]), content
    source, _, offset = content[9:-1].decode().rpartition(":")
    assert uuid in (None, source), source
    return int(offset)


class Pair:
    def __init__(self, folder, url, port, options=()):
        self.spool, self.url, self.port, self.options = f"{folder}/spool", url, port, options
        self.errors = Path(folder) / "errors"
        self.ingest = self.store = None
        self.prefix = {}  # by program: what runs it, the first time
        self.allowed = (0, 1)  # how they may end
        self.never = NEVER  # what they may not say
        self.starts = 0
        self.problems = []
        self.is_ending = False
        self.thread = None

    def start(self):
        self.launch()
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()

    def launch(self):
        read_end, write_end = os.pipe()
        with self.errors.open("ab") as errors:
            ingest = [
                *self.prefix.pop("dp-ingest", ()),
                "dp-ingest",
                "--listen",
                f"127.0.0.1:{self.port}",
                "--spool",
                self.spool,
            ]
            store = [
                *self.prefix.pop("dp-store", ()),
                "dp-store",
                "--db",
                self.url,
                "--mark",
                f"{self.spool}/mark",
            ]
            self.ingest = subprocess.Popen(
                [*ingest, *self.options], stdin=subprocess.DEVNULL, stdout=write_end, stderr=errors
            )
            self.store = subprocess.Popen(store, stdin=read_end, stderr=errors)
        os.close(read_end)
        os.close(write_end)
        self.starts += 1

    def supervise(self):
        while True:
            self.await_end(self.ingest)
            self.await_end(self.store)
            if self.is_ending:
                return
            time.sleep(0.02)
            self.launch()

    def await_end(self, process):
        status = process.wait()
        if status not in (*self.allowed, -signal.SIGKILL):
            self.problems.append(f"{process.args[0]} ended with {status}")

    def end(self):
        """In order, as `devpulse down`; what is committed is marked then."""
        self.is_ending = True
        self.ingest.terminate()
        self.thread.join(60)
        if self.thread.is_alive():
            self.problems.append("it did not end")
            self.kill()

    def kill(self):
        self.is_ending = True
        while self.thread and self.thread.is_alive():  # it may be about to start them again
            self.ingest.kill()
            self.store.kill()
            self.thread.join(0.05)

    def said(self):
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def oddities(self):
        """What went wrong, and what was said that should never be."""
        lines = self.said().splitlines()
        odd = [line for line in lines if any(word in line for word in self.never)]
        return self.problems + odd[:5]

    def mark(self):
        return marked(self.spool)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line[:1] != "#")
        return {name.removeprefix("dp_ingest_"): float(value) for name, value in pairs}

    def is_drained(self):
        """Whether all that is in the spool is stored and marked."""
        try:
            now = self.metrics()
        except OSError:
            return False
        return now["spool_lag_bytes"] == 0 and self.mark() == now["spool_end_offset"]


def wait_until(check, seconds, what):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
