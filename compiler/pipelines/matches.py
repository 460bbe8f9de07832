"""`match`: each value of the subject has one arm, and each arm has a value."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Edit, Fix, Label, write_instead
from ...dsl.suggest import every
from ...dsl.values import show
from ..plan.types import ChoiceType, Type, TypeKind, quoted
from ..typing.fit import common
from ..typing.partial import NOTHING, UNKNOWN, is_optional, show_type
from .explain import mismatch, origin, written
from .inferrer import Inferrer
from .typed import MatchOf, Typed, TypedArm

_MATCHED = (TypeKind.CHOICE, TypeKind.TEXT, TypeKind.INT, TypeKind.BOOL)
_ANY = "_"


def infer_match(inferrer: Inferrer, node: s.Match) -> Typed:
    """The type of all arms together; the patterns must fit the subject and leave nothing out."""
    subject = inferrer.infer(node.subject)
    type = subject.type
    if type is not UNKNOWN and type.kind not in _MATCHED:
        _not_matched(inferrer, subject)
        type = UNKNOWN
    seen: dict[object, s.Expression] = {}
    arms: list[TypedArm] = []
    damaged = False
    for arm in node.arms:
        before = len(inferrer.found.items)
        values = _patterns(inferrer, arm, type, subject, seen)
        damaged = damaged or len(inferrer.found.items) > before
        arms.append(TypedArm(values, inferrer.infer(arm.value)))
    if type is not UNKNOWN and not damaged:
        _exhaustive(inferrer, node, subject, type, seen)
    return MatchOf(node, _result(inferrer, arms), subject, tuple(arms))


def _not_matched(inferrer: Inferrer, subject: Typed) -> None:
    shown = show_type(subject.type)
    advice = "use `if` with comparisons" if subject.type.kind is TypeKind.FLOAT else None
    if is_optional(subject.type):
        advice = f"it may be missing: say what then, with `match ({written(inferrer, subject)} else …)`"
    mismatch(inferrer, subject, (), f"`match` takes text, int or bool, found {shown}", help=advice)


def _patterns(
    inferrer: Inferrer, arm: s.Arm, type: Type, subject: Typed, seen: dict[object, s.Expression]
) -> tuple[object, ...]:
    """The values that an arm is for; empty when it is for all others."""
    values: list[object] = []
    for pattern in arm.patterns:
        if isinstance(pattern, s.Reference) and pattern.name == _ANY:
            if len(arm.patterns) > 1:
                inferrer.error("E0604", "`_` stands for all values, the others beside it for none", pattern)
            value: object = _ANY_VALUE
        else:
            value = _literal(inferrer, pattern)
            if value is None:
                continue
            if type is not UNKNOWN and not _possible(value, type):
                _never(inferrer, pattern, value, subject, type)
                continue
        key = (value.__class__, value)
        first = seen.get(_KEY_OF_ANY) or seen.get(key)
        if first is not None:
            what = (
                "`_` stands above it"
                if seen.get(_KEY_OF_ANY) is first
                else f"{show(value)} has an arm already"
            )
            inferrer.error(
                "E0604",
                f"this arm never runs: {what}",
                pattern,
                "never reached",
                secondary=[Label(inferrer.scope.span(first), "this one runs")],
                help="remove it, or put it above" if seen.get(_KEY_OF_ANY) is first else "remove one of them",
            )
            continue
        seen[key] = pattern
        if value is not _ANY_VALUE:
            values.append(value)
    return tuple(values)


class _Any:
    """What `_` stands for."""


_ANY_VALUE = _Any()
_KEY_OF_ANY = (_Any, _ANY_VALUE)


_WORDS_FOR_ANY = ("default", "otherwise", "other", "others")


def _literal(inferrer: Inferrer, pattern: s.Expression) -> object:
    """The value of a pattern, None when it is none that can be compared."""
    match pattern:
        case s.Text(parts=(str(text),)):
            return text
        case s.Number(value=int() as number) if type(number) is int:
            return number
        case s.Boolean(value=value):
            return value
        case s.Bad():
            return None
        case s.Reference(name=name):
            span = inferrer.scope.span(pattern)
            meant = _ANY if name in _WORDS_FOR_ANY else quoted(name)
            message, fixes = f"`{name}` is no value that a pattern can have", write_instead(span, [meant])
            inferrer.error("E0604", message, pattern, "a bare word", fixes=fixes)
            return None
    inferrer.error(
        "E0604",
        "a pattern is a text, a whole number, `true`, `false` or `_`",
        pattern,
        help="use `if` with comparisons for all else",
    )
    return None


def _possible(value: object, type: Type) -> bool:
    if isinstance(type, ChoiceType):
        return value in type.values
    wanted = {TypeKind.TEXT: str, TypeKind.INT: int, TypeKind.BOOL: bool}[type.kind]
    return value.__class__ is wanted


def _never(inferrer: Inferrer, pattern: s.Expression, value: object, subject: Typed, type: Type) -> None:
    labels, notes = origin(inferrer, subject)
    span = inferrer.scope.span(pattern)
    fixes: list[Fix] = []
    advice = None
    if isinstance(type, ChoiceType):
        meant = inferrer.found.near(value, type.values) if isinstance(value, str) else []
        fixes = write_instead(span, [quoted(each) for each in meant])
        if not fixes:
            advice = f"it is {every(map(quoted, type.values[:8]))}" if len(type.values) <= 8 else None
    inferrer.error(
        "E0604",
        f"this arm never runs: the value is never {show(value)}",
        pattern,
        f"it is {show_type(type)}",
        secondary=labels,
        notes=notes,
        help=advice,
        fixes=fixes,
    )


def _exhaustive(
    inferrer: Inferrer, node: s.Match, subject: Typed, type: Type, seen: dict[object, s.Expression]
) -> None:
    if _KEY_OF_ANY in seen:
        return
    missing: list[str]
    if isinstance(type, ChoiceType):
        missing = [quoted(value) for value in type.values if (str, value) not in seen]
    elif type.kind is TypeKind.BOOL:
        missing = [word for word, value in (("true", True), ("false", False)) if (bool, value) not in seen]
    else:
        missing = [_ANY]
    if not missing:
        return
    labels, notes = origin(inferrer, subject)
    listed = every(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
    what = f"there is no arm for {listed}" if missing != [_ANY] else f"{show_type(type)} may be anything"
    if len(missing) > 8:
        missing = [_ANY]
    inferrer.error(
        "E0603",
        f"this `match` leaves values out: {what}",
        node.subject,
        f"this is {show_type(type)}",
        secondary=labels,
        notes=notes,
        fixes=[_add_arms(inferrer, node, missing)] if node.arms else (),
        help=None if node.arms else "write an arm for each value, or `_ => …` for all",
    )


def _add_arms(inferrer: Inferrer, node: s.Match, missing: list[str]) -> Fix:
    """Arms for what is left out, each with the value of the last arm: a place to write another one."""
    source, last = inferrer.scope.module.source, node.arms[-1]
    text = source.text
    line = text.rfind("\n", 0, last.start) + 1
    indent = text[line : last.start]
    separator = f"\n{indent}" if not indent.strip() and line else ", "
    value = text[last.value.start : last.value.end]
    arms = "".join(f"{separator}{pattern} => {value}" for pattern in missing)
    end = inferrer.scope.module.span(last.end, last.end)
    what, gives = ("the missing arm", "it gives") if len(missing) == 1 else ("the missing arms", "they give")
    return Fix(f"add {what}, and say what {gives}", (Edit(end, arms),), safe=False)


def _result(inferrer: Inferrer, arms: list[TypedArm]) -> Type:
    type: Type = NOTHING
    for arm in arms:
        both = common(type, arm.value.type)
        if both is None:
            first = next(each for each in arms if common(each.value.type, arm.value.type) is None).value
            mismatch(
                inferrer,
                arm.value,
                (),
                f"all arms have one type: the first gives {show_type(first.type)}, this one "
                f"{show_type(arm.value.type)}",
                beside=[Label(inferrer.scope.span(first.node), show_type(first.type))],
            )
            return UNKNOWN
        type = both
    return type if arms else UNKNOWN
