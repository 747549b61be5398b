"""Which code is the application's own, and which its libraries'."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

_LIBRARIES = ("/site-packages/", "/dist-packages/")
_GENERATED = ("<frozen ", "<attrs generated ", "<__array_function__")
_MEMO_MAX = 4096


def _folder(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[0] + "/"


_STANDARD_LIBRARY = _folder(os.__file__)
_THIS_PACKAGE = _folder(__file__)

LIBRARY: Final = 0
APPLICATION: Final = 1
THIS_PACKAGE: Final = 2

_memo: dict[tuple[str, str], int] = {}
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
    return whose(filename, module) == APPLICATION


def whose(filename: str, module: str) -> int:
    """LIBRARY, APPLICATION or THIS_PACKAGE. Found out once for each file and module."""
    key = (filename, module)
    known = _memo.get(key)
    if known is None:
        if len(_memo) >= _MEMO_MAX:
            _memo.clear()
        known = _memo[key] = _find_out(filename.replace("\\", "/"), module)
    return known


def class_is_in_app(module: str) -> bool:
    """The same for a class, by its module's name."""
    return is_in_app(_file_of(module) or "<class>", module)


def _find_out(path: str, module: str) -> int:
    if path.startswith(_THIS_PACKAGE):
        return THIS_PACKAGE
    if _begins(module, _exclude):
        return LIBRARY
    if _begins(module, _include):
        return APPLICATION
    return LIBRARY if _is_library(path, module) else APPLICATION


def _is_library(path: str, module: str) -> bool:
    if path.startswith("<"):
        root = module.partition(".")[0]
        standard = root in sys.stdlib_module_names and root != "__main__"
        return standard or path.startswith(_GENERATED)
    if not Path(path).is_absolute():  # compiled code names a file of where it was built
        path = _file_of(module) or path
    return path.startswith(_STANDARD_LIBRARY) or any(folder in path for folder in _LIBRARIES)


def _file_of(module: str) -> str:
    """Of a module; empty where there is none."""
    found = sys.modules.get(module)
    filename = vars(found).get("__file__") if type(found) is ModuleType else None
    return filename.replace("\\", "/") if type(filename) is str else ""


def _begins(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)
