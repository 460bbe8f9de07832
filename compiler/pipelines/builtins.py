"""The functions of the language: what each takes and gives. What they do is the executor's part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ...dsl import syntax as s
from ..plan.types import (
    BYTES,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ListType,
    TensorType,
    Type,
    TypeKind,
)
from ..typing.callables import Takes
from ..typing.fit import common
from ..typing.partial import UNKNOWN, is_known, is_text, show_type
from . import templates, tensors
from .arguments import Given, bind, shown_types
from .explain import mismatch
from .texts import check_shown
from .typed import BuiltinCall, Constant, Typed

if TYPE_CHECKING:
    from .infer import Inferrer

_TEXTS = ListType(element=TEXT)

Gives = Callable[["Inferrer", s.CallExpression, Given], Type]
"""The type of what a function gives; mistakes that its arguments make together are reported."""


@frozen(eq=False, repr=False)
class Builtin:
    """A function of the language. takes: without types, what its `gives` looks at."""

    name: str
    takes: tuple[Takes, ...]
    gives: Gives
    positional: int

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        """A call of the function."""
        given, right = bind(inferrer, node, self.name, self.takes, self.positional)
        for takes in self.takes:
            typed = given.get(takes.name)
            if typed is None or not takes.types or any(inferrer.fits(typed, type) for type in takes.types):
                continue
            right = False
            message = (
                f"`{takes.name}` of `{self.name}` is {shown_types(takes)}, found {show_type(typed.type)}"
            )
            mismatch(inferrer, typed, takes.types, message)
        right = right and all(is_known(each.type) for each in given.values())
        type = self.gives(inferrer, node, given) if right else UNKNOWN
        names = [takes.name for takes in self.takes[: self.positional]]
        arguments = tuple(given[name] for name in names if name in given)
        named = {name: typed for name, typed in given.items() if name not in names}
        return BuiltinCall(node, type, self.name, arguments, named)


def _always(type: Type) -> Gives:
    return lambda *_: type


def _top_k(inferrer: Inferrer, node: s.CallExpression, given: Given) -> Type:
    return tensors.top_k(inferrer, given)


def _length(inferrer: Inferrer, node: s.CallExpression, given: Given) -> Type:
    [typed] = given.values()
    if is_text(typed.type) or typed.type.kind in (TypeKind.LIST, TypeKind.BYTES, TypeKind.TENSOR):
        return INT
    shown = show_type(typed.type)
    mismatch(inferrer, typed, (), f"`len` takes a text, a list, bytes or a tensor, found {shown}")
    return UNKNOWN


def _shown(inferrer: Inferrer, node: s.CallExpression, given: Given) -> Type:
    [typed] = given.values()
    return TEXT if check_shown(inferrer, typed) else UNKNOWN


@frozen(eq=False, repr=False)
class _Concat(Builtin):
    """`concat` takes any number of values, all of one type."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        typed = tuple(map(inferrer.infer, node.arguments))
        return BuiltinCall(node, self._type(inferrer, node, typed), self.name, typed, {})

    def _type(self, inferrer: Inferrer, node: s.CallExpression, typed: tuple[Typed, ...]) -> Type:
        named = [each for each in node.arguments if isinstance(each, s.NamedArgument)]
        if named or not typed:
            message = (
                "`concat` takes values without names" if named else "`concat` needs values to put together"
            )
            inferrer.error("E0311", message, named[0].name if named else node, help="write `concat(a, b)`")
            return UNKNOWN
        if not all(is_known(each.type) for each in typed):
            return UNKNOWN
        first = typed[0]
        if isinstance(first.type, TensorType):
            return tensors.concat(inferrer, typed)
        if not is_text(first.type) and not isinstance(first.type, ListType):
            shown = show_type(first.type)
            mismatch(inferrer, first, (), f"`concat` puts texts, lists or tensors together, found {shown}")
            return UNKNOWN
        type: Type = TEXT if is_text(first.type) else first.type
        for each in typed[1:]:
            both = common(type, each.type)
            if both is None or both.kind is not type.kind:
                shown = f"{show_type(first.type)} and {show_type(each.type)}"
                mismatch(inferrer, each, (type,), f"`concat` puts values of one kind together, found {shown}")
                return UNKNOWN
            type = both
        return type


@frozen(eq=False, repr=False)
class _Format(Builtin):
    """`format` takes a template and whatever stands in it."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        return templates.infer_format(inferrer, node)


@frozen(eq=False, repr=False)
class _Image(Builtin):
    """`image` has a size, said or not."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        typed = super().infer(inferrer, node)
        assert isinstance(typed, BuiltinCall)
        for name in ("width", "height"):
            typed.named.setdefault(name, Constant(node, INT, tensors.IMAGE_SIZE))
        return typed


def _takes(name: str, *types: Type, required: bool = True) -> Takes:
    return Takes(name, types, required)


def _optional(name: str, *types: Type) -> Takes:
    return Takes(name, types, required=False)


def _builtins() -> tuple[Builtin, ...]:
    floats = tensors.FLOATS
    return (
        Builtin("cosine", (_takes("a"), _takes("b")), tensors.cosine, 2),
        Builtin("softmax", (_takes("x"),), tensors.same_shape, 1),
        Builtin("normalize", (_takes("x"),), tensors.same_shape, 1),
        Builtin("argmax", (_takes("x"),), tensors.argmax, 1),
        Builtin("top_k", (_takes("scores"), _takes("k", INT), _optional("of")), _top_k, 2),
        _Concat("concat", (), _always(UNKNOWN), 0),
        Builtin("reshape", (_takes("x"), _takes("shape", ListType(element=INT))), tensors.reshape, 2),
        _Image(
            "image",
            (
                _takes("source", BYTES, IMAGE),
                _optional("width", INT),
                _optional("height", INT),
                _optional("mean", floats),
                _optional("std", floats),
            ),
            tensors.image,
            1,
        ),
        Builtin("json_path", (_takes("value", JSON), _takes("path", TEXT)), templates.json_path, 2),
        _Format("format", (), _always(TEXT), 0),
        Builtin("len", (_takes("x"),), _length, 1),
        Builtin(
            "split_text",
            (_takes("x", TEXT), _takes("size", INT), _optional("overlap", INT)),
            _always(_TEXTS),
            2,
        ),
        Builtin("join", (_takes("texts", _TEXTS), _takes("separator", TEXT)), _always(TEXT), 2),
        Builtin("text", (_takes("x"),), _shown, 1),
        Builtin("decode", (_takes("data", BYTES),), _always(TEXT), 1),
    )


BUILTINS: dict[str, Builtin] = {builtin.name: builtin for builtin in _builtins()}
"""The functions by name. What a file declares under the same name goes first."""
