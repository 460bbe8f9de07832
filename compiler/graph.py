"""Routes, pipelines, externs and their types: all that is built out of deployments, checked and typed."""

from __future__ import annotations

from collections.abc import Iterator

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostics
from ..dsl.kinds import TransportKind
from ..dsl.record import frozen
from ..dsl.source import Source
from .blocks.merge import Merger
from .blocks.shape import Shaper
from .declare import DECLARED, Declared
from .evaluation.evaluate import Evaluator
from .incremental.memory import Memory
from .incremental.results import Kind
from .onnx_model.model_files import ModelFiles
from .pipelines.calls_among import callees_first
from .pipelines.check import Signature, read_signature, type_pipeline
from .pipelines.externs import type_extern
from .pipelines.inferrer import Tools
from .pipelines.typed import Typed, TypedExtern, TypedPipeline, walk
from .routes.check import RouteChecker
from .routes.conditions import confident
from .routes.order import members_first
from .routes.typed import TypedRoute
from .scope import Symbol
from .typing.callables import Callee
from .typing.deployments import deployment_callee
from .typing.resolve import TypeResolver

CALLEE = Kind("what a call takes and gives")
ROUTE = Kind("route")


@frozen(eq=False, repr=False)
class Graph:
    """The typed graph. Pipelines stand after those that they call. types: the types that files declare."""

    routes: tuple[TypedRoute, ...]
    pipelines: tuple[TypedPipeline, ...]
    externs: tuple[TypedExtern, ...]
    types: TypeResolver

    def typed_at(self, source: Source, offset: int) -> Typed | None:
        """The smallest part of a pipeline or of a cascade's condition that stands at `offset`."""
        smallest: Typed | None = None
        for root in self.roots(source):
            for each in walk(root):
                if each.node.start <= offset < each.node.end and (
                    smallest is None
                    or each.node.end - each.node.start <= smallest.node.end - smallest.node.start
                ):
                    smallest = each
        return smallest

    def roots(self, source: Source) -> Iterator[Typed]:
        """The values of the steps of one file, and the conditions of its cascades."""
        for pipeline in self.pipelines:
            if pipeline.scope.module.source is source:
                yield from (step.value for step in pipeline.steps)
        for route in self.routes:
            if route.judgement is not None and route.symbol.scope.module.source is source:
                yield route.judgement.condition


class GraphChecker:
    """Checks and types the graph of a program; every mistake in it is reported."""

    def __init__(
        self,
        models: ModelFiles,
        found: Diagnostics,
        memory: Memory,
        evaluator: Evaluator,
        merger: Merger,
    ) -> None:
        self._memory = memory
        self._models = models
        self._tools = Tools(
            found, memory, evaluator, merger, Shaper(found, evaluator), TypeResolver(found), self.callee
        )
        self._routes = RouteChecker(self._tools, self._member, self._is_confident)
        self._signatures: dict[int, Signature] = {}

    def check(self, symbols: list[Symbol]) -> Graph:
        """The graph that `symbols` declare."""
        types = self._tools.types
        for symbol in symbols:
            if isinstance(symbol.node, s.TypeDeclaration):
                types.declared(symbol)
        externs = tuple(
            type_extern(symbol, self._signature(symbol), self._tools)
            for symbol in symbols
            if isinstance(symbol.node, s.ExternDeclaration)
        )
        declared_routes = [symbol for symbol in symbols if isinstance(symbol.node, s.RouteDeclaration)]
        routes = [self._route(symbol) for symbol in members_first(declared_routes)]
        pipelines = [
            type_pipeline(symbol, self._signature(symbol), self._tools)
            for symbol in symbols
            if isinstance(symbol.node, s.PipelineDeclaration)
        ]
        return Graph(
            tuple(route for route in routes if route is not None),
            callees_first(pipelines, self._tools.found),
            externs,
            types,
        )

    def callee(self, symbol: Symbol) -> Callee | None:
        """What a deployment, a route, a pipeline or an extern takes and gives."""
        return self._memory.of(CALLEE, symbol, self._callee)

    def _callee(self, symbol: Symbol) -> Callee | None:
        if symbol.is_damaged:
            return None
        match symbol.node:
            case s.DeploymentDeclaration():
                declared = self._declared(symbol)
                if declared is not None and _may_read_files(declared):
                    self._memory.never_again()
                return deployment_callee(declared, self._models) if declared is not None else None
            case s.RouteDeclaration():
                route = self._route(symbol)
                return route.callee if route is not None else None
            case s.PipelineDeclaration() | s.ExternDeclaration():
                self._memory.never_again()
                return self._signature(symbol).callee(symbol)
        return None

    def _signature(self, symbol: Symbol) -> Signature:
        node = symbol.node
        assert isinstance(node, s.PipelineDeclaration | s.ExternDeclaration)
        if id(node) not in self._signatures:
            self._signatures[id(node)] = read_signature(symbol, node, self._tools.types)
        return self._signatures[id(node)]

    def _declared(self, symbol: Symbol) -> Declared | None:
        known = self._memory.known(DECLARED, symbol)
        return known.value if known is not None else None

    def _route(self, symbol: Symbol) -> TypedRoute | None:
        return self._memory.of(ROUTE, symbol, self._typed_route)

    def _typed_route(self, symbol: Symbol) -> TypedRoute | None:
        checked = self._routes.check(symbol)
        return None if symbol.is_damaged else checked

    def _member(self, symbol: Symbol) -> TypedRoute | Callee | None:
        """What a member of a route is. Routes are checked after their members, except in a circle."""
        if isinstance(symbol.node, s.RouteDeclaration):
            known = self._memory.known(ROUTE, symbol)
            if known is None:
                self._memory.never_again()
            return known.value if known is not None else None
        return self.callee(symbol)

    def _is_confident(self, symbol: Symbol) -> bool:
        declared = self._declared(symbol)
        return declared is None or confident(declared)


def _may_read_files(declared: Declared) -> bool:
    """Whether files that may change at any time say what a deployment takes and gives."""
    deployment = declared.deployment
    return deployment is not None and (
        deployment.task is not None or deployment.effective_runtime.transport is TransportKind.LOCAL
    )
