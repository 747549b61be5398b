"""`pytest -p tap`: each test is a line of TAP (testanything.org); what it says comes after it."""

from typing import Any

import pytest

_terminal: Any = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _terminal
    _terminal = session.config.pluginmanager.get_plugin("terminalreporter")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    return (report.outcome, "", "")  # no letters


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.encode("unicode_escape").decode()
    if report.failed:
        _say(f"not ok - {name}" if report.when == "call" else f"not ok - {name} ({report.when})")
        for line in report.longreprtext.splitlines():
            _say(f"# {line}")
    elif report.skipped:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        _say(f"ok - {name} # SKIP {reason.removeprefix('Skipped: ')}")
    elif report.when == "call":
        _say(f"ok - {name}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _say(f"not ok - {report.nodeid} (collection)")
        for line in report.longreprtext.splitlines():
            _say(f"# {line}")
    elif report.skipped and isinstance(report.longrepr, tuple):
        _say(f"ok - {report.nodeid} # SKIP {report.longrepr[2].removeprefix('Skipped: ')}")


def _say(line: str) -> None:
    _terminal.ensure_newline()
    _terminal.write_line(line)
