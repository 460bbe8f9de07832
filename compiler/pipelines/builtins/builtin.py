"""A function of the language, and how the type of what it gives follows from its arguments."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ....dsl import syntax as s
from ....dsl.record import frozen
from ...plan.types import INT, JSON, TEXT, ListType, OptionalType, TensorType, Type, TypeKind
from ...typing.callables import Parameter
from ...typing.fit import common, is_jsonable
from ...typing.partial import UNKNOWN, is_known, is_text, show_type
from .. import templates
from ..arguments import Arguments, bind, shown_types
from ..coerce import as_json, first_that_fits
from ..explain import expect, mismatch
from ..inferrer import Inferrer
from ..texts import check_shown
from ..typed import BuiltinCall, Constant, Typed
from . import tensor_functions, tensors

ResultOf = Callable[[Inferrer, s.CallExpression, Arguments], Type]
"""The type of what a function gives; mistakes that its arguments make together are reported."""


@frozen(eq=False, repr=False)
class Builtin:
    """A function of the language.

    form: how it is written. told: what it gives, in words. parameters: one without types is checked by
    `result`. positional: how many arguments may stand without a name; unset: all.
    """

    form: str
    told: str
    parameters: tuple[Parameter, ...]
    result: ResultOf
    positional: int | None = None

    @property
    def name(self) -> str:
        return self.form.partition("(")[0]

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        """A call of the function."""
        positional = len(self.parameters) if self.positional is None else self.positional
        given, right = bind(inferrer, node, self.name, self.parameters, positional)
        for parameter in self.parameters:
            typed, types = given.get(parameter.name), parameter.types
            if typed is None or not types:
                continue
            made = first_that_fits(inferrer, typed, types)
            if made is not None:
                given[parameter.name] = made
                continue
            right = False
            name, found = f"`{parameter.name}` of `{self.name}`", show_type(typed.type)
            mismatch(inferrer, typed, types, f"{name} is {shown_types(parameter)}, found {found}")
        right = right and all(is_known(each.type) for each in given.values())
        type = self.result(inferrer, node, given) if right else UNKNOWN
        names = [each.name for each in self.parameters[:positional]]
        arguments = tuple(given[name] for name in names if name in given)
        named = {name: typed for name, typed in given.items() if name not in names}
        return BuiltinCall(node, type, self.name, arguments, named)


def always(type: Type) -> ResultOf:
    return lambda *_: type


def top_k(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    return tensors.top_k(inferrer, given)


def length(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if is_text(typed.type) or typed.type.kind in (TypeKind.LIST, TypeKind.BYTES, TypeKind.TENSOR):
        return INT
    shown = show_type(typed.type)
    mismatch(inferrer, typed, (), f"`len` takes a text, a list, bytes or a tensor, found {shown}")
    return UNKNOWN


def first(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if isinstance(typed.type, ListType):
        element = typed.type.element
        return element if isinstance(element, OptionalType) else OptionalType(inner=element)
    mismatch(inferrer, typed, (), f"`first` takes a list, found {show_type(typed.type)}")
    return UNKNOWN


def json(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    if is_jsonable(as_json(typed).type):
        return JSON
    mismatch(inferrer, typed, (JSON,), f"{show_type(typed.type)} cannot be written as JSON")
    return UNKNOWN


def shown(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    [typed] = given.values()
    return TEXT if check_shown(inferrer, typed) else UNKNOWN


@frozen(eq=False, repr=False)
class Concat(Builtin):
    """`concat` takes any number of values, all of one type."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        *others, last = node.arguments or (None,)
        axis = None
        if isinstance(last, s.NamedArgument) and last.name.text == "axis":
            axis = inferrer.infer(last.value)
            expect(inferrer, axis, INT, f"`axis` is an int, found {show_type(axis.type)}")
            node = evolve(node, arguments=tuple(each for each in others if each is not None))
        typed = tuple(map(inferrer.infer, node.arguments))
        type = self._type(inferrer, node, typed, axis)
        return BuiltinCall(node, type, self.name, typed, {} if axis is None else {"axis": axis})

    def _type(
        self, inferrer: Inferrer, node: s.CallExpression, typed: tuple[Typed, ...], axis: Typed | None
    ) -> Type:
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
            return tensor_functions.concat(inferrer, typed, axis)
        if axis is not None:
            inferrer.error("E0311", "only tensors have an `axis` to be joined along", axis.node)
            return UNKNOWN
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
class Format(Builtin):
    """`format` takes a template and whatever stands in it."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        return templates.infer_format(inferrer, node)


@frozen(eq=False, repr=False)
class Image(Builtin):
    """`image` has a size, said or not."""

    def infer(self, inferrer: Inferrer, node: s.CallExpression) -> Typed:
        typed = super().infer(inferrer, node)
        assert isinstance(typed, BuiltinCall)
        for name in ("width", "height"):
            typed.named.setdefault(name, Constant(node, INT, tensors.IMAGE_SIZE))
        return typed
