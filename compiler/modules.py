"""Files and what they import: each file is read and parsed once, cycles and missing files are reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from ..dsl.diagnostics import Diagnostics
from ..dsl.parser import Parsed, parse
from ..dsl.source import Source, Span
from ..dsl.syntax import Declaration, ImportAs, ImportNames, Text
from ..dsl.wording import show_circle

DEEPEST = 100
"""How many files may import each other in a row."""

ReadText = Callable[[Path], str]
"""Gives the text of a file, decoded. Raises OSError, UnicodeDecodeError, or ValueError for a path that
cannot be one."""

ParseText = Callable[[Source], Parsed]
"""Gives a file as read. May give the same again for the same text: nothing changes what it gave."""


def read_file(path: Path) -> str:
    """The text of a UTF-8 file, a byte order mark left out and line ends kept."""
    if path.is_dir():
        raise IsADirectoryError(21, "it is a directory", str(path))
    with path.open(encoding="utf-8-sig", newline="") as file:
        return file.read()


@define(eq=False)
class Module:
    """One parsed file and the files it imports."""

    source: Source
    declarations: tuple[Declaration, ...]
    imports: dict[int, Module] = field(factory=dict)
    """The module behind each import declaration, by the offset of the declaration."""

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)


class Loader:
    """Reads a file and everything it imports."""

    def __init__(self, found: Diagnostics, read: ReadText = read_file, parse: ParseText = parse) -> None:
        self._found = found
        self._read = read
        self._parse = parse
        self.missing: list[Path] = []
        """Files that are imported and could not be read."""
        self._modules: dict[str, Module] = {}
        self._loading: list[tuple[str, Module]] = []

    @property
    def modules(self) -> list[Module]:
        """All files read so far, each once."""
        return list(self._modules.values())

    def has(self, path: Path | None, name: str) -> bool:
        """Whether the file at `path`, or the text called `name`, was read already."""
        return (file_key(path) if path is not None else name) in self._modules

    def load_root(self, name: str, path: Path | None, text: str | None = None) -> Module | None:
        """The module of the file at `path`, or of `text`; None when it cannot be read."""
        if text is None:
            assert path is not None
            try:
                text = self._read(path)
            except (OSError, ValueError) as error:
                self._found.error(
                    "E0001", f"cannot read `{name}`: {reason(error)}", None, help=_advice(error)
                )
                return None
        return self._load(Source(name, text, path))

    def _load(self, source: Source) -> Module:
        parsed = self._parse(source)
        self._found.items.extend(parsed.diagnostics)
        module = Module(parsed.source, parsed.declarations)
        key = file_key(source.path) if source.path is not None else source.name
        self._modules[key] = module
        self._loading.append((key, module))
        for declaration in parsed.declarations:
            if isinstance(declaration, ImportAs | ImportNames):
                imported = self._import(module, declaration.path)
                if imported is not None:
                    module.imports[declaration.start] = imported
        self._loading.pop()
        return module

    def _import(self, importer: Module, written: Text) -> Module | None:
        span = importer.span(written.start, written.end)
        if len(written.parts) != 1 or not isinstance(written.parts[0], str):
            self._found.error(
                "E0206", "an import names its file plainly", span, help="write the path without `${…}`"
            )
            return None
        base = importer.source.folder
        path = base / written.parts[0]
        key = file_key(path)
        if key in (loading for loading, _ in self._loading):
            self._cycle(key, span)
            return None
        if key in self._modules:
            return self._modules[key]
        if len(self._loading) > DEEPEST:
            message = f"imports lead more than {DEEPEST} files deep"
            self._found.error("E0206", message, span, help="import the file from one nearer to the first")
            return None
        try:
            text = self._read(path)
        except (OSError, ValueError) as error:
            self.missing.append(path)
            self._found.error(
                "E0206",
                f"cannot import `{written.parts[0]}`: {reason(error)}",
                span,
                help=f"paths are relative to the importing file: this is `{path}`",
            )
            return None
        name = os.path.normpath(os.path.join(os.path.dirname(importer.source.name), written.parts[0]))
        return self._load(Source(name, text, path))

    def _cycle(self, key: str, span: Span) -> None:
        names = [module.source.name for _, module in self._loading]
        first = next(index for index, (loading, _) in enumerate(self._loading) if loading == key)
        self._found.error(
            "E0207",
            "these files import each other in a circle",
            span,
            "this import closes the circle",
            notes=[show_circle(names[first:])],
            help="move what both need into a third file",
        )


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in the user's words."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "it is a directory"
        case PermissionError():
            return "permission denied"
        case UnicodeDecodeError():
            return f"it is not UTF-8 text (byte {error.start})"
        case OSError(strerror=str(said)):
            return said[:1].lower() + said[1:]
        case _:
            return str(error)


def _advice(error: OSError | ValueError) -> str | None:
    match error:
        case FileNotFoundError():
            return "check the path; `inferc init` writes a first file"
        case IsADirectoryError():
            return "name a file in it"
        case _:
            return None


def file_key(path: Path) -> str:
    """What is the same for every path of one file."""
    try:
        return os.path.realpath(path)
    except ValueError:  # no path at all: there is a NUL in it
        return str(path)
