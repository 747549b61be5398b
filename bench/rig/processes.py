"""Processes: their end, what they cost."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from rig.told import CannotMeasure

TICK = os.sysconf("SC_CLK_TCK")


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


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
