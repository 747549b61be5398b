"""The start and the end of an ASGI application."""

from collections.abc import Awaitable
from typing import Any

from .. import _client, _context, _hooks
from ._asgi_types import AsgiScope, Message, Receive, Send, Settings


class LifespanExchange:
    """Passed through; what fails in it is reported. What it starts belongs to no trace.

    At the end of its shutdown all events are delivered: uvicorn, told to stop by SIGTERM, ends the
    process by that signal, of which atexit does not hear.

    An application that raises before it asks for anything says so that it knows no lifespan.
    """

    is_told = False

    def __init__(self, settings: Settings, asgi: AsgiScope, receive: Receive, send: Send) -> None:
        self.asgi = asgi
        self.scope = None
        self._system = settings.system_name(_client.active())
        self._receive = receive
        self._send = send
        self._stage = ""  # "startup", "shutdown"; "" while the application asked for neither
        self._failure: str | None = None
        self._answer: Exception | None = None
        _hooks.watch_running_loop()

    async def receive(self) -> Message:
        message = await self._receive()
        self._stage = message["type"].rpartition(".")[2]
        return message

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"].endswith(".failed"):
            self._failure = str(message.get("message") or "")
            return self._send_failure(message)
        if message["type"] == "lifespan.shutdown.complete":
            self._deliver()
        return self._send(message)

    async def _send_failure(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception as exc:  # hypercorn's answer to it
            self._answer = exc
            raise

    def raised(self, exc: BaseException) -> None:
        if exc is self._answer and exc.__context__ is not None:
            exc = exc.__context__
        if self._stage and isinstance(exc, Exception):
            self._tell(exc)
            self._deliver()

    def returned(self) -> None:
        if self._failure is not None:
            self._tell(None)
            self._deliver()

    def _deliver(self) -> None:
        client = _client.active()
        if client is None:
            return
        try:
            client.flush_at_the_end()
        except Exception:
            _client.failed("the last events")

    def _tell(self, exc: Exception | None) -> None:
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            scope = _context.new_scope(self._system)
            fields: dict[str, Any] = {"stage": self._stage}
            if exc is not None:
                client.capture_exception(
                    exc, mechanism="asgi", handled=False, scope=scope, extra=fields
                )
                return
            fields["name"] = f"{self._stage} failed"
            fields["details"] = client.text(self._failure or "")
            client.emit(scope, "error", "error", fields)
        except Exception:
            _client.failed("a failure to start or stop")
