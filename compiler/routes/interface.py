"""The members of a route take the same and give the same, so that each can answer; so does the route."""

from __future__ import annotations

from functools import reduce

from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import TaskKind
from ..plan.capabilities import Capabilities
from ..plan.endpoints import chats
from ..plan.types import ListType, RecordType, TensorType, Type
from ..scope import Scope, Symbol
from ..typing.callables import Callee
from ..typing.fit import Binding, Sizes
from ..typing.partial import show_type
from .typed import Member

_FAMILIES = {TaskKind.GENERATE: TaskKind.CHAT}
"""Tasks that answer each other's requests."""


def route_callee(
    symbol: Symbol, members: tuple[Member, ...], scope: Scope, found: Diagnostics
) -> Callee | None:
    """What a call of the route takes and gives; None when its members differ, which is reported."""
    known = [member for member in members if member.callee is not None]
    if not known:
        return None
    first = known[0]
    right = len(known) == len(members)
    for member in known[1:]:
        right = _agrees(first, member, scope, found) and right
    assert first.callee is not None
    if not right:
        return None
    tasks = {member.callee.task for member in known if member.callee is not None}
    task = first.callee.task if len(tasks) == 1 else TaskKind.CHAT
    return Callee(
        symbol,
        task,
        first.callee.parameters,
        first.callee.result,
        first.callee.positional,
        first.callee.why,
        first.callee.choices,
        any(member.callee.is_wildcard for member in known if member.callee is not None),
        reduce(Capabilities.alike, (member.callee.can for member in known if member.callee is not None)),
    )


def _agrees(first: Member, other: Member, scope: Scope, found: Diagnostics) -> bool:
    mine, theirs = first.callee, other.callee
    assert mine is not None
    assert theirs is not None
    if _family(mine) is not _family(theirs):
        _differ(first, other, f"does `{mine.task}`", f"does `{theirs.task}`", scope, found)
        return False
    if _has(mine) and _has(theirs) and set(_has(mine)).isdisjoint(_has(theirs)):
        _differ(first, other, f"answers {_listed(mine)}", f"answers {_listed(theirs)}", scope, found)
        return False
    if [each.name for each in mine.parameters] != [each.name for each in theirs.parameters]:
        _differ(first, other, _inputs(mine), _inputs(theirs), scope, found)
        return False
    for given, taken in zip(mine.parameters, theirs.parameters, strict=True):
        for one, another in zip(given.types, taken.types, strict=False):
            if not same(one, another):
                _differ(
                    first,
                    other,
                    f"takes `{given.name}` as {show_type(one)}",
                    f"takes it as {show_type(another)}",
                    scope,
                    found,
                )
                return False
    one, another = result(mine), result(theirs)
    if same(one, another):
        return True
    _differ(first, other, f"gives {show_type(one)}", f"gives {show_type(another)}", scope, found)
    return False


def _has(callee: Callee) -> tuple[str, ...]:
    """The endpoints of OpenAI's API that a model is known to have; chats are one of them."""
    if callee.task is not TaskKind.CHAT or callee.can.endpoints is None:
        return ()
    found = callee.can.endpoints
    return ("chat/completions", *found) if chats(callee.can) and "chat/completions" not in found else found


def _listed(callee: Callee) -> str:
    return ", ".join(f"`/{each}`" for each in _has(callee))


def _family(callee: Callee) -> TaskKind | None:
    return _FAMILIES.get(callee.task, callee.task) if callee.task is not None else None


def _inputs(callee: Callee) -> str:
    return f"takes {', '.join(f'`{each.name}`' for each in callee.parameters)}"


def result(callee: Callee) -> Type:
    """What a callee gives for one value."""
    given = {each.name: each.types[0] for each in callee.parameters}
    return callee.result(given, Binding(Sizes()))


def same(left: Type, right: Type) -> bool:
    """Whether two types are the same, as far as they are known: open sizes are whatever the others are."""
    match left, right:
        case TensorType(), TensorType():
            if left.dtype is not right.dtype:
                return False
            if left.shape is None or right.shape is None:
                return True
            return len(left.shape) == len(right.shape) and all(
                a == b or not isinstance(a, int) or not isinstance(b, int)
                for a, b in zip(left.shape, right.shape, strict=True)
            )
        case ListType(), ListType():
            return same(left.element, right.element)
        case RecordType(), RecordType():
            return left.fields.keys() == right.fields.keys() and all(
                same(each, right.fields[name]) for name, each in left.fields.items()
            )
    return left == right


def _differ(first: Member, other: Member, mine: str, theirs: str, scope: Scope, found: Diagnostics) -> None:
    labels = [Label(scope.span(first.node), f"`{first.name}` {mine}")]
    notes = []
    for member in (first, other):
        callee = member.callee
        assert callee is not None
        if isinstance(member.target, Symbol):
            labels.append(Label(member.target.span, f"`{member.name}` is declared here"))
        if callee.why is not None:
            notes.append(f"`{callee.name}` gives {show_type(result(callee))} {callee.why}")
    found.error(
        "E0610",
        f"`{other.name}` cannot stand for `{first.name}`: it {theirs}, the other {mine}",
        scope.span(other.node),
        f"`{other.name}` {theirs}",
        secondary=labels,
        notes=notes,
        help="members of a route answer the same requests with the same kind of answer",
    )
