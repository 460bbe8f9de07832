"""`with { … }` after a call or a loop: how long, how often, how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from ...dsl import syntax as s
from ...dsl.data_kinds import DataKind
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import Isolation
from ...dsl.validation import ranges
from ..blocks.merge import Paths, Section
from ..blocks.shape import span_in
from ..blocks.structure import structure
from ..scope import Scope, Symbol
from ..typing.callables import Callee
from .abilities import refusals
from .call_options import CallOptions, LoopOptions
from .extern_options import ExternOptions
from .inferrer import Inferrer, Tools
from .pipeline_options import ParameterOptions, PipelineOptions, WrittenOptions
from .tools import OPTIONS as TOOL_OPTIONS, tools_of
from .typed import Call, MapOf, Mistake, Typed, TypedParameter


def read_extern_options(node: s.WithOptions, scope: Scope, tools: Tools, found: Diagnostics) -> ExternOptions:
    """The options of an extern; every mistake in them is reported."""
    section = _section(node, scope, tools)
    values = _values(section, tools, found, ExternOptions, "an extern")
    if values.get("isolation") is Isolation.THREAD:
        for name in ("workers", "memory"):
            if name in values:
                found.error(
                    "E0606",
                    f"`{name}` has no effect here",
                    section.settings[name].name_span,
                    help="threads of the executor have no processes of their own",
                )
    return ExternOptions(**values)


def read_pipeline_options(symbol: Symbol, node: s.PipelineDeclaration, tools: Tools) -> WrittenOptions:
    """The options of a pipeline; every mistake in them is reported."""
    if not node.options:
        return WrittenOptions()
    body = s.Body(node.start, node.end, node.options)
    section = tools.merger.merge_body(symbol.scope, body, symbol.span)
    paths: Paths = {}
    values = tools.shaper.shape(section, PipelineOptions, f"the pipeline `{symbol.name.text}`", (), paths)
    options = structure(values, PipelineOptions, paths, tools.found)
    if options is None:
        return WrittenOptions(paths=paths)
    for problem in ranges(options):
        tools.found.error(problem.code, problem.message, span_in(paths, problem.path), help=problem.help)
    return WrittenOptions(options, paths)


def read_parameter_options(
    symbol: Symbol, parameters: Sequence[TypedParameter], tools: Tools
) -> tuple[TypedParameter, ...]:
    """`parameters` of a pipeline, with what stands behind `with` there; every mistake is reported."""
    return tuple(
        each if each.node.options is None else evolve(each, carries=_carries(each.node, symbol, tools))
        for each in parameters
    )


def _carries(node: s.Parameter, symbol: Symbol, tools: Tools) -> tuple[DataKind, ...]:
    assert node.options is not None
    span = symbol.scope.span(node.name)
    section = tools.merger.merge_body(symbol.scope, node.options, span)
    what = f"the parameter `{node.name.text}`"
    return ParameterOptions(**_values(section, tools, tools.found, ParameterOptions, what)).carries


def infer_with(inferrer: Inferrer, node: s.WithOptions, read: bool = False) -> Typed:
    """A call or a loop with its options. read: whether `as` stands after it."""
    inner = inferrer.infer(node.inner)
    if isinstance(inner, Call):
        what = f"a call of `{inner.callee.name}`"
        here = _options(inferrer, node, CallOptions, what, _not_here(inner, read), inner.callee)
        return evolve(inner, **here)
    if isinstance(inner, MapOf):
        return evolve(inner, **_options(inferrer, node, LoopOptions, "a loop", {}))
    if not isinstance(inner, Mistake):
        inferrer.error(
            "E0606",
            "`with` stands behind a call or a loop",
            node.inner,
            "takes no options",
            help="`f(x) with { timeout = 2s }`, `[f(x) for x in xs] with { limit = 8 }`",
        )
    return inner


def _not_here(call: Call, read: bool) -> dict[str, str]:
    """Options that make no sense at this call, and why."""
    callee, missing = call.callee, {}
    if not callee.chats:
        what = f"it does `{callee.task}`" if callee.task is not None else f"it is a {callee.kind}"
        why = f"`{callee.name}` writes no text by itself: {what}"
        missing = dict.fromkeys(("max_tokens", "temperature", *TOOL_OPTIONS), why)
    if call.answer is None and not read:
        missing["repair"] = "without `as` no answer is read, and none can fail to fit"
    return missing


def _options(
    inferrer: Inferrer,
    node: s.WithOptions,
    cls: Any,
    what: str,
    not_here: dict[str, str],
    callee: Callee | None = None,
) -> dict[str, Any]:
    """The options that are written, as the fields of `cls` take them."""
    found = inferrer.found
    section = _section(node, inferrer.scope, inferrer.tools)
    for name in list(section.settings):
        setting = section.settings[name]
        if name in not_here:
            found.error("E0606", f"`{name}` has no effect here", setting.name_span, help=not_here[name])
            del section.settings[name]
        elif _is_bound(inferrer, setting.node.value):
            found.error(
                "E0309",
                f"`{name}` must be known before anything runs",
                setting.span,
                "bound inside the pipeline",
                help="write a literal, a `let` or a `param`",
            )
            del section.settings[name]
    tools = section.settings.pop("tools", None) if callee is not None else None
    values = _values(section, inferrer.tools, found, cls, what)
    if callee is not None:
        if tools is not None:
            values["tools"] = tools_of(inferrer, callee, tools)
        elif "tools" not in not_here:
            for name in (each for each in TOOL_OPTIONS if each in section.settings):
                why = "without `tools` the model has nothing to call"
                found.error(
                    "E0606", f"`{name}` has no effect here", section.settings[name].name_span, help=why
                )
        wanted = {name: values.get(name) for name in ("max_tokens", "temperature")}
        for name, (message, instead) in refusals(callee, **wanted).items():
            found.error("E0616", message, section.settings[name].span, help=instead)
    return values


def _section(node: s.WithOptions, scope: Scope, tools: Tools) -> Section:
    span = scope.module.span(node.options.start, node.options.start + 1)
    return tools.merger.merge_body(scope, node.options, span)


def _values(section: Section, tools: Tools, found: Diagnostics, cls: Any, what: str) -> dict[str, Any]:
    paths: Paths = {}
    values = tools.shaper.shape(section, cls, what, (), paths)
    options = structure(values, cls, paths, found)
    if options is None:
        return {}
    for problem in ranges(options):
        written = section.settings.get(problem.path[0])
        if written is not None:
            found.error(problem.code, problem.message, written.span, help=problem.help)
    return {name: getattr(options, name) for name in values}


def _is_bound(inferrer: Inferrer, node: s.Expression) -> bool:
    return isinstance(node, s.Reference) and inferrer.where_bound(node.name) is not None
