"""Templates and a deployment's own body → one tree of fields, each with the place it came from."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostics, Label
from ..dsl.source import Span
from .scope import Scope, Symbol, report_unknown


@frozen(eq=False)
class Setting:
    """A field as it was written, and the file and declaration it stands in."""

    node: s.Field
    scope: Scope
    origin: s.Identifier

    @property
    def span(self) -> Span:
        return self.scope.span(
            self.node.value if self.node.value.end > self.node.value.start else self.node.name
        )

    @property
    def name_span(self) -> Span:
        return self.scope.span(self.node.name)


@define(eq=False)
class Section:
    """A block: its fields and blocks by name, put together from every body that has it."""

    name_span: Span
    scope: Scope
    label: s.Identifier | None = None
    arguments: tuple[s.Expression, ...] | None = None
    settings: dict[str, Setting] = field(factory=dict)
    sections: dict[str, Section] = field(factory=dict)
    damaged: bool = False
    """Whether a part of it could not be read, so that nothing is said about what seems to be missing."""

    def label_span(self) -> Span:
        return self.scope.span(self.label) if self.label is not None else self.name_span


class Merger:
    """Merges bodies; each template is looked at once for the mistakes inside it."""

    def __init__(self, found: Diagnostics) -> None:
        self._found = found
        self._checked: set[int] = set()

    def merge(self, symbol: Symbol) -> Section:
        """The whole body of a deployment or template, its bases first, left to right."""
        whole = Section(symbol.span, symbol.scope)
        self._add(whole, symbol, [])
        return whole

    def merge_body(self, scope: Scope, body: s.Body, name_span: Span) -> Section:
        """A block that is no deployment's, such as `gateway`."""
        whole = Section(name_span, scope)
        self._add_body(whole, body, scope, whole_origin(name_span), True)
        return whole

    def check(self, symbol: Symbol) -> None:
        """Report what is wrong with a declaration that no deployment uses."""
        if id(symbol.node) not in self._checked:
            self.merge(symbol)

    def _add(self, whole: Section, symbol: Symbol, path: list[Symbol]) -> None:
        node = symbol.node
        assert isinstance(node, s.DeploymentDeclaration | s.TemplateDeclaration)
        fresh = id(node) not in self._checked
        self._checked.add(id(node))
        for base in node.bases:
            self._add_base(whole, symbol, base, [*path, symbol], fresh)
        self._add_body(whole, node.body, symbol.scope, symbol.name, fresh)

    def _add_base(
        self, whole: Section, symbol: Symbol, base: s.Expression, path: list[Symbol], fresh: bool
    ) -> None:
        target = symbol.scope.find_reference(base)
        if target is None:
            whole.damaged = True
            if fresh:
                report_unknown(symbol.scope, base, "template", self._found, s.TemplateDeclaration)
            return
        if not isinstance(target.node, s.TemplateDeclaration):
            whole.damaged = True
            if fresh:
                self._not_a_template(symbol.scope, base, target)
            return
        if any(target.node is earlier.node for earlier in path):
            whole.damaged = True
            if fresh:
                self._cycle(symbol.scope, base, target, path)
            return
        self._add(whole, target, path)

    def _not_a_template(self, scope: Scope, base: s.Expression, target: Symbol) -> None:
        self._found.error(
            "E0209",
            f"`{target.name.text}` is a {target.kind}, not a template",
            scope.span(base),
            "only templates can be built on",
            secondary=[Label(target.span, "declared here")],
            help="move what both share into a `template`, and use it with `from` in both",
        )

    def _cycle(self, scope: Scope, base: s.Expression, target: Symbol, path: list[Symbol]) -> None:
        names = [symbol.name.text for symbol in path]
        first = next(i for i, symbol in enumerate(path) if symbol.node is target.node)
        self._found.error(
            "E0208",
            f"the template `{target.name.text}` is built on itself",
            scope.span(base),
            "this closes the circle",
            notes=[" → ".join([*names[first:], target.name.text])],
        )

    def _add_body(
        self, section: Section, body: s.Body, scope: Scope, origin: s.Identifier, fresh: bool
    ) -> None:
        section.damaged = section.damaged or body.damaged
        seen: dict[tuple[bool, str], s.Identifier] = {}
        for item in body.items:
            key = _key(item)
            if key in seen:
                if fresh:
                    self._twice(scope, seen[key], item)
                continue
            seen[key] = item.name
            if isinstance(item, s.Field):
                section.settings[item.name.text] = Setting(item, scope, origin)
            else:
                self._add_block(section, item, scope, origin, fresh)

    def _add_block(
        self, section: Section, block: s.Block, scope: Scope, origin: s.Identifier, fresh: bool
    ) -> None:
        name = _key(block)[1]
        existing = section.sections.get(name)
        if existing is None or _is_another(existing, block):
            existing = Section(scope.span(block.name), scope)
            section.sections[name] = existing
        existing.name_span, existing.scope = scope.span(block.name), scope
        existing.label, existing.arguments = block.label, block.arguments
        self._add_body(existing, block.body, scope, origin, fresh)

    def _twice(self, scope: Scope, first: s.Identifier, second: s.Field | s.Block) -> None:
        kind = "block" if isinstance(second, s.Block) else "field"
        self._found.error(
            "E0203",
            f"the {kind} `{first.text}` is given twice",
            scope.span(second.name),
            "given again here",
            secondary=[Label(scope.span(first), "first given here")],
            help="remove one of them",
        )


def _key(item: s.Field | s.Block) -> tuple[bool, str]:
    """What must not be there twice: `runtime` may be a field beside a block, nodes differ by their names."""
    if isinstance(item, s.Field):
        return False, item.name.text
    if item.name.text == "node" and item.label is not None:
        return True, f"node {item.label.text}"
    return item.name.text == "runtime", item.name.text


def whole_origin(span: Span) -> s.Identifier:
    """The name under which values of a nameless block are listed."""
    return s.Identifier(span.start, span.end, span.text)


def _is_another(existing: Section, block: s.Block) -> bool:
    """A block of another kind replaces the one of a template: their settings have nothing in common."""
    return (existing.label.text if existing.label else None) != (block.label.text if block.label else None)


def walk(section: Section, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """Every field below `section`, with the names that lead to it."""
    for name, setting in section.settings.items():
        yield (*path, name), setting
    for name, inner in section.sections.items():
        yield from walk(inner, (*path, name))
