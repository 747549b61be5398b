"""The spool from outside: its files, its mark, and a reader of the pipe that stores as dp-store does.
Nothing here is shared with the programs: it is the format as the manual tells it."""

import json
import os
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def checked(text):
    return b"%08x %s\n" % (crc32c(text), text)


def write_mark(folder, position):
    with open(f"{folder}/mark.new", "wb") as f:
        f.write(checked(position.encode()))
        f.flush()
        os.fdatasync(f.fileno())
    os.rename(f"{folder}/mark.new", f"{folder}/mark")


def records(folder):
    """What the segments hold, each line checked."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".seg"):
            with open(f"{folder}/{name}", "rb") as f:
                for line in f:
                    assert line == checked(line[9:-1]), (name, line)
                    yield json.loads(line[9:])


def store(folder, database):
    """Reads the pipe; appends "traceId details" of each event to a file, and then moves the mark."""
    with open(database, "a", buffering=1) as out:
        batch, position = [], None
        for line in sys.stdin:
            if not line.endswith("\n"):
                break
            event = json.loads(line)
            batch.append(f"{event['traceId']} {event['details']}\n")
            position = event["_pos"]
            if len(batch) == 50:
                out.write("".join(batch))
                write_mark(folder, position)
                batch = []
        out.write("".join(batch))
        if position:
            write_mark(folder, position)


if __name__ == "__main__":
    store(sys.argv[1], sys.argv[2])
