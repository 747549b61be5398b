"""The arguments of a task, as members of its events."""

import functools
import inspect
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from .._walk import Walk


def positional(values: Sequence[Any], function: Callable[..., Any] | None, walk: Walk) -> list[Any]:
    """Positional arguments, cut and scrubbed; a secret is known by the name of its parameter.

    `function`: what they go to; None where this process has only its name.
    """
    names = _parameters(function) if function is not None else ()
    head = enumerate(islice(values, walk.breadth))
    shown = [walk.value(value, names[i] if i < len(names) else "") for i, value in head]
    if len(values) > len(shown):
        shown.append(f"… {len(values) - len(shown)} more")
    return shown


@functools.lru_cache(maxsize=1024)
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that positional arguments go to."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds)
