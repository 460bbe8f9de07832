"""A typed pipeline → the nodes of a plan: a flat list, each node after those that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, field

from ...dsl.comments import doc_comment
from ...dsl.record import define
from ...dsl.source import Source
from ..plan import nodes as n
from ..plan.types import TEXT, ChoiceType, TensorType, Type
from . import typed as t

RETURN = "return"
"""The name of the node of a `return`, which has no name in the file."""


@define
class Lowerer:
    """Writes the nodes of one graph; `source` is the file that it stands in."""

    source: Source
    nodes: list[n.Node] = field(factory=list)
    _steps: dict[int, str] = field(factory=dict)
    _variables: dict[int, str] = field(factory=dict)
    _step: str = ""
    _used: int = 0

    def step(self, step: t.TypedStep) -> str:
        """The nodes of a step; the name of the one that gives its value."""
        self._step, self._used = step.name.text if step.name is not None else RETURN, 0
        name = self._emit(step.value, self._step)
        self._steps[id(step)] = name
        return name

    def value(self, name: str, typed: t.Typed) -> str:
        """The nodes of an expression that stands for itself."""
        self._step, self._used = name, 0
        return self._emit(typed, name)

    def know(self, variable: t.Variable, name: str) -> None:
        """From now on, nodes name `variable` as `name`."""
        self._variables[id(variable)] = name

    # ---- nodes

    def _emit(self, typed: t.Typed, name: str | None = None) -> str:
        """The name of the node that gives the value of `typed`; written, unless it is there already."""
        match typed:
            case t.ParameterValue():
                return typed.declared.name.text
            case t.StepValue(step=step):
                return self._steps[id(step)]
            case t.VariableValue(variable=variable):
                return self._variables[id(variable)]
        return _EMIT[type(typed)](self, typed, name or self._fresh())

    def _fresh(self) -> str:
        self._used += 1
        return f"{self._step}.{self._used}"

    def _add(
        self, kind: type[n.Node], typed: t.Typed, name: str, type: Type | None = None, **fields: Any
    ) -> str:
        line, column = self.source.position(typed.node.start)
        shown = str(type if type is not None else typed.type)
        self.nodes.append(kind(name=name, type=shown, line=line, column=column, **fields))
        return name

    def _block(self, typed: t.Typed) -> str:
        """The nodes of a block; its name, which is that of the node with its value."""
        first = len(self.nodes)
        name = self._emit(typed)
        inside = self.nodes[first:]
        self.nodes[first:] = [node if node.block else evolve(node, block=name) for node in inside]
        return name

    def _constant(self, typed: t.Constant, name: str) -> str:
        type = TEXT if isinstance(typed.type, ChoiceType) else typed.type
        return self._add(n.ConstantNode, typed, name, type, value=typed.value)

    def _field(self, typed: t.FieldOf, name: str) -> str:
        return self._add(n.FieldNode, typed, name, of=self._emit(typed.of), field=typed.name)

    def _index(self, typed: t.IndexOf, name: str) -> str:
        def part(value: t.Typed | None) -> str | None:
            return None if value is None else self._emit(value)

        of = self._emit(typed.of)
        places = tuple(
            n.PlacePlan(first=part(place.first), last=part(place.last), is_slice=place.is_slice)
            for place in typed.places
        )
        return self._add(n.IndexNode, typed, name, of=of, places=places)

    def _operator(self, typed: t.Operation, name: str) -> str:
        operands = tuple(map(self._emit, typed.operands))
        return self._add(
            n.OperatorNode,
            typed,
            name,
            operator=typed.operator,
            operands=operands,
            elementwise=any(isinstance(each.type, TensorType) for each in typed.operands),
        )

    def _list(self, typed: t.ListOf, name: str) -> str:
        if all(isinstance(item, t.Constant) for item in typed.items):
            values = [item.value for item in typed.items if isinstance(item, t.Constant)]
            return self._add(n.ConstantNode, typed, name, value=values)
        return self._add(n.ListNode, typed, name, items=tuple(map(self._emit, typed.items)))

    def _record(self, typed: t.RecordOf, name: str) -> str:
        fields = {field: self._emit(value) for field, value in typed.fields.items()}
        return self._add(n.RecordNode, typed, name, fields=fields)

    def _interpolation(self, typed: t.Interpolation, name: str) -> str:
        values = tuple(map(self._emit, typed.values))
        return self._add(n.InterpolationNode, typed, name, literals=typed.literals, values=values)

    def _prompt(self, typed: t.PromptOf, name: str) -> str:
        variables = {variable: self._emit(value) for variable, value in typed.variables.items()}
        return self._add(n.PromptNode, typed, name, template=typed.template, variables=variables)

    def _builtin(self, typed: t.BuiltinCall, name: str) -> str:
        arguments = tuple(map(self._emit, typed.arguments))
        named = {word: self._emit(value) for word, value in typed.named.items()}
        return self._add(
            n.BuiltinNode, typed, name, function=typed.function, arguments=arguments, named=named
        )

    def _convert(self, typed: t.Conversion, name: str) -> str:
        return self._add(n.ConvertNode, typed, name, of=self._emit(typed.of), to=typed.type)

    def _call(self, typed: t.Call, name: str) -> str:
        callee = typed.callee
        arguments = {word: self._emit(value) for word, value in typed.arguments.items()}
        if callee.task is None:
            missing = [each for each in callee.parameters if each.name not in arguments]
            for parameter in missing:
                nothing = t.Constant(typed.node, parameter.types[0], None)
                arguments[parameter.name] = self._emit(nothing)
        if callee.kind == "extern":
            return self._add(
                n.ExternNode,
                typed,
                name,
                extern=callee.name,
                arguments=arguments,
                timeout=typed.timeout,
                retries=typed.retries,
            )
        return self._add(
            n.CallNode,
            typed,
            name,
            target=callee.name,
            task=callee.task,
            arguments=arguments,
            answer=typed.answer,
            repair=typed.repair,
            timeout=typed.timeout,
            retries=typed.retries,
            max_tokens=typed.max_tokens,
            temperature=typed.temperature,
            tools=tuple(map(_tool, typed.tools)),
            max_rounds=typed.max_rounds,
            on_tool_error=typed.on_tool_error,
        )

    # ---- nodes with blocks

    def _match(self, typed: t.MatchOf, name: str) -> str:
        subject = self._emit(typed.subject)
        arms = tuple(n.ArmPlan(arm.values, self._block(arm.value)) for arm in typed.arms)
        return self._add(n.MatchNode, typed, name, subject=subject, arms=arms)

    def _if(self, typed: t.IfOf, name: str) -> str:
        condition = self._emit(typed.condition)
        then, otherwise = self._block(typed.then), self._block(typed.otherwise)
        return self._add(n.IfNode, typed, name, condition=condition, then=then, otherwise=otherwise)

    def _map(self, typed: t.MapOf, name: str) -> str:
        over = self._emit(typed.over)
        variable = f"{name}.{typed.variable.name.text}"
        self.know(typed.variable, variable)
        each = self._block(typed.each)
        return self._add(n.MapNode, typed, name, over=over, variable=variable, each=each, limit=typed.limit)

    def _attempt(self, typed: t.Attempt, name: str) -> str:
        first, otherwise = self._block(typed.first), self._block(typed.otherwise)
        return self._add(n.AttemptNode, typed, name, first=first, otherwise=otherwise)


def _tool(typed: t.Tool) -> n.ToolPlan:
    symbol = typed.callee.symbol
    said = doc_comment(symbol.scope.module.source.text, symbol.node.start)
    return n.ToolPlan(typed.callee.name, typed.callee.kind == "extern", said)


_EMIT: dict[type, Callable[[Lowerer, Any, str], str]] = {
    t.Constant: Lowerer._constant,
    t.FieldOf: Lowerer._field,
    t.IndexOf: Lowerer._index,
    t.Operation: Lowerer._operator,
    t.ListOf: Lowerer._list,
    t.RecordOf: Lowerer._record,
    t.Interpolation: Lowerer._interpolation,
    t.PromptOf: Lowerer._prompt,
    t.BuiltinCall: Lowerer._builtin,
    t.Conversion: Lowerer._convert,
    t.Call: Lowerer._call,
    t.MatchOf: Lowerer._match,
    t.IfOf: Lowerer._if,
    t.MapOf: Lowerer._map,
    t.Attempt: Lowerer._attempt,
}
