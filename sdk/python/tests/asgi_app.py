"""The applications that test_asgi.py serves: FastAPI with all that a request can do, and others."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route

import devpulse
from devpulse.integrations.asgi import add_devpulse_middleware

BACKGROUND_SECONDS = 0.2
STREAM_SECONDS = 0.1


class Declined(Exception):
    pass


class Teapot(Exception):
    pass


class Broken(Exception):
    pass


class Order(BaseModel):
    product: str
    count: int


released = threading.Event()  # of the endpoints that wait for a client to go
seen: dict[str, Any] = {}  # what endpoints noted, by their own names


def traced_dependency() -> Iterator[str | None]:
    seen["dependency before"] = devpulse.get_trace_id()
    yield devpulse.get_trace_id()
    seen["dependency after"] = devpulse.get_trace_id()


def fail_in_background(order_id: int) -> None:
    released.wait(BACKGROUND_SECONDS)
    receipt = f"receipt of {order_id}"
    raise Broken(receipt)


async def numbers() -> AsyncIterator[bytes]:
    for n in range(3):
        await asyncio.sleep(STREAM_SECONDS / 3)
        yield f"{n}\n".encode()


async def numbers_that_fail() -> AsyncIterator[bytes]:
    yield b"0\n"
    after = 1
    raise Broken(f"no number after {after}")


async def numbers_without_end() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0.001)


class NoOp(BaseHTTPMiddleware):
    """Runs what is inside in a task of its own, as many applications have it."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        if request.url.path == "/middleware-fails":
            rule = "no one may"
            raise Broken(rule)
        return await call_next(request)


def shop_routes(app: FastAPI | APIRouter) -> None:
    @app.get("/items/{item_id}")
    async def item(item_id: int, q: str = "") -> dict[str, Any]:
        return {"item": item_id, "trace": devpulse.get_trace_id()}

    @app.get("/sync-fails/{n}")
    def sync_fails(n: int) -> float:
        basket = {"size": n, "api_key": "abc"}
        return basket["size"] / 0

    @app.get("/async-fails/{n}")
    async def async_fails(n: int) -> float:
        basket = {"size": n, "api_key": "abc"}
        return basket["size"] / 0

    @app.get("/declined")
    async def declined() -> None:
        account_kind = "debit"
        raise Declined(account_kind)

    @app.get("/teapot")
    def teapot() -> None:
        pot = "brown"
        raise Teapot(pot)

    @app.get("/not-here/{n}")
    async def not_here(n: int) -> None:
        looked_in = ["shelf", "cellar"]
        raise HTTPException(404, f"{len(looked_in)} places searched")

    @app.get("/unavailable")
    async def unavailable() -> None:
        replicas = 0
        raise HTTPException(503, f"{replicas} replicas")

    @app.get("/answers-500")
    async def answers_500() -> Any:
        return PlainTextResponse("no", 500)

    @app.post("/orders")
    async def orders(order: Order) -> Order:
        return order


def body_routes(app: FastAPI) -> None:
    @app.post("/echo")
    async def echo(request: Request) -> Any:
        return Response(b"".join([part async for part in request.stream()]))

    @app.post("/form")
    async def form(request: Request) -> Any:
        return {k: str(v) for k, v in (await request.form()).items()}

    @app.post("/swallow")
    async def swallow(request: Request) -> int:
        return len(await request.body())

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(fail_in_background, 17)
        return "done"

    @app.get("/stream")
    async def stream() -> Any:
        return StreamingResponse(numbers())

    @app.get("/stream-fails")
    async def stream_fails() -> Any:
        return StreamingResponse(numbers_that_fail())

    @app.get("/stream-without-end")
    async def stream_without_end() -> Any:
        return StreamingResponse(numbers_without_end())

    @app.get("/no-content")
    async def no_content() -> Any:
        return Response(status_code=204)

    @app.get("/not-modified")
    async def not_modified() -> Any:
        return Response(status_code=304)


