"""Every system call that dp-ingest makes for the spool, and dp-store for the mark, fails once,
fails a few times in a row, or is where the process dies. What these calls are is found by tracing
a run. After each: nothing that was acknowledged is lost, what failed was told, and the pair goes on
by itself, or begins again.

    calls.py [--all]       by default the first ones of each call
"""

import argparse
import collections
import concurrent.futures
import copy
import errno
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from client import Client
from database import Sqlite, free_port
from ledger import Ledger
from pair import Pair, wait_until

AT_ONCE = 6
EVENTS = 6  # in a trial
FIRST = 2  # so many of each call are tried by default
SEGMENT = 64 * 1024 * 1024
SHORT = (300, 700, 2000)  # bytes that a file may have, where a write is to be a short one

WRITES = ("write", "pwrite64", "openat", "mkdir", "fdatasync", "fsync", "ftruncate", "renameat")
DEATH_ONLY = ("close", "fcntl")  # a failure of these means nothing
# While it goes on, a failure of these is no loss and may be passed over in silence: of a torn line
# that the reader passes over, of what is removed later, of a look at the mark.
SILENT = ("ftruncate", "unlinkat", "pread64", "read")


class Run:
    """The pair over a copy of a spool and its database, for EVENTS more."""

    def __init__(self, origin=None):
        self.folder = Path(tempfile.mkdtemp(prefix="devpulse-calls-"))
        self.database = Sqlite(self.folder)
        self.ledger = Ledger()
        self.trace = self.folder / "trace"
        if origin:
            shutil.copytree(origin.folder, self.folder, dirs_exist_ok=True)
            self.ledger = copy.deepcopy(origin.ledger)
        self.begin()

    def begin(self):
        self.pair = Pair(self.folder, self.database.url, free_port())
        self.pair.allowed = (0, 1, 2)
        # After a start whose first sync fails a gap is told that is none.
        self.pair.never = [said for said in self.pair.never if said != "is missing"]
        self.pair.errors.unlink(missing_ok=True)

    def watch(self, program, *inject):
        """Traces a program for its first life, but only its calls on the files of the spool. It
        stays this process's child (-D)."""
        spool = self.pair.spool
        names = ("", "/lock", "/spool", "/spool.new", "/mark", "/mark.new", "/mark.lock")
        starts = range(0, 20 * SEGMENT, SEGMENT)
        paths = [spool + name for name in names] + [f"{spool}/{n:020}.seg" for n in starts]
        only = [word for path in paths for word in ("-P", path)]
        self.pair.prefix[program] = ["strace", "-D", "-f", "-qq", "-o", self.trace, *only, *inject]

    def load(self, meanwhile=lambda: None):
        name = f"client{len(self.ledger.entries)}"
        self.pair.start()
        client = Client(
            name, self.pair.port, self.ledger, odd=False, seed=1, window=1, total=EVENTS
        )
        client.start()
        meanwhile()
        client.join(30)
        assert not client.is_alive(), "not all is acknowledged within 30 s"
        assert not client.failure, client.failure

    def finish(self):
        """Returns what is wrong."""
        wait_until(self.pair.is_drained, 30, "the drain")
        self.pair.end()
        problems, _ = self.ledger.check(event for _, event in self.database.events())
        return problems + self.pair.oddities()

    def remove(self):
        self.pair.kill()
        shutil.rmtree(self.folder)


def spool_with_a_past():
    """Segments that are stored, one that is not, a torn line."""
    run = Run()
    for _ in range(2):
        run.load()
        assert not run.finish()
        run.begin()
    run.pair.prefix["dp-store"] = ["sleep", "100", "--"]  # in its place
    run.load()
    run.pair.kill()
    segments = sorted(Path(run.pair.spool).glob("*.seg"))
    for segment in segments[:-1]:
        os.utime(segment, (0, 0))  # old enough to be removed
    last = segments[-1]
    with last.open("ab") as f:
        f.write(b'01234567 {"torn')
    return run


