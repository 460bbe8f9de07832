"""What a feature is given: one version of a document, and all that is known of it, found when asked for."""

from __future__ import annotations

from functools import cached_property

from lsprotocol.types import Location, Position, Range

from ..compiler.compile import Checked
from ..compiler.declare import Declared
from ..compiler.scope import Scope
from ..dsl import syntax as s
from ..dsl.parsing.parser import Parsed
from ..dsl.parsing.tokens import Token, tokenize
from ..dsl.source import Source, Span
from ..dsl.tree import path_to
from .documents import Document
from .occurrences import Occurrence, occurrences
from .plan_analysis import PlanAnalysis
from .workspace import Loaded, Workspace


class View:
    """One document as features see it."""

    def __init__(self, workspace: Workspace, document: Document) -> None:
        self.workspace = workspace
        self.document = document

    # ---- text

    @property
    def text(self) -> str:
        return self.document.text

    def offset(self, position: Position) -> int:
        return self.document.lines.offset(position)

    def range(self, start: int, end: int) -> Range:
        return self.document.lines.range(start, end)

    def range_of(self, node: s.Node | Token) -> Range:
        return self.range(node.start, node.end)

    def location(self, span: Span) -> Location:
        """A place in this file or another."""
        return self.location_in(span.source, span.start, span.end)

    def location_in(self, source: Source, start: int, end: int) -> Location:
        return self.document_of(source).location(start, end)

    def document_of(self, source: Source) -> Document:
        """The document whose text is `source`: this one or another."""
        return self.document if source is self.parsed.source else self.workspace.document_of(source)

    # ---- meaning

    @cached_property
    def tokens(self) -> list[Token]:
        """All tokens but the end."""
        return [token for token in tokenize(self.text) if token.type != "$END"]

    @cached_property
    def parsed(self) -> Parsed:
        return self.workspace.parsed(self.document)

    @property
    def declarations(self) -> tuple[s.Declaration, ...]:
        return self.parsed.declarations

    @cached_property
    def loaded(self) -> Loaded:
        return self.workspace.load(self.document)

    @property
    def scope(self) -> Scope:
        return self.loaded.root

    @cached_property
    def checked(self) -> Checked:
        return self.workspace.check(self.document)

    @cached_property
    def proofs(self) -> PlanAnalysis:
        return PlanAnalysis(self.checked)

    @cached_property
    def occurrences(self) -> list[Occurrence]:
        """The names of this file, in order."""
        return sorted(occurrences(self.scope), key=lambda each: each.start)

    def path_to(self, offset: int) -> list[s.Node]:
        """The nodes around `offset`, the outermost first."""
        return path_to(self.declarations, offset)

    def occurrence_at(self, offset: int) -> Occurrence | None:
        """The name that stands at `offset`, or ends there."""
        found = [each for each in self.occurrences if each.start <= offset <= each.end]
        return max(found, key=lambda each: each.start) if found else None

    def declared(self, node: s.Node) -> Declared | None:
        """What the compiler made of a deployment of this file."""
        program = self.checked.program
        if program is None:
            return None
        return next((each for each in program.declared if each.symbol.node is node), None)
