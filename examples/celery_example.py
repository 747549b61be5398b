"""Two tasks, of which the second fails at first. With DevPulse running:

pip install ./sdk/python celery
python examples/celery_example.py worker       # in one terminal
python examples/celery_example.py              # in another: sends an order and waits for it

No broker is needed: messages go through files. CELERY_BROKER_URL names a real one.
"""

import os
import sys
import tempfile
from pathlib import Path

from celery import Celery, chain

import devpulse
from devpulse.integrations import setup_celery_tracing

folder = Path(tempfile.gettempdir(), "devpulse-celery-example")
folder.mkdir(mode=0o700, exist_ok=True)
broker = os.environ.get("CELERY_BROKER_URL", "filesystem://")

devpulse.init(environment="dev")

app = Celery("shop-worker", broker=broker, backend=f"file://{folder}")
if broker.startswith("filesystem"):
    app.conf.broker_transport_options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
    }
setup_celery_tracing(app)


@app.task(name="reserve")
def reserve(order_id: int) -> dict[str, int]:
    return {"order_id": order_id, "pieces": 3}


@app.task(name="charge", bind=True, autoretry_for=(ConnectionError,), default_retry_delay=1)
def charge(self, order: dict[str, int]) -> str:  # type: ignore[no-untyped-def]
    attempt = self.request.retries
    if attempt == 0:
        raise ConnectionError(f"no answer for order {order['order_id']}")
    return f"order {order['order_id']} is paid"


def main() -> None:
    if sys.argv[1:] == ["worker"]:
        app.worker_main(["worker", "--pool=prefork", "--concurrency=2", "--loglevel=warning"])
        return
    with devpulse.span("order", order_id=17) as step:
        result = chain(reserve.s(17), charge.s())()
        print(result.get(timeout=30))
        print(f"trace {step.trace_id}")


if __name__ == "__main__":
    main()
