"""Values of builtin types that hold no others, as JSON values."""

import types
from collections.abc import Callable
from typing import Any, Final

from ._kinds import instance_dict
from ._scrub import clean

INT_MAX: Final = 2**63 - 1
_INT_BITS_MAX = 512  # to write out more digits takes its time
_FLOAT_MIN, _FLOAT_MAX = 1e-308, 1.797e308  # the limits of an event's numbers
_NAME_MAX = 200


def integer(value: int) -> int | str:
    """As text beyond 64 bits, which not every reader takes."""
    if -INT_MAX <= value <= INT_MAX:
        return value
    bits = value.bit_length()
    return str(value) if bits < _INT_BITS_MAX else f"… (int of {bits} bits)"


def floating(value: float) -> float | str:
    """As text where JSON has no number for it."""
    if value == 0 or _FLOAT_MIN <= abs(value) <= _FLOAT_MAX:
        return value
    return repr(value)


def _same(value: Any) -> Any:
    return value


def _named(value: Any) -> str:
    return f"<{_NOUNS[type(value)]} {clean(value.__qualname__[:_NAME_MAX])}>"


def _method(value: types.MethodType) -> str:
    function = value.__func__
    name = function.__qualname__ if type(function) is types.FunctionType else "?"
    return f"<method {clean(name[:_NAME_MAX])}>"


def _module(value: types.ModuleType) -> str:
    name = instance_dict(value).get("__name__")
    return f"<module {clean(name[:_NAME_MAX]) if type(name) is str else '?'}>"


_NOUNS: dict[type, str] = {
    types.FunctionType: "function",
    types.BuiltinFunctionType: "function",
    types.CoroutineType: "coroutine",
    types.GeneratorType: "generator",
    types.AsyncGeneratorType: "async generator",
}

_SCALARS: dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: integer,
    float: floating,
    complex: repr,
}

_OTHERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys(_NOUNS, _named),
    types.MethodType: _method,
    types.ModuleType: _module,
}

# Types are found by identity: a metaclass may define a hash.
SCALARS: Final = frozenset(map(id, _SCALARS))
LEAVES: Final = {id(cls): show for cls, show in {**_SCALARS, **_OTHERS}.items()}
