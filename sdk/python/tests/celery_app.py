"""The tasks of test_celery.py, for the tests and for the workers that they start.

`make(broker, backend)` makes a traced app with all tasks; a worker finds its app as
`celery_app.app`, made of what the variables CELERY_TEST_… say.
"""

import functools
import logging
import os
import signal
import sys
import time
from pathlib import Path

from celery import Celery, signals
from celery.exceptions import Ignore, Reject
from celery.utils.log import get_task_logger

import devpulse
from devpulse.integrations import setup_celery_tracing


def make(broker, backend=None, **settings):
    app = Celery("mill", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(
        broker_connection_retry_on_startup=True,
        worker_enable_remote_control=broker.startswith("redis"),
        worker_send_task_events=False,
        broker_transport_options={"polling_interval": 0.02},
    )
    if broker.startswith("filesystem://"):
        folder = broker.removeprefix("filesystem://")
        app.conf.update(
            broker_url="filesystem://",
            broker_transport_options={
                "data_folder_in": folder,
                "data_folder_out": folder,
                "control_folder": f"{folder}/control",
                "polling_interval": 0.02,
            },
        )
    app.conf.update(settings)
    define(app)
    setup_celery_tracing(app)
    return app


class NotPickled(Exception):
    """Celery tells its receivers of another exception, as this one cannot be copied."""

    def __init__(self, order, reason):
        super().__init__(f"{order}: {reason}")
        self.lock = (_ for _ in ())


def define(app):
    task = functools.partial(app.task, shared=False)

    @task(name="add")
    def add(a, b):
        return a + b

    @task(name="total")
    def total(numbers):
        return sum(numbers)

    @task(name="whoami")
    def whoami(*_):
        return devpulse.get_trace_id()

    @task(name="mourn")
    def mourn(task_id):
        return task_id

    @task(name="divide")
    def divide(dividend, divisor):
        password = "hunter2"  # noqa: F841 - a local variable that must not be told
        return dividend / divisor

    @task(name="login")
    def login(user, password, **rest):
        return {"user": user, "token": "abcdef"}

    @task(name="grind", bind=True)
    def grind(self, sacks):
        logging.getLogger("mill").warning("grinding %d", sacks)
        get_task_logger("mill").warning("ground %d", sacks)
        with devpulse.span("stones"):
            add.delay(sacks, 1)
        return sacks

    @task(name="again", bind=True, max_retries=2)
    def again(self, after):
        """Fails twice, then succeeds."""
        try:
            return f"{after} after {1 // (self.request.retries // 2)}"
        except ZeroDivisionError as exc:
            raise self.retry(exc=exc, countdown=after) from None

    @task(name="flaky", bind=True, autoretry_for=(ConnectionError,), default_retry_delay=0)
    def flaky(self, secret_key):
        if self.request.retries == 0:
            raise ConnectionError("no answer")
        return devpulse.get_trace_id()

    @task(
        name="hopeless",
        autoretry_for=(ConnectionError,),
        retry_kwargs={"max_retries": 1, "countdown": 0},
    )
    def hopeless():
        raise ConnectionError("no answer")

    @task(name="expected", throws=(KeyError,))
    def expected():
        raise KeyError("no such sack")

    @task(name="ignored")
    def ignored():
        raise Ignore()

    @task(name="rejected", acks_late=True)
    def rejected():
        raise Reject("no grain", requeue=False)

    @task(name="unpicklable")
    def unpicklable(order):
        raise NotPickled(order, "broken")

    @task(name="replaced", bind=True)
    def replaced(self, a, b):
        return self.replace(add.s(a, b))

    @task(name="soft", soft_time_limit=0.2)
    def soft():
        grain = 7  # noqa: F841 - is told
        time.sleep(60)

    @task(name="hard", time_limit=1)
    def hard():
        time.sleep(60)

    @task(name="die")
    def die():
        devpulse.flush(5)
        os.kill(os.getpid(), signal.SIGKILL)

    @task(name="leave")
    def leave():
        sys.exit(3)

    @task(name="until")
    def until(path):
        """Says that it runs, and waits for a file."""
        Path(path + ".runs").touch()
        while not Path(path).exists():
            time.sleep(0.01)
        return path

    @task(name="last")
    def last():
        """The child is killed right behind it."""


if "CELERY_TEST_BROKER" in os.environ:
    devpulse.init(environment="test")
    logging.getLogger().addHandler(devpulse.DevPulseHandler(level=logging.INFO))
    app = make(os.environ["CELERY_TEST_BROKER"], os.environ.get("CELERY_TEST_BACKEND"))

    @signals.task_postrun.connect
    def kill(task=None, **_):
        if task.name == "last":
            os.kill(os.getpid(), signal.SIGKILL)

    @signals.worker_ready.connect
    def say_so(**_):
        Path(os.environ["CELERY_TEST_READY"]).touch()
