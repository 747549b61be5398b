"""What the programs of this folder begin and end with: a folder, a database, and nothing left."""

import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from database import Postgres, Sqlite, free_port
from pair import Pair


@contextlib.contextmanager
def rig(kind):
    """A database, ready, and a pair that is not started yet."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="devpulse-fault-"))
    folder.chmod(0o711)  # the server's owner goes through it
    database = pair = None
    try:
        database = {"sqlite": Sqlite, "postgresql": Postgres}[kind](folder)
        database.make()
        pair = Pair(folder, database.url, free_port())
        yield database, pair
    finally:
        if pair:
            pair.kill()
        if database:
            database.stop()
        shutil.rmtree(folder)


def report(pair, problems):
    """To stderr, with what the programs said at last. Returns the exit status."""
    if problems:
        print(f"the programs said, at the end:\n{pair.said()[-4000:]}", file=sys.stderr)
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    return 1 if problems else 0
