"""Texts, and the values that stand between `${` and `}` in them."""

from __future__ import annotations

from ...dsl import syntax as s
from ..plan.types import TEXT, ChoiceType
from ..typing.fit import is_jsonable
from ..typing.partial import is_optional, show_type
from .braces import check_text
from .coerce import as_json
from .explain import mismatch
from .inferrer import Inferrer
from .typed import Constant, Interpolation, Typed


def infer_text(inferrer: Inferrer, node: s.Text) -> Typed:
    """A literal is a choice of one text; with values in it, it is any text."""
    if len(node.parts) == 1 and isinstance(node.parts[0], str):
        if id(node) not in inferrer.templates:
            check_text(inferrer, node)
        return Constant(node, ChoiceType(values=(node.parts[0],)), node.parts[0])
    literals = tuple(part for part in node.parts if isinstance(part, str))
    values = tuple(_value(inferrer, part) for part in node.parts if isinstance(part, s.Reference))
    return Interpolation(node, TEXT, literals, values)


def _value(inferrer: Inferrer, part: s.Reference) -> Typed:
    typed = inferrer.infer(_expression(part))
    check_shown(inferrer, typed)
    return typed


def _expression(part: s.Reference) -> s.Expression:
    """`a.b` between `${` and `}` is read as one name."""
    base, dot, name = part.name.partition(".")
    if not dot:
        return part
    middle = part.start + len(base)
    first = s.Reference(part.start, middle, base)
    return s.Member(part.start, part.end, first, s.Identifier(middle + 1, part.end, name))


def check_shown(inferrer: Inferrer, typed: Typed) -> bool:
    """Report a value that no text can hold."""
    if is_optional(typed.type):
        message = f"what may be missing cannot be put into a text, and this is {show_type(typed.type)}"
        mismatch(
            inferrer, typed, (TEXT,), message, help="say what stands there instead, with a step and `else`"
        )
        return False
    if not is_jsonable(as_json(typed).type):
        mismatch(inferrer, typed, (TEXT,), f"{show_type(typed.type)} cannot be put into a text")
        return False
    return True
