"""`with { tools = [a, b] }`: pipelines and externs that a chat model may call."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Label
from ...dsl.suggest import every, offer
from ..blocks.merge import Setting
from ..plan.types import ListType, OptionalType, RecordType, Type, TypeKind
from ..typing.callables import Callee
from ..typing.fit import Binding, is_jsonable
from ..typing.partial import show_type
from .abilities import check_tools
from .inferrer import Inferrer
from .typed import Tool

OPTIONS = ("tools", "max_rounds", "on_tool_error")
"""Those of a call that are about tools."""

MOST = 128
"""Functions that one model is told of; OpenAI takes no more."""

_FUNCTIONS = (s.PipelineDeclaration, s.ExternDeclaration)
_NEVER_SHOWN = (TypeKind.BYTES, TypeKind.IMAGE)


def tools_of(inferrer: Inferrer, callee: Callee, setting: Setting) -> tuple[Tool, ...]:
    """The functions that the setting names; what no model can call is reported."""
    written = setting.node.value
    items = written.items if isinstance(written, s.ListExpression) else (written,)
    if len(items) > MOST:
        inferrer.error("E0311", f"a model is told of {MOST} functions at most, found {len(items)}", written)
        return ()
    check_tools(inferrer, callee, setting)
    found: list[Tool] = []
    for item in items:
        tool = _tool(inferrer, item)
        if tool is None:
            continue
        first = next((each for each in found if each.callee.symbol.node is tool.callee.symbol.node), None)
        if first is None:
            found.append(tool)
            continue
        inferrer.error(
            "E0311",
            f"`{tool.callee.name}` is given twice",
            item,
            "given again here",
            secondary=[Label(inferrer.scope.span(first.node), "first given here")],
        )
    return tuple(found)


def _tool(inferrer: Inferrer, node: s.Expression) -> Tool | None:
    scope, found = inferrer.scope, inferrer.found
    name = node.name if isinstance(node, s.Reference) else None
    bound = inferrer.where_bound(name) if name is not None else None
    if bound is not None:
        place, what = bound
        secondary = [Label(scope.span(place), "bound here")]
        _no_function(inferrer, node, f"`{name}` is {what}", secondary)
        return None
    symbol = scope.find_reference(node)
    if symbol is None:
        if not isinstance(node, s.Bad) and not scope.misses(node):
            shown = scope.span(node).text.strip('"')
            known = list(scope.names(*_FUNCTIONS))
            hint = offer(found.near(shown, known))
            if isinstance(node, s.CallExpression):
                hint = "name it alone: the model says what it is called with"
            if hint is None and known:
                hint = f"there are {every(f'`{each}`' for each in known[:12])}"
            message = f"there is no pipeline or extern `{shown}`"
            inferrer.error(
                "E0201", message, node, "not declared", help=hint or "declare it: `pipeline …`, `extern …`"
            )
        return None
    if symbol.is_damaged:
        return None
    if not isinstance(symbol.node, _FUNCTIONS):
        what = f"`{symbol.name.text}` is a {symbol.kind}"
        _no_function(inferrer, node, what, [Label(symbol.span, "declared here")])
        return None
    callee = inferrer.tools.callee(symbol)
    if callee is None or not _speaks_json(inferrer, node, callee):
        return None
    return Tool(node, callee.result({}, Binding(inferrer.sizes)), callee)


def _no_function(inferrer: Inferrer, node: s.Expression, what: str, secondary: list[Label]) -> None:
    inferrer.error(
        "E0209",
        f"{what}: a model calls pipelines and externs",
        node,
        "nothing that a model can call",
        secondary=secondary,
        help="write a pipeline that calls it, and name that one",
    )


def _speaks_json(inferrer: Inferrer, node: s.Expression, callee: Callee) -> bool:
    """Whether a model can write what it takes, and read what it gives."""
    for parameter in callee.parameters:
        if not all(map(is_jsonable, parameter.types)):
            shown = show_type(parameter.types[0])
            inferrer.error(
                "E0601",
                f"no model can call `{callee.name}`: `{parameter.name}` is {shown}, and a model writes JSON",
                node,
                secondary=[Label(callee.symbol.span, "declared here")],
                help="write a pipeline that takes texts and numbers, and makes the rest of them",
            )
            return False
    result = callee.result({}, Binding(inferrer.sizes))
    if not _is_shown(result):
        inferrer.error(
            "E0601",
            f"no model can be told what `{callee.name}` gives: {show_type(result)} is no JSON",
            node,
            secondary=[Label(callee.symbol.span, "declared here")],
            help="write a pipeline that gives what the model shall know, in words or numbers",
        )
        return False
    return True


def _is_shown(type: Type) -> bool:
    match type:
        case ListType(element=inner) | OptionalType(inner=inner):
            return _is_shown(inner)
        case RecordType(fields=fields):
            return all(map(_is_shown, fields.values()))
    return type.kind not in _NEVER_SHOWN
