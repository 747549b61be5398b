"""dp-store killed again and again while it stores what a spool hands over. The pump here begins at
the mark each time, as dp-ingest does. After each death the mark must not lead the database, and the
database must hold exactly what its position says.

    store_kills.py URL FOLDER EVENTS KILLS
"""

import random
import subprocess
import sys
import threading

from spool import checked

SPOOL = "019b7c4e-0000-7000-8000-00000000000a"
STEP = 1000  # bytes of an event in the spool
POISON = 97  # each such event is one that the database rejects

HELD = """SELECT (SELECT count(*) FROM events) || ' ' || (SELECT count(*) FROM dead_letters)
    || ' ' || coalesce((SELECT pos FROM positions), 0)"""
TRACES = "SELECT coalesce(sum(events), 0) FROM traces"


def query(url, sql):
    path = url.removeprefix("sqlite:///")
    if path != url:
        command = ["sqlite3", "-cmd", ".timeout 5000", path, sql]
    else:
        command = ["psql", "-qAtX", url, "-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def line(n):
    """The n-th event, from 1, and where it ends."""
    system = "bad" if n % POISON == 0 else "web"
    return (
        f'{{"traceId":"t{n // 10}","eventId":"018bcfe5-6800-7000-8000-{n:012x}",'
        f'"system":"{system}","details":"event {n}","_pos":"{SPOOL}:{n * STEP}"}}\n'
    ).encode()


def mark(folder):
    """How many events it says are stored."""
    try:
        with open(f"{folder}/mark", "rb") as f:
            content = f.read()
    except FileNotFoundError:
        return 0
    assert content == checked(content[9:-1]), content
    spool, _, offset = content[9:-1].decode().partition(":")
    assert spool == SPOOL
    return int(offset) // STEP


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
    url, folder, events, kills = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print("seed", seed)
    for _ in range(kills):
        run(url, folder, events, random.uniform(0.005, 0.15))
        marked = mark(folder)
        stored, dead, position = map(int, query(url, HELD).split())
        print(f"killed: mark {marked}, position {position // STEP}, {stored} stored, {dead} dead")
        assert marked * STEP <= position
        assert (stored + dead) * STEP == position
    # One that was killed may still be committing: its successor is fenced off, and starts again.
    for _ in range(5):
        if run(url, folder, events) == 0:
            break
    stored, dead, position = map(int, query(url, HELD).split())
    assert dead == events // POISON, dead
    assert stored == events - dead, stored
    assert position == events * STEP == mark(folder) * STEP, position
    assert int(query(url, TRACES)) == stored


if __name__ == "__main__":
    main()
