"""How results are told."""

import os
import platform
import re
import statistics
import sys
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

median = statistics.median


class CannotMeasure(Exception):
    """Something that was to be measured did not work."""


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


def gib(count: float) -> str:
    return f"{count / 2**30:.1f}"
