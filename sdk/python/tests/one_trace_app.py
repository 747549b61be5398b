"""A web application, a Celery worker and a Huey consumer in one module, for test_one_trace.py.

Each runs in a process of its own and finds its server by DEVPULSE_WEBSOCKET_URL.
"""

import os
from typing import Any

from celery import Celery
from fastapi import FastAPI
from huey import SqliteHuey

import devpulse
from devpulse.integrations import (
    add_devpulse_middleware,
    setup_celery_tracing,
    setup_huey_tracing,
)

devpulse.init(environment="test")

huey = SqliteHuey("mailer", filename=os.environ["HUEY_FILE"])
setup_huey_tracing(huey)

worker = Celery("worker", broker=os.environ["BROKER_URL"])
setup_celery_tracing(worker)

web = FastAPI(title="web")
add_devpulse_middleware(web)


@web.post("/orders/{order_id}")
def place_order(order_id: int) -> dict[str, Any]:
    pay.delay(order_id)
    return {"order": order_id}


@worker.task(name="pay")
def pay(order_id: int) -> None:
    mail(order_id, "paid")


@huey.task()
def mail(order_id: int, state: str) -> str:
    templates = {"sent": "It is on its way"}
    return templates[state]
