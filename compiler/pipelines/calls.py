"""Calls of deployments, routes, pipelines and externs; records, which are written like calls; and `as`."""

from __future__ import annotations

from attrs import evolve

from ...dsl import syntax as s
from ...dsl.diagnostics import Label, write_instead
from ...dsl.suggest import either, every, offer
from ..evaluation.foreign_values import foreign_call
from ..plan.types import OptionalType, RecordType, TensorType, Type, TypeKind
from ..scope import CALLABLE, Symbol
from ..typing.callables import Callee, Parameter
from ..typing.fit import Binding, is_jsonable
from ..typing.partial import UNKNOWN, is_known, is_text, show_type
from .abilities import check_answer, check_chats, check_images
from .arguments import Arguments, bind, shown_types
from .builtins.table import BUILTINS
from .coerce import first_that_fits, taken_as, tensor_of
from .explain import mismatch
from .inferrer import Inferrer
from .options import infer_with
from .typed import Call, Conversion, Mistake, RecordOf, Typed


def infer_call(inferrer: Inferrer, node: s.CallExpression) -> Typed:
    """What a call gives, whatever is called."""
    symbol = _symbol(inferrer, node.function)
    if symbol is None:
        return _without_declaration(inferrer, node)
    if symbol.is_damaged:
        _arguments(inferrer, node)
        return Mistake(node, UNKNOWN)
    if isinstance(symbol.node, s.TypeDeclaration):
        return _record(inferrer, node, symbol)
    if not isinstance(symbol.node, CALLABLE):
        _arguments(inferrer, node)
        return inferrer.mistake(
            "E0209",
            f"`{symbol.name.text}` is a {symbol.kind}, nothing to call",
            node.function,
            secondary=[Label(symbol.span, "declared here")],
        )
    callee = inferrer.tools.callee(symbol)
    if callee is None:
        _arguments(inferrer, node)
        return Mistake(node, UNKNOWN)
    return _call(inferrer, node, callee)


def _symbol(inferrer: Inferrer, function: s.Expression) -> Symbol | None:
    """The declaration that is called, None when it is none."""
    name = function.base if isinstance(function, s.Member) else function
    if isinstance(name, s.Reference) and inferrer.where_bound(name.name) is not None:
        return None
    return inferrer.scope.find_reference(function)


def _arguments(inferrer: Inferrer, node: s.CallExpression) -> list[Typed]:
    """The arguments, for their own mistakes."""
    return [inferrer.infer(argument) for argument in node.arguments]


def _without_declaration(inferrer: Inferrer, node: s.CallExpression) -> Typed:
    function, scope = node.function, inferrer.scope
    name = function.name if isinstance(function, s.Reference) else None
    bound = inferrer.where_bound(name) if name is not None else None
    if name in BUILTINS and bound is None:
        return BUILTINS[name].infer(inferrer, node)
    _arguments(inferrer, node)
    if isinstance(function, s.Bad) or (name is not None and scope.is_lost(name)):
        return Mistake(node, UNKNOWN)
    if bound is not None:
        place, what = bound
        return inferrer.mistake(
            "E0209",
            f"`{name}` is {what}, nothing to call",
            function,
            secondary=[Label(scope.span(place), "bound here")],
        )
    if isinstance(function, s.Member) and isinstance(function.base, s.Reference):
        return _unknown_member(inferrer, node, function, function.base.name)
    if isinstance(function, s.Member):
        return _no_method(inferrer, function)
    if name is None and not isinstance(function, s.Text):
        inferrer.infer(function)
        return inferrer.mistake("E0209", "only what has a name can be called", function, "no name")
    written = name if name is not None else scope.span(function).text.strip('"')
    known = [] if inferrer.found.is_long else [*scope.names(*CALLABLE, s.TypeDeclaration), *BUILTINS]
    meant = inferrer.found.near(written, known)
    fixes = write_instead(scope.span(function), meant)
    hint = None if fixes else offer(meant)
    told = foreign_call(written)
    if told is not None:
        fixes, hint = [], told
    if not fixes and hint is None and not inferrer.found.is_long:
        hint = f"there are {every(f'`{each}`' for each in known[:12])}"
    return inferrer.mistake(
        "E0201",
        f"there is nothing to call that is named `{written}`",
        function,
        "not declared",
        help=hint,
        fixes=fixes,
    )


