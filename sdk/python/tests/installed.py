"""Whether a package is here, without importing it."""

import importlib.util


def is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # it is imported already, and hides what it is, as Celery 5.2 does
        return True
