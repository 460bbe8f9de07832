"""Templates and a deployment's own body → one tree of fields, each with the place it came from."""

from __future__ import annotations

from attrs import field

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.record import define, frozen
from ...dsl.source import Span
from ...dsl.wording import show_circle
from ..incremental.memory import Memory
from ..incremental.results import Kind
from ..scope import Scope, Symbol, report_unknown

LABELLED_BY_KIND = ("runtime", "task")
"""Blocks of which there is one, and which say after their name of which kind it is."""

MERGED = Kind("merged template", deepest=100)
"""Templates that are built on each other, and how many may be."""


@frozen(eq=False, repr=False)
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


@define(eq=False, repr=False)
class Section:
    """A block: its fields and blocks by name, put together from every body that has it."""

    name: s.Node
    """Its word, or what else stands for it."""
    scope: Scope
    label: s.Identifier | None = None
    arguments: tuple[s.Expression, ...] | None = None
    origin: s.Identifier | None = None
    """The declaration whose body wrote it last."""
    settings: dict[str, Setting] = field(factory=dict)
    sections: dict[str, Section] = field(factory=dict)
    """By their word; those of which there may be several by `word label`."""
    damaged: bool = False
    """Whether a part of it could not be read, so that nothing is said about what seems to be missing."""
    meant: set[str] = field(factory=set)
    """Fields that other words in it were meant for, which are told: nothing is said about these."""
    misnested: bool = False
    """Whether a `}` is missing in or around it, so that its fields may belong to another block."""
    body: s.Body | None = None
    """What stands between its braces; of several that are put together, the last one."""
    guessed: bool = False
    """Whether it had to be guessed what a part of it says."""

    @property
    def name_span(self) -> Span:
        return self.scope.span(self.name)

    def label_span(self) -> Span:
        return self.scope.span(self.label) if self.label is not None else self.name_span


Paths = dict[tuple[str, ...], Setting | Section]
"""Where the value at each path of the model was written."""


