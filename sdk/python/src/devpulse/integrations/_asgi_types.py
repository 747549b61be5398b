"""The words of ASGI's specification, and what an application chose."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from .. import _client

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

    def is_excluded(self, asgi: AsgiScope) -> bool:
        path = asgi["path"]
        root = asgi.get("root_path")
        if root and path.startswith(root):
            path = path[len(root) :]
        return path in self.excluded or path.startswith(self.excluded_prefixes)

    def system_name(self) -> str:
        client = _client.active()
        own = self.system or (client.options.system if client is not None else None)
        return own or self.default_system
