"""Guards of the gateway: do they name externs that can look at texts, and say what becomes of them?"""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.suggest import offer
from ..pipelines.typed import TypedExtern
from ..plan.types import BOOL, TEXT, ListType, OptionalType, RecordType, Type
from ..program import DeclaredGuard, Program
from ..scope import report_unknown
from .keys import ASKED, leads_somewhere, named

_TEXTS = ListType(element=TEXT)
_TOLD: dict[str, tuple[Type, ...]] = {
    "texts": (_TEXTS,),
    "model": (TEXT,),
    "key": (OptionalType(inner=TEXT),),
    "said": (TEXT,),
}
"""What a guard may take, and its types."""

_VERDICTS: tuple[Type, ...] = (BOOL, OptionalType(inner=TEXT), _TEXTS)
_VERDICT = {
    "texts": (_TEXTS, OptionalType(inner=_TEXTS)),
    "refuse": (OptionalType(inner=TEXT),),
}
_FORM = "extern name(texts: list<text>) -> list<text>"


def check(program: Program, found: Diagnostics) -> None:
    """What they name must exist, and be made for that."""
    guards = program.gateway.guards
    if not guards:
        return
    asked = {
        name: symbol
        for scope in program.scopes
        for name, symbol in scope.own.items()
        if isinstance(symbol.node, ASKED)
    }
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
    problems = list(_misfits(extern)) if extern is not None else []
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


def _misfits(extern: TypedExtern) -> Iterator[str]:
    """What it takes or gives that no guard does."""
    taken = {each.node.name.text: each.type for each in extern.parameters}
    if "texts" not in taken:
        yield "it takes no `texts: list<text>`"
    for name, kind in taken.items():
        if name not in _TOLD:
            yield f"nobody gives it `{name}`; a guard may take {', '.join(f'`{each}`' for each in _TOLD)}"
        elif kind not in _TOLD[name]:
            yield f"`{name}` is {_TOLD[name][0]}, not {kind}"
    result = extern.result
    if result in _VERDICTS:
        return
    if not isinstance(result, RecordType) or not result.fields:
        yield f"its result is {result}, which does not say whether the texts pass"
        return
    for name, kind in result.fields.items():
        if name not in _VERDICT:
            yield f"its result has a field `{name}`, which means nothing here"
        elif kind not in _VERDICT[name]:
            yield f"`{name}` of its result is {_VERDICT[name][0]}, not {kind}"
