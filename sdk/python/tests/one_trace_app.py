"""A web application, a Celery worker and a Huey consumer in one module, for test_one_trace.py.

Each runs in a process of its own and finds its own way to the server by DEVPULSE_WEBSOCKET_URL; FOLDER
holds the brokers' files.
"""

import os
from pathlib import Path
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

folder = Path(os.environ["FOLDER"])
devpulse.init(environment="test")

huey = SqliteHuey("mailer", filename=str(folder / "huey.db"))
setup_huey_tracing(huey)

worker = Celery("worker", broker="filesystem://")
worker.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
    "polling_interval": 0.02,
}
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
