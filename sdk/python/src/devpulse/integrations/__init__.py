"""FastAPI and other ASGI applications, Celery, Huey: one call each.

Nothing of them is imported before it is asked for. What events there are, and their members, is
told by help() of devpulse.integrations.asgi, .celery and .huey.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .asgi import add_devpulse_middleware
    from .celery import setup_celery_tracing
    from .huey import setup_huey_tracing

__all__ = ["add_devpulse_middleware", "setup_celery_tracing", "setup_huey_tracing"]

_HOMES = {
    "add_devpulse_middleware": ".asgi",
    "setup_celery_tracing": ".celery",
    "setup_huey_tracing": ".huey",
}


def __dir__() -> list[str]:
    """For help() and completion, which know only what is there."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
