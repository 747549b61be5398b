"""What an exception says that leaves an ASGI application, or that a handler made a response of.

Classes of frameworks are known by their names: none is imported for it.
"""

from asyncio import CancelledError
from collections.abc import Mapping
from typing import Any

from .._client import Client

_DISCONNECTS = frozenset(("ClientDisconnect", "ClientDisconnected", "WebSocketDisconnect"))
_CLOSED = ("ConnectionClosed", "ConnectionClosedOK", "ConnectionClosedError")  # of `websockets`
_NO_RESPONSE = "No response returned."  # says Starlette's BaseHTTPMiddleware when it is interrupted
_FRAMEWORKS = ("starlette", "fastapi")
_VALIDATIONS = (  # the last two have not the first as a base in old releases
    "ValidationException",
    "RequestValidationError",
    "WebSocketRequestValidationError",
)
_FAULTS_MAX = 10


def stage_of(exc: BaseException, *, is_gone: bool) -> str:
    """ "disconnect" where the client went away, "cancelled" where the server, or whoever calls the
    application, gave up; "" where it is neither. `is_gone`: the client is known to be."""
    name = type(exc).__name__
    if name in _DISCONNECTS or (is_gone and name in _CLOSED):
        return "disconnect"
    if isinstance(exc, CancelledError):
        return "disconnect" if is_gone else "cancelled"
    if is_gone and type(exc) is RuntimeError and str(exc) == _NO_RESPONSE:
        return "disconnect"
    return ""


def unpacked(exc: BaseException) -> BaseException:
    """The exception within groups of one, in which anyio's task groups put what Starlette runs."""
    while type(exc).__name__ in ("ExceptionGroup", "BaseExceptionGroup"):
        members: Any = getattr(exc, "exceptions", ())
        if len(members) != 1:
            break
        exc = members[0]
    return exc


def http_status(exc: BaseException) -> int:
    """Of Starlette's HTTPException and what derives from it; 0 of others."""
    if not _is_a(exc, "starlette.exceptions", "HTTPException"):
        return 0
    status = getattr(exc, "status_code", 0)
    return status if isinstance(status, int) else 0


def is_validation(exc: BaseException) -> bool:
    """Whether FastAPI found that what came in, or what goes out, is not as declared."""
    return any(_is_a(exc, "fastapi.exceptions", name) for name in _VALIDATIONS)


def is_of_framework(exc: BaseException) -> bool:
    """Whether the framework raised it, as it does where no route matches: no application's code is
    to blame, and the response says it all."""
    traceback = exc.__traceback__
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__")
    return isinstance(module, str) and module.partition(".")[0] in _FRAMEWORKS


def faults(exc: Any, client: Client) -> dict[str, Any]:
    """What a validation found wrong and where, without the values, which are those of a body.

    As members of an event: `details`, one line; `faults`, an array of {"place", "message", "kind"}.
    """
    found = []
    errors = exc.errors()
    for error in errors[:_FAULTS_MAX]:
        if isinstance(error, Mapping):
            place = ".".join(str(part) for part in error.get("loc", ()))
            found.append(
                {
                    "place": client.text(place[:256]),
                    "message": client.text(str(error.get("msg", ""))[:256]),
                    "kind": str(error.get("type", ""))[:64],
                }
            )
    lines = [f"{fault['place']}: {fault['message']}" for fault in found]
    if len(errors) > _FAULTS_MAX:
        lines.append(f"{len(errors) - _FAULTS_MAX} more")
    return {"details": "; ".join(lines), "faults": found}


def _is_a(exc: BaseException, module: str, name: str) -> bool:
    return any(c.__name__ == name and c.__module__ == module for c in type(exc).__mro__)
