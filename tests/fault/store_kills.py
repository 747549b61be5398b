"""dp-store killed again and again while it stores what a spool hands over. The pump here begins at
the mark each time, as dp-ingest does. After each death the mark must not lead the database, and the
database must hold exactly what its position says.

    store_kills.py sqlite|postgresql EVENTS KILLS
"""

import random
import subprocess
import sys
import threading
from pathlib import Path

from pair import marked
from rig import rig

SPOOL = "019b7c4e-0000-7000-8000-00000000000a"
STEP = 1000  # bytes of an event in the spool
POISON = 97  # each such event is one that the database rejects


def held(database):
    """Events stored, dead ones, and the position, at one moment."""
    return database.query(
        """SELECT (SELECT count(*) FROM events) AS stored,
        (SELECT count(*) FROM dead_letters) AS dead,
        (SELECT coalesce(max(pos), 0) FROM positions) AS pos"""
    )[0]


def line(n):
    """The n-th event, from 1, and where it ends."""
    system = "bad" if n % POISON == 0 else "web"
    return (
        f'{{"traceId":"t{n // 10}","eventId":"018bcfe5-6800-7000-8000-{n:012x}",'
        f'"system":"{system}","details":"event {n}","_pos":"{SPOOL}:{n * STEP}"}}\n'
    ).encode()


def mark(folder):
    """How many events it says are stored."""
    return marked(folder, SPOOL) // STEP


def run(url, folder, events, kill_after=None):
    """Hands over what is behind the mark. Returns the exit status of dp-store."""
    command = ["dp-store", "--db", url, "--mark", f"{folder}/mark", "--batch", "100"]
    store = subprocess.Popen(command, stdin=subprocess.PIPE)
    timer = threading.Timer(kill_after, store.kill) if kill_after else None
    if timer:
        timer.start()
    try:
        for first in range(mark(folder) + 1, events + 1, 50):
            store.stdin.write(b"".join(map(line, range(first, min(first + 50, events + 1)))))
            if random.random() < 0.1:
                store.stdin.flush()
        store.stdin.close()
    except BrokenPipeError:
        pass
    store.wait(60)
    if timer:
        timer.cancel()
    return store.returncode


def main():
    kind, events, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print("seed", seed)
    with rig(kind) as (database, pair):
        go_on(database, pair.spool, events, kills)


def go_on(database, folder, events, kills):
    Path(folder).mkdir()
    for _ in range(kills):
        run(database.url, folder, events, random.uniform(0.005, 0.15))
        marked = mark(folder)
        stored, dead, position = held(database)
        print(f"killed: mark {marked}, position {position // STEP}, {stored} stored, {dead} dead")
        assert marked * STEP <= position
        assert (stored + dead) * STEP == position
    # One that was killed may still be committing: its successor is fenced off, and starts again.
    for _ in range(5):
        if run(database.url, folder, events) == 0:
            break
    stored, dead, position = held(database)
    assert dead == events // POISON, dead
    assert stored == events - dead, stored
    assert position == events * STEP == mark(folder) * STEP, position
    assert database.counts() == (stored, stored)


if __name__ == "__main__":
    main()
