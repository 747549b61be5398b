"""A disk whose power can be cut: a file system on a loop device on a file that this process serves
by FUSE, spoken by hand. It has a cache, as disks do: what was written is kept, in the order of its
writes, until the disk is told to flush. When the power is cut, any part of what is in the cache may
have reached the medium, in any order, torn at any sector; what was flushed has. From then on all
fails, until the power is back.

Only root can do that, on a machine that has /dev/fuse and loop devices. (dm-log-writes or
dm-snapshot would be ready-made, where a kernel has them.)
"""

import ctypes
import errno
import os
import random
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

SIZE = 96 * 1024 * 1024
SECTOR = 4096  # what a disk writes all or nothing of; file systems count on it
REQUEST_MAX = (1 << 20) + (1 << 16)

# fuse(4): opcodes
GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH, INIT = 3, 4, 14, 15, 16, 18, 20, 25, 26
FORGET, INTERRUPT, BATCH_FORGET = 2, 36, 42  # without an answer
DIRECT_IO = 1
BIG_WRITES = 1 << 5


class Medium:
    def __init__(self, chance):
        self.data = bytearray(SIZE)
        self.cache = []  # (offset, what was there, what was written)
        self.is_on = True
        self.lies = False  # says that it flushed, and did not
        self.chance = chance
        self.left = None  # requests until the power is cut

    def obey(self, command):
        if command == b"c":
            self.left = self.chance.randrange(10)
        elif command == b"o":
            self.is_on, self.left = True, None
        elif command == b"l":
            self.lies = True

    def need_power(self):
        if self.left == 0 and self.is_on:
            self.cut()
        if self.left:
            self.left -= 1
        if not self.is_on:
            raise OSError(errno.EIO, "no power")

    def read(self, offset, size):
        self.need_power()
        return bytes(self.data[offset : offset + size])

    def write(self, offset, data):
        self.need_power()
        end = offset + len(data)
        self.cache.append((offset, bytes(self.data[offset:end]), bytes(data)))
        self.data[offset:end] = data

    def flush(self):
        self.need_power()
        if not self.lies:
            self.cache.clear()

    def cut(self):
        for offset, before, _ in reversed(self.cache):
            self.data[offset : offset + len(before)] = before
        for offset, _, after in surviving(self.cache, self.chance, self.lies):
            self.data[offset : offset + len(after)] = after
        self.cache.clear()
        self.is_on = False


def surviving(cache, chance, is_lie):
    """What of the cache has reached the medium. One that lies loses the latest, in order: the file
    system is a sound one, but older."""
    if is_lie:
        return cache[: len(cache) // 2]
    share = chance.choice((0, 0.5, 0.9, 1))
    kept = [torn(write, chance) for write in cache if chance.random() < share]
    if chance.random() < 0.5:
        return kept
    return cache[: chance.randrange(len(cache) + 1)]


def torn(write, chance):
    offset, before, after = write
    sectors = len(after) // SECTOR
    if sectors < 2 or chance.random() < 0.7:
        return write
    length = chance.randrange(sectors) * SECTOR
    return offset, before[:length], after[:length]


class Server:
    """The other side of /dev/fuse: one file, which is the root itself."""

    def __init__(self, fd, medium):
        self.fd, self.medium = fd, medium
        self.answers = {
            INIT: self.init,
            GETATTR: lambda _: self.attributes(),
            SETATTR: lambda _: self.attributes(),
            OPEN: lambda _: struct.pack("<QII", 0, DIRECT_IO, 0),
            READ: self.read,
            WRITE: self.write,
            FSYNC: self.flush,
            FLUSH: lambda _: b"",
            RELEASE: lambda _: b"",
        }

    def serve(self):
        """Answers one request."""
        try:
            request = os.read(self.fd, REQUEST_MAX)
        except OSError as e:
            if e.errno == errno.ENODEV:  # unmounted
                sys.exit(0)
            return
        _, opcode, unique = struct.unpack_from("<IIQ", request)
        if opcode in (FORGET, INTERRUPT, BATCH_FORGET):
            return
        answer, error = b"", errno.ENOSYS
        if opcode in self.answers:
            try:
                answer, error = self.answers[opcode](request[40:]), 0
            except OSError as e:
                error = e.errno
        os.write(self.fd, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)

    def init(self, body):
        readahead = struct.unpack_from("<III", body)[2]
        return struct.pack(
            "<IIIIHHIIHHI28x", 7, 31, readahead, BIG_WRITES, 16, 12, 1 << 17, 1, 0, 0, 0
        )

    def attributes(self):
        times = (0,) * 6
        mode = 0o100600
        attributes = (1, SIZE, SIZE // 512, *times[:3], *times[3:], mode, 1, 0, 0, 0, 4096, 0)
        return struct.pack("<QII", 3600, 0, 0) + struct.pack("<6Q10I", *attributes)

    def read(self, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        return self.medium.read(offset, size)

    def write(self, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        self.medium.write(offset, body[40 : 40 + size])
        return struct.pack("<II", size, 0)

    def flush(self, _):
        self.medium.flush()
        return b""


def run(file, seed, commands):
    """Serves `file` until it is unmounted. A byte of `commands` cuts the power, brings it back, or
    makes the disk lie."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fd},rootmode=100000,user_id=0,group_id=0".encode()
    if libc.mount(b"dp-disk", file.encode(), b"fuse", 0, options) < 0:
        sys.exit(f"cannot mount {file}: {os.strerror(ctypes.get_errno())}")
    medium = Medium(random.Random(seed))
    server = Server(fd, medium)
    while True:
        ready, _, _ = select.select([fd, commands], [], [])
        if commands in ready:
            medium.obey(os.read(commands, 1))
        elif fd in ready:
            server.serve()


class Disk:
    """One with a file system, and its power switch. Raises OSError where there cannot be one."""

    def __init__(self, folder, seed):
        self.file, self.folder = Path(folder) / "disk", Path(folder) / "mounted"
        self.file.touch()
        self.folder.mkdir()
        if os.getuid() != 0 or not Path("/dev/fuse").exists():
            raise OSError("it takes root and /dev/fuse")
        self.server = subprocess.Popen(
            [sys.executable, "-B", __file__, self.file, str(seed)], stdin=subprocess.PIPE, bufsize=0
        )
        while self.file.stat().st_size != SIZE:
            if self.server.poll() is not None:
                raise OSError("it takes FUSE")
            time.sleep(0.01)
        command("mkfs.ext4", "-q", "-b", str(SECTOR), "-E", "nodiscard", self.file)
        self.mount()

    def mount(self):
        command("mount", "-o", "loop", self.file, self.folder)

    def unmount(self):
        end = time.monotonic() + 20
        while subprocess.run(["umount", self.folder], stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > end:
                raise OSError(f"{self.folder} is busy")
            time.sleep(0.02)

    def cut(self):
        """At one of the next requests."""
        self.server.stdin.write(b"c")

    def power_on(self):
        """After unmount()."""
        self.server.stdin.write(b"o")
        self.mount()

    def lie(self):
        self.server.stdin.write(b"l")

    def remove(self):
        for path in (self.folder, self.file):
            subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)
        self.server.kill()
        self.server.wait()


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{words[0]}: {done.stderr.strip()}")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.stdin.fileno())
