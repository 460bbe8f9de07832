"""Where something is completed, and what can be offered there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from weakref import WeakKeyDictionary

from lsprotocol.types import CompletionItemKind

from ....compiler.scope import Scope, Symbol
from ....dsl import syntax as s
from ....dsl.catalogues.inference import infer_runtime
from ....dsl.catalogues.presets import HOSTED
from ....dsl.comments import doc_comment
from ....dsl.kinds import RuntimeKind
from ....dsl.parsing.tokens import Token
from ....dsl.record import frozen
from ....dsl.source import Source
from ....dsl.word_enum import by_word
from ...cursor import Cursor, Where
from ...fields import Place, place_of, with_place
from ...places import block_of, model_of
from ...view import View


@frozen
class Offer:
    """One text that may stand there.

    text: what is put there, the label when empty. snippet: the same with stops to fill in. order: offers of
    a smaller one come first. filter: what the client compares with what is typed.
    """

    label: str
    kind: CompletionItemKind
    detail: str = ""
    doc: str = ""
    insert: str = ""
    snippet: str | None = None
    order: int = 5
    filter: str = ""
    deprecated: bool = False

    @property
    def text(self) -> str:
        return self.insert or self.label


_REST = {Where.CODE: re.compile(r"\w*"), Where.TEXT: re.compile(r'[\w.:/@-]*(?=")')}
_GOES_ON = re.compile(r"[ \t]*[={\w]")

_IMPORTED: WeakKeyDictionary[Source, dict[tuple[str, tuple[type, ...]], list[Offer]]] = WeakKeyDictionary()


class Context:
    """A place in a document, and what is around it."""

    def __init__(self, view: View, cursor: Cursor) -> None:
        self.view = view
        self.cursor = cursor

    @property
    def typed(self) -> str:
        """The beginning of what is completed."""
        return self.cursor.prefix

    @property
    def start(self) -> int:
        """Where that begins: it is replaced by what is chosen."""
        return self.cursor.start

    @cached_property
    def end(self) -> int:
        """Where it ends: what is left of a word that is changed in its middle is replaced, too, and of a text
        without blanks."""
        rest = _REST.get(self.cursor.where) if self.typed and "{" not in self.typed else None
        found = rest.match(self.view.text, self.cursor.offset) if rest is not None else None
        return found.end() if found is not None else self.cursor.offset

    @property
    def goes_on(self) -> bool:
        """Whether what follows a name in its line is there already: a value, a label, a body."""
        return bool(self.typed) and _GOES_ON.match(self.view.text, self.end) is not None

    @property
    def words(self) -> list[str]:
        """The item at hand, word by word, up to what is typed."""
        return [token.text for token in self.cursor.before]

    @property
    def declaration(self) -> str:
        """The word of the declaration around the place."""
        if len(self.cursor.frames) > 1:
            return self.cursor.frames[1].word
        return self.words[0] if self.words else ""

    @cached_property
    def blocks(self) -> list[tuple[str, str | None]]:
        """The blocks around the place inside of their declaration, the outermost first."""
        found = []
        for frame in self.cursor.frames[2:]:
            if frame.opener == "LBRACE" and frame.head:
                label = frame.head[1].text.strip('"') if len(frame.head) > 1 else None
                found.append((frame.head[0].text, label))
        return found

    @cached_property
    def place(self) -> Place | None:
        """The body around the place, None when that is no body of fields."""
        frames = [frame for frame in self.cursor.frames if frame.opener == "LBRACE"]
        if (
            self.declaration == "route"
            and frames
            and frames[0].head[-1:]
            and frames[0].head[-1].type == "WITH"
        ):
            return place_of("route", self.blocks, None)
        if frames and any(token.type == "WITH" for token in frames[-1].head[-1:]):
            is_loop = frames[-1].head[-2:-1] != [] and frames[-1].head[-2].type == "RSQB"
            return with_place(is_loop=is_loop, is_extern=self.declaration == "extern")
        if self.declaration == "pipeline" and self.blocks[:1] == [("bounds", None)]:
            return place_of("pipeline", self.blocks, None)
        if self.declaration not in ("deployment", "template", "gateway", "cluster") or not frames:
            return None
        return place_of(self.declaration, self.blocks, self.model)

    @cached_property
    def model(self) -> str | None:
        """The model of the deployment around the place."""
        around = self._around
        return model_of(around) if around is not None else None

    @cached_property
    def runtime(self) -> RuntimeKind | None:
        """The runtime that the deployment around the place will have, as far as its own text says."""
        labels = [label for name, label in self.blocks if name == "runtime"]
        block = block_of(self._around, "runtime") if self._around is not None else None
        if block is not None and block.label is not None:
            labels.append(block.label.text)
        for label in labels:
            if label is not None and (kind := by_word(RuntimeKind).get(label)) is not None:
                return kind
        return infer_runtime(self.model) if self.model else None

    @property
    def key_variable(self) -> str | None:
        """The variable that usually holds the key of the runtime's provider."""
        return HOSTED.get(self.runtime) if self.runtime is not None else None

    @cached_property
    def _around(self) -> s.Node | None:
        path = self.view.path_to(self.cursor.offset)
        return path[0] if path else None

    @property
    def chain(self) -> list[str]:
        """The names before a `.` that stands before the place, `a.b` of `a.b.`; none for any other value."""
        return chain_before(self.cursor.before[:-1]) if self.words[-1:] == ["."] else []

    # ---- names

    def names(self, *kinds: type) -> Iterator[Offer]:
        """The names in scope that stand for one of `kinds`."""
        scope = self.view.scope
        for name, symbol in (scope.own | scope.imported).items():
            if isinstance(symbol.node, kinds):
                yield self.name(name, symbol)
        for alias, inner in scope.aliases.items():
            if inner is not scope:
                yield from self._imported(alias, inner, kinds)

    def _imported(self, alias: str, inner: Scope, kinds: tuple[type, ...]) -> list[Offer]:
        """The same of an imported file; kept as long as that stays as it was read."""
        known = _IMPORTED.setdefault(inner.module.source, {})
        offers = known.get((alias, kinds))
        if offers is None:
            named = ((name, symbol) for name, symbol in inner.own.items() if isinstance(symbol.node, kinds))
            offers = known[alias, kinds] = [self.name(f"{alias}.{name}", symbol) for name, symbol in named]
        return offers

    def members(self, alias: str, *kinds: type) -> Iterator[Offer]:
        """What an imported file declares."""
        inner = self.view.scope.aliases.get(alias)
        if inner is not None and inner is not self.view.scope:
            for name, symbol in inner.own.items():
                if not kinds or isinstance(symbol.node, kinds):
                    yield self.name(name, symbol)

    def name(self, name: str, symbol: Symbol) -> Offer:
        """A declaration by its name."""
        source = symbol.scope.module.source
        is_here = symbol.scope is self.view.scope
        detail = symbol.kind if is_here else f"{symbol.kind}, {source.name}"
        bare = name if name.replace(".", "_").isidentifier() else f'"{name}"'
        doc = doc_comment(source.text, symbol.node.start)
        return Offer(name, KINDS[type(symbol.node)], detail, doc, insert=bare, order=3)


def chain_before(tokens: list[Token]) -> list[str]:
    """The names joined by `.` that `tokens` end with."""
    names: list[str] = []
    for token in reversed(tokens):
        wanted = "DOT" if len(names) % 2 else "NAME"
        if token.type != wanted:
            break
        names.insert(0, token.text)
    return names[::2] if len(names) % 2 else []


KINDS: dict[type, CompletionItemKind] = {
    s.ParamDeclaration: CompletionItemKind.Variable,
    s.LetDeclaration: CompletionItemKind.Constant,
    s.TemplateDeclaration: CompletionItemKind.Interface,
    s.DeploymentDeclaration: CompletionItemKind.Class,
    s.RouteDeclaration: CompletionItemKind.Event,
    s.PipelineDeclaration: CompletionItemKind.Function,
    s.TypeDeclaration: CompletionItemKind.Struct,
    s.ExternDeclaration: CompletionItemKind.Function,
}


def keyword(word: str, detail: str = "", snippet: str | None = None) -> Offer:
    """A word of the language."""
    kind = (
        CompletionItemKind.Snippet if snippet is not None and "\n" in snippet else CompletionItemKind.Keyword
    )
    return Offer(word, kind, detail, insert=word, snippet=snippet)