def context_routes(app: FastAPI) -> None:
    @app.get("/context")
    async def context(inside: str = Depends(traced_dependency)) -> dict[str, Any]:
        async def elsewhere() -> str | None:
            await asyncio.sleep(0)
            return devpulse.get_trace_id()

        return {
            "endpoint": devpulse.get_trace_id(),
            "dependency": inside,
            "task": await asyncio.create_task(elsewhere()),
            "outgoing": devpulse.inject({}),
        }

    @app.get("/sync-context")
    def sync_context() -> dict[str, Any]:
        return {"endpoint": devpulse.get_trace_id()}

    @app.get("/meeting")
    async def meeting() -> Any:
        """Ends when three requests are in it, and changes its own trace after."""
        seen["guests"] += 1
        while seen["guests"] < 3:
            await asyncio.sleep(0.001)
        found = devpulse.get_trace_id()
        devpulse.set_trace_id("leaked")
        return found

    @app.get("/healthz")
    async def healthz() -> str | None:
        return devpulse.get_trace_id()

    @app.get("/static/{name}")
    async def static(name: str) -> None:
        raise Broken(name)

    @app.websocket("/rooms/{room}")
    async def rooms(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_text(str(devpulse.get_trace_id()))
        while True:
            text = await websocket.receive_text()
            if text == "fail":
                raise Broken(text)
            if text == "close":
                await websocket.close(4001)
                return

    @app.websocket("/refused")
    async def refused(websocket: WebSocket) -> None:
        await websocket.close(1008)


def plain_app() -> Starlette:
    """Starlette without FastAPI. It has no handler of its own for HTTPException."""

    def item(request: Any) -> Any:
        from starlette.exceptions import HTTPException as StarletteHTTPException

        stock = {"left": 0}
        if request.path_params["item_id"] == "gone":
            raise StarletteHTTPException(410, str(stock))
        return PlainTextResponse("an item")

    def both(request: Any) -> Any:
        return PlainTextResponse("of two routes")

    def failing(request: Any) -> Any:
        wheel = "flat"
        raise Broken(wheel)

    routes = [
        Route("/parts/{item_id}", item),
        Route("/first", both),
        Route("/second/{n:int}", both),
        Route("/failing", failing),
    ]
    return Starlette(
        routes=[Mount("/plants/{plant}", routes=routes), *routes],
        exception_handlers={Teapot: lambda request, exc: PlainTextResponse("tea", 418)},
    )


def inner_app() -> FastAPI:
    """Mounted, with a handler of its own."""
    app = FastAPI()

    @app.get("/declined")
    async def declined() -> None:
        inner_account = "credit"
        raise Declined(inner_account)

    @app.exception_handler(Declined)
    async def on_declined(request: Any, exc: Any) -> Any:
        return JSONResponse({"inner": True}, 402)

    return app


def shop_app() -> FastAPI:
    app = FastAPI(title="Shop")
    shop_routes(app)
    body_routes(app)
    context_routes(app)
    router = APIRouter()
    shop_routes(router)
    app.include_router(router, prefix="/api/{version}")
    app.mount("/plain", plain_app())
    app.mount("/inner", inner_app())
    app.mount("/raw", raw_app)

    @app.exception_handler(Declined)
    async def on_declined(request: Any, exc: Any) -> Any:
        return JSONResponse({"declined": True}, 402)

    @app.exception_handler(Teapot)
    def on_teapot(request: Any, exc: Any) -> Any:
        return JSONResponse({"teapot": True}, 599)

    app.exception_handlers_before = dict(app.exception_handlers)  # type: ignore[attr-defined]
    add_devpulse_middleware(app, expose_header=True)
    add_devpulse_middleware(app)
    return app


def layered_app() -> FastAPI:
    app = FastAPI()
    shop_routes(app)
    app.add_middleware(NoOp)

    @app.exception_handler(Exception)
    async def on_exception(request: Any, exc: Any) -> Any:
        return JSONResponse({"sorry": True}, 500)

    add_devpulse_middleware(app, system="layered")
    return app


REUSED_HEADERS = [(b"content-length", b"2")]


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    """No framework: does what its path says."""
    if scope["type"] != "http":
        raise AssertionError("HTTP alone is spoken here")
    path = scope["path"]
    start = {"type": "http.response.start", "status": 200, "headers": REUSED_HEADERS}
    if path.endswith("/own-id"):
        await send({**start, "headers": [*REUSED_HEADERS, (b"X-Trace-Id", b"mine")]})
        await send({"type": "http.response.body", "body": b"ok"})
    elif path.endswith("/raises"):
        told = "nothing"
        raise Broken(told)
    elif path.endswith("/nothing"):
        return
    elif path.endswith("/half"):
        await send(start)
    else:
        await send(start)
        await send({"type": "http.response.body", "body": b"ok"})
