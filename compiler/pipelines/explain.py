"""Values that do not fit: what each side is, where its type comes from, and what would help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Label
from ...dsl.suggest import either
from ...dsl.wording import as_name
from ..plan.types import ListType, OptionalType, RecordType, TensorType, Type, TypeKind
from ..scope import Scope
from ..typing.fit import Binding, common, fits, numbers_in
from ..typing.partial import UNKNOWN, show_type
from ..typing.resolve import TypeResolver
from .inferrer import Inferrer
from .typed import Call, Constant, FieldOf, ParameterValue, StepValue, Typed, VariableValue


def mismatch(
    inferrer: Inferrer,
    typed: Typed,
    expected: Iterable[Type],
    message: str,
    *,
    beside: Iterable[Label] = (),
    because: str | None = None,
    help: str | None = None,
) -> None:
    """Report that a value does not fit where it stands.

    beside: where what is expected comes from. because: the same, where no file of the language shows it.
    """
    if inferrer.is_told(message, typed):
        return
    labels, notes = origin(inferrer, typed)
    if because is not None:
        notes = [because, *notes]
    advice = help or _advice(inferrer, typed, tuple(expected))
    inferrer.error(
        "E0601",
        message,
        typed.node,
        f"this is {show_type(typed.type)}",
        secondary=[*beside, *labels],
        notes=notes,
        help=advice,
    )


def expect(inferrer: Inferrer, typed: Typed, expected: Type, message: str, **details: Any) -> bool:
    """Whether a value is of the type `expected`; reported when it is not."""
    if inferrer.fits(typed, expected):
        return True
    mismatch(inferrer, typed, (expected,), message, **details)
    return False


def common_type(inferrer: Inferrer, first: Typed, second: Typed, both: str) -> Type:
    """The type of a value that is one or the other; reported when there is none."""
    type = common(first.type, second.type)
    if type is not None:
        return type
    mismatch(
        inferrer,
        second,
        (),
        f"{both} have one type: {show_type(first.type)} and {show_type(second.type)} do not go together",
        beside=[Label(inferrer.scope.span(first.node), show_type(first.type))],
    )
    return UNKNOWN


def origin(inferrer: Inferrer, typed: Typed) -> tuple[list[Label], list[str]]:
    """The places that decide what type a value has, and reasons that no file shows."""
    return origin_in(inferrer.scope, inferrer.tools.types, typed)


def origin_in(scope: Scope, types: TypeResolver, typed: Typed) -> tuple[list[Label], list[str]]:
    """The same for a value of the file `scope`, after its check."""
    shown = show_type(typed.type)
    match typed:
        case ParameterValue():
            return [Label(scope.span(typed.declared), f"`{typed.declared.name.text}` is {shown}")], []
        case StepValue(step=step) if step.name is not None:
            labels, notes = origin_in(scope, types, step.value)
            return [Label(scope.span(step.name), f"`{step.name.text}` is {shown}"), *labels], notes
        case VariableValue(variable=variable):
            return [Label(scope.span(variable.name), f"`{variable.name.text}` is {shown}")], []
        case Constant(origin=symbol) if symbol is not None:
            return [Label(symbol.span, f"`{symbol.name.text}` is {shown}")], []
        case FieldOf(of=of):
            labels, notes = origin_in(scope, types, of)
            record = of.type
            span = types.field_span(record, typed.name) if isinstance(record, RecordType) else None
            if span is not None:
                return [Label(span, f"`{typed.name}` is {shown}")], []
            return labels[:1], notes
        case Call(callee=callee) if typed.answer is None:
            says = f"`{callee.name}` gives {shown}"
            notes = [f"{says} {callee.why}"] if callee.why is not None else []
            return [Label(callee.symbol.span, says)], notes
    return [], []


def written(inferrer: Inferrer, typed: Typed) -> str:
    """A value as the file writes it, so that something can be added after it; `…` when that is long."""
    text = inferrer.scope.span(typed.node).text
    if len(text) > 40 or "\n" in text:
        return "…"
    return text if isinstance(typed.node, _TIGHT) else f"({text})"


_TIGHT = (s.Reference, s.Member, s.CallExpression, s.Text, s.Number, s.Boolean, s.ListExpression)
"""What needs no parentheses before a `.`."""


def _advice(inferrer: Inferrer, typed: Typed, expected: tuple[Type, ...]) -> str | None:
    """What could be done about a value that fits none of `expected`."""

    def right(type: Type) -> bool:
        return any(fits(type, each, Binding(inferrer.sizes)) for each in expected)

    name = written(inferrer, typed)
    short = name != "…"
    match typed.type:
        case OptionalType(inner=inner) if right(inner):
            return f"it may be missing: say what then, with `{name} else …`"
        case RecordType(fields=fields):
            fitting = [field for field, type in fields.items() if right(type)]
            if fitting and short:
                return f"did you mean {either(f'`{name}.{as_name(field)}`' for field in fitting[:4])}?"
        case ListType(element=element) if right(element):
            return "this is for one value: go through the list with `[… for x in …]`"
        case type if right(ListType(element=type)):
            return f"put it into a list: `[{name}]`"
        case type if type.kind is TypeKind.JSON and expected:
            return f"JSON may be anything: read it as a type first, with `{name} as T`"
    kinds = {each.kind for each in expected}
    if TypeKind.INT in kinds and typed.type.kind is TypeKind.FLOAT:
        bare = name.removeprefix("(").removesuffix(")") if isinstance(typed.node, s.Binary) else name
        return f"`floor({bare})` rounds it down to an `int`, `round({bare})` to the nearest one"
    if TypeKind.TEXT in kinds and typed.type.kind in (TypeKind.INT, TypeKind.FLOAT, TypeKind.BOOL):
        return f"make a text of it: `text({name})`"
    if TypeKind.TEXT in kinds and typed.type.kind is TypeKind.BYTES:
        return f"read it as UTF-8: `decode({name})`"
    if TypeKind.CHOICE in kinds and typed.type.kind is TypeKind.TEXT:
        return "a text may be anything: `match` it, or ask a model for it with `as T`"
    return _reshaped(typed.type, expected, name)


def _reshaped(actual: Type, expected: tuple[Type, ...], name: str) -> str | None:
    """The same numbers in another shape."""
    for each in expected:
        if isinstance(each, TensorType) and isinstance(actual, TensorType) and each.dtype is actual.dtype:
            count = numbers_in(each.shape)
            if count is not None and count == numbers_in(actual.shape):
                assert each.shape is not None
                return f"these are as many numbers: `reshape({name}, [{', '.join(map(str, each.shape))}])`"
    return None
