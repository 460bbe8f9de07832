"""`attrs.frozen` and `attrs.define` for type checkers, and quicker classes while programs run.

What attrs writes and compiles for a class costs twenty times the class itself, and a command needs few of the
classes that it imports: here attrs does its work when a class is first used. Type checkers alone see to it
that what is frozen does not change; what attrs does to keep it costs more than all else of making a value.
"""

from __future__ import annotations

from functools import cached_property, partial
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeGuard

import attrs

if TYPE_CHECKING:
    from attrs import define as define
    from attrs import frozen as frozen
else:

    def frozen(cls=None, *, eq=True, repr=True, kw_only=False):
        """A class of values with slots. eq: compared by their fields, else by identity."""
        if cls is None:
            return partial(frozen, eq=eq, repr=repr, kw_only=kw_only)
        return _with_slots(cls, eq, repr, kw_only)

    def define(cls=None, *, eq=True, repr=True, kw_only=False):
        """The same of what changes, and has no hash where it is compared by its fields."""
        if cls is None:
            return partial(define, eq=eq, repr=repr, kw_only=kw_only)
        made = _with_slots(cls, eq, repr, kw_only)
        if made.__hash__ is _hash:
            made.__hash__ = None
        return made


__all__ = ["define", "frozen", "is_record"]

_waiting: dict[type, tuple[dict[str, Any], bool]] = {}
"""Classes that attrs has not seen yet: their fields, and whether those are given by name alone."""
_lock = RLock()


def is_record(cls: Any) -> TypeGuard[type]:
    """Whether `cls` is a class of values; it is not completed for that."""
    return cls in _waiting or (isinstance(cls, type) and attrs.has(cls))


class _Attributes:
    """Stands where attrs keeps the fields of a class, until somebody asks for them."""

    def __get__(self, instance: object, owner: type) -> Any:
        _complete(owner)
        return owner.__attrs_attrs__  # type: ignore[attr-defined]


class _Compared:
    """Stands for what gives the fields by which a value is compared, such as one that came from elsewhere."""

    def __get__(self, instance: object, owner: type) -> Any:
        _complete(owner)
        return owner.__compared__  # type: ignore[attr-defined]


_ATTRIBUTES, _COMPARED = _Attributes(), _Compared()


def _with_slots(cls: Any, eq: bool, repr: bool, kw_only: bool) -> type:
    """`cls` anew, with a slot for each field, and methods that let attrs complete it."""
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    kinds = cls.__annotations__
    named = [name for name, kind in kinds.items() if "ClassVar" not in str(kind)]
    fields = {name: body.pop(name, attrs.NOTHING) for name in named}
    above = {slot for base in cls.__mro__ for slot in getattr(base, "__slots__", ())}
    slots = [name for name in fields if name not in above]
    if any(isinstance(value, cached_property) for value in body.values()) and "__dict__" not in above:
        slots.append("__dict__")
    if "__weakref__" not in above:
        slots.append("__weakref__")
    body |= {"__slots__": tuple(slots), "__qualname__": cls.__qualname__, "__annotations__": kinds}
    body |= {"__init__": _first_init, "__attrs_attrs__": _ATTRIBUTES, "__compared__": _COMPARED}
    if eq and cls.__eq__ is object.__eq__:
        body |= {"__eq__": _equal, "__hash__": _hash}
    if repr and cls.__repr__ is object.__repr__:
        body["__repr__"] = _repr
    made: type = type(cls)(cls.__name__, cls.__bases__, body)
    _move_methods(cls, made)
    _waiting[made] = fields, kw_only
    return made


def _field(default: Any) -> Any:
    return default if isinstance(default, _FIELD) else attrs.field(default=default)


_FIELD: Any = type(attrs.field())


def _move_methods(cls: type, made: type) -> None:
    """`super()` in the methods of `cls` means the class that was made of it."""
    for value in vars(cls).values():
        function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is cls:
                cell.cell_contents = made


def _complete(cls: type) -> None:
    """Let attrs see to `cls`, and to what it is made of."""
    with _lock:
        for each in reversed(cls.__mro__):
            if each in _waiting:
                _define(each, *_waiting[each])
                del _waiting[each]


def _define(cls: Any, fields: dict[str, Any], kw_only: bool) -> None:
    these = {name: _field(default) for name, default in fields.items()}
    unchecked = attrs.setters.NO_OP
    attrs.define(
        cls, these=these, kw_only=kw_only, slots=False, init=True, eq=False, repr=False, on_setattr=unchecked
    )
    cls.__compared__ = staticmethod(_getter([each.name for each in cls.__attrs_attrs__ if each.eq]))


def _getter(names: list[str]) -> Any:
    return attrgetter(*names) if names else lambda _: ()


def _first_init(self: Any, *args: Any, **kwargs: Any) -> None:
    _complete(type(self))
    self.__init__(*args, **kwargs)


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
