"""The texts that are open, and the files on disk that they need. What did not change is not worked out again.

An open text has one tree, and one set of names and results, which follow its newest version: whoever keeps
parts of them keeps them until the next change. What is asked of an older version is worked out for it alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..compiler.compile import Checked, Opened, check_file, check_opened, open_file
from ..compiler.incremental.memory import Memory
from ..compiler.modules import Loader, file_key, read_file
from ..compiler.scope import Scope
from ..compiler.scopes import build_scopes
from ..dsl.diagnostics import Diagnostics
from ..dsl.parsing.parser import Parsed, parse
from ..dsl.parsing.reparse import reparse
from ..dsl.record import frozen
from ..dsl.source import Source
from .documents import Document, path_of, uri_of
from .positions import UTF16

MOST_FILES = 2000
"""How many files of the folders are looked through; more are left out."""

_MOST_NAMED = 5

_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "build", "dist", "target"})

Stamp = tuple[int, int, int]


@frozen(eq=False)
class Loaded:
    """A file with all that it imports, and what their names mean. root: the file itself."""

    root: Scope
    scopes: tuple[Scope, ...]


class Workspace:
    """Open documents by their files, and what is known of them."""

    def __init__(self, encoding: str = UTF16) -> None:
        self.encoding = encoding
        self.folders: list[Path] = []
        self.parses = 0
        """How often a text was parsed."""
        self.generation = 0
        """Grows with everything that may change a finding."""
        self.touched = 0
        """Grows when files on disk may have changed."""
        self.unseen = ""
        """The files that could not be read when everything was looked through, in the user's words."""
        self._open: dict[str, Document] = {}
        self._disk: dict[str, tuple[Stamp, str]] = {}
        self._parsed: dict[str, Parsed] = {}
        self._older: Parsed | None = None
        self._memories: dict[str, Memory] = {}
        self._checked: dict[str, tuple[int, Document, Checked]] = {}
        self._opened: dict[str, tuple[int, Document, Opened]] = {}
        self._keys: dict[Path, str] = {}
        """What `file_key` says of paths, until something changes."""

    # ---- what is open

    @property
    def documents(self) -> list[Document]:
        return list(self._open.values())

    def put(self, document: Document) -> None:
        """Open a text, or replace it by a newer version."""
        self._changed()
        self._open[self._key_of(document)] = document

    def close(self, uri: str) -> None:
        """From now on the file is what is on disk."""
        for key, document in list(self._open.items()):
            if document.uri == uri:
                del self._open[key]
                for cache in (self._checked, self._opened, self._parsed, self._memories):
                    cache.pop(key, None)
        self._changed()

    def touch(self) -> None:
        """Files on disk may have changed."""
        self._changed()
        self.touched += 1

    def _changed(self) -> None:
        self.generation += 1
        self._keys.clear()

    def document(self, uri: str) -> Document | None:
        """The open text with this URI."""
        return next((each for each in self._open.values() if each.uri == uri), None)

    def any_document(self, uri: str) -> Document | None:
        """The text with this URI, open or not; None when it cannot be read."""
        document = self.document(uri)
        path = path_of(uri)
        if document is not None or path is None:
            return document
        try:
            return Document.make(uri, self.read(path), None, self.encoding, self._name(path))
        except (OSError, ValueError):
            return None

    def document_of(self, source: Source) -> Document:
        """The document whose text is `source`: the open one, or one made for the file."""
        key = self._key_of(source)
        document = self._open.get(key)
        if document is not None and document.text == source.text:
            return document
        if document is not None:
            uri = document.uri
        else:
            uri = uri_of(source.path) if source.path is not None else source.name
        return Document.make(uri, source.text, None, self.encoding, source.name)

    # ---- texts and trees

    def read(self, path: Path) -> str:
        """The text of a file: as it is open, else as it is on disk. Raises OSError and ValueError."""
        key = self._key(path)
        if key in self._open:
            return self._open[key].text
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        known = self._disk.get(key)
        if known is None or known[0] != stamp:
            self._disk[key] = known = (stamp, read_file(path))
        return known[1]

    def parse(self, source: Source) -> Parsed:
        """The tree of `source`; the one from before when the text is the same."""
        key = self._key_of(source)
        known, document = self._parsed.get(key), self._open.get(key)
        for each in (known, self._older):
            if each is not None and each.source.text == source.text and self._key_of(each.source) == key:
                return each
        self.parses += 1
        if document is not None and document.text != source.text:
            self._older = known = parse(source)
        elif document is not None and known is not None:
            self._parsed[key] = known = reparse(source, known, move=True)
        else:
            self._parsed[key] = known = parse(source)
        return known

    def parsed(self, document: Document) -> Parsed:
        """The tree of one text."""
        return self.parse(Source(document.name, document.text, document.path))

    def load(self, document: Document) -> Loaded:
        """A text with all that it imports, names resolved and nothing checked."""
        opened = self._open_once(document)
        return Loaded(opened.scopes[id(opened.root)], tuple(opened.scopes.values()))

    def _open_once(self, document: Document) -> Opened:
        key = self._key_of(document)
        known = self._opened.get(key)
        if known is not None and known[0] == self.generation and known[1] is document:
            return known[2]
        is_newest = self._open.get(key) is document
        memory = self._memories.setdefault(key, Memory()) if is_newest else Memory()
        opened = open_file(
            document.name,
            document.path,
            Diagnostics(),
            text=document.text,
            read=self.read,
            parse=self.parse,
            memory=memory,
            key=self._key,
        )
        assert opened is not None  # its text is given
        self._opened[key] = (self.generation, document, opened)
        return opened

    def check(self, document: Document) -> Checked:
        """What the compiler says about a text, with all that it imports."""
        key = self._key_of(document)
        known = self._checked.get(key)
        if known is not None and known[0] == self.generation and known[1] is document:
            return known[2]
        checked = check_opened(self._open_once(document))
        self._checked[key] = (self.generation, document, checked)
        return checked

    def check_as_if(self, document: Document, text: str) -> Checked:
        """What it would say if the text were this one; nothing of it is kept."""
        before = self.parsed(document)

        def parse(source: Source) -> Parsed:
            return reparse(source, before) if source.text is text else self.parse(source)

        return check_file(document.name, document.path, text=text, read=self.read, parse=parse)

    def check_together(self, document: Document, texts: Mapping[str, str]) -> Checked:
        """The same with several texts changed, by the keys of their sources; nothing of it is kept."""

        def read(path: Path) -> str:
            changed = texts.get(self._key(path))
            return changed if changed is not None else self.read(path)

        def parse_one(source: Source) -> Parsed:
            return parse(source) if self._key_of(source) in texts else self.parse(source)

        text = texts.get(self._key_of(document), document.text)
        return check_file(document.name, document.path, text=text, read=read, parse=parse_one)

    def importers(self, document: Document) -> list[Document]:
        """The open texts that import this one, by way of others too, and were checked since they did."""
        key = self._key_of(document)
        return [
            self._open[other]
            for other, (_, _, checked) in self._checked.items()
            if other != key and other in self._open and _mentions(checked, key)
        ]

    # ---- everything there is

    def everything(self, first: Document | None = None) -> tuple[Scope, ...]:
        """The names of all files of the folders and all open texts, each file once."""
        unread: list[str] = []
        loader = Loader(Diagnostics(), self.read, self.parse, self._key)
        if first is not None:
            loader.load_root(first.name, first.path, first.text)
        for other in self._open.values():
            if not loader.has(other.path, other.name):
                loader.load_root(other.name, other.path, other.text)
        paths = list(self.files())
        for path in paths:
            name = self._name(path)
            if not loader.has(path, path.name) and loader.load_root(name, path) is None:
                unread.append(f"`{name}`")
        if len(paths) >= MOST_FILES:
            unread.append(f"more than {MOST_FILES:,} files")
        self.unseen = ", ".join(unread[:_MOST_NAMED]) + (", …" if len(unread) > _MOST_NAMED else "")
        scopes = build_scopes(loader.modules, Diagnostics())
        return tuple(scopes[id(module)] for module in loader.modules)

    def files(self) -> Iterator[Path]:
        """The `.infer` files below the folders."""
        count = 0
        for folder in self.folders:
            for place, inner, names in os.walk(folder):
                inner[:] = sorted(n for n in inner if not n.startswith(".") and n not in _SKIPPED)
                for name in sorted(names):
                    if name.endswith(".infer"):
                        yield Path(place, name)
                        count += 1
                        if count >= MOST_FILES:
                            return

    def _key(self, path: Path) -> str:
        key = self._keys.get(path)
        if key is None:
            key = self._keys[path] = file_key(path)
        return key

    def _key_of(self, text: Document | Source) -> str:
        return self._key(text.path) if text.path is not None else text.name

    def _name(self, path: Path) -> str:
        return name_of(path, self.folders)


def name_of(path: Path, folders: Iterable[Path]) -> str:
    """What messages call a file: its path from the folder that it is in."""
    for folder in folders:
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return path.name


def _mentions(checked: Checked, key: str) -> bool:
    """Whether a file is among those that were read, or should have been."""
    sources = (module.source for module in checked.modules)
    return any(s.path is not None and file_key(s.path) == key for s in sources) or any(
        file_key(path) == key for path in checked.missing
    )
