"""Identifiers: trace and span ids (https://www.w3.org/TR/trace-context/), UUIDv7 (RFC 9562).

They are unique, not secret: they come from a generator of their own, seeded by the system and again
in the child of a fork, which costs a tenth of asking the system each time.
"""

import os
import random

_random = random.Random()
_bits = _random.getrandbits
_64_BITS = (1 << 64) - 1
_NOT_ZERO = 1 << 64 | 1  # a bit of either id


def reseed() -> None:
    """Called in the child of a fork, which would repeat its parent's ids."""
    _random.seed(os.urandom(32))


reseed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reseed)


def new_trace_id() -> str:
    """32 hexadecimal digits, lower case, not all zero."""
    return (_bits(128) or 1).to_bytes(16, "big").hex()


def new_span_id() -> str:
    """16 hexadecimal digits, lower case, not all zero."""
    return (_bits(64) or 1).to_bytes(8, "big").hex()


def new_ids() -> tuple[str, str]:
    """A new trace id and a new span id, for little more than the price of one."""
    digits = (_bits(192) | _NOT_ZERO).to_bytes(24, "big").hex()
    return digits[:32], digits[32:]


def random_bits() -> int:
    """What makes an event id unique: the 62 random bits of a UUIDv7."""
    return _bits(62)


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
