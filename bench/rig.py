"""What the benches of the pipeline have in common: throw-away databases, the programs, what they
cost, and how results are told."""

import argparse
import contextlib
import os
import platform
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "bin"
BENCH = ROOT / "build" / "bench"
PATIENCE = 3600  # seconds until a bench that waits gives up
ASK_BYTES = 4 << 20  # from the end of the spool on, the database itself is asked
TICK = os.sysconf("SC_CLK_TCK")

# Of the throw-away server, and printed. Whatever concerns durability is as PostgreSQL has it.
PG_OPTIONS = (
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
)


class CannotMeasure(Exception):
    """Something that was to be measured did not work."""


# The run


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


def gib(count: float) -> str:
    return f"{count / 2**30:.1f}"


# What is told


def write(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_machine() -> None:
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.M)
    name = model[1] if model else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    load = os.getloadavg()[0]
    write(
        f"machine {name}, {os.cpu_count()} cores, {gib(memory)} GiB, load {load:.1f},"
        f" {platform.system()}; {datetime.now().date()}"
    )


class Goal(NamedTuple):
    bound: float
    at_least: bool = False


def write_ratio(ratio: float, goal: Goal | None, what: str) -> None:
    if goal is None:
        write(f"ratio {ratio:6.2f}  {'':19}  {what}")
        return
    met = ratio >= goal.bound if goal.at_least else ratio <= goal.bound
    asked = f"goal {'≥' if goal.at_least else '≤'} {goal.bound:5.2f}"
    write(f"ratio {ratio:6.2f}  {asked}  {'met' if met else 'missed':<6}  {what}")


# Processes


def cpu_of(pid: int, with_children: bool = False) -> float:
    """Seconds of processor that a process has taken, 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(n) for n in fields[11 : 15 if with_children else 13]) / TICK


def rss_of(pid: int) -> dict[str, float]:
    """MiB: VmRSS, and RssAnon, the part of it that is no file's."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {
        name: int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1]) / 1024  # type: ignore[index]
        for name in ("VmRSS", "RssAnon")
    }


