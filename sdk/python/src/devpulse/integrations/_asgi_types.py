"""The words of ASGI's specification, and what an application chose."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from .._client import Client

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[AsgiScope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Settings:
    """What an application chose; see add_devpulse_middleware()."""

    system: str | None
    default_system: str
    excluded: frozenset[str]
    excluded_prefixes: tuple[str, ...]
    expose_header: bool
    capture_headers: bool

    def system_name(self, client: Client | None) -> str:
        """What the application is called in events."""
        own = self.system or (client.options.system if client is not None else None)
        return own or self.default_system
