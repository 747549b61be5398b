"""Identifiers: trace and span ids (https://www.w3.org/TR/trace-context/), UUIDv7 (RFC 9562).

They are unique, not secret: they come from a generator of their own, seeded by the system and again
in the child of a fork, which costs a tenth of asking the system each time.
"""

import os
import random
from functools import partial
from typing import Final

from ._process import pid

_random = random.Random()
_bits = _random.getrandbits
_64_BITS: Final = (1 << 64) - 1
_POOL: Final = 32
_NOT_ZERO: Final = int(("0" * 31 + "1" + "0" * 15 + "1") * _POOL, 16)  # a bit of each id

_seeded_in = 0  # the process
_pool: list[tuple[str, str]] = []


def reseed() -> None:
    """In the child of a fork, which would repeat its parent's ids."""
    global _seeded_in
    _random.seed(os.urandom(32))
    _pool.clear()
    _seeded_in = pid()


reseed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reseed)


def new_trace_id() -> str:
    """32 hexadecimal digits, lower case, not all zero."""
    return new_ids()[0]


def new_span_id() -> str:
    """16 hexadecimal digits, lower case, not all zero."""
    return new_ids()[1]


def new_ids() -> tuple[str, str]:
    """A new trace id and a new span id. They are made some at a time, as then they cost a third."""
    if pid() != _seeded_in:
        reseed()
    try:
        return _pool.pop()
    except IndexError:
        return _fill_pool()


def _fill_pool() -> tuple[str, str]:
    """Makes ids for later, and returns two."""
    digits = (_bits(192 * _POOL) | _NOT_ZERO).to_bytes(24 * _POOL, "big").hex()
    pairs = [(digits[i : i + 32], digits[i + 32 : i + 48]) for i in range(0, 48 * _POOL, 48)]
    pair = pairs.pop()
    _pool.extend(pairs)
    return pair


random_bits = partial(_bits, 62)
"""What makes an event id unique: the 62 random bits of a UUIDv7."""


def event_id(ns: int, bits: int) -> str:
    """The UUIDv7 of a time, in nanoseconds since the epoch, and random_bits().

    After the milliseconds come 12 bits of their fraction (RFC 9562, section 6.2, method 3), so ids
    sort by time to a quarter of a microsecond.
    """
    ms, fraction = divmod(ns, 1_000_000)
    number = ms << 16 | 0x7000 | fraction * 4096 // 1_000_000
    head = (number & _64_BITS).to_bytes(8, "big").hex("-", 2)
    tail = (1 << 63 | bits).to_bytes(8, "big").hex("-", 6)
    return f"{head[:4]}{head[5:]}-{tail}"
