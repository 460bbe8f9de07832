"""Guards of the gateway: do they name externs that can look at texts, and say what becomes of them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.suggest import offer
from ..program import DeclaredGuard, Program
from ..scope import report_unknown
from .keys import asked_by, leads_somewhere, named

if TYPE_CHECKING:
    from ..pipelines.typed import TypedExtern

_FORM = "extern name(texts: list<text>) -> list<text>"


def check(program: Program, found: Diagnostics) -> None:
    """What they name must exist, and be made for that."""
    guards = program.gateway.guards
    if not guards:
        return
    asked = asked_by(program)
    keys = {key.name: key for key in program.gateway.keys}
    externs = {
        id(each.symbol.node): each for each in (program.graph.externs if program.graph is not None else ())
    }
    for guard in guards:
        if guard.setting("request") is None and guard.setting("answer") is None:
            found.error(
                "E0305",
                f"the guard `{guard.name}` needs `request` or `answer`",
                guard.span,
                "looks at nothing",
                help="add `request = name_of_an_extern`, `answer = name_of_an_extern`, or both",
            )
        for name, span in named(guard, "models", guard.guard.models):
            leads_somewhere(name, span, asked, found)
        for name, span in named(guard, "keys", guard.guard.keys):
            if "*" not in name and name not in keys:
                hint = offer(found.near(name, list(keys))) or "name a `key` of the gateway"
                found.error("E0201", f"there is no key `{name}`", span, "not declared", help=hint)
        if guard.guard.pieces is not None and guard.guard.answer is None:
            found.error(
                "E0305",
                "`pieces` says how answers are seen, and no extern sees them",
                guard.written("pieces"),
                help="add `answer = name_of_an_extern`, or remove it",
            )
        for field in ("request", "answer"):
            _extern(guard, field, externs, found)


def _extern(guard: DeclaredGuard, field: str, externs: dict[int, TypedExtern], found: Diagnostics) -> None:
    """What stands at `field` is an extern that takes texts, and says what becomes of them."""
    setting = guard.setting(field)
    if setting is None or getattr(guard.guard, field) is None:
        return
    node = setting.node.value
    symbol = setting.scope.find_reference(node)
    if symbol is None:
        report_unknown(setting.scope, node, "extern", found, s.ExternDeclaration)
        return
    if not isinstance(symbol.node, s.ExternDeclaration):
        found.error(
            "E0209",
            f"`{symbol.name.text}` is a {symbol.kind}, not an extern",
            setting.span,
            secondary=[Label(symbol.span, "declared here")],
            help=f"a guard is code of your own: `{_FORM} = python(…)`",
        )
        return
    extern = externs.get(id(symbol.node))
    problems = _problems(extern) if extern is not None else []
    if problems:
        found.error(
            "E0432",
            f"`{symbol.name.text}` cannot be a guard: {problems[0]}",
            setting.span,
            "cannot look at texts",
            secondary=[Label(symbol.span, "declared here")],
            help=f"declare it as `{_FORM}`, or with the result `bool`, `text?`, or "
            "`{ texts: list<text>?, refuse: text? }`",
        )


def _problems(extern: TypedExtern) -> list[str]:
    from .guard_externs import misfits  # most files have no guards

    return list(misfits(extern))
