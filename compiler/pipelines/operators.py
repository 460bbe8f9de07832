"""Arithmetic, comparison, logic, and `else`."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Label, write_instead
from ...dsl.suggest import every
from ..evaluation.arithmetic import JOINED
from ..evaluation.double_signs import report_double_sign
from ..evaluation.operations import as_one_list, operator_span
from ..onnx_model.signature import DType
from ..plan.types import BOOL, FLOAT, INT, TEXT, ChoiceType, ListType, TensorType, Type, TypeKind, quoted
from ..typing.partial import (
    UNKNOWN,
    is_known,
    is_number,
    is_optional,
    is_text,
    show_type,
    without_optional,
)
from .explain import common_type, origin, written
from .inferrer import Inferrer
from .tensor_operators import Unlike, is_tensor, result
from .typed import (
    Attempt,
    BuiltinCall,
    Call,
    Constant,
    Conversion,
    MapOf,
    Mistake,
    Operation,
    PromptOf,
    Typed,
    walk,
)

_MAY_FAIL = (Call, BuiltinCall, Conversion, MapOf, PromptOf)
_COMPARE = ("<", "<=", ">", ">=")
_EQUAL = ("==", "!=")


def infer_unary(inferrer: Inferrer, node: s.Unary) -> Typed:
    """`-x` and `!x`."""
    report_double_sign(node, inferrer.scope, inferrer.found)
    operand = inferrer.infer(node.operand)
    type = operand.type
    if not is_known(type):
        return Mistake(node, UNKNOWN)
    is_bool = type.kind is TypeKind.BOOL or (isinstance(type, TensorType) and type.dtype is DType.BOOL)
    if node.operator == "-" and (
        is_number(type) or (is_tensor(type) and not is_bool and not _has_texts(type))
    ):
        return Operation(node, type, "-", (operand,))
    if node.operator == "!" and is_bool:
        return Operation(node, type, "!", (operand,))
    wanted = "a number" if node.operator == "-" else "true or false"
    return _wrong(inferrer, node, f"`{node.operator}` takes {wanted}, found {show_type(type)}", (operand,))


def infer_binary(inferrer: Inferrer, node: s.Binary) -> Typed:
    """Two values and the operator between them."""
    if node.operator == "else":
        return _attempt(inferrer, node)
    report_double_sign(node, inferrer.scope, inferrer.found)
    left, right = inferrer.infer(node.left), inferrer.infer(node.right)
    if not is_known(left.type) or not is_known(right.type):
        result = _without_operands(node.operator)
        return Operation(node, result, node.operator, (left, right)) if result else Mistake(node, UNKNOWN)
    if is_tensor(left.type, right.type):
        return _of_tensors(inferrer, node, left, right)
    type = _result(node.operator, left.type, right.type)
    if type is None:
        advice = _OTHERWISE if node.operator == "||" else None
        return _wrong(inferrer, node, _message(node.operator, left.type, right.type), (left, right), advice)
    if node.operator in _EQUAL:
        _never_equal(inferrer, left, right)
    return Operation(node, type, node.operator, (left, right))


def _of_tensors(inferrer: Inferrer, node: s.Binary, left: Typed, right: Typed) -> Typed:
    try:
        type = result(node.operator, left.type, right.type, inferrer.sizes)
    except Unlike as why:
        message = f"`{node.operator}` does not take {show_type(left.type)} and {show_type(right.type)}"
        return _wrong(inferrer, node, message, (left, right), str(why))
    if type is None:
        return _wrong(inferrer, node, _message(node.operator, left.type, right.type), (left, right))
    return Operation(node, type, node.operator, (left, right))


_OTHERWISE = "what stands for a value that is missing, or a call that fails, follows `else`: `f(x) else g(x)`"


def _has_texts(type: Type) -> bool:
    return isinstance(type, TensorType) and type.dtype is DType.TEXT


def _without_operands(operator: str) -> Type | None:
    """What an operator gives whatever it takes."""
    return BOOL if operator in (*_COMPARE, *_EQUAL, "&&", "||") else None


def _result(operator: str, left: Type, right: Type) -> Type | None:
    numbers = is_number(left) and is_number(right)
    if operator in ("&&", "||"):
        return BOOL if left.kind is TypeKind.BOOL and right.kind is TypeKind.BOOL else None
    if operator in _EQUAL and left.kind is TypeKind.BOOL and right.kind is TypeKind.BOOL:
        return BOOL
    if operator in _COMPARE or operator in _EQUAL:
        return BOOL if numbers or (is_text(left) and is_text(right)) else None
    if operator == "+" and is_text(left) and is_text(right):
        return TEXT
    if not numbers or operator == "..":
        return None
    if operator == "/":
        return FLOAT
    return INT if left.kind is TypeKind.INT and right.kind is TypeKind.INT else FLOAT


def _message(operator: str, left: Type, right: Type) -> str:
    sides = f"{show_type(left)} and {show_type(right)}"
    match operator:
        case "&&" | "||":
            return f"`{operator}` takes true or false on both sides, found {sides}"
        case "..":
            return "a range belongs in a field, such as `replicas = 2..8`"
        case "+":
            return f"`+` adds numbers or joins texts, and does not take {sides}"
        case "-" | "*" | "/":
            return f"`{operator}` takes numbers, found {sides}"
    return f"`{operator}` compares numbers with numbers and texts with texts, found {sides}"


def _wrong(
    inferrer: Inferrer,
    node: s.Expression,
    message: str,
    operands: tuple[Typed, ...],
    advice: str | None = None,
) -> Typed:
    labels = [Label(inferrer.scope.span(each.node), show_type(each.type)) for each in operands]
    seen = {(label.span.start, label.span.end) for label in labels}
    for operand in operands:
        more, _ = origin(inferrer, operand)
        labels += [label for label in more if (label.span.start, label.span.end) not in seen]
        seen.update((label.span.start, label.span.end) for label in more)
    missing = [each for each in operands if is_optional(each.type)]
    mixed = {is_text(each.type) for each in operands} == {True, False}
    if missing:
        advice = f"it may be missing: say what then, with `({written(inferrer, missing[0])} else …)`"
    elif mixed and isinstance(node, s.Binary) and node.operator == "+":
        advice = 'put values into a text: `"… ${name} …"`'
    elif all(isinstance(each.type, ListType) for each in operands) and getattr(node, "operator", "") == "+":
        message, advice = "lists are not joined with `+`", f"{JOINED}; or join them in an `extern`"
    elif any(isinstance(each.type, ListType) for each in operands) and not is_text(operands[0].type):
        advice = "make a tensor of a list: `tensor(…)`"
    elif any(each.type.kind is TypeKind.JSON for each in operands):
        advice = "JSON may be anything: read it as a type first, with `as T`"
    span = inferrer.scope.module.span(node.start, node.start + 1)
    if isinstance(node, s.Binary):
        span = operator_span(node, inferrer.scope)
    fixes = as_one_list(node, inferrer.scope)
    inferrer.found.error("E0307", message, span, secondary=labels, help=advice, fixes=fixes)
    return Mistake(node, UNKNOWN)


def _never_equal(inferrer: Inferrer, left: Typed, right: Typed) -> None:
    """Report a comparison with a text that the other side never is."""
    for one, other in ((left, right), (right, left)):
        if not isinstance(one, Constant) or not isinstance(one.value, str) or isinstance(other, Constant):
            continue
        if not isinstance(other.type, ChoiceType) or one.value in other.type.values:
            continue
        meant = inferrer.found.near(one.value, other.type.values)
        span = inferrer.scope.span(one.node)
        fixes = write_instead(span, [quoted(each) for each in meant]) if one.origin is None else []
        labels, notes = origin(inferrer, other)
        inferrer.error(
            "E0601",
            f"this is never {quoted(one.value)}: it is {show_type(other.type)}",
            one.node,
            "never equal",
            secondary=labels,
            notes=notes,
            fixes=fixes,
            help=None if fixes else f"it may be {every(map(quoted, other.type.values[:8]))}",
        )


def _attempt(inferrer: Inferrer, node: s.Binary) -> Typed:
    first, otherwise = inferrer.infer(node.left), inferrer.infer(node.right)
    optional = is_optional(first.type)
    present = without_optional(first.type)
    inner = first if not optional else Mistake(first.node, present)
    type = common_type(inferrer, inner, otherwise, "both sides of `else`")
    if not optional and is_known(first.type) and not any(isinstance(each, _MAY_FAIL) for each in walk(first)):
        inferrer.found.warning(
            "W0615",
            "this is always there, so what stands behind `else` is never used",
            inferrer.scope.span(first.node),
            "cannot fail, and is never missing",
            help="put `else` behind the call that may fail: `f(x) else …`",
        )
    return Attempt(node, type, first, otherwise)
