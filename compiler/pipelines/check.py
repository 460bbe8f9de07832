"""A pipeline as a whole: its names, its steps, each after those that it needs, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl import syntax as s
from ...dsl.diagnostics import Edit, Fix, Label
from ...dsl.record import frozen
from ...dsl.source import Span
from ...dsl.wording import show_circle
from ..plan.types import Type
from ..scope import Symbol
from ..typing.callables import Callee, Parameter, constant
from ..typing.fit import Binding, Sizes, sizes_in
from ..typing.partial import UNKNOWN, is_optional, show_type
from ..typing.resolve import TypeResolver
from .coerce import taken_as
from .explain import mismatch
from .infer import ExpressionInferrer
from .inferrer import Tools
from .options import read_parameter_options, read_pipeline_options
from .typed import (
    Mistake,
    ParameterValue,
    StepValue,
    Typed,
    TypedParameter,
    TypedPipeline,
    TypedStep,
)

_DEEPEST = 100
"""How many steps may need each other in a row."""


@frozen(eq=False, repr=False)
class Signature:
    """What a pipeline or an extern says it takes and gives."""

    parameters: tuple[TypedParameter, ...]
    result: Type

    def callee(self, symbol: Symbol) -> Callee:
        """What a call of it takes and gives; what may be missing may be left out."""
        parameters = tuple(
            Parameter(each.node.name.text, (each.type,), required=not is_optional(each.type))
            for each in self.parameters
        )
        return Callee(symbol, None, parameters, constant(self.result), len(parameters))


def read_signature(
    symbol: Symbol, node: s.PipelineDeclaration | s.ExternDeclaration, types: TypeResolver
) -> Signature:
    """The types of a signature; names that stand there twice are left to the check of the pipeline."""
    scope = symbol.scope
    first: dict[str, TypedParameter] = {}
    for parameter in node.parameters:
        typed = TypedParameter(parameter, types.resolve(parameter.type, scope))
        first.setdefault(parameter.name.text, typed)
    return Signature(tuple(first.values()), types.resolve(node.result, scope))


def type_pipeline(symbol: Symbol, signature: Signature, tools: Tools) -> TypedPipeline:
    """The typed tree of a pipeline; what is wrong with it is reported."""
    node = symbol.node
    assert isinstance(node, s.PipelineDeclaration)
    inferrer = _Pipeline(tools, symbol, signature, node)
    inferrer.check_names()
    for step in node.steps:
        inferrer.step(step)
    output = inferrer.output()
    options = read_pipeline_options(symbol, node, tools)
    inferrer.check_used()
    parameters = read_parameter_options(symbol, signature.parameters, tools)
    return TypedPipeline(symbol, parameters, signature.result, tuple(inferrer.typed), output, options)


class _Pipeline(ExpressionInferrer):
    """The names of one pipeline."""

    def __init__(
        self, tools: Tools, symbol: Symbol, signature: Signature, node: s.PipelineDeclaration
    ) -> None:
        types = [*(each.type for each in signature.parameters), signature.result]
        super().__init__(tools, symbol.scope, Sizes(sizes_in(types)))
        self.typed: list[TypedStep] = []
        self._node = node
        self._result = signature.result
        self._parameters = {each.node.name.text: each for each in signature.parameters}
        self._steps: dict[str, s.Step] = {}
        self._done: dict[int, TypedStep] = {}
        self._running: list[s.Step] = []
        self._used: set[str] = set()
        self._before = len(self.found.items)

    # ---- names

    def local(self, name: str, node: s.Node) -> Typed | None:
        if name in self.variables:
            return super().local(name, node)
        if name in self._parameters:
            self._used.add(name)
            parameter = self._parameters[name]
            return ParameterValue(node, parameter.type, parameter.node)
        if name in self._steps:
            self._used.add(name)
            step = self.step(self._steps[name])
            return StepValue(node, step.value.type, step) if step is not None else Mistake(node, UNKNOWN)
        return None

    def local_names(self) -> Iterator[str]:
        yield from self.variables
        yield from self._parameters
        yield from self._steps

    def where_bound(self, name: str) -> tuple[s.Node, str] | None:
        if name in self._parameters:
            return self._parameters[name].node.name, "a parameter"
        step = self._steps.get(name)
        if step is not None and step.name is not None:
            return step.name, "a step"
        return super().where_bound(name)

    def check_names(self) -> None:
        """Every name is bound once, and hides no other."""
        seen: dict[str, s.Identifier] = {}
        for parameter in self._node.parameters:
            name = parameter.name
            first = seen.setdefault(name.text, name)
            if first is not name:
                self._twice(name, first, "parameter")
            else:
                self._hides_nothing(name)
        for step in self._node.steps:
            if step.name is None:
                continue
            if not self.taken(step.name):
                self._steps[step.name.text] = step
            else:
                self._steps.setdefault(step.name.text, step)

    def _twice(self, second: s.Identifier, first: s.Identifier, what: str) -> None:
        self.error(
            "E0202",
            f"`{second.text}` is a {what} already",
            second,
            "bound again here",
            secondary=[Label(self.scope.span(first), "first bound here")],
            help="give it another name: each name is bound once",
        )

    def _hides_nothing(self, name: s.Identifier) -> None:
        parameter = self._parameters.pop(name.text)
        self.taken(name)
        self._parameters[name.text] = parameter

    # ---- steps

    def step(self, step: s.Step) -> TypedStep | None:
        """A step with its type; None when it needs itself."""
        done = self._done.get(id(step))
        if done is not None:
            return done
        if any(running is step for running in self._running):
            self._circle(step)
            return None
        if len(self._running) >= _DEEPEST:
            message = f"more than {_DEEPEST} steps wait for each other here"
            self.error("E0107", message, step, help="write steps in the order in which they need each other")
            return None
        variables, self.variables = self.variables, {}
        self._running.append(step)
        try:
            value = self.infer(step.value)
        except RecursionError:
            span = self.scope.module.span(step.start, step.start + 1)
            self.found.error("E0107", "this is nested too deeply", span, help="split it into steps")
            value = Mistake(step.value, UNKNOWN)
        finally:
            self._running.pop()
            self.variables = variables
        typed = TypedStep(step.name, value)
        if id(step) not in self._done:
            self._done[id(step)] = typed
            self.typed.append(typed)
        return self._done[id(step)]

    def _circle(self, step: s.Step) -> None:
        first = next(i for i, running in enumerate(self._running) if running is step)
        circle = self._running[first:]
        names = [each.name.text for each in circle if each.name is not None]
        for each in circle:
            self._done[id(each)] = TypedStep(each.name, Mistake(each.value, UNKNOWN))
        assert step.name is not None
        self.error(
            "E0208",
            f"the step `{step.name.text}` needs its own value",
            step.name,
            "it would wait for itself",
            notes=[show_circle(names)] if len(names) > 1 else [],
        )

    # ---- return

    def output(self) -> Typed | None:
        """What is returned; a result that is missing, there twice or of another type is reported."""
        returned = [step for step in self._node.steps if step.name is None]
        if not returned:
            self._no_return()
            return None
        first, *others = returned
        for other in others:
            self.error(
                "E0605",
                "this is never returned: a pipeline has one `return`",
                self._keyword(other),
                "never reached",
                secondary=[Label(self._keyword_span(first), "this one returns")],
                help="choose with `if` or `match` what is returned",
            )
        value = self._done[id(first)].value
        shown = show_type(self._result)
        made = taken_as(self, value, self._result, Binding(self.sizes, names=False))
        if made is None:
            mismatch(
                self,
                value,
                (self._result,),
                f"`{self._node.name.text}` returns {shown}, found {show_type(value.type)}",
                beside=[Label(self.scope.span(self._node.result), f"{shown} is promised here")],
            )
            return value
        if made is not value:
            returned_as = TypedStep(None, made)
            self.typed[self.typed.index(self._done[id(first)])] = returned_as
        return made

    def _keyword(self, step: s.Step) -> s.Node:
        return s.Node(step.start, step.start + len("return"))

    def _keyword_span(self, step: s.Step) -> Span:
        return self.scope.span(self._keyword(step))

    def _no_return(self) -> None:
        node, fixes = self._node, []
        steps = [step for step in node.steps if step.name is not None]
        if steps and steps[-1].name is not None:
            last = steps[-1]
            assert last.name is not None
            text = self.scope.module.source.text
            line = text.rfind("\n", 0, last.start) + 1
            indent = text[line : last.start]
            separator = f"\n{indent}" if not indent.strip() else ", "
            end = self.scope.module.span(last.end, last.end)
            title = f"return `{last.name.text}`"
            fixes = [Fix(title, (Edit(end, f"{separator}return {last.name.text}"),), safe=False)]
        self.error(
            "E0605",
            f"the pipeline `{node.name.text}` returns nothing",
            node.name,
            "no `return`",
            secondary=[Label(self.scope.span(node.result), f"{show_type(self._result)} is promised here")],
            fixes=fixes,
            help=None if fixes else "end it with `return …`",
        )

    def check_used(self) -> None:
        """Warn about steps that nothing uses, unless another mistake may be the reason."""
        if len(self.found.items) > self._before:
            return
        for name, step in self._steps.items():
            if name in self._used or name.startswith("_") or step.name is None:
                continue
            self.found.warning(
                "W0210",
                f"the step `{name}` is never used",
                self.scope.span(step.name),
                "never used",
                help=f"remove it; or call it `_{name}`, and it is waited for before the answer is given",
            )
