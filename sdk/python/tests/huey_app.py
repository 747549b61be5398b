"""The tasks of test_huey.py, for the tests and for the consumers that they start.

`make(storage, where)` makes a traced Huey instance with all tasks; a consumer finds its instance as
`huey_app.huey`, made of what HUEY_STORAGE and HUEY_WHERE say.
"""

import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace

import huey as package
from huey import crontab
from huey.exceptions import CancelExecution, RetryTask

import devpulse
from devpulse.integrations import setup_huey_tracing


def instance(storage, where):
    """`where`: a folder; of redis the port."""
    if storage == "sqlite":
        return package.SqliteHuey("mill", filename=str(Path(where, "huey.db")))
    if storage == "file":
        return package.api.FileHuey("mill", path=str(Path(where, "queue")))
    if storage == "redis":
        return package.RedisHuey("mill", port=int(where))
    return package.MemoryHuey("mill", immediate=storage == "immediate")


def make(storage, where=".", traced=True):
    """The instance, and its tasks by name."""
    huey = instance(storage, where)
    if traced:
        setup_huey_tracing(huey)
    return huey, SimpleNamespace(**define(huey))


def define(huey):
    @huey.task()
    def add(a, b):
        return a + b

    @huey.task()
    def whoami(*_):
        return devpulse.get_trace_id()

    @huey.task()
    def log(text):
        logging.getLogger("mill").warning("%s", text)
        with devpulse.span("grind"):
            return text

    @huey.task()
    def login(user, password, **rest):
        return user

    @huey.task()
    def divide(dividend, divisor):
        api_key = "k-" + "1234567890" * 2
        return dividend / divisor, api_key

    @huey.task(retries=1, context=True)
    def flaky(word, task=None):
        if task.retries:
            raise ValueError(f"not {word} yet")
        return word

    @huey.task(retries=1, retry_delay=1, context=True)
    def flaky_later(word, task=None):
        if task.retries:
            raise ValueError(f"not {word} yet")
        return word

    @huey.task()
    def ask_again(marker):
        path = Path(marker)
        if not path.exists():
            path.touch()
            raise RetryTask()
        return "done"

    @huey.task()
    def cancel():
        raise CancelExecution()

    @huey.task()
    @huey.lock_task("the-one")
    def locked():
        return "unlocked"

    @huey.task()
    def sleep(seconds):
        time.sleep(seconds)
        return "slept"

    @huey.task()
    def whoami_later(seconds):
        time.sleep(seconds)
        return devpulse.get_trace_id()

    return {name: value for name, value in locals().items() if name != "huey"}


def start_consumer_side(huey):
    """What only the consumer has: a periodic task, a logging handler, a farewell."""
    logging.getLogger().addHandler(devpulse.DevPulseHandler(logging.WARNING))

    @huey.periodic_task(crontab(minute="*"))
    def tick():
        Path(os.environ["HUEY_TICK"]).write_text(devpulse.get_trace_id() or "")

    @huey.on_shutdown()
    def farewell():
        trace_id = os.environ.get("HUEY_FAREWELL")
        if trace_id:
            devpulse.event("farewell", trace_id=trace_id, source=str(os.getpid()))


if "HUEY_STORAGE" in os.environ:
    devpulse.init()
    huey, tasks = make(os.environ["HUEY_STORAGE"], os.environ["HUEY_WHERE"])
    start_consumer_side(huey)
