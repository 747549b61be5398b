"""How the SDK speaks of its own troubles: rarely, and never into its own handler.

Everything goes to the logger `devpulse.internal`. Where an application has configured no logging,
Python prints warnings of it to stderr; a setting `logging.getLogger("devpulse")` governs it.
"""

import logging

logger = logging.getLogger("devpulse.internal")

_told: set[str] = set()


def warn_once(key: str, message: str, *args: object, exc_info: bool = False) -> None:
    """Logs a warning the first time that `key` comes in this process; later ones at DEBUG."""
    first = key not in _told  # without a lock: this may run in a signal handler, or a destructor
    _told.add(key)
    logger.log(logging.WARNING if first else logging.DEBUG, message, *args, exc_info=exc_info)


def forget_warnings() -> None:
    """So that a new init(), and the child of a fork, is told of its own troubles."""
    _told.clear()
