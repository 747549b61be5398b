"""The settings of Celery apps, and what follows from them."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import _client
from ._celery_events import NAME_MAX


@dataclass(frozen=True)
class Settings:
    """See setup_celery_tracing()."""

    system: str | None = None
    propagate: bool | Callable[[str], bool] = True
    arguments: bool = True

    def propagates(self, name: str) -> bool:
        return bool(self.propagate(name)) if callable(self.propagate) else self.propagate


_by_app: "weakref.WeakKeyDictionary[Any, Settings]" = weakref.WeakKeyDictionary()
_last = Settings()


def put(app: Any, settings: Settings) -> None:
    """`app`: None for all that have no settings of their own. TypeError for what is no app."""
    global _last
    if app is not None:
        app = getattr(app, "_get_current_object", lambda: app)()
        if not all(callable(getattr(app, name, None)) for name in ("send_task", "task")):
            raise TypeError(f"setup_celery_tracing() wants a Celery app, not {type(app).__name__}")
        _by_app[app] = settings
    _last = settings


def of_app(app: Any) -> Settings:
    return _by_app.get(app, _last)


def of_message(name: str, declare: Any) -> tuple[Settings, Any]:
    """For a message that is sent; and its task, where the app has it.

    The signal does not tell which app sends. It is the one that has the queue, the very object,
    that is to be declared; else, for messages to other exchanges, one that has the task.
    """
    apps = list(_by_app)
    app = next((a for a in apps if declare and _has_queue(a, declare[0])), None)
    if app is None:
        app = next((a for a in reversed(apps) if name in _tasks_of(a)), None)
    return (_last, None) if app is None else (of_app(app), _tasks_of(app).get(name))


def _has_queue(app: Any, queue: Any) -> bool:
    amqp = vars(app).get("amqp")  # where it is not, the app has not sent anything yet
    queues = vars(amqp).get("queues") if amqp is not None else None
    return queues is not None and dict.get(queues, queue.name) is queue


def _tasks_of(app: Any) -> dict[str, Any]:
    """Not `app.tasks`, which completes the app."""
    tasks: dict[str, Any] = getattr(app, "_tasks", {})
    return tasks


def system_of(app: Any) -> str:
    """Of what a worker does."""
    client = _client.active()
    of_init = client.options.system if client is not None else None
    natural = getattr(app, "main", None)
    if natural == "__main__":
        natural = None
    return (of_app(app).system or of_init or natural or "celery")[:NAME_MAX]
