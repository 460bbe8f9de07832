"""Every place where a name stands, and what it stands for: one walk that all features about names share.

Names resolve as the compiler resolves them: in fields only values do, in routes and pipelines whatever
answers requests, and inside a pipeline its own parameters, steps and variables come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType

from ..compiler.modules import key_of
from ..compiler.pipelines.prompts.places import Places
from ..compiler.scope import KIND_WORDS, VALUES, Scope, Symbol
from ..dsl import syntax as s
from ..dsl.record import frozen
from ..dsl.source import Source
from ..dsl.tree import children
from .prompts import template_names

EMPTY: Mapping[str, Target] = MappingProxyType({})


class Role(Enum):
    """What a name does where it stands."""

    DECLARES = "declares"
    REFERS = "refers"
    IMPORTS = "imports"


@frozen
class Target:
    """What a name stands for: a declaration, the name of an import, or something inside of a pipeline.

    kind: in the user's words. node: what declares it. owner: the pipeline or extern that a parameter,
    step or variable belongs to.
    """

    kind: str
    scope: Scope
    name: s.Identifier
    node: s.Node
    owner: s.Declaration | None = None

    @property
    def source(self) -> Source:
        return self.scope.module.source

    @property
    def key(self) -> tuple[str, int]:
        """The same for every occurrence of one thing."""
        source = self.source
        return (key_of(source), self.name.start)


@frozen
class Occurrence:
    """A name at characters `start` to `end` of one file."""

    start: int
    end: int
    target: Target
    role: Role = Role.REFERS


def target_of(symbol: Symbol) -> Target:
    """A declaration as something that names stand for."""
    return Target(symbol.kind, symbol.scope, symbol.name, symbol.node)


def occurrences(scope: Scope) -> Iterator[Occurrence]:
    """The names in one file that stand for something, in no order."""
    return _Walk(scope).file()


class _Walk:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._text = scope.module.source.text

    def file(self) -> Iterator[Occurrence]:
        for node in self._scope.module.declarations:
            yield from self._declaration(node)

    def _declaration(self, node: s.Declaration) -> Iterator[Occurrence]:
        match node:
            case s.ImportAs():
                alias = Target("import", self._scope, node.alias, node)
                yield _at(node.alias, alias, Role.DECLARES)
                return
            case s.ImportNames():
                for each in node.names:
                    symbol = self._scope.imported.get(each.text)
                    if symbol is not None:
                        yield _at(each, target_of(symbol), Role.IMPORTS)
                return
            case s.GatewayDeclaration():
                yield from self._values(node.body)
                yield from self._guards(node.body)
                return
            case s.ClusterDeclaration():
                yield from self._values(node.body)
                return
            case s.TestDeclaration():
                yield from self._test(node)
                return
        name: s.Identifier = getattr(node, "name")  # noqa: B009
        yield _at(name, Target(KIND_WORDS[type(node)], self._scope, name, node), Role.DECLARES)
        match node:
            case s.ParamDeclaration() | s.LetDeclaration():
                value = node.default if isinstance(node, s.ParamDeclaration) else node.value
                yield from self._type(node.type)
                yield from self._values(value)
            case s.TemplateDeclaration() | s.DeploymentDeclaration():
                for base in node.bases:
                    yield from self._reference(base)
                yield from self._values(node.body)
            case s.RouteDeclaration():
                yield from self._route(node.route)
                yield from self._values(node.options)
            case s.TypeDeclaration():
                yield from self._type(node.type)
            case s.PipelineDeclaration():
                yield from self._pipeline(node)
            case s.ExternDeclaration():
                for parameter in node.parameters:
                    yield _at(parameter.name, self._local("parameter", parameter, node), Role.DECLARES)
                    yield from self._type(parameter.type)
                yield from self._type(node.result)
                yield from self._values(node.implementation)

    # ---- names

    def _reference(self, node: s.Expression) -> Iterator[Occurrence]:
        """A name of any kind, quoted or not, or `alias.name`."""
        symbol = self._scope.find_reference(node)
        if isinstance(node, s.Member):
            yield from self._alias(node.base)
            if symbol is not None:
                yield _at(node.name, target_of(symbol))
        elif symbol is not None:
            yield _at(node, target_of(symbol))

    def _alias(self, node: s.Expression) -> Iterator[Occurrence]:
        if isinstance(node, s.Reference) and node.name in self._scope.aliases:
            yield from self._alias_at(node.name, node.start, node.end)

    def _alias_at(self, name: str, start: int, end: int) -> Iterator[Occurrence]:
        for declaration in self._scope.module.declarations:
            if isinstance(declaration, s.ImportAs) and declaration.alias.text == name:
                yield Occurrence(start, end, Target("import", self._scope, declaration.alias, declaration))
                return

    def _value(self, name: str, start: int, end: int) -> Iterator[Occurrence]:
        """The name of a `let` or a `param`; other words have a meaning of their own."""
        symbol = self._scope.own.get(name) or self._scope.imported.get(name)
        if symbol is not None and isinstance(symbol.node, VALUES):
            yield Occurrence(start, end, target_of(symbol))

    def _values(self, node: s.Node | None) -> Iterator[Occurrence]:
        """The names in a field's value, or in all fields of a body."""
        match node:
            case None:
                return
            case s.Reference():
                yield from self._value(node.name, node.start, node.end)
            case s.Text():
                yield from self._interpolated(node)
            case s.Member():
                yield from self._reference(node)
            case s.CallExpression(function=s.Reference(name="fallback")):
                for argument in node.arguments:
                    yield from self._reference(argument)
            case s.CallExpression(function=s.Reference()):
                for argument in node.arguments:
                    yield from self._values(argument)
            case _:
                for child in children(node):
                    yield from self._values(child)

    def _guards(self, body: s.Body) -> Iterator[Occurrence]:
        """The externs that guards name."""
        for block in body.items:
            if not isinstance(block, s.Block) or block.name.text != "guard":
                continue
            for field in block.body.items:
                match field:  # `alias.name` is known already
                    case s.Field(
                        name=s.Identifier(text="request" | "answer"), value=s.Reference() | s.Text() as value
                    ):
                        yield from self._reference(value)

    def _interpolated(self, node: s.Text, local: Mapping[str, Target] = EMPTY) -> Iterator[Occurrence]:
        """The names between `${` and `}`. local: those of the pipeline around the text, which come first."""
        for part in node.parts:
            if isinstance(part, s.Reference):
                written = self._text[part.start : part.end]
                start = part.start + len(written) - len(written.lstrip())
                alias, _, name = part.name.rpartition(".")
                end = start + len(part.name)
                base = part.name.partition(".")[0]
                if base in local:
                    yield Occurrence(start, start + len(base), local[base])
                    continue
                if not alias:
                    yield from self._value(name, start, end)
                    continue
                yield from self._alias_at(alias, start, start + len(alias))
                symbol = self._scope.find_in(alias, name)
                if symbol is not None:
                    yield Occurrence(end - len(name), end, target_of(symbol))

    def _type(self, node: s.TypeExpression | None) -> Iterator[Occurrence]:
        match node:
            case None:
                return
            case s.TypeName():
                if node.module is not None:
                    yield from self._alias_at(node.module, node.start, node.start + len(node.module))
                    symbol = self._scope.find_in(node.module, node.name)
                else:
                    symbol = self._scope.find(node.name)
                if symbol is not None and isinstance(symbol.node, s.TypeDeclaration):
                    yield Occurrence(node.end - len(node.name), node.end, target_of(symbol))
            case s.TypeRecord():
                for each in node.fields:
                    yield from self._type(each.type)
            case _:
                for child in children(node):
                    if isinstance(child, s.TypeExpression):
                        yield from self._type(child)

    def _route(self, node: s.Route) -> Iterator[Occurrence]:
        match node:
            case s.RouteMember():
                yield from self._reference(node.target)
            case s.RouteList():
                for member in node.members:
                    yield from self._route(member)
                yield from self._values(node.value)
            case s.RouteSplit():
                for share in node.shares:
                    yield from self._reference(share.target)
                    yield from self._values(share.share)
                yield from self._values(node.value)

    # ---- pipelines

    def _test(self, node: s.Node) -> Iterator[Occurrence]:
        """The names in a test: what is asked, who fails, who answered."""
        for child in children(node):
            match child:
                case s.Reference() | s.Member():
                    yield from self._reference(child)
                case s.Text():
                    yield from self._interpolated(child)
                case s.CallExpression():
                    called = self._scope.find_reference(child.function)
                    yield from self._call(
                        child, {}, called.node if called is not None else s.Declaration(0, 0)
                    )
                case _:
                    yield from self._test(child)

    def _local(self, kind: str, node: s.Parameter | s.Step, owner: s.Declaration) -> Target:
        assert node.name is not None
        return Target(kind, self._scope, node.name, node, owner)

    def _pipeline(self, node: s.PipelineDeclaration) -> Iterator[Occurrence]:
        local: dict[str, Target] = {}
        for parameter in node.parameters:
            target = self._local("parameter", parameter, node)
            local.setdefault(parameter.name.text, target)
            yield _at(parameter.name, target, Role.DECLARES)
            yield from self._type(parameter.type)
        yield from self._type(node.result)
        for step in node.steps:
            if step.name is not None:
                target = self._local("step", step, node)
                local.setdefault(step.name.text, target)
                yield _at(step.name, target, Role.DECLARES)
        for option in node.options:
            yield from self._values(option.body if isinstance(option, s.Block) else option.value)
        for step in node.steps:
            yield from self._expression(step.value, local, node)

    def _expression(
        self, node: s.Node, local: dict[str, Target], owner: s.Declaration
    ) -> Iterator[Occurrence]:
        match node:
            case s.Reference():
                if node.name in local:
                    yield _at(node, local[node.name])
                else:
                    yield from self._reference(node)
            case s.Member(base=s.Reference(name=name)) if name not in local:
                yield from self._reference(node)
            case s.Member():
                yield from self._expression(node.base, local, owner)
            case s.Text():
                yield from self._interpolated(node, local)
            case s.Prompt():
                yield from self._prompt(node, local)
            case s.AsType():
                yield from self._expression(node.inner, local, owner)
                symbol = self._scope.find(node.type_name.text)
                if symbol is not None and isinstance(symbol.node, s.TypeDeclaration):
                    yield _at(node.type_name, target_of(symbol))
            case s.WithOptions():
                yield from self._expression(node.inner, local, owner)
                yield from self._values(node.options)
                for item in node.options.items:
                    if isinstance(item, s.Field) and item.name.text == "tools":
                        yield from self._tools(item.value)
            case s.Comprehension():
                variable = Target("variable", self._scope, node.variable, node, owner)
                yield _at(node.variable, variable, Role.DECLARES)
                yield from self._expression(node.iterable, local, owner)
                yield from self._expression(node.element, {**local, node.variable.text: variable}, owner)
            case s.Arm():
                yield from self._expression(node.value, local, owner)
            case s.CallExpression():
                yield from self._call(node, local, owner)
            case _:
                for child in children(node):
                    yield from self._expression(child, local, owner)

    def _tools(self, node: s.Expression) -> Iterator[Occurrence]:
        for each in node.items if isinstance(node, s.ListExpression) else (node,):
            if not isinstance(each, s.Member):  # which stands for something in every value
                yield from self._reference(each)

    def _call(
        self, node: s.CallExpression, local: dict[str, Target], owner: s.Declaration
    ) -> Iterator[Occurrence]:
        yield from self._expression(node.function, local, owner)
        called = self._scope.find_reference(node.function)
        for argument in node.arguments:
            if isinstance(argument, s.NamedArgument):
                parameter = _parameter(called, argument.name.text)
                if called is not None and parameter is not None:
                    target = Target("parameter", called.scope, parameter.name, parameter, called.node)
                    yield _at(argument.name, target)
                yield from self._expression(argument.value, local, owner)
            else:
                yield from self._expression(argument, local, owner)

    def _prompt(self, node: s.Prompt, local: dict[str, Target]) -> Iterator[Occurrence]:
        """The names in its tags."""
        if "{" not in node.template:
            return
        names = template_names(node.template)
        places = Places(self._scope.module.source, node)
        for name, stretches in names.places.items() if names is not None else ():
            for span in (places.at(*stretch) for stretch in stretches):
                if not places.exact(span):
                    continue
                if name in local:
                    yield Occurrence(span.start, span.end, local[name])
                else:
                    yield from self._value(name, span.start, span.end)


def _at(node: s.Node, target: Target, role: Role = Role.REFERS) -> Occurrence:
    return Occurrence(node.start, node.end, target, role)


def _parameter(called: Symbol | None, name: str) -> s.Parameter | None:
    if called is None or not isinstance(called.node, s.PipelineDeclaration | s.ExternDeclaration):
        return None
    return next((each for each in called.node.parameters if each.name.text == name), None)