class Merger:
    """Merges bodies; each template once."""

    def __init__(self, found: Diagnostics, memory: Memory) -> None:
        self._found = found
        self._memory = memory

    def merge(self, symbol: Symbol) -> Section:
        """The whole body of a deployment or template, its bases first, left to right; a copy."""
        if isinstance(symbol.node, s.DeploymentDeclaration):
            return self._put_together(symbol)
        whole = Section(symbol.name, symbol.scope)
        _overlay(whole, self._memory.of(MERGED, symbol, self._put_together))
        return whole

    def merge_body(self, scope: Scope, body: s.Body, name_span: Span) -> Section:
        """A block that is no deployment's, such as `gateway`."""
        written = name_span.source.text[name_span.start : name_span.end]
        name = s.Identifier(name_span.start, name_span.end, written)
        whole = Section(name, scope)
        self._fill(whole, body, scope, name)
        return whole

    def _put_together(self, symbol: Symbol) -> Section:
        node = symbol.node
        assert isinstance(node, s.DeploymentDeclaration | s.TemplateDeclaration)
        whole = Section(symbol.name, symbol.scope, guessed=symbol.is_damaged)
        whole.damaged = whole.guessed
        for base in node.bases:
            template = self._base(symbol.scope, base)
            if template is None:
                whole.damaged = True
                whole.guessed = whole.guessed or symbol.scope.misses(base)
            else:
                _overlay(whole, template)
        own = Section(symbol.name, symbol.scope)
        self._fill(own, node.body, symbol.scope, symbol.name)
        _overlay(whole, own, keeps=True)
        return whole

    def _base(self, scope: Scope, base: s.Expression) -> Section | None:
        """The template that `base` names, None when it names none that can be used."""
        target = scope.find_reference(base)
        if target is None:
            report_unknown(scope, base, "template", self._found, s.TemplateDeclaration)
        elif not isinstance(target.node, s.TemplateDeclaration):
            self._not_a_template(scope, base, target)
        elif circle := self._memory.circle(MERGED, target):
            self._cycle(scope, base, circle)
        elif (known := self._memory.known(MERGED, target)) is not None:
            section: Section = known.value
            return section
        elif self._memory.depth(MERGED) >= MERGED.deepest:
            self._found.error(
                "E0107",
                f"templates are built on each other more than {MERGED.deepest} deep",
                scope.span(base),
                help="merge some of them into one",
            )
        else:
            return self._memory.work_out(MERGED, target, self._put_together)
        return None

    def _not_a_template(self, scope: Scope, base: s.Expression, target: Symbol) -> None:
        self._found.error(
            "E0209",
            f"`{target.name.text}` is a {target.kind}, not a template",
            scope.span(base),
            "only templates can be built on",
            secondary=[Label(target.span, "declared here")],
            help="move what both share into a `template`, and use it with `from` in both",
        )

    def _cycle(self, scope: Scope, base: s.Expression, circle: list[Symbol]) -> None:
        names = [symbol.name.text for symbol in circle]
        self._found.error(
            "E0208",
            f"the template `{names[0]}` is built on itself",
            scope.span(base),
            "this closes the circle",
            notes=[show_circle(names)],
        )

    def _fill(
        self, section: Section, body: s.Body, scope: Scope, origin: s.Identifier, misnested: bool = False
    ) -> None:
        """Put what stands in `body` into `section`; what stands there twice counts once."""
        section.body = body
        section.misnested = misnested or body.unclosed
        section.damaged = body.damaged or section.misnested
        seen: dict[tuple[bool, str], s.Identifier] = {}
        for item in body.items:
            key = _key(item)
            if key in seen:
                self._twice(scope, seen[key], item)
                continue
            seen[key] = item.name
            if isinstance(item, s.Field):
                section.settings[item.name.text] = Setting(item, scope, origin)
            else:
                inner = Section(item.name, scope, item.label, item.arguments, origin)
                self._fill(inner, item.body, scope, origin, section.misnested)
                section.sections[key[1]] = inner

    def _twice(self, scope: Scope, first: s.Identifier, second: s.Field | s.Block) -> None:
        what = f"field `{first.text}`"
        if isinstance(second, s.Block):
            what = f"block `{_key(second)[1]}`"
        self._found.error(
            "E0203",
            f"the {what} is given twice",
            scope.span(second.name),
            "given again here",
            secondary=[Label(scope.span(first), "first given here")],
            help="remove one of them",
        )


def _key(item: s.Field | s.Block) -> tuple[bool, str]:
    """What must not be there twice: `runtime` may be a field beside a block, and blocks with names differ by
    these, unless the name is the kind of what there is one of."""
    if isinstance(item, s.Field):
        return False, item.name.text
    if item.label is not None and item.name.text not in LABELLED_BY_KIND:
        return True, f"{item.name.text} {item.label.text}"
    return item.name.text == "runtime", item.name.text


def _overlay(target: Section, source: Section, *, keeps: bool = False) -> None:
    """Put `source` over `target`, block by block and field by field; `source` itself stays as it is.

    A block of another kind replaces the one that is there: their settings have nothing in common.
    keeps: whether the blocks of `source` may be those of `target` from now on, since nobody else has them.
    """
    target.damaged = target.damaged or source.damaged
    target.misnested = target.misnested or source.misnested
    target.guessed = target.guessed or source.guessed
    target.settings.update(source.settings)
    for name, inner in source.sections.items():
        existing = target.sections.get(name)
        if existing is None or _label(existing) != _label(inner):
            if keeps:
                target.sections[name] = inner
                continue
            existing = target.sections[name] = Section(inner.name, inner.scope)
        existing.name, existing.scope = inner.name, inner.scope
        existing.label, existing.arguments = inner.label, inner.arguments
        existing.origin = inner.origin
        existing.body = inner.body
        _overlay(existing, inner, keeps=keeps)


def _label(section: Section) -> str | None:
    return section.label.text if section.label is not None else None
