"""Requests over real sockets to real servers, and what the real pipeline then tells of them."""

import asyncio
import http.client
import itertools
import json
import logging
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytest.importorskip("multipart")

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

import asgi_app
import devpulse
from devpulse import _client
from devpulse._propagation import hashed
from devpulse.integrations.asgi import DevPulseMiddleware, add_devpulse_middleware
from pipeline import PATIENCE, Pipeline, wait_for

HEX = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
ORDER = hashed("order:17")
UUID = "0af76519-16cd-43dd-8448-eb211c80319c"

numbers = itertools.count(100)  # of items, none twice

EventsOf = Callable[..., list[dict[str, Any]]]


class Server:
    """uvicorn in a thread of this process."""

    def __init__(self, app: Any, **options: Any) -> None:
        config = uvicorn.Config(app, port=0, log_level="critical", **options)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def trace_id(self) -> str:
        (found,) = self.headers.get_all("X-Trace-ID")
        return str(found)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    server: Server,
    path: str,
    method: str = "GET",
    body: Any = None,
    headers: Any = None,
    connection: http.client.HTTPConnection | None = None,
) -> Answer:
    used = connection or http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        used.request(method, path, body, headers or {})
        response = used.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        if connection is None:
            used.close()


def raw_call(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as s:
        s.sendall(data)
        received = b""
        while chunk := s.recv(65536):
            received += chunk
        return received


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    server = Server(asgi_app.shop_app())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def layered() -> Iterator[Server]:
    server = Server(asgi_app.layered_app())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    server = Server(add_devpulse_middleware(asgi_app.plain_app(), system="plain"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def raw() -> Iterator[Server]:
    server = Server(add_devpulse_middleware(asgi_app.raw_app, system="raw"))
    yield server
    server.stop()


def by_type(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The events by their types, of which there is one each."""
    found = {event["type"]: event for event in events}
    assert len(found) == len(events), [event["type"] for event in events]
    return found


def test_a_request_has_one_event_at_its_start_and_one_at_its_end(
    shop: Server, events_of: EventsOf
) -> None:
    answer = call(shop, "/items/17?q=a&token=abcdef")
    assert answer.json["trace"] == answer.trace_id
    events = by_type(events_of(answer.trace_id, 2))
    assert set(events) == {"request", "response"}
    request, response = events["request"], events["response"]
    assert request["name"] == "GET /items/17"
    assert request["query"].startswith("q=a&token=[scrubbed")
    assert response["name"] == "GET /items/{item_id}"
    assert response["route"] == "/items/{item_id}"
    assert response["status"] == 200
    assert response["response"] == "success"
    assert 0 < response["durationMs"] < PATIENCE * 1000
    for event in events.values():
        assert event["method"] == "GET"
        assert event["path"] == "/items/17"
        assert event["severity"] == "info"
        assert event["system"] == "tests"
        assert "headers" not in event
        assert "parentSpanId" not in event
    assert request["spanId"] == response["spanId"]
    assert request["timestamp"] <= response["timestamp"]


@pytest.mark.parametrize(
    ("headers", "trace_id", "parent"),
    [
        ({"traceparent": f"00-{HEX}-{SPAN}-01"}, HEX, SPAN),
        ({"traceparent": f"00-{HEX}-{SPAN}-01", "X-Trace-ID": "other"}, HEX, SPAN),
        ({"traceparent": f"00-{ORDER}-{SPAN}-01", "X-Trace-ID": "order:17"}, "order:17", SPAN),
        ({"traceparent": f"cc-{HEX}-{SPAN}-01-later"}, HEX, SPAN),
        ({"X-Trace-ID": "order:17", "X-Request-ID": "r-1"}, "order:17", ""),
        ({"X-Request-ID": "r-1", "X-Correlation-ID": UUID}, "r-1", ""),
        ({"X-Correlation-ID": UUID}, UUID, ""),
        ({"X-Correlation-ID": "session 9"}, "", ""),
        ({"traceparent": f"ff-{HEX}-{SPAN}-01"}, "", ""),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, "", ""),
        ({"traceparent": f"00-{HEX}-{'0' * 16}-01"}, "", ""),
        ({"traceparent": f"00-{HEX.upper()}-{SPAN}-01"}, "", ""),
        ({"traceparent": f"00-{HEX}-{SPAN}-01-more"}, "", ""),
        ({"traceparent": "00-" + "f" * 8000}, "", ""),
        ({"traceparent": ""}, "", ""),
        ({"X-Trace-ID": "a b"}, "", ""),
        ({"X-Trace-ID": "<script>"}, "", ""),
        ({"X-Trace-ID": "x" * 129}, "", ""),
        ({"X-Trace-ID": ""}, "", ""),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
def test_the_trace_is_that_of_the_headers_or_new(
    shop: Server, events_of: EventsOf, headers: dict[str, str], trace_id: str, parent: str
) -> None:
    path = f"/items/{next(numbers)}"
    answer = call(shop, path, headers=headers)
    if trace_id:
        assert answer.trace_id == trace_id
    else:
        assert len(answer.trace_id) == 32
        assert answer.trace_id not in (HEX, "0" * 32)
    assert answer.json["trace"] == answer.trace_id
    found = wait_for(lambda: [e for e in events_of(answer.trace_id) if e["path"] == path][1:])
    assert found[0].get("parentSpanId", "") == parent


def test_two_traceparent_are_none_and_bytes_that_are_no_text_are_not_echoed(shop: Server) -> None:
    answer = raw_call(
        shop,
        b"GET /items/1 HTTP/1.0\r\nX-Trace-ID: \xff\xfe\xc3\x28\r\nX-Other: \xe9\r\n"
        b"traceparent: 00-%b-%b-01\r\ntraceparent: 00-%b-%b-01\r\n\r\n"
        % (HEX.encode(), SPAN.encode(), HEX.encode(), SPAN.encode()),
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\xff" not in answer
    assert HEX.encode() not in answer
    assert answer.lower().count(b"x-trace-id: ") == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_error_of_an_endpoint_has_its_locals_and_its_response_the_id(
    shop: Server, events_of: EventsOf, kind: str
) -> None:
    answer = call(shop, f"/{kind}-fails/7")
    assert answer.status == 500
    events = by_type(events_of(answer.trace_id, 3))
    error, response = events["error"], events["response"]
    assert error["name"] == "ZeroDivisionError"
    assert error["severity"] == "error"
    assert error["mechanism"] == "asgi"
    assert error["handled"] is False
    assert "stage" not in error
    assert error["route"] == f"/{kind}-fails/{{n}}"
    assert error["parentSpanId"] == response["spanId"]
    values = error["locals"]
    assert values["n"] == 7
    assert values["basket"]["size"] == 7
    assert "scrubbed" in values["basket"]["api_key"]
    assert error["source"].endswith(f"{kind}_fails")
    assert (response["status"], response["response"]) == (500, "fail")
    assert (response["severity"], response["error"]) == ("warning", "ZeroDivisionError")


@pytest.mark.parametrize(
    ("path", "status", "name", "severity", "values"),
    [
        ("/declined", 402, "asgi_app.Declined", "warning", {"account_kind": "debit"}),
        ("/inner/declined", 402, "asgi_app.Declined", "warning", {"inner_account": "credit"}),
        ("/teapot", 599, "asgi_app.Teapot", "error", {"pot": "brown"}),
        ("/api/v1/teapot", 599, "asgi_app.Teapot", "error", {"pot": "brown"}),
        ("/not-here/3", 404, "HTTPException", "info", {"looked_in": ["shelf", "cellar"]}),
        ("/unavailable", 503, "HTTPException", "error", {"replicas": 0}),
        ("/plain/parts/gone", 410, "HTTPException", "info", {"stock": {"left": 0}}),
    ],
)
def test_an_error_that_a_handler_made_a_response_of_has_its_locals(
    shop: Server,
    events_of: EventsOf,
    path: str,
    status: int,
    name: str,
    severity: str,
    values: dict[str, Any],
) -> None:
    answer = call(shop, path)
    assert answer.status == status
    events = by_type(events_of(answer.trace_id, 3))
    error, response = events["error"], events["response"]
    assert error["name"].endswith(name)
    assert (error["severity"], error["handled"]) == (severity, True)
    assert values.items() <= error["locals"].items()
    is_failure = status >= 500
    assert response["response"] == ("fail" if is_failure else "success")
    assert response["severity"] == ("warning" if is_failure else "info")


def test_handlers_are_the_applications_own_again() -> None:
    app = asgi_app.shop_app()
    app.build_middleware_stack()
    assert app.exception_handlers == app.exception_handlers_before  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/nowhere", "/plain/nowhere", "/inner/nowhere"])
def test_a_path_without_route_is_no_error(shop: Server, events_of: EventsOf, path: str) -> None:
    answer = call(shop, path)
    assert answer.status == 404
    events = by_type(events_of(answer.trace_id, 2))
    assert set(events) == {"request", "response"}
    assert (events["response"]["status"], events["response"]["severity"]) == (404, "info")


def test_a_failed_validation_tells_what_is_wrong_and_not_the_body(
    shop: Server, events_of: EventsOf
) -> None:
    body = json.dumps({"product": "confidential-product", "count": "confidential-count"})
    answer = call(shop, "/orders", "POST", body, {"Content-Type": "application/json"})
    assert answer.status == 422
    events = by_type(events_of(answer.trace_id, 3))
    error = events["error"]
    assert (error["severity"], error["handled"]) == ("warning", True)
    assert error["name"].endswith("RequestValidationError")
    assert error["details"].startswith("body.count: ")
    (fault,) = error["faults"]
    assert fault["place"] == "body.count"
    assert "integer" in fault["message"]
    assert "confidential" not in json.dumps(events)


def test_a_500_without_an_exception_is_an_error(shop: Server, events_of: EventsOf) -> None:
    events = by_type(events_of(call(shop, "/answers-500").trace_id, 2))
    response = events["response"]
    assert (response["status"], response["response"]) == (500, "fail")
    assert response["severity"] == "error"


def test_a_task_in_the_background_is_no_part_of_the_response(
    shop: Server, events_of: EventsOf
) -> None:
    answer = call(shop, "/background")
    assert answer.status == 200
    events = by_type(events_of(answer.trace_id, 3))
    assert events["response"]["response"] == "success"
    assert events["response"]["durationMs"] < asgi_app.BACKGROUND_SECONDS * 1000
    error = events["error"]
    assert error["stage"] == "background"
    assert error["locals"] == {"order_id": 17, "receipt": "receipt of 17"}
    assert error["parentSpanId"] == events["response"]["spanId"]


def test_a_stream_ends_with_its_last_part(shop: Server, events_of: EventsOf) -> None:
    answer = call(shop, "/stream")
    assert answer.body == b"0\n1\n2\n"
    events = by_type(events_of(answer.trace_id, 2))
    assert events["response"]["durationMs"] >= asgi_app.STREAM_SECONDS * 1000 * 0.9


def test_an_error_within_a_stream(shop: Server, events_of: EventsOf) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE)
    connection.request("GET", "/stream-fails")
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    events = by_type(events_of(response.headers["X-Trace-ID"], 3))
    assert events["error"]["stage"] == "body"
    assert events["error"]["locals"] == {"after": 1}
    told = events["response"]
    assert (told["status"], told["response"], told["severity"]) == (200, "fail", "warning")


def test_a_client_that_goes_away_is_no_error(shop: Server, events_of: EventsOf) -> None:
    with socket.create_connection(("127.0.0.1", shop.port), PATIENCE) as s:
        s.sendall(b"GET /stream-without-end HTTP/1.1\r\nHost: a\r\nX-Trace-ID: gone-get\r\n\r\n")
        assert s.recv(1000)
    with socket.create_connection(("127.0.0.1", shop.port), PATIENCE) as s:
        s.sendall(
            b"POST /swallow HTTP/1.1\r\nHost: a\r\nX-Trace-ID: gone-post\r\n"
            b"Content-Length: 1000\r\n\r\npart"
        )
    for trace_id in ("gone-get", "gone-post"):
        wait_for(lambda: devpulse.flush(1) and len(events_of(trace_id, 1)) > 1)
        events = by_type(events_of(trace_id, 2))
        assert set(events) == {"request", "response"}
        assert events["response"]["stage"] == "disconnect"
        assert events["response"]["severity"] == "info"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_body_is_the_applications_alone(shop: Server, size: int) -> None:
    body = b"\x00\xff" * (size // 2) + b"a" * (size % 2)
    assert call(shop, "/echo", "POST", body).body == body
    parts = iter([body[:10], body[10:]])  # chunked
    assert call(shop, "/swallow", "POST", parts).json == size


def test_forms_and_json_come_in_whole(shop: Server) -> None:
    form = (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="b"\r\n\r\n2\r\n--B--\r\n'
    )
    answer = call(shop, "/form", "POST", form, {"Content-Type": "multipart/form-data; boundary=B"})
    assert answer.json == {"a": "1", "b": "2"}
    order = {"product": "tea", "count": 2}
    headers = {"Content-Type": "application/json"}
    assert call(shop, "/orders", "POST", json.dumps(order), headers).json == order


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/stream", 405),
        ("GET", "/no-content", 204),
        ("GET", "/not-modified", 304),
        ("GET", "/items/1/", 307),
        ("DELETE", "/items/1", 405),
        ("OPTIONS", "/items/1", 405),
    ],
)
def test_responses_without_a_body_end_too(
    shop: Server, events_of: EventsOf, method: str, path: str, status: int
) -> None:
    answer = call(shop, path, method)
    assert (answer.status, answer.headers["Access-Control-Expose-Headers"]) == (
        status,
        "X-Trace-ID",
    )
    response = by_type(events_of(answer.trace_id, 2))["response"]
    assert (response["status"], response["response"]) == (status, "success")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/items/3", "/items/{item_id}"),
        ("/api/v2/items/3", "/api/{version}/items/{item_id}"),
        ("/plain/parts/3", "/plain/parts/{item_id}"),
        ("/plain/plants/west/parts/3", "/plain/plants/{plant}/parts/{item_id}"),
        ("/plain/first", "/plain/first"),
        ("/plain/second/5", "/plain/second/{n}"),
        ("/raw/any/thing", "/raw/{path}"),
        ("/nowhere", None),
    ],
)
def test_routes_are_told_as_templates_with_the_prefix_of_their_mounts(
    shop: Server, events_of: EventsOf, path: str, route: str | None
) -> None:
    response = by_type(events_of(call(shop, path).trace_id, 2))["response"]
    assert response.get("route") == route
    assert response["name"] == f"GET {route or path}"
    assert response["path"] == path


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/parts/3", "/parts/{item_id}"),
        ("/plants/west/parts/3", "/plants/{plant}/parts/{item_id}"),
        ("/second/5", "/second/{n}"),
    ],
)
def test_starlette_alone(plain: Server, events_of: EventsOf, path: str, route: str) -> None:
    events = by_type(events_of(call(plain, path).trace_id, 2))
    assert events["response"]["route"] == route
    assert {event["system"] for event in events.values()} == {"plain"}


def test_errors_in_starlette_alone(plain: Server, events_of: EventsOf) -> None:
    answer = call(plain, "/failing")
    assert answer.status == 500
    assert by_type(events_of(answer.trace_id, 3))["error"]["locals"]["wheel"] == "flat"
    answer = call(plain, "/parts/gone")
    assert (answer.status, answer.body) == (410, b"{'left': 0}")
    assert by_type(events_of(answer.trace_id, 3))["error"]["severity"] == "info"


def test_an_error_in_another_middleware_and_a_last_handler(
    layered: Server, events_of: EventsOf
) -> None:
    answer = call(layered, "/middleware-fails")
    assert (answer.status, answer.json) == (500, {"sorry": True})
    error = by_type(events_of(answer.trace_id, 3))["error"]
    assert (error["handled"], error["locals"]["rule"]) == (False, "no one may")
    answer = call(layered, "/async-fails/5")
    assert answer.status == 500
    events = by_type(events_of(answer.trace_id, 3))
    assert events["error"]["locals"]["n"] == 5
    assert "stage" not in events["error"]
    assert events["response"]["error"] == "ZeroDivisionError"
    assert call(layered, "/items/4").json["trace"]


def test_the_servers_log_of_an_error_is_no_second_one(
    shop: Server, devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)
    logger = logging.getLogger("uvicorn.error")
    logged: list[logging.LogRecord] = []
    last = logging.Handler()
    monkeypatch.setattr(last, "emit", logged.append)
    monkeypatch.setattr(logger, "handlers", [devpulse.DevPulseHandler(), last])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "disabled", False)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        answer = call(shop, "/async-fails/1")
        assert answer.status == 500
        wait_for(lambda: logged)
    finally:
        logger.setLevel(level)
    assert logged[0].exc_info
    its = [event for event in told if event["traceId"] == answer.trace_id]
    assert [event["type"] for event in its] == ["request", "error", "response"]
    # A request before may end now, as its client had its answer.
    assert {event["type"] for event in told if event not in its} <= {"response"}


def test_the_trace_is_everywhere_in_the_request_and_nowhere_after(
    shop: Server, devpulse_ready: None
) -> None:
    answer = call(shop, "/context")
    trace_id = answer.trace_id
    outgoing = answer.json.pop("outgoing")
    found = {k: v for k, v in answer.json.items() if k != "outgoing"}
    assert found == dict.fromkeys(("endpoint", "dependency", "task"), trace_id)
    assert outgoing["X-Trace-ID"] == trace_id
    assert wait_for(lambda: asgi_app.seen.pop("dependency after", None)) == trace_id
    assert asgi_app.seen.pop("dependency before") == trace_id
    answer = call(shop, "/sync-context")
    assert answer.json == {"endpoint": answer.trace_id}


def test_requests_of_one_connection_have_their_own_traces(shop: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE)
    given = [{}, {"X-Trace-ID": "first"}, {}, {"X-Trace-ID": "second"}, {}]
    answers = [call(shop, "/items/1", headers=h, connection=connection) for h in given]
    connection.close()
    ids = [answer.trace_id for answer in answers]
    assert [answer.json["trace"] for answer in answers] == ids
    assert len(set(ids)) == 5
    assert (ids[1], ids[3]) == ("first", "second")


def test_requests_at_the_same_time_have_their_own_traces(shop: Server) -> None:
    asgi_app.seen["guests"] = 0

    def visit(n: int) -> Answer:
        return call(shop, "/meeting", headers={"X-Trace-ID": f"guest-{n}"})

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(visit, range(3)))
    for n, answer in enumerate(answers):
        assert answer.json == answer.trace_id == f"guest-{n}"


def test_what_is_excluded_has_an_id_and_no_event_but_its_errors(
    shop: Server, events_of: EventsOf
) -> None:
    answer = call(shop, "/healthz", headers={"X-Trace-ID": "healthy"})
    assert (answer.json, answer.trace_id) == ("healthy", "healthy")
    answer = call(shop, "/static/logo.svg", headers={"X-Trace-ID": "healthy"})
    assert answer.status == 500
    (error,) = events_of("healthy", 1)
    assert error["locals"] == {"name": "logo.svg"}


def test_a_websocket_has_its_trace_and_its_end(shop: Server, events_of: EventsOf) -> None:
    headers = {"X-Trace-ID": "room-1"}
    with connect(f"ws://127.0.0.1:{shop.port}/rooms/red", additional_headers=headers) as ws:
        assert ws.response.headers["X-Trace-ID"] == "room-1"
        assert ws.recv() == "room-1"
        ws.send("hello")
        ws.send("close")
        with pytest.raises(ConnectionClosed):
            ws.recv()
    events = by_type(events_of("room-1", 2))
    assert events["request"]["name"] == "WEBSOCKET /rooms/red"
    response = events["response"]
    assert response["name"] == "WEBSOCKET /rooms/{room}"
    assert (response["status"], response["closeCode"]) == (101, 4001)
    assert response["response"] == "success"


def test_websockets_that_fail_or_are_left_or_refused(shop: Server, events_of: EventsOf) -> None:
    url = f"ws://127.0.0.1:{shop.port}"
    with connect(f"{url}/rooms/a", additional_headers={"X-Trace-ID": "ws-fails"}) as ws:
        ws.send("fail")
        with pytest.raises(ConnectionClosed):
            for _ in range(9):
                ws.recv()
    events = by_type(events_of("ws-fails", 3))
    assert events["error"]["locals"]["text"] == "fail"
    assert events["response"]["response"] == "fail"
    with connect(f"{url}/rooms/a", additional_headers={"X-Trace-ID": "ws-left"}) as ws:
        ws.recv()
    events = by_type(events_of("ws-left", 2))
    assert events["response"]["stage"] == "disconnect"
    assert events["response"]["closeCode"] == 1000
    with pytest.raises(InvalidStatus):
        connect(f"{url}/refused", additional_headers={"X-Trace-ID": "ws-refused"})
    assert by_type(events_of("ws-refused", 2))["response"]["status"] == 403


@pytest.mark.parametrize(
    ("path", "status", "types", "details"),
    [
        ("/", 200, {"request", "response"}, None),
        ("/nothing", 500, {"request", "response"}, "the application returned without a response"),
        ("/half", 200, {"request", "response"}, "the application returned before the end"),
        ("/raises", 500, {"request", "response", "error"}, None),
    ],
)
def test_any_asgi_application(
    raw: Server,
    events_of: EventsOf,
    path: str,
    status: int,
    types: set[str],
    details: str | None,
) -> None:
    trace_id = f"raw:{path[1:]}"
    try:
        call(raw, path, headers={"X-Trace-ID": trace_id})
    except http.client.IncompleteRead:
        assert path == "/half"
    events = by_type(events_of(trace_id, len(types)))
    assert set(events) == types
    response = events["response"]
    assert response["status"] == status
    assert response["system"] == "raw"
    assert response["response"] == ("success" if path == "/" else "fail")
    assert (response.get("details") or "").startswith(details or "")
    assert ("details" in response) == (details is not None)
    if path == "/raises":
        assert events["error"]["locals"]["told"] == "nothing"


def test_an_applications_own_header_stays_and_its_messages_are_not_changed(raw: Server) -> None:
    assert call(raw, "/own-id").headers.get_all("X-Trace-ID") == ["mine"]
    assert call(raw, "/").headers.get_all("X-Trace-ID") != ["mine"]
    assert asgi_app.REUSED_HEADERS == [(b"content-length", b"2")]


class Peer:
    """An ASGI server of one request, for what no server can be brought to do."""

    def __init__(self, *messages: dict[str, Any], **scope: Any) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [],
            **scope,
        }
        self.sent: list[Any] = []
        self._messages = list(messages)

    async def receive(self) -> Any:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def serve(self, app: Any) -> None:
        await app(self.scope, self.receive, self.send)


LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}


class Raising(Peer):
    """Answers a failure by an exception of its own, as hypercorn does."""

    async def send(self, message: Any) -> None:
        await super().send(message)
        raise InterruptedError


@pytest.mark.parametrize("server", [Peer, Raising])
def test_a_start_that_fails_is_reported_and_passed_on(
    server: type[Peer], devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)

    def prepare() -> None:
        database = "away"
        raise asgi_app.Broken(database)

    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        prepare()
        yield

    app = Starlette(lifespan=lifespan)
    add_devpulse_middleware(app)
    peer = server({"type": "lifespan.startup"}, **LIFESPAN)
    with pytest.raises((asgi_app.Broken, InterruptedError)):
        asyncio.run(peer.serve(app))
    assert peer.sent[-1]["type"] == "lifespan.startup.failed"
    (event,) = told
    assert (event["name"], event["stage"]) == ("asgi_app.Broken", "startup")
    assert event["locals"]["database"] == "away"


SHUTDOWN = """
    import asyncio, os, signal, sys
    from contextlib import asynccontextmanager
    import uvicorn
    from starlette.applications import Starlette
    import devpulse
    from devpulse.integrations import add_devpulse_middleware

    async def stop():
        while not server.started:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    @asynccontextmanager
    async def lifespan(app):
        stopping = asyncio.create_task(stop())
        yield
        devpulse.event("closed", trace_id=sys.argv[2])
        if sys.argv[3] == "fails":
            raise RuntimeError

    devpulse.init(sys.argv[1])
    app = Starlette(lifespan=lifespan)
    add_devpulse_middleware(app)
    server = uvicorn.Server(uvicorn.Config(app, port=0))
    server.run()
"""


@pytest.mark.parametrize("end", ["as it should", "fails"])
def test_a_shutdown_by_a_signal_loses_nothing(end: str, pipeline: Pipeline) -> None:
    trace_id = devpulse.generate_trace_id()
    command = [sys.executable, "-c", textwrap.dedent(SHUTDOWN), pipeline.ws_url, trace_id, end]
    subprocess.run(command, capture_output=True, timeout=60)
    (event,) = pipeline.trace(trace_id)["events"]
    assert event["data"]["details"] == "closed"


def test_a_shutdown_does_not_wait_for_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    devpulse.init("ws://127.0.0.1:9")
    client = _client.active()
    assert client is not None
    devpulse.event("on its way")
    wait_for(lambda: all(sink.is_away for sink in client._sinks))
    waits: list[float] = []
    for sink in client._sinks:
        monkeypatch.setattr(sink, "flush", waits.append)
    asyncio.run(Peer({"type": "lifespan.shutdown"}, **LIFESPAN).serve(DevPulseMiddleware(closing)))
    assert waits == []


async def closing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def test_an_application_that_knows_no_lifespan_is_no_error(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)
    with pytest.raises(AssertionError):
        asyncio.run(Peer(**LIFESPAN).serve(add_devpulse_middleware(asgi_app.raw_app)))
    assert told == []


def test_a_cancelled_request_ends_too(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def cancel() -> None:
        await asyncio.wait_for(Peer().serve(DevPulseMiddleware(app)), 0.01)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(cancel())
    assert [event["type"] for event in told] == ["request", "response"]
    assert (told[1]["stage"], told[1]["severity"]) == ("cancelled", "info")


def test_a_websocket_left_before_the_first_word_is_no_error(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)

    class Left(Peer):
        async def send(self, message: Any) -> None:
            if message["type"] == "websocket.send":
                raise ConnectionClosedOK(None, None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    with pytest.raises(ConnectionClosedOK):
        asyncio.run(Left(type="websocket").serve(DevPulseMiddleware(app)))
    assert [event["type"] for event in told] == ["request", "response"]
    assert told[1]["stage"] == "disconnect"


def test_the_scope_and_the_context_are_the_servers_again(devpulse_ready: None) -> None:
    peer = Peer()
    before = dict(peer.scope)
    app = DevPulseMiddleware(DevPulseMiddleware(asgi_app.raw_app))

    async def serve() -> str | None:
        await peer.serve(app)
        return devpulse.get_trace_id()

    assert asyncio.run(serve()) is None
    assert peer.scope == before
    assert [m["type"] for m in peer.sent] == ["http.response.start", "http.response.body"]


def test_an_error_within_groups_of_one_is_told_without_them(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with anyio.create_task_group() as outer, anyio.create_task_group():
            outer.start_soon(asgi_app.raw_app, {**scope, "path": "/raises"}, receive, send)

    with pytest.raises(BaseException) as raised:
        asyncio.run(Peer().serve(DevPulseMiddleware(app)))
    exc_info = (raised.type, raised.value, None)
    log = logging.LogRecord("uvicorn.error", logging.ERROR, "a.py", 1, "it failed", (), exc_info)
    devpulse.DevPulseHandler().handle(log)
    errors = [event for event in told if event["type"] == "error"]
    assert [error["name"] for error in errors] == ["asgi_app.Broken"]
    assert errors[0]["locals"]["told"] == "nothing"


@pytest.mark.parametrize(
    "last",
    [
        {"type": "http.response.body"},
        {"type": "http.response.pathsend", "path": "/tmp/file"},
        {"type": "http.response.zerocopysend", "file": 1, "more_body": False},
    ],
    ids=lambda message: message["type"],
)
def test_every_kind_of_last_message_ends_a_request(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch, last: dict[str, Any]
) -> None:
    told = captured(monkeypatch)
    types: list[list[str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.zerocopysend", "file": 1, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        types.append([event["type"] for event in told])
        await send(last)
        types.append([event["type"] for event in told])
        await send({"type": "http.response.trailers", "headers": []})

    peer = Peer()
    asyncio.run(peer.serve(DevPulseMiddleware(app)))
    assert types == [["request"], ["request", "response"]]
    assert len(told) == 2
    assert len(peer.sent) == 6


def test_before_init_the_ids_go_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "_client", None)
    before = devpulse.stats()["dropped"]
    peer = Peer(headers=[(b"x-trace-id", b"early")])
    asyncio.run(peer.serve(DevPulseMiddleware(asgi_app.raw_app)))
    assert (b"x-trace-id", b"early") in peer.sent[0]["headers"]
    assert devpulse.stats()["dropped"] == before + 2


def test_headers_are_told_where_they_are_wanted(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = captured(monkeypatch)
    headers = [(b"accept", b"*/*"), (b"authorization", b"Bearer abcdef"), (b"x-odd", b"\xff")]
    app = DevPulseMiddleware(asgi_app.raw_app, capture_headers=True)
    asyncio.run(Peer(headers=headers).serve(app))
    given = told[0]["headers"]
    assert given["accept"] == "*/*"
    assert "abcdef" not in given["authorization"]


@pytest.mark.parametrize("is_built", [False, True])
def test_the_middleware_may_come_late_and_twice(
    devpulse_ready: None, monkeypatch: pytest.MonkeyPatch, is_built: bool
) -> None:
    told = captured(monkeypatch)
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])
    if is_built:
        asyncio.run(Peer().serve(app))
    assert add_devpulse_middleware(add_devpulse_middleware(app)) is app
    peer = Peer()
    asyncio.run(peer.serve(app))
    assert [name for name, _ in peer.sent[0]["headers"]].count(b"x-trace-id") == 1
    assert [event["type"] for event in told] == ["request", "response"]


def test_names_of_systems(devpulse_ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import FastAPI

    told = captured(monkeypatch)
    devpulse.init(_client.active().options.websocket_url, install_hooks=False)  # type: ignore[union-attr]
    told = captured(monkeypatch)
    apps = {
        "fastapi": FastAPI(),
        "Shop": FastAPI(title="Shop"),
        "starlette": Starlette(),
        "asgi": asgi_app.raw_app,
    }
    for app in apps.values():
        asyncio.run(Peer().serve(add_devpulse_middleware(app)))
    assert [e["system"] for e in told if e["type"] == "request"] == list(apps)


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(TypeError, match="an ASGI application is wanted, not int"):
        add_devpulse_middleware(3)


def captured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that the client takes from now on, as it takes them."""
    client = _client.active()
    assert client is not None
    told: list[dict[str, Any]] = []
    put = client.put

    def listen(record: Any) -> Any:
        record = put(record)
        if record is not None:
            told.append(record.event)
        return record

    monkeypatch.setattr(client, "put", listen)
    return told


OPENTELEMETRY = """
    import asyncio, json, sys
    import devpulse
    from devpulse.integrations import add_devpulse_middleware
    from fastapi import FastAPI
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    trace.set_tracer_provider(TracerProvider())
    app = FastAPI()

    @app.get("/")
    async def root():
        context = trace.get_current_span().get_span_context()
        return [f"{context.trace_id:032x}", devpulse.get_trace_id()]

    if sys.argv[1] == "before":
        add_devpulse_middleware(app)
    FastAPIInstrumentor.instrument_app(app)
    if sys.argv[1] == "after":
        add_devpulse_middleware(app)

    async def call(headers):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"",
                 "headers": headers, "server": ("a", 80), "scheme": "http", "http_version": "1.1"}
        before = list(headers)
        await app(scope, None, send)
        assert headers == before
        names = [name for name, _ in sent[0]["headers"]]
        assert names.count(b"x-trace-id") == 1, names
        return [dict(sent[0]["headers"])[b"x-trace-id"].decode(), *json.loads(sent[1]["body"])]

    for value in sys.argv[2:]:
        headers = [(b"traceparent", value.encode())] if value else []
        print(json.dumps(asyncio.run(call(headers))))
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_opentelemetry_shares_the_trace(order: str) -> None:
    pytest.importorskip("opentelemetry.instrumentation.fastapi")
    code = textwrap.dedent(OPENTELEMETRY)
    given = ["", "nonsense", f"00-{HEX}-{SPAN}-01"]
    done = subprocess.run(
        [sys.executable, "-c", code, order, *given],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Skipping" not in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for header, *ids in lines:
        assert ids == [header, header], done.stderr
    assert [header == HEX for header, *_ in lines] == [False, False, True]
