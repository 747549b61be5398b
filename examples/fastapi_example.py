"""A shop's API with a mistake in it. With DevPulse running:

pip install ./sdk/python fastapi uvicorn
python examples/fastapi_example.py
curl -i localhost:8000/orders/17      # its X-Trace-ID is where to look
curl -i localhost:8000/orders/0       # an error, with the local variables that explain it
"""

import os

import uvicorn
from fastapi import FastAPI, HTTPException

import devpulse
from devpulse.integrations import add_devpulse_middleware

devpulse.init(environment="dev", system="shop-api")

app = FastAPI(title="Shop")
add_devpulse_middleware(app)

ORDERS = {17: [12.5, 30.0], 0: []}


@devpulse.trace
def average_price(prices: list[float]) -> float:
    total = sum(prices)
    return total / len(prices)


@app.get("/orders/{order_id}")
def read_order(order_id: int) -> dict[str, float]:
    if order_id not in ORDERS:
        raise HTTPException(404, f"no order {order_id}")
    devpulse.event("order found", name="order", order_id=order_id)
    return {"order": order_id, "average": average_price(ORDERS[order_id])}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
