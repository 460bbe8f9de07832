"""A checked program: every deployment with its origins, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from attrs import field

from ..dsl.deployment import Deployment, Replica
from ..dsl.gateway import MAX_BODY, MAX_BODY_MEMORY, Bounds, ClientTimeouts, Cors, Jwt, Tls
from ..dsl.guards import Guard
from ..dsl.keys import Key
from ..dsl.policies import Budget, State
from ..dsl.record import frozen
from ..dsl.runtimes import SecretRef
from ..dsl.source import Span
from ..dsl.units import Duration, Size
from .blocks.merge import Section, Setting
from .declare import Declared
from .onnx_model.model_files import ModelFiles
from .placement import Node, place
from .scope import Scope

if TYPE_CHECKING:
    from .graph import Graph
    from .scenarios.check import DeclaredTest


@frozen(eq=False, repr=False, slots=False)
class Labelled:
    """One of several blocks of the gateway that have names, and where all of it was written."""

    word: ClassVar[str]
    name: str
    span: Span
    scope: Scope
    paths: Mapping[tuple[str, ...], Setting | Section]

    def setting(self, *path: str) -> Setting | None:
        """The field at `path`, if it is written."""
        found = self.paths.get((self.word, self.name, *path))
        return found if isinstance(found, Setting) else None

    def written(self, *path: str) -> Span:
        """Where the field or block at `path` is, else the name of the block."""
        found = self.paths.get((self.word, self.name, *path))
        if found is None:
            return self.span
        return found.span if isinstance(found, Setting) else found.name_span


@frozen(eq=False, repr=False, slots=False)
class DeclaredKey(Labelled):
    """A key of the gateway."""

    word = "key"
    key: Key


@frozen(eq=False, repr=False, slots=False)
class DeclaredGuard(Labelled):
    """A guard of the gateway."""

    word = "guard"
    guard: Guard


@frozen(eq=False, repr=False, slots=False)
class GatewaySettings:
    """The `gateway` block, defaults filled in.

    bind: host and port, where the environment says them. open: it says that everyone may call.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    bind: str | None = None
    auth: SecretRef | None = None
    open: bool = False
    timeout: Duration | None = None
    timeouts: ClientTimeouts = field(factory=ClientTimeouts)
    max_body: Size = MAX_BODY
    max_body_memory: Size = MAX_BODY_MEMORY
    cors: Cors = field(factory=Cors)
    keys: tuple[DeclaredKey, ...] = ()
    guards: tuple[DeclaredGuard, ...] = ()
    tls: Tls | None = None
    jwt: Jwt | None = None
    span: Span | None = None
    timeout_span: Span | None = None
    state: State = field(factory=State)
    budget: Budget | None = None
    bounds: Bounds = field(factory=Bounds)
    grpc: str | None = None
    workers: int = 1
    paths: Mapping[tuple[str, ...], Setting | Section] = field(factory=dict)


@frozen(eq=False, repr=False, slots=False)
class Program:
    """What the files say together."""

    root: Scope
    outer: Scope
    """The file whose `gateway` and `cluster` hold: the root, or what it tests."""
    scopes: tuple[Scope, ...]
    declared: tuple[Declared, ...]
    nodes: tuple[Node, ...]
    gateway: GatewaySettings
    models: ModelFiles
    graph: Graph | None
    """Types, routes, pipelines and externs; None when the files declare none."""
    tests: tuple[DeclaredTest, ...] = ()
    """Those that are right, of all files."""

    def by_name(self, name: str) -> Declared | None:
        """The deployment called `name`."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Declared]:
        return {each.symbol.name.text: each for each in reversed(self.declared)}

    @cached_property
    def deployments(self) -> list[tuple[Declared, Deployment]]:
        """Those deployments that have a meaning, and a runtime."""
        return [(d, d.deployment) for d in self.declared if d.deployment is not None and d.runtime_is_known]

    @cached_property
    def replicas(self) -> dict[str, tuple[Replica, ...]]:
        """Where the replicas of each deployment run, by its name. Raises NoRoom."""
        return place([deployment for _, deployment in self.deployments], self.nodes)
