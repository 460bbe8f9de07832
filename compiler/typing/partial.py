"""Types that only the checker knows: that of a mistake, and that of the values of an empty list."""

from __future__ import annotations

from ...dsl.record import frozen
from ...dsl.wording import shorten
from ..plan.types import ChoiceType, ListType, OptionalType, Type, TypeKind, quoted

_MOST_SHOWN = 6


@frozen(kw_only=True)
class UnknownType(Type):
    """The type of a value with a mistake. The mistake is reported; using the value is no second one."""

    kind: TypeKind = TypeKind.JSON


UNKNOWN = UnknownType()
NOTHING = ChoiceType(values=())
"""The type of the values of an empty list: it fits everywhere."""


def is_known(type: Type) -> bool:
    """Whether a type, or that of its values, is known. The fields of a record are asked one by one."""
    while isinstance(type, ListType | OptionalType):
        type = type.element if isinstance(type, ListType) else type.inner
    return type is not UNKNOWN


def is_optional(type: Type) -> bool:
    return type.kind is TypeKind.OPTIONAL


def without_optional(type: Type) -> Type:
    """`T` of `T?`, and every other type as it is."""
    return type.inner if isinstance(type, OptionalType) else type


def is_text(type: Type) -> bool:
    """Whether it is text, or one of a few texts."""
    return type.kind is TypeKind.TEXT or type.kind is TypeKind.CHOICE


def is_number(type: Type) -> bool:
    return type.kind is TypeKind.INT or type.kind is TypeKind.FLOAT


def show_type(type: Type) -> str:
    """A type as messages show it: like a file writes it, but short."""
    match type:
        case ChoiceType(values=()):
            return "nothing"
        case ChoiceType(values=values):
            shown = [quoted(shorten(value, 24)) for value in values[:_MOST_SHOWN]]
            more = [f"{len(values) - _MOST_SHOWN} more"] if len(values) > _MOST_SHOWN else []
            return " | ".join([*shown, *more])
        case ListType(element=element):
            return f"list<{show_type(element)}>"
        case OptionalType(inner=ChoiceType() as inner):
            return f"({show_type(inner)})?"
        case OptionalType(inner=inner):
            return f"{show_type(inner)}?"
    return shorten(str(type), 90)
