"""How values of a type are shown, found out without running a line of the type's own code.

A class can define `__getattr__`, `__class__`, a metaclass with a `__name__` of its own, and so on.
So attributes are read by the descriptors of `type` and `object`, and types are told by identity.
"""

import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from enum import IntEnum
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, NamedTuple

from ._inapp import class_is_in_app
from ._scrub import clean, last_word

_qualname_of = type.__dict__["__qualname__"].__get__
_module_of = type.__dict__["__module__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_namespace_of = type.__dict__["__dict__"].__get__

_MEMO_MAX = 2048
_NAME_MAX = 200
_MISSING = object()


class How(IntEnum):
    """The ways to show a value that is not of an exact builtin type."""

    NAME = 0  # the type's name alone
    REPR = 1  # its repr, guarded
    STRING = 16  # its str, guarded
    HOOK = 2  # what its __devpulse_repr__ returns
    FIELDS = 3  # the attributes of the instance
    NAMED_TUPLE = 4
    EXCEPTION = 5  # its arguments
    CLASS = 6  # it is a class itself
    STR = 7  # subclasses that print as their base does are shown as it
    INT = 8
    FLOAT = 9
    BYTES = 10
    DICT = 11
    LIST = 12
    TUPLE = 13
    SET = 14
    FROZENSET = 15
    DEQUE = 17
    MODULE = 18  # its name


class Kind(NamedTuple):
    """What is known of a type."""

    name: str
    how: How
    noun: str = ""  # the last word of its name: what its instances are
    slots: tuple[tuple[str, Any], ...] = ()  # the names and descriptors of its __slots__
    hidden: frozenset[str] = frozenset()  # fields that their class keeps out of its repr
    fields: tuple[str, ...] = ()  # of a named tuple


# Their repr may run queries, compute, copy gigabytes, or follow to another object. The names of
# their modules tell them, without an import.
_OPAQUE = (
    "sqlalchemy.", "sqlmodel.", "django.db.", "django.utils.functional.", "peewee.", "tortoise.",
    "pony.", "mongoengine.", "numpy.", "pandas.", "polars.", "torch.", "tensorflow.", "jax.",
    "jaxlib.", "cupy.", "xarray.", "dask.", "pyarrow.", "pyspark.", "scipy.", "unittest.mock.",
    "mock.", "werkzeug.local.", "wrapt.", "lazy_object_proxy.", "http.cookies.",
    "http.cookiejar.", "celery.local.", "django.core.paginator.", "duckdb.", "_duckdb.", "ibis.",
)  # fmt: skip
# Types of Python's own whose repr is that of all they hold or refer to, or holds secrets; and what
# inherits that repr.
_OPAQUE_NAMES = frozenset(
    (
        "array.array", "asyncio.queues.Queue", "collections.ChainMap", "collections.UserDict",
        "collections.UserList", "collections.abc.MappingView", "functools.partial",
        "functools.partialmethod", "mappingproxy", "os._Environ", "_weakrefset.WeakSet",
    )
)  # fmt: skip

# Types of the standard library whose str says it all.
_STRINGS = frozenset(
    (
        "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "uuid.UUID",
        "decimal.Decimal", "fractions.Fraction", "pathlib.PosixPath", "pathlib.PurePosixPath",
        "pathlib.WindowsPath", "pathlib.PureWindowsPath", "pathlib._local.PosixPath",
        "pathlib._local.PurePosixPath", "pathlib._local.WindowsPath",
        "pathlib._local.PureWindowsPath",
    )
)  # fmt: skip

# A repr made by these modules says no more than the fields.
_REPR_OF_FIELDS = frozenset(
    ("dataclasses", "pydantic.main", "pydantic.utils", "pydantic._internal._repr")
)

_BASES: tuple[tuple[type, How], ...] = (
    (str, How.STR),
    (int, How.INT),
    (float, How.FLOAT),
    (bytes, How.BYTES),
    (dict, How.DICT),
    (list, How.LIST),
    (tuple, How.TUPLE),
    (set, How.SET),
    (frozenset, How.FROZENSET),
    (OrderedDict, How.DICT),
    (defaultdict, How.DICT),
    (Counter, How.DICT),
    (deque, How.DEQUE),
    (SimpleNamespace, How.FIELDS),
)

_memo: dict[int, tuple["weakref.ref[type]", Kind]] = {}


def kind_of(cls: type) -> Kind:
    """What is known of a type; found out once for each."""
    known = _memo.get(id(cls))
    if known is not None and known[0]() is cls:
        return known[1]
    kind = _find_out(cls)._replace(noun=last_word(_qualname_of(cls)[-_NAME_MAX:]))
    if len(_memo) >= _MEMO_MAX:
        _memo.clear()
    _memo[id(cls)] = (weakref.ref(cls), kind)
    return kind


def forget() -> None:
    """After a change of what counts as the application's."""
    _memo.clear()


def type_name(cls: type) -> str:
    """The type's qualified name with its module, unless that is builtins or __main__."""
    module = _module_name(cls)
    name = clean(_qualname_of(cls)[:_NAME_MAX])
    return name if module in ("builtins", "__main__", "") else f"{module}.{name}"


def is_subclass(cls: type, base: type) -> bool:
    """issubclass() without a metaclass's `__subclasscheck__` or `__eq__`."""
    return any(known is base for known in _mro_of(cls))


def mro(cls: type) -> tuple[type, ...]:
    """The classes that a class inherits from, itself first."""
    found: tuple[type, ...] = _mro_of(cls)
    return found


def static(cls: type, name: str) -> Any:
    """What the type or a base defines under this name, as it stands there; else None."""
    for base in _mro_of(cls):
        found = _namespace_of(base).get(name, _MISSING)
        if found is not _MISSING:
            return found
    return None


def instance_dict(value: object) -> dict[str, Any]:
    """The attributes of an instance; empty if it has no ordinary dictionary."""
    descriptor = static(type(value), "__dict__")
    if type(descriptor) in (GetSetDescriptorType, MemberDescriptorType):
        found = descriptor.__get__(value)
        if type(found) is dict:
            return found
    return {}


def _module_name(cls: type) -> str:
    try:
        module = _module_of(cls)
    except AttributeError:
        return ""
    return clean(module[:_NAME_MAX]) if type(module) is str else ""


def _find_out(cls: type) -> Kind:
    name = type_name(cls)
    if static(cls, "__devpulse_repr__") is not None:
        return Kind(name, How.HOOK)
    if is_subclass(cls, type):
        return Kind(name, How.CLASS)
    if is_subclass(cls, ModuleType):  # of one that is lazy all that is asked loads it
        return Kind(name, How.MODULE)
    shown_by = static(cls, "__repr__")
    if shown_by is BaseException.__repr__:
        return Kind(name, How.EXCEPTION)
    if name in _STRINGS:
        return Kind(name, How.STRING)
    owner = _owner_of_repr(cls)
    if owner in _OPAQUE_NAMES or _is_opaque(cls, shown_by):
        return Kind(name, How.NAME)
    for base, how in _BASES:
        if shown_by is base.__repr__ and is_subclass(cls, base):
            return Kind(name, how)
    fields = static(cls, "_fields")
    if _made_in(shown_by) == "collections" and type(fields) is tuple and is_subclass(cls, tuple):
        return Kind(name, How.NAMED_TUPLE, fields=fields)
    if shown_by is object.__repr__:
        return _by_fields(cls, name) if class_is_in_app(_module_name(cls)) else Kind(name, How.NAME)
    if owner == "subprocess.CompletedProcess" or _is_of_fields(cls, shown_by):
        return _by_fields(cls, name)
    return Kind(name, How.REPR)


def _owner_of_repr(cls: type) -> str:
    """The name of the class that a class has its repr from."""
    return next((type_name(c) for c in _mro_of(cls) if "__repr__" in _namespace_of(c)), "")


def _is_opaque(cls: type, shown_by: object) -> bool:
    if static(cls, "_sa_class_manager") is not None:  # mapped by SQLAlchemy
        return True
    modules = [_module_name(base) for base in (*_mro_of(cls), type(cls))]
    modules.append(_made_in(shown_by))  # a proxy may say that it is of another
    is_opaque = any(f"{module}.".startswith(_OPAQUE) for module in modules)
    return is_opaque and not _is_numpy_scalar(cls)


def _is_numpy_scalar(cls: type) -> bool:
    return any(type_name(base) == "numpy.generic" for base in _mro_of(cls))


def _made_in(function: object) -> str:
    """The name of the module in which a function was defined."""
    if type(function) is not FunctionType:
        return ""
    name = function.__globals__.get("__name__")
    return name if type(name) is str else ""


def _is_of_fields(cls: type, function: object) -> bool:
    """Whether a repr is one that was made from a class's fields."""
    if type(function) is not FunctionType:
        return False
    module = _made_in(function)
    if module == "reprlib":  # around that of a dataclass, since Python 3.13
        return static(cls, "__dataclass_fields__") is not None
    made_by_attrs = function.__code__.co_filename.startswith("<attrs generated")
    return made_by_attrs or module in _REPR_OF_FIELDS


def _by_fields(cls: type, name: str) -> Kind:
    slots = tuple(
        (attribute, found)
        for base in _mro_of(cls)
        for attribute, found in list(_namespace_of(base).items())
        if type(found) is MemberDescriptorType and not attribute.startswith("__")
    )
    return Kind(name, How.FIELDS, slots=slots, hidden=frozenset(_hidden_fields(cls)))


def _hidden_fields(cls: type) -> Iterator[str]:
    """Fields with repr=False: of dataclasses, attrs and Pydantic, whose descriptions of a field are
    plain objects."""
    for attribute in ("__dataclass_fields__", "__pydantic_fields__", "model_fields"):
        fields = static(cls, attribute)
        if type(fields) is dict:
            for name, field in list(fields.items()):
                if _is_hidden(field):
                    yield name
    for field in _attrs_fields(cls):
        if _is_hidden(field):
            yield field.name


def _attrs_fields(cls: type) -> tuple[Any, ...]:
    fields = static(cls, "__attrs_attrs__")
    return tuple(tuple.__iter__(fields)) if is_subclass(type(fields), tuple) else ()


def _is_hidden(field: object) -> bool:
    try:
        return getattr(field, "repr", True) is False
    except Exception:
        return False
