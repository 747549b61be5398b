"""What is measured: a request that does next to nothing, and an order that fails."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

ATTRIBUTES = {"order_id": 17, "amount": 42.5, "currency": "EUR"}

_HEADERS = [
    (b"host", b"shop.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"cookie", b"session=0123456789abcdef"),
]


def new_app() -> FastAPI:
    app = FastAPI(title="Shop")

    @app.get("/orders/{order_id}")
    async def read_order(order_id: int) -> dict[str, float]:
        return {"order": order_id, "amount": 42.5}

    return app


async def call(app: Any, count: int) -> None:
    """Calls the ASGI application itself, as a server would, one request after another."""
    for _ in range(count):
        # None of these lists and dicts may be shared: a middleware may write into them.
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/orders/17",
            "raw_path": b"/orders/17",
            "query_string": b"page=2",
            "root_path": "",
            "headers": list(_HEADERS),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any], sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        await app(scope, receive, send)
        if sent[0]["status"] != 200:
            raise RuntimeError(f"the application answered {sent[0]['status']}")


_REQUEST = b"".join(
    [b"GET /orders/17?page=2 HTTP/1.1\r\n", *(b"%s: %s\r\n" % h for h in _HEADERS), b"\r\n"]
)


async def call_over(port: int, count: int) -> None:
    """The same over one connection to an HTTP server on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(_REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:40]!r}")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()
    await writer.wait_closed()


class CardDeclined(Exception):
    pass


def fail(count: int, capture: Callable[[BaseException], None]) -> None:
    """Orders that fail three calls deep, each with an exception of its own."""
    for number in range(count):
        try:
            _check_out({"order_id": number, "lines": [{"sku": "tea", "pieces": 2, "price": 6.25}]})
        except CardDeclined as exc:
            capture(exc)


def _check_out(order: dict[str, Any]) -> None:
    total = sum(line["pieces"] * line["price"] for line in order["lines"])
    _charge(order["order_id"], total, "EUR")


def _charge(order_id: int, amount: float, currency: str) -> None:
    reply = {"status": 402, "reason": "insufficient funds", "asked": f"{amount} {currency}"}
    _expect_paid(order_id, reply)


def _expect_paid(order_id: int, reply: dict[str, Any]) -> None:
    if reply["status"] != 200:
        raise CardDeclined(f"{reply['reason']} for order {order_id}")