def children_of(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def run_to_end(*processes: subprocess.Popen[Any], names: str) -> list[float]:
    """Waits for all, which must succeed. Returns the seconds of processor that each took."""
    seconds = []
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(usage.ru_utime + usage.ru_stime)
        if process.returncode not in (0, -signal.SIGPIPE):
            raise CannotMeasure(f"{names}: exit {process.returncode}")
    return seconds


def has_ended(process: subprocess.Popen[Any]) -> bool:
    """Leaves it to run_to_end to wait for it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end(process: subprocess.Popen[Any] | None, seconds: float = 30) -> None:
    """SIGTERM, and SIGKILL to what does not obey."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# Databases


class Database:
    """A database of its own, gone at the end."""

    url: str

    def query(self, sql: str) -> str:
        """What one statement gives, as text."""
        raise NotImplementedError

    def settle(self) -> None:
        """Before a measurement: what was done before is finished."""

    def tidy(self) -> None:
        """What the server does by itself, sooner or later, after much was written."""

    def cpu(self) -> dict[str, float]:
        """Seconds of processor of the server, by part."""
        return {}

    def count(self) -> int:
        return int(self.query("SELECT count(*) FROM events"))


class Sqlite(Database):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def query(self, sql: str) -> str:
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return "\n".join("|".join(map(str, row)) for row in db.execute(sql))

    def drop(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


class Postgresql(Database):
    def __init__(self, server: str, name: str) -> None:
        scheme, rest = server.split("://", 1)
        authority, _, tail = rest.partition("/")
        query = tail.partition("?")[2]
        self.server = server
        self.name = name
        self.url = f"{scheme}://{authority}/{name}" + (f"?{query}" if query else "")
        self._ask(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        self._postmaster = self._find_postmaster()

    def _find_postmaster(self) -> int | None:
        """None where the server isn't on this machine, or hides."""
        try:
            data = self._ask("SHOW data_directory")
            pid = int((Path(data) / "postmaster.pid").read_text().split()[0])
        except (CannotMeasure, OSError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    def _ask(self, sql: str) -> str:
        return psql(self.server, sql)

    def query(self, sql: str) -> str:
        return psql(self.url, sql)

    def settle(self) -> None:
        self._ask("CHECKPOINT")

    def tidy(self) -> None:
        self.query("VACUUM ANALYZE")

    def cpu(self) -> dict[str, float]:
        """`backend`: this database's, that live; `pg rest`: what else there is and was."""
        if self._postmaster is None:
            return {}
        backends = rest = 0.0
        for pid in children_of(self._postmaster):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f" {self.name} " in title and "autovacuum" not in title:
                backends += cpu_of(pid)
            else:
                rest += cpu_of(pid)
        return {"backend": backends, "pg rest": rest + cpu_of(self._postmaster, with_children=True)}

    def drop(self) -> None:
        self._ask(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


def psql(url: str, sql: str) -> str:
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url],
        input=sql,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CannotMeasure(f"psql: {done.stderr.strip()}")
    return done.stdout.strip()


def kinds(db: str | None) -> list[str]:
    if db is None:
        return ["postgresql", "sqlite"]
    return ["sqlite" if db.startswith("sqlite:") else "postgresql"]


@contextlib.contextmanager
def database(kind: str, place: Path, db: str | None = None) -> Iterator[Database]:
    """A new one, of the server that `db` or the environment names, or in the folder `place`."""
    made: Sqlite | Postgresql
    if kind == "sqlite":
        path = Path(db.removeprefix("sqlite:///")) if db else place / "bench.db"
        if path.exists():
            raise CannotMeasure(f"{path} exists: name a new file, which is removed at the end")
        made = Sqlite(path)
    else:
        made = Postgresql(db or os.environ["DEVPULSE_TEST_PG"], f"devpulse_bench_{os.getpid()}")
    try:
        yield made
    finally:
        made.drop()


def write_databases(names: list[str], db: str | None) -> None:
    if "postgresql" in names:
        server = db or os.environ["DEVPULSE_TEST_PG"]
        settings = psql(
            server,
            "SELECT string_agg(name || '=' || current_setting(name), ', ' ORDER BY name)"
            " FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes',"
            " 'shared_buffers', 'max_wal_size', 'checkpoint_timeout')",
        )
        write(f"PostgreSQL {psql(server, 'SHOW server_version')}: {settings}")
    if "sqlite" in names:
        write(f"SQLite {sqlite3.sqlite_version}: lib/sql/sqlite/writer.sql, cache.sql")


# Events


def generator(count: int, seed: int = 1, until: datetime | None = None) -> list[str]:
    """The command that makes `count` events, which end now or at `until`, a hundred a second."""
    start = (until or datetime.now(timezone.utc)) - timedelta(seconds=count / 100)
    return [
        str(BENCH / "events"),
        f"--seed={seed}",
        f"--count={count}",
        f"--start={start:%Y-%m-%dT%H:%M:%SZ}",
    ]


class Load(NamedTuple):
    """What a run of build/bench/load was: µs and seconds."""

    events: int
    seconds: float
    p50: int
    p99: int
    longest: int
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def send(port: int, command: list[str], connections: int = 8, rate: int = 0) -> Load:
    """Sends what `command` makes, until the last event is acknowledged."""
    events = subprocess.Popen(command, stdout=subprocess.PIPE)
    load = subprocess.Popen(
        [BENCH / "load", str(port), str(connections), "0", str(rate), "-"],
        stdin=events.stdout,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert events.stdout is not None and load.stdout is not None
    events.stdout.close()
    try:
        told = load.stdout.read()
        cpu = run_to_end(events, load, names="events | load")
    finally:
        end(events)
        end(load)
    count, seconds, p50, p99, longest = told.split()
    return Load(
        int(count),
        float(seconds),
        int(p50),
        int(p99),
        int(longest),
        {"events": cpu[0], "load": cpu[1]},
    )


def fill(db: Database, count: int, seed: int = 1, until: datetime | None = None) -> float:
    """Stores `count` events by dp-store alone. Returns the seconds until the last is committed."""
    start = time.monotonic()
    events = subprocess.Popen(generator(count, seed, until), stdout=subprocess.PIPE)
    store = subprocess.Popen(
        [BIN / "dp-store", f"--db={db.url}"], stdin=events.stdout, stderr=subprocess.PIPE, text=True
    )
    assert events.stdout is not None and store.stderr is not None
    events.stdout.close()
    told = store.stderr.read()
    try:
        run_to_end(events, store, names=f"events | dp-store: {told.strip()}")
    finally:
        end(events)
        end(store)
    return time.monotonic() - start


def trace_ids(count: int, seed: int, wanted: int) -> list[str]:
    """Some of those that `fill` has stored, evenly from first to last."""
    events = subprocess.Popen(generator(count, seed), stdout=subprocess.PIPE)
    every = max(1, count // wanted)
    told = subprocess.run(
        ["awk", "-F", '"', f"NR % {every} == 0 {{ print $4 }}"],
        stdin=events.stdout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    events.wait()
    return list(dict.fromkeys(told.split()))


class Answers(NamedTuple):
    """What a run of build/bench/get was: µs and seconds."""

    count: int
    seconds: float
    p50: int
    p99: int
    longest: int
    bytes: int
    cpu: float  # of the one that asks

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def get(port: int, paths: list[str], connections: int, seconds: float) -> Answers:
    """Asks dp-http for the paths again and again."""
    process = subprocess.Popen(
        [BENCH / "get", str(port), str(connections), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("".join(f"{path}\n" for path in paths))
    process.stdin.close()
    told = process.stdout.read().split()
    (cpu,) = run_to_end(process, names="get")
    count, spent, p50, p99, longest, size = (float(n) for n in told)
    return Answers(int(count), spent, int(p50), int(p99), int(longest), int(size), cpu)


# The programs


class Pipeline:
    """dp-ingest --spool | dp-store --mark, and dp-http where it is wanted."""

    def __init__(self, db: Database, place: Path) -> None:
        self.db = db
        self.spool = place / "spool"
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self._log = place / "programs.log"
        self._log.write_bytes(b"")

    def start(self, http: bool) -> None:
        ingest = self._start(
            "dp-ingest",
            f"--spool={self.spool}",
            "--spool-max=1T",
            "--listen=127.0.0.1:0",
            stdout=subprocess.PIPE,
        )
        self._start(
            "dp-store", f"--db={self.db.url}", f"--mark={self.spool}/mark", stdin=ingest.stdout
        )
        assert ingest.stdout is not None
        ingest.stdout.close()
        self.port = self._port_of("ws")
        if http:
            self._start("dp-http", f"--db={self.db.url}", "--listen=127.0.0.1:0")
            self.http_port = self._port_of("http")
            self._wait_until(self.is_ready, "dp-http is ready")

    def _start(self, name: str, *args: str, **streams: Any) -> subprocess.Popen[Any]:
        with self._log.open("ab") as log:
            process = subprocess.Popen([BIN / name, *args], stderr=log, **streams)
        self.processes[name] = process
        return process

    def _wait_until(self, holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := holds()):
            self.check()
            if time.monotonic() > deadline:
                raise CannotMeasure(f"not in {seconds} s: {what}\n{self._log.read_text()}")
            time.sleep(0.02)
        return result

    def _port_of(self, scheme: str) -> int:
        pattern = re.compile(rf"{scheme}://127\.0\.0\.1:(\d+)")
        found = self._wait_until(
            lambda: pattern.search(self._log.read_text()), f"a port of {scheme}", 30
        )
        return int(found[1])

    def check(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise CannotMeasure(f"{name} has ended:\n{self._log.read_text()}")

    def is_ready(self) -> bool:
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}") as answer:
            return bytes(answer.read())

    def metric(self, name: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        return int(re.search(rf"^dp_ingest_{name} (\d+)$", text, re.M)[1])  # type: ignore[index]

    def wait_until_writer(self) -> None:
        """Until dp-store has made its tables."""
        self._wait_until(self._has_tables, "dp-store has made its tables")

    def _has_tables(self) -> bool:
        try:
            return self.db.count() >= 0
        except (CannotMeasure, sqlite3.Error):
            return False

    def stored(self) -> int:
        """Up to which offset the spool is in the database, as that says."""
        done = subprocess.run(
            [BIN / "dp-store", f"--db={self.db.url}", "--status"],
            capture_output=True,
            text=True,
            check=True,
        )
        found = re.search(r"^position \S+:(\d+)$", done.stdout, re.M)
        return int(found[1]) if found else 0

    def wait_until_stored(self) -> None:
        """Until the last acknowledged event is committed."""
        wanted = self.metric("spool_end_offset")
        # The mark costs nothing to look at, but is behind by up to a tenth of a second.
        self._wait_until(lambda: wanted - self.metric("spool_mark_offset") < ASK_BYTES, "stored")
        self._wait_until(lambda: self.stored() >= wanted, "all is stored")

    def cpu(self) -> dict[str, float]:
        taken = {name: cpu_of(p.pid) for name, p in self.processes.items()}
        return {**taken, **self.db.cpu()}

    def rss(self) -> dict[str, dict[str, float]]:
        return {name: rss_of(p.pid) for name, p in self.processes.items()}

    def stop(self) -> None:
        """dp-store ends behind dp-ingest, when all is stored."""
        end(self.processes.get("dp-http"))
        end(self.processes.get("dp-ingest"))
        store = self.processes.get("dp-store")
        if store is not None:
            store.send_signal(signal.SIGCONT)
            try:
                store.wait(60)
            except subprocess.TimeoutExpired:
                end(store)
        shutil.rmtree(self.spool, ignore_errors=True)


@contextlib.contextmanager
def pipeline(db: Database, place: Path, http: bool = False) -> Iterator[Pipeline]:
    made = Pipeline(db, place)
    try:
        made.start(http)
        yield made
    finally:
        made.stop()


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


median = statistics.median
