"""A bench from its options to its end."""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

from rig.places import ROOT
from rig.told import CannotMeasure, gib, write, write_machine

# Of the throw-away server, and printed. Whatever concerns durability is as PostgreSQL has it.
PG_OPTIONS = (
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
)


def arguments(
    doc: str, databases: bool = True, events: int | None = 200_000, rounds: int | None = None
) -> argparse.ArgumentParser:
    """Options that several benches have. Without `databases` PostgreSQL alone is measured."""
    parser = argparse.ArgumentParser(
        description=doc.partition("\n\n")[0], epilog="More: bench/README.md"
    )
    parser.add_argument("--quick", action="store_true", help="whether it works; no figures")
    if databases:
        parser.add_argument(
            "--db",
            metavar="URL",
            help="postgresql://…, where a database is made and dropped, or sqlite:///NEWFILE"
            " (default: both, a throw-away server and file)",
        )
    if events is not None:
        parser.add_argument("--events", type=int, default=events, help=f"how many ({events})")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help=f"how often ({rounds})")
    return parser


def main(run: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Runs a bench: under a throw-away PostgreSQL where it needs one, with the programs built."""
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    needs_server = getattr(args, "db", None) is None and "DEVPULSE_TEST_PG" not in os.environ
    try:
        subprocess.run(["make", "-s", "-C", ROOT, "all", "bench-programs"], check=True)
        with server() if needs_server else contextlib.nullcontext():
            write_machine()
            run(args)
    except (CannotMeasure, urllib.error.URLError, subprocess.CalledProcessError) as error:
        sys.exit(f"{parser.prog}: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


@contextlib.contextmanager
def server() -> Iterator[None]:
    """A throw-away PostgreSQL; it goes with this process, however that ends."""
    script = 'echo "$DEVPULSE_TEST_PG"; echo "$DEVPULSE_TEST_PG_DIR"; exec cat'
    holder = subprocess.Popen(
        [ROOT / "tests" / "with-postgres.sh", "sh", "-c", script],
        env={**os.environ, "DEVPULSE_PG_OPTIONS": " ".join(f"-c {o}" for o in PG_OPTIONS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdin is not None and holder.stdout is not None
    try:
        url, place = holder.stdout.readline().strip(), holder.stdout.readline().strip()
        if not url:
            raise CannotMeasure("no PostgreSQL")
        os.environ.update(DEVPULSE_TEST_PG=url, DEVPULSE_TEST_PG_DIR=place)
        yield
    finally:
        holder.stdin.close()
        holder.wait()


@contextlib.contextmanager
def folder(needs_bytes: float) -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="devpulse-bench.") as name:
        free = shutil.disk_usage(name).free
        write(f"folder {name}: needs about {gib(needs_bytes)} of {gib(free)} GiB free")
        if free < needs_bytes:
            raise CannotMeasure("too little room; TMPDIR names another place")
        yield Path(name)
