"""`attrs.frozen` and `attrs.define` for type checkers, and quicker classes while programs run.

What attrs writes and compiles for a class costs twenty times the class itself, and as much as a hundred
values that are filled in one field at a time. So the first values of a class are filled in like that, and
attrs does its work when there are more, or when somebody asks it for the fields: `fields` says them without
that. Type checkers alone see to it that what is frozen does not change; what attrs does to keep it costs
more than all else of making a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property, partial
from operator import attrgetter
from threading import RLock
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import attrs

if TYPE_CHECKING:
    from attrs import define as define, frozen as frozen
else:

    def frozen(cls=None, *, eq=True, repr=True, kw_only=False, slots=True):
        """A class of values. eq: compared by their fields, else by identity. slots: they take less memory,
        and the class more time, as it is made a second time: not for what there are few of."""
        if cls is None:
            return partial(frozen, eq=eq, repr=repr, kw_only=kw_only, slots=slots)
        return (_with_slots if slots else _in_place)(cls, eq, repr, kw_only)

    def define(cls=None, *, eq=True, repr=True, kw_only=False):
        """The same of what changes, and has no hash where it is compared by its fields."""
        if cls is None:
            return partial(define, eq=eq, repr=repr, kw_only=kw_only)
        made = _with_slots(cls, eq, repr, kw_only)
        if made.__hash__ is _hash:
            made.__hash__ = None
        return made


__all__ = ["FEW", "Field", "define", "fields", "frozen", "is_record"]

FEW = 48
"""Values of a class that are made before attrs writes its `__init__`."""

_declared: dict[type, tuple[dict[str, Any], bool]] = {}
"""The fields of each class, and whether those are given by name alone."""
_lock = RLock()


def is_record(cls: Any) -> TypeGuard[type]:
    """Whether `cls` is a class of values; it is not completed for that."""
    return cls in _declared or (isinstance(cls, type) and attrs.has(cls))


class Field(NamedTuple):
    """What a class says of a field, as `attrs.field` takes it."""

    default: Any
    """`attrs.NOTHING`: it must be given."""
    init: bool
    kw_only: bool
    eq: bool
    converter: Any
    metadata: Mapping[str, Any]


@cache
def fields(cls: type) -> dict[str, Field]:
    """The fields of a class of values, those that it inherits first; it is not completed for that."""
    found: dict[str, Field] = {}
    for each in reversed(cls.__mro__):
        declared, kw_only = _declared.get(each, ({}, False))
        for name, default in declared.items():
            found.pop(name, None)
            if isinstance(default, _FIELD):
                by_name = bool(kw_only or default.kw_only)
                found[name] = Field(
                    default._default, default.init, by_name, default.eq, default.converter, default.metadata
                )
            else:
                found[name] = Field(default, True, kw_only, True, None, {})
    return found


@cache
def _by_place(cls: type) -> tuple[str, ...]:
    """The fields that may be given by their place."""
    return tuple(name for name, field in fields(cls).items() if field.init and not field.kw_only)


class _Attributes:
    """Stands where attrs keeps the fields of a class, until somebody asks for them."""

    def __get__(self, instance: object, owner: type) -> Any:
        _complete(owner)
        return owner.__attrs_attrs__  # type: ignore[attr-defined]


class _Matched:
    """Stands for the fields of a pattern such as `Sum(left, right)`, until there is one."""

    def __get__(self, instance: object, owner: Any) -> Any:
        owner.__match_args__ = _by_place(owner)  # type: ignore[misc]
        return owner.__match_args__


class _Compared:
    """Stands for what gives the fields by which a value is compared, until one is."""

    def __get__(self, instance: object, owner: Any) -> Any:
        names = [name for name, field in fields(owner).items() if field.eq]
        owner.__compared__ = staticmethod(attrgetter(*names) if names else lambda _: ())
        return owner.__compared__


_ATTRIBUTES, _COMPARED, _MATCHED = _Attributes(), _Compared(), _Matched()


def _with_slots(cls: Any, eq: bool, repr: bool, kw_only: bool) -> type:
    """`cls` anew, with a slot for each field, and methods that let attrs complete it."""
    body = dict(vars(cls))
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    fields = {name: body.pop(name, attrs.NOTHING) for name in _names(cls)}
    above = {slot for base in cls.__mro__[1:] for slot in vars(base).get("__slots__", ())}
    slots = [name for name in fields if name not in above]
    if cached_property in map(type, body.values()) and "__dict__" not in above:
        slots.append("__dict__")
    if "__weakref__" not in above:
        slots.append("__weakref__")
    body |= {"__slots__": tuple(slots), "__qualname__": cls.__qualname__}
    body |= {"__annotations__": cls.__annotations__} | _methods(cls, eq, repr)
    made: type = type(cls)(cls.__name__, cls.__bases__, body)
    _move_methods(cls, made)
    _declared[made] = fields, kw_only
    return made


def _in_place(cls: Any, eq: bool, repr: bool, kw_only: bool) -> type:
    """`cls` itself with these methods."""
    for name, value in _methods(cls, eq, repr).items():
        setattr(cls, name, value)
    _declared[cls] = {name: vars(cls).get(name, attrs.NOTHING) for name in _names(cls)}, kw_only
    return cls  # type: ignore[no-any-return]


def _names(cls: Any) -> list[str]:
    """The fields that a class declares itself."""
    return [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]


def _methods(cls: Any, eq: bool, repr: bool) -> dict[str, Any]:
    """What all values of a class have, and what lets attrs complete it."""
    methods = {"__init__": _first_init, "__attrs_attrs__": _ATTRIBUTES, "__compared__": _COMPARED}
    methods["__match_args__"] = _MATCHED
    if eq and cls.__eq__ is object.__eq__:
        methods |= {"__eq__": _equal, "__hash__": _hash}
    if repr and cls.__repr__ is object.__repr__:
        methods["__repr__"] = _repr
    return methods


def _field(default: Any) -> Any:
    return default if isinstance(default, _FIELD) else attrs.field(default=default)


_FIELD: Any = type(attrs.field())
_FACTORY: Any = attrs.Factory


def _move_methods(cls: type, made: type) -> None:
    """`super()` in the methods of `cls` means the class that was made of it."""
    for value in vars(cls).values():
        kind = type(value)
        if kind is FunctionType:
            function = value
        elif kind in _HOLDS_FUNCTION:
            function = getattr(value, _HOLDS_FUNCTION[kind])
        else:
            continue
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is cls:
                cell.cell_contents = made


_HOLDS_FUNCTION = {
    property: "fget",
    cached_property: "func",
    classmethod: "__func__",
    staticmethod: "__func__",
}
"""What a class has beside plain functions, and where the function of each is."""


def _complete(cls: type) -> None:
    """Let attrs see to `cls`, and to what it is made of."""
    with _lock:
        for each in reversed(cls.__mro__):
            if vars(each).get("__attrs_attrs__") is _ATTRIBUTES:
                _define(each, *_declared[each])


def _define(cls: Any, declared: dict[str, Any], kw_only: bool) -> None:
    these = {name: _field(default) for name, default in declared.items()}
    unchecked = attrs.setters.NO_OP
    attrs.define(
        cls, these=these, kw_only=kw_only, slots=False, init=True, eq=False, repr=False, on_setattr=unchecked
    )


def _first_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """The `__init__` of a class that attrs has not completed."""
    cls: Any = type(self)
    if cls.__dict__.get("__init__") is not _first_init:
        cls = next(each for each in cls.__mro__ if vars(each).get("__init__") is _first_init)
    made = _made.get(cls, 0)
    if made < FEW and _fill(self, cls, args, kwargs):
        _made[cls] = made + 1
    else:
        _complete(cls)
        cls.__init__(self, *args, **kwargs)


_made: dict[type, int] = {}


@cache
def _parameters(cls: Any) -> tuple[dict[str, str], set[str], list[tuple[str, Any]], dict[str, Any], bool]:
    """The field of each parameter, which must be given, the defaults of fields, their converters, and whether
    something is to be done at the end."""
    known = fields(cls)
    by_parameter = {name.lstrip("_"): name for name, field in known.items() if field.init}
    defaults = [(name, field.default) for name, field in known.items() if field.default is not attrs.NOTHING]
    needed = {*by_parameter.values()} - {name for name, _ in defaults}
    converters = {name: field.converter for name, field in known.items() if field.converter is not None}
    return by_parameter, needed, defaults, converters, hasattr(cls, "__attrs_post_init__")


def _fill(self: Any, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Set the fields of a value; False where they cannot be: attrs says why."""
    by_parameter, needed, defaults, converters, goes_on = _parameters(cls)
    by_place = _by_place(cls)
    values = dict(zip(by_place, args, strict=False))
    if len(args) > len(by_place):
        return False
    for parameter, value in kwargs.items():
        name = by_parameter.get(parameter)
        if name is None or name in values:
            return False
        values[name] = value
    if not values.keys() >= needed:
        return False
    for name, value in values.items():
        setattr(self, name, converters[name](value) if name in converters else value)
    if len(values) < len(defaults) + len(needed):
        for name, default in defaults:
            if name in values:
                continue
            if isinstance(default, _FACTORY):
                default = default.factory(self) if default.takes_self else default.factory()
            setattr(self, name, converters[name](default) if name in converters else default)
    if goes_on:
        self.__attrs_post_init__()
    return True


def _equal(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    compared = self.__compared__
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash((type(self), self.__compared__(self)))


def _repr(self: Any) -> str:
    shown = (f"{a.name}={getattr(self, a.name)!r}" for a in self.__attrs_attrs__ if a.repr)
    return f"{type(self).__name__}({', '.join(shown)})"