def _unknown_member(inferrer: Inferrer, node: s.CallExpression, function: s.Member, alias: str) -> Typed:
    scope = inferrer.scope
    if inferrer.where_bound(alias) is not None:
        return _no_method(inferrer, function)
    if scope.is_lost(alias, is_alias=True):
        return Mistake(node, UNKNOWN)
    if alias in scope.aliases:
        target = scope.aliases[alias]
        hint = offer(inferrer.found.near(function.name.text, target.own))
        message = f"`{target.module.source.name}` declares no `{function.name.text}`"
        return inferrer.mistake("E0201", message, function.name, "not declared there", help=hint)
    hint = offer(inferrer.found.near(alias, scope.aliases))
    if alias in scope.names(*CALLABLE):
        hint = f"what is declared is called by its name alone: `{alias}(…)`"
    return inferrer.mistake("E0201", f"`{alias}` is no imported file", function.base, help=hint)


def _no_method(inferrer: Inferrer, function: s.Member) -> Typed:
    if not is_known(inferrer.infer(function.base).type):
        return Mistake(function, UNKNOWN)
    name = function.name.text
    advice = f"write `{name}(…)`" if name in BUILTINS else foreign_call(name)
    return inferrer.mistake("E0209", "values have no functions of their own", function.name, help=advice)


# ---- deployments, routes, pipelines, externs


def _call(inferrer: Inferrer, node: s.CallExpression, callee: Callee) -> Typed:
    if callee.is_wildcard:
        _arguments(inferrer, node)
        return inferrer.mistake(
            "E0420",
            f"`{callee.name}` leaves the name of its model to clients, and a pipeline names none",
            node.function,
            secondary=[Label(callee.symbol.span, "declared here")],
            help="call a deployment that names its model",
        )
    given, right = bind(inferrer, node, callee.name, callee.parameters, callee.positional, callee.symbol)
    binding = Binding(inferrer.sizes)
    for parameter in callee.parameters:
        typed = given.get(parameter.name)
        made = first_that_fits(inferrer, typed, parameter.types, binding) if typed is not None else None
        if typed is None or made is not None:
            given |= {parameter.name: made} if made is not None else {}
            continue
        right = False
        _does_not_fit(inferrer, callee, parameter, typed)
    if right and callee.choices:
        _exactly_one(inferrer, node, callee, given)
    check_chats(inferrer, callee, node.function)
    check_images(inferrer, callee, given)
    types = {name: typed.type for name, typed in given.items()}
    known = all(map(is_known, types.values()))
    known = (known and right) or callee.chats or callee.task is None
    type = callee.result(types, binding) if known else UNKNOWN
    return Call(node, type, callee, given)


def _does_not_fit(inferrer: Inferrer, callee: Callee, parameter: Parameter, typed: Typed) -> None:
    says = f"`{callee.name}` takes {shown_types(parameter)}"
    more = f" {callee.why}" if callee.why is not None else ""
    mismatch(
        inferrer,
        typed,
        parameter.types,
        f"`{parameter.name}` of `{callee.name}` is {shown_types(parameter)}, found {show_type(typed.type)}",
        beside=[Label(callee.symbol.span, says)],
        because=f"{says}{more}" if more else None,
    )


def _exactly_one(inferrer: Inferrer, node: s.CallExpression, callee: Callee, given: Arguments) -> None:
    there = [name for name in callee.choices if name in given]
    if len(there) == 1:
        return
    listed = either(f"`{name}`" for name in callee.choices)
    message = f"`{callee.name}` takes {listed}, not both" if there else f"`{callee.name}` needs {listed}"
    inferrer.error("E0311", message, node, help=f"write `{callee.name}(text)`, or `messages = …`")


