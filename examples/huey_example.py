"""A task that is tried again, and one that follows it. With DevPulse running:

pip install ./sdk/python huey
cd examples && huey_consumer huey_example.huey    # in one terminal
python examples/huey_example.py                   # in another: sends an order and waits for it
"""

import tempfile
from pathlib import Path

from huey import SqliteHuey

import devpulse
from devpulse.integrations import setup_huey_tracing

devpulse.init(environment="dev")

huey = SqliteHuey(
    "shop-mailer", filename=str(Path(tempfile.gettempdir(), "devpulse-huey-example.db"))
)
setup_huey_tracing(huey)  # where `huey` is made: the consumer needs it too


@huey.task(retries=1, context=True)
def render(order_id: int, task=None) -> str:  # type: ignore[no-untyped-def]
    if task.retries > 0:
        raise ValueError(f"no template for order {order_id}")
    return f"Order {order_id} is on its way"


@huey.task()
def send(text: str) -> str:
    return f"sent: {text}"


def main() -> None:
    with devpulse.span("mail", order_id=17) as step:
        results = huey.enqueue(render.s(17).then(send))
        print(list(results)[-1].get(blocking=True, timeout=30))
        print(f"trace {step.trace_id}")


if __name__ == "__main__":
    import huey_example  # as the consumer knows it: a task's name has that of its module in it

    huey_example.main()
