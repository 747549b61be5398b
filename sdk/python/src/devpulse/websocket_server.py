"""`python -m devpulse.websocket_server`: starts DevPulse's pipeline and page in the foreground.

The programs are written in C. They are looked for in DEVPULSE_BIN, then on the PATH, then in the
build folder of the checkout that this file, or the current directory, is in. How they are wired
together is the business of the script `devpulse`, of which this package holds a copy; it takes over
this process. Ctrl-C stops all of it.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

SCRIPT = Path(__file__).with_name("devpulse.sh")
HOW_TO_GET_THEM = (
    "in a checkout of DevPulse `./devpulse up` builds it, and `make install` puts it on the PATH"
)


def find_programs(places: Iterable[Path] = ()) -> Path | None:
    """The folder of the C programs. `places`: where a checkout may be, itself or above it."""
    wanted = os.environ.get("DEVPULSE_BIN")
    if wanted:
        return Path(wanted) if _is_program(Path(wanted, "dp-ingest")) else None
    on_path = shutil.which("dp-ingest")
    if on_path:
        return Path(on_path).parent
    for place in (Path(__file__).resolve(), Path.cwd(), *places):
        for folder in (place, *place.parents):
            if _is_program(folder / "build" / "bin" / "dp-ingest"):
                return folder / "build" / "bin"
    return None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def run(argv: Sequence[str] | None = None, places: Iterable[Path] = ()) -> NoReturn:
    """Replaces this process by the pipeline and the page. Exits with 1 where there is none."""
    parser = argparse.ArgumentParser(
        prog="python -m devpulse.websocket_server", description=__doc__
    )
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="for events (127.0.0.1:8008)")
    parser.add_argument("--http-listen", metavar="ADDRESS:PORT", help="page (127.0.0.1:8088)")
    parser.add_argument("--db", metavar="URL", help="sqlite:///… or postgresql://… (SQLite)")
    arguments = parser.parse_args(argv)
    programs = find_programs(places)
    if programs is None:
        wanted = os.environ.get("DEVPULSE_BIN")
        where = (
            f"in DEVPULSE_BIN={wanted}" if wanted else "on the PATH or in a checkout's build/bin"
        )
        sys.exit(f"devpulse: no dp-ingest {where}; {HOW_TO_GET_THEM}")
    given = {
        "DEVPULSE_BIN": str(programs.resolve()),
        "DEVPULSE_LISTEN": arguments.listen,
        "DEVPULSE_HTTP_LISTEN": arguments.http_listen,
        "DEVPULSE_DB": arguments.db,
    }
    environ = os.environ | {name: value for name, value in given.items() if value}
    os.execve("/bin/sh", ["sh", str(SCRIPT), "up"], environ)


if __name__ == "__main__":
    run()