# ---- records


def _record(inferrer: Inferrer, node: s.CallExpression, symbol: Symbol) -> Typed:
    """`Verdict(label = …, confidence = …)`."""
    type = inferrer.tools.types.declared(symbol)
    if not isinstance(type, RecordType):
        _arguments(inferrer, node)
        if type is UNKNOWN:
            return Mistake(node, UNKNOWN)
        return inferrer.mistake(
            "E0209",
            f"`{symbol.name.text}` is {show_type(type)}, and only records are put together",
            node.function,
            secondary=[Label(symbol.span, "declared here")],
        )
    parameters = tuple(
        Parameter(name, (each,), required=not isinstance(each, OptionalType))
        for name, each in type.fields.items()
    )
    given, _ = bind(inferrer, node, symbol.name.text, parameters, 0, symbol)
    for name, typed in list(given.items()):
        made = taken_as(inferrer, typed, type.fields[name])
        if made is not None:
            given[name] = made
            continue
        shown = show_type(type.fields[name])
        mismatch(
            inferrer,
            typed,
            (type.fields[name],),
            f"the field `{name}` of `{symbol.name.text}` is {shown}, found {show_type(typed.type)}",
            beside=[Label(symbol.span, f"`{name}` is {shown}")],
        )
    return RecordOf(node, type, given)


# ---- as


def infer_as(inferrer: Inferrer, node: s.AsType) -> Typed:
    """`call as T` asks for JSON; `json as T` and `text as T` read it."""
    name = node.type_name
    wanted = inferrer.tools.types.resolve(s.TypeName(name.start, name.end, name.text), inferrer.scope)
    inner = _inner(inferrer, node.inner)
    if wanted is UNKNOWN or inner.type is UNKNOWN:
        return Mistake(node, wanted)
    if isinstance(inner.type, TensorType) or isinstance(wanted, TensorType):
        made = _between_tensors(inferrer, inner, wanted)
        if made is not None:
            return made
    if not is_jsonable(wanted):
        message = f"no JSON is {show_type(wanted)}: it cannot be read as that"
        return inferrer.mistake(
            "E0609", message, name, help="tensors and images come from models and built-ins"
        )
    if isinstance(inner, Call) and inner.callee.chats and inner.answer is None:
        if wanted.kind is TypeKind.TEXT:
            return inferrer.mistake(
                "E0609", f"`{inner.callee.name}` gives text anyway", name, help="leave `as text` out"
            )
        check_answer(inferrer, inner)
        return evolve(inner, node=node, type=wanted, answer=wanted)
    if not is_text(inner.type) and inner.type.kind is not TypeKind.JSON:
        shown = show_type(inner.type)
        return inferrer.mistake(
            "E0609",
            f"`as` reads JSON or a text with JSON in it, found {shown}",
            node.inner,
            f"this is {shown}",
            help=_instead_of_as(inferrer, inner, wanted, name.text),
        )
    return Conversion(node, wanted, inner)


def _between_tensors(inferrer: Inferrer, inner: Typed, wanted: Type) -> Typed | None:
    """A tensor read as lists, a number or JSON; JSON or lists read as a tensor; None for all else."""
    if not isinstance(wanted, TensorType):
        return taken_as(inferrer, inner, wanted)
    if inner.type.kind is TypeKind.JSON:
        return Conversion(inner.node, wanted, inner)
    made = tensor_of(inner, wanted.dtype)
    return made if made is not None and inferrer.fits(made, wanted) else None


def _instead_of_as(inferrer: Inferrer, inner: Typed, wanted: Type, name: str) -> str | None:
    if inferrer.fits(inner, wanted):
        return "it has its type already: leave `as` out"
    return f"put a record together: `{name}(…)`" if isinstance(wanted, RecordType) else None


def _inner(inferrer: Inferrer, node: s.Expression) -> Typed:
    if isinstance(node, s.WithOptions):
        return infer_with(inferrer, node, read=True)
    return inferrer.infer(node)
