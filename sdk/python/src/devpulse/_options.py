"""The settings of init(): an argument, else a variable of the environment, else a default."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ._internal import warn_once

ScrubHook = Callable[[dict[str, Any]], dict[str, Any] | None]

DEFAULT_URL = "ws://localhost:8008"
TEXT_MAX = 512  # bytes of system, type and environment (devpulse-event(5))
_WEBSOCKET_SCHEMES = ("ws", "wss")
_DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres")


@dataclass(frozen=True)
class Options:
    """What init() settled. See init() for the meaning of each."""

    websocket_url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)
    db_url: str | None = field(default=None, repr=False)
    environment: str | None = None
    system: str | None = None
    capture_locals: bool = True
    scrub: ScrubHook | None = None
    scrub_keys: tuple[str, ...] = ()
    in_app_include: tuple[str, ...] = ()
    in_app_exclude: tuple[str, ...] = ()
    install_hooks: bool = True
    max_events: int = 10_000
    max_bytes: int = 4 * 1024 * 1024


def from_arguments(
    *,
    websocket_url: str | None,
    token: str | None,
    enable_db_logging: bool,
    db_url: str | None,
    environment: str | None,
    system: str | None,
    environ: Mapping[str, str] = os.environ,
    **rest: Any,
) -> Options:
    """Raises ValueError with what is wrong and what is wanted."""
    given = {"environment": environment, "system": system, "token": token}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is text, not {value!r}")
    for name in ("max_events", "max_bytes"):
        if not isinstance(rest.get(name, 1), int) or rest.get(name, 1) < 1:
            raise ValueError(f"{name} is a number above 0, not {rest[name]!r}")
    if rest.get("scrub") is not None and not callable(rest["scrub"]):
        raise ValueError("scrub is a function of an event")
    if db_url and not enable_db_logging:
        warn_once("db_url", "db_url is of no effect without enable_db_logging=True")
    url = websocket_url or environ.get("DEVPULSE_WEBSOCKET_URL") or DEFAULT_URL
    _check_url("websocket_url", url, _WEBSOCKET_SCHEMES)
    database = (db_url or environ.get("DEVPULSE_DB")) if enable_db_logging else None
    if enable_db_logging and not database:
        raise ValueError(
            "enable_db_logging needs db_url (or DEVPULSE_DB), as sqlite:///devpulse.db or"
            " postgresql://user:password@localhost/devpulse"
        )
    if database:
        _check_url("db_url", database, _DATABASE_SCHEMES)
    return Options(
        websocket_url=_without_user_info(url),
        token=token or environ.get("DEVPULSE_TOKEN") or _password(url),
        db_url=database,
        environment=_text(environment or environ.get("DEVPULSE_ENVIRONMENT") or _otel(environ, 1)),
        system=_text(system or environ.get("DEVPULSE_SYSTEM") or _otel(environ, 0)),
        **rest,
    )


def names(what: str, value: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several."""
    found = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) and name for name in found):
        raise ValueError(f"{what} is a list of names, not {found!r}")
    return found


def is_disabled(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("DEVPULSE_DISABLED", "").lower() in ("1", "true", "yes", "on")


def program_name() -> str:
    """What the process calls itself: the script, or the package of `python -m`."""
    main = sys.modules.get("__main__")
    package = (getattr(main, "__spec__", None) and main.__spec__.name) or ""  # type: ignore[union-attr]
    script = sys.argv[0] if sys.argv and sys.argv[0] != "-c" else ""
    name = package.removesuffix(".__main__") or Path(script).stem
    return _text(name.strip("-")) or "python"  # "-" is standard input


def _text(value: str | None) -> str | None:
    """Cut to what an event may hold; None where there is nothing."""
    if not value:
        return None
    return value.encode(errors="replace")[:TEXT_MAX].decode(errors="ignore")


def _check_url(what: str, url: str, schemes: tuple[str, ...]) -> None:
    wanted = " or ".join(f"{scheme}://" for scheme in schemes[:2])
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except (ValueError, TypeError, AttributeError):
        # Without its words: they may quote a part of a password.
        raise ValueError(
            f"{what} is not a URL: {wanted}… is wanted, with / and @ in a password as %2F and %40"
        ) from None
    if parts.scheme not in schemes:
        raise ValueError(f"{what} begins with {parts.scheme or 'nothing'}://; {wanted} is wanted")
    if schemes is _WEBSOCKET_SCHEMES and not parts.hostname:
        raise ValueError(f"{what} names no host; ws://localhost:8008 is the usual one")


def _password(url: str) -> str | None:
    password = urlsplit(url).password
    return unquote(password) if password else None


def _without_user_info(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _otel(environ: Mapping[str, str], which: int) -> str | None:
    """The service's name (0) or environment (1) as OpenTelemetry's variables give it
    (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)."""
    attributes = {}
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        attributes[key.strip()] = unquote(value.strip())
    if which == 0:
        return environ.get("OTEL_SERVICE_NAME") or attributes.get("service.name")
    return attributes.get("deployment.environment.name") or attributes.get("deployment.environment")
