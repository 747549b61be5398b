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
    """Reads the pipe; appends "traceId details" of each event to a file, then moves the mark: once
    for what comes at once. A last line without its newline is not taken."""
    rest = b""
    with open(database, "a") as out:
        while chunk := os.read(sys.stdin.fileno(), 1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            events = [json.loads(line) for line in lines]
            out.write("".join(f"{e['traceId']} {e['details']}\n" for e in events if "traceId" in e))
            out.flush()
            if events:
                write_mark(folder, events[-1]["_pos"])


if __name__ == "__main__":
    store(sys.argv[1], sys.argv[2])
