"""Which code is the application's own, and which its libraries'."""

import os
import sys
from collections.abc import Iterable
from types import ModuleType

_LIBRARIES = ("/site-packages/", "/dist-packages/")
_GENERATED = ("<frozen ", "<attrs generated ", "<__array_function__")
_MEMO_MAX = 4096


def _folder(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[0] + "/"


_STANDARD_LIBRARY = _folder(os.__file__)
_THIS_PACKAGE = _folder(__file__)

_memo: dict[tuple[str, str], bool] = {}
_include: tuple[str, ...] = ()
_exclude: tuple[str, ...] = ()


def configure(include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
    """Prefixes of module names that are the application's whatever their place, and that are not.
    `exclude` wins. Holds for the whole process."""
    global _include, _exclude
    _include = tuple(include)
    _exclude = tuple(exclude)
    _memo.clear()


def is_in_app(filename: str, module: str) -> bool:
    """Whether a code's file and its module's name say that it is the application's: it is outside
    site-packages, the standard library and this package. Code without a file, such as what
    stands in a console, belongs to its module."""
    key = (filename, module)
    known = _memo.get(key)
    if known is None:
        if len(_memo) >= _MEMO_MAX:
            _memo.clear()
        known = _memo[key] = _find_out(filename.replace("\\", "/"), module)
    return known


def is_own(filename: str) -> bool:
    """Whether a file is one of this package."""
    return filename.replace("\\", "/").startswith(_THIS_PACKAGE)


def class_is_in_app(module: str) -> bool:
    """The same for a class, by its module's name."""
    found = sys.modules.get(module)
    filename = vars(found).get("__file__") if type(found) is ModuleType else None
    return is_in_app(filename if type(filename) is str else "<class>", module)


def _find_out(path: str, module: str) -> bool:
    if _begins(module, _exclude):
        return False
    if _begins(module, _include):
        return True
    if path.startswith("<"):
        return not path.startswith(_GENERATED) and (
            module.partition(".")[0] not in sys.stdlib_module_names or module == "__main__"
        )
    if any(folder in path for folder in _LIBRARIES):
        return False
    return not path.startswith((_STANDARD_LIBRARY, _THIS_PACKAGE))


def _begins(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)