def calls_of(program, origin):
    """The calls of a run in which nothing fails: how many times each comes, in one thread."""
    run = Run(origin)
    try:
        run.watch(program)
        run.load()
        problems = run.finish()
        assert not problems, problems
        counts = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", run.trace.read_text(), re.M))
    finally:
        run.remove()
    most = collections.Counter()
    for (_, call), n in counts.items():
        most[call] = max(most[call], n)
    return most


def faults_of(call, n):
    """The arguments of strace's inject, and what is told of them."""
    if call not in DEATH_ONLY:
        yield f"error=EIO:when={n}", errno.EIO
    if call in WRITES:
        no_room = errno.ENOSPC if n % 2 else errno.EDQUOT
        yield f"error={errno.errorcode[no_room]}:when={n}..{n + 2}", no_room
    yield f"signal=KILL:when={n}", None


def trial(origin, program, call, inject, error):
    """Returns what is wrong, and whether the fault came at all."""
    run = Run(origin)
    try:
        run.watch(program, "-e", f"trace={call}", "-e", f"inject={call}:{inject}")
        problems = go_through(run)
        faults = re.findall(r"^.*(?:INJECTED|killed by SIGKILL).*$", run.trace.read_text(), re.M)
        if faults and error and not is_told(run, call, faults, error):
            problems.append("nobody was told")
        return explained(problems, run), bool(faults)
    finally:
        run.remove()


def is_told(run, call, faults, error):
    """What failed, or nothing where nothing is lost by it."""
    only_looks = call == "openat" and not any("O_CREAT" in fault for fault in faults)
    if run.pair.starts == 1 and (call in SILENT or only_looks):
        return True
    return os.strerror(error) in run.pair.said()


def go_through(run, meanwhile=lambda: None):
    """Returns what is wrong."""
    try:
        run.load(meanwhile)
        return run.finish()
    except AssertionError as e:
        return [str(e), *run.pair.oddities()]


def explained(problems, run):
    return problems and [*problems, f"they said:\n{run.pair.said()}"]


def short_write(limit):
    """A file can have no more than so many bytes: a write is a short one, the next one fails, until
    the limit is lifted. Returns what is wrong."""
    run = Run()
    told = os.strerror(errno.EFBIG)

    def lift():
        wait_until(lambda: told in run.pair.said(), 20, told)
        resource.prlimit(run.pair.ingest.pid, resource.RLIMIT_FSIZE, (-1, -1))

    try:
        run.pair.prefix["dp-ingest"] = ["prlimit", f"--fsize={limit}:unlimited"]
        problems = go_through(run, lift)
        if run.pair.starts > 1:
            problems.append("it did not heal, but was started again")
        return explained(problems, run)
    finally:
        run.remove()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--all", action="store_true")
    options = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    past = spool_with_a_past()
    try:
        return walk(past, 1000 if options.all else FIRST)
    finally:
        past.remove()


def walk(past, first):
    plan = []
    for name, origin in (("new", None), ("old", past)):
        for program in ("dp-ingest", "dp-store"):
            most = calls_of(program, origin)
            print(f"{program}, {name} spool:", *(f"{call} {n}" for call, n in sorted(most.items())))
            plan += [
                (name, origin, program, call, inject, error)
                for call in sorted(most)
                for n in range(1, min(most[call], first) + 1)
                for inject, error in faults_of(call, n)
            ]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        shorts = [pool.submit(short_write, limit) for limit in SHORT]
        done = list(pool.map(lambda t: trial(*t[1:]), plan))
    failed = missed = 0
    for (name, _, program, call, inject, _), (problems, came) in zip(plan, done, strict=True):
        missed += not came
        failed += bool(problems)
        for problem in problems:
            print(f"{program}, {name} spool, {call}:{inject}: {problem}", file=sys.stderr)
    for limit, short in zip(SHORT, shorts, strict=True):
        failed += bool(short.result())
        for problem in short.result():
            print(f"a write that is short at byte {limit}: {problem}", file=sys.stderr)
    print(f"{len(plan) + len(SHORT)} faults, {missed} of which did not come; {failed} harmful")
    return 1 if failed or missed > len(plan) / 5 else 0


if __name__ == "__main__":
    sys.exit(main())
