"""The settings: argument before variable before default, and what is wrong with them."""

from typing import Any

import pytest

from devpulse._options import Options, from_arguments, is_disabled


def options(environ: dict[str, str] | None = None, **arguments: Any) -> Options:
    given: dict[str, Any] = dict.fromkeys(
        ("websocket_url", "token", "db_url", "environment", "system")
    )
    given["enable_db_logging"] = False
    return from_arguments(environ=environ or {}, **(given | arguments))


def test_defaults() -> None:
    assert options() == Options(websocket_url="ws://localhost:8008")


def test_arguments_win_over_variables() -> None:
    environ = {
        "DEVPULSE_WEBSOCKET_URL": "ws://variable:1",
        "DEVPULSE_ENVIRONMENT": "staging",
        "DEVPULSE_SYSTEM": "api",
        "DEVPULSE_TOKEN": "t",
        "OTEL_SERVICE_NAME": "otel",
    }
    from_environ = options(environ)
    assert from_environ.websocket_url == "ws://variable:1"
    assert (from_environ.environment, from_environ.system) == ("staging", "api")
    assert from_environ.token == "t"
    given = options(environ, websocket_url="wss://given/ws", environment="dev", system="web")
    assert given.websocket_url == "wss://given/ws"
    assert (given.environment, given.system) == ("dev", "web")


def test_opentelemetrys_variables_are_fallbacks() -> None:
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,deployment.environment.name=pr%6Fd"}
    assert (options(environ).system, options(environ).environment) == ("shop", "prod")
    environ["OTEL_SERVICE_NAME"] = "cart"
    assert options(environ).system == "cart"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"websocket_url": "localhost:8008"}, "ws://"),
        ({"websocket_url": "http://localhost:8008"}, "begins with http"),
        ({"websocket_url": "ws://"}, "names no host"),
        ({"websocket_url": "ws://localhost:port"}, "not a URL"),
        ({"websocket_url": 8008}, "not a URL"),
        ({"enable_db_logging": True}, "needs db_url"),
        ({"enable_db_logging": True, "db_url": "mysql://x"}, "sqlite:// or postgresql://"),
        ({"enable_db_logging": True, "db_url": "devpulse.db"}, "begins with nothing"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        options(**arguments)


def test_a_database_url_counts_only_where_logging_to_it_is_asked_for() -> None:
    assert options(db_url="sqlite:///x.db").db_url is None
    assert options({"DEVPULSE_DB": "sqlite:///x.db"}).db_url is None
    wanted = options({"DEVPULSE_DB": "sqlite:///x.db"}, enable_db_logging=True)
    assert wanted.db_url == "sqlite:///x.db"


def test_secrets_are_not_shown() -> None:
    made = options(
        websocket_url="ws://:s3cret@localhost:8008/ws",
        enable_db_logging=True,
        db_url="postgresql://user:hunter2@localhost/x",
    )
    assert made.websocket_url == "ws://localhost:8008/ws"
    assert made.token == "s3cret"
    assert "s3cret" not in repr(made)
    with pytest.raises(ValueError, match="%2F") as wrong:
        options(enable_db_logging=True, db_url="postgresql://me:sec/ret@localhost/x")
    assert "ret" not in str(wrong.value)
    assert "hunter2" not in repr(made)


def test_long_names_are_cut_at_a_character() -> None:
    made = options(system="ä" * 400)
    assert made.system == "ä" * 256


@pytest.mark.parametrize(
    ("value", "want"), [("1", True), ("True", True), ("0", False), ("", False)]
)
def test_disabled(value: str, want: bool) -> None:
    assert is_disabled({"DEVPULSE_DISABLED": value}) is want
