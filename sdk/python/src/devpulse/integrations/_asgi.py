"""The middleware, for any ASGI application (https://asgi.readthedocs.io/en/latest/specs/)."""

from collections.abc import Iterable

from .. import _client, _context
from .._context import scope_var
from ._asgi_exchange import KEY, HttpExchange, WebSocketExchange
from ._asgi_lifespan import LifespanExchange
from ._asgi_types import Application, AsgiScope, Receive, Send, Settings

_Exchange = HttpExchange | WebSocketExchange | LifespanExchange
_KINDS: dict[str, type[_Exchange]] = {
    "http": HttpExchange,
    "websocket": WebSocketExchange,
    "lifespan": LifespanExchange,
}

EXCLUDE = (
    "/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
    "/favicon.ico",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/static/*",
)
"""Paths that make no events of requests, unless `exclude` says otherwise."""


class DevPulseMiddleware:
    """Gives requests a trace and sends their events; see add_devpulse_middleware().

        app = DevPulseMiddleware(app)

    The outermost place is the best: what is further out is not seen.
    """

    def __init__(
        self,
        app: Application,
        *,
        system: str | None = None,
        exclude: Iterable[str] = EXCLUDE,
        expose_header: bool = False,
        capture_headers: bool = False,
        default_system: str = "asgi",
    ) -> None:
        """`default_system`: the application's name where neither `system` nor init() says one."""
        patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        self.app = app
        self._settings = Settings(
            system=system,
            default_system=default_system,
            excluded=frozenset(p for p in patterns if not p.endswith("*")),
            excluded_prefixes=tuple(p[:-1] for p in patterns if p.endswith("*")),
            expose_header=expose_header,
            capture_headers=capture_headers,
        )

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        # Every request takes this way, so it calls little.
        try:
            kind = _KINDS.get(scope["type"]) if KEY not in scope else None
            exchange = kind(self._settings, scope, receive, send) if kind is not None else None
        except Exception:
            _client.failed("a request")
            exchange = None
        if exchange is None:
            await self.app(scope, receive, send)
            return
        token = scope_var.set(exchange.scope)
        try:
            await self.app(exchange.asgi, exchange.receive, exchange.send)
        except BaseException as exc:
            exchange.raised(exc)
            raise
        else:
            if not exchange.is_told:
                exchange.returned()
        finally:
            _context.leave(token)
            exchange.asgi.pop(KEY, None)
