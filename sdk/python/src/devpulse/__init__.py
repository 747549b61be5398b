"""DevPulse: every error with its local variables, and how data flowed to it across processes.

    import devpulse
    devpulse.init()

sends what goes wrong in this process to a DevPulse on this machine. See init() for its settings,
and devpulse.integrations for FastAPI, Celery and Huey.
"""

from ._api import (
    capture_exception,
    detached,
    event,
    flush,
    generate_trace_id,
    get_trace_id,
    init,
    inject,
    set_trace_id,
    stats,
    wrap,
)
from ._logging import DevPulseHandler, install_log_correlation
from ._spans import Span, span, trace
from ._version import VERSION as __version__

__all__ = [
    "DevPulseHandler",
    "Span",
    "__version__",
    "capture_exception",
    "detached",
    "event",
    "flush",
    "generate_trace_id",
    "get_trace_id",
    "init",
    "inject",
    "install_log_correlation",
    "set_trace_id",
    "span",
    "stats",
    "trace",
    "wrap",
]
