"""Files and what they import: each file is read and parsed once, cycles and missing files are reported."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from attrs import field

from ..dsl.diagnostics import Diagnostics, Edit, Fix
from ..dsl.files import NotRegular, read_regular_text
from ..dsl.parsing.parser import Parsed, parse
from ..dsl.record import define
from ..dsl.source import Source, Span
from ..dsl.suggest import near, offer
from ..dsl.syntax import Declaration, ImportAs, ImportNames, Text
from ..dsl.wording import show_circle
from .guessed_syntax import Damage
from .project import project_left, project_of

DEEPEST = 100
"""How many files may import each other in a row."""

SUFFIX = ".infer"

D = TypeVar("D", bound=Declaration)

_start = attrgetter("start")

ReadText = Callable[[Path], str]
"""Gives the text of a file, decoded. Raises OSError, UnicodeDecodeError, or ValueError for a path that
cannot be one."""

ParseText = Callable[[Source], Parsed]
"""Gives a file as read. May give the same again for the same text: nothing changes what it gave."""

FileKey = Callable[[Path], str]
"""Gives what `file_key` does. May give the same again while links on disk stay as they are."""


def read_file(path: Path) -> str:
    """The text of a UTF-8 file, a byte order mark left out and line ends kept.

    Raises OSError, also for a link that only looks like a file of the language, and ValueError.
    """
    text = read_regular_text(path).removeprefix("\ufeff")
    if path.name.endswith(SUFFIX) and not is_source(path):
        raise OSError(errno.EINVAL, "it is a link to another kind of file", str(path))
    return text


@define(eq=False)
class Module:
    """One parsed file and the files it imports."""

    key: str
    """The same for every text of the file."""
    source: Source
    declarations: tuple[Declaration, ...]
    imports: dict[int, Module] = field(factory=dict)
    """The module behind each import declaration, by the offset of the declaration."""
    lost: frozenset[str] = frozenset()
    """Names that are perhaps declared in what could not be read."""
    damage: Damage = field(factory=Damage)
    by_kind: Mapping[type, Sequence[Any]] = field(factory=dict)

    def each(self, *kinds: type[D]) -> Sequence[D]:
        """The declarations of these kinds, in order."""
        if len(kinds) == 1:
            return self.by_kind.get(kinds[0], ())
        return sorted((node for kind in kinds for node in self.by_kind.get(kind, ())), key=_start)

    @property
    def importing(self) -> list[ImportAs | ImportNames]:
        """The declarations that import something."""
        return sorted((*self.each(ImportAs), *self.each(ImportNames)), key=_start)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)


class Loader:
    """Reads a file and everything it imports."""

    def __init__(
        self,
        found: Diagnostics,
        read: ReadText = read_file,
        parse: ParseText = parse,
        key: FileKey | None = None,
    ) -> None:
        self._found = found
        self._read = read
        self._parse = parse
        self._key = key or file_key
        self.missing: list[Path] = []
        """Files that are imported and could not be read."""
        self._modules: dict[str, Module] = {}
        self._loading: list[tuple[str, Module]] = []
        self._project_of = cache(project_of)

    @property
    def modules(self) -> list[Module]:
        """All files read so far, each once."""
        return list(self._modules.values())

    def has(self, path: Path | None, name: str) -> bool:
        """Whether the file at `path`, or the text called `name`, was read already."""
        return (self._key(path) if path is not None else name) in self._modules

    def load_root(self, name: str, path: Path | None, text: str | None = None) -> Module | None:
        """The module of the file at `path`, or of `text`; None when it cannot be read."""
        if text is None:
            assert path is not None
            try:
                text = self._read(path)
            except (OSError, ValueError) as error:
                self._found.error(
                    "E0001", f"cannot read `{name}`: {reason(error)}", None, help=advice(error, Path(name))
                )
                return None
        source = Source(name, text, path)
        return self._load(source, self._key(path) if path is not None else name)

    def _load(self, source: Source, key: str) -> Module:
        parsed = self._parse(source)
        self._found.items.extend(parsed.diagnostics)
        module = Module(
            key,
            parsed.source,
            parsed.declarations,
            lost=parsed.lost,
            damage=Damage.of(parsed),
            by_kind=parsed.by_kind,
        )
        self._modules[key] = module
        self._loading.append((key, module))
        for declaration in module.importing:
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
        key = self._key(path)
        if self._leaves_project(base, written.parts[0], span):
            return None
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
            self._unreadable(path, written.parts[0], error, span)
            return None
        if not (path.name.endswith(SUFFIX) and key.endswith(SUFFIX)):
            self._no_source(written.parts[0], span)
            return None
        name = os.path.normpath(os.path.join(os.path.dirname(importer.source.name), written.parts[0]))
        return self._load(Source(name, text, path), key)

    def _leaves_project(self, base: Path, written: str, span: Span) -> bool:
        """Whether a path leads out of the project; reported if so, and then nothing is read."""
        project = project_left(base, written, self._project_of)
        if project is not None:
            self._found.error(
                "E0212",
                f"`{written}` is outside of the project, so that it does not travel with it",
                span,
                f"the project is the folder `{project.name}`",
                help="move the file into the project, or put a symbolic link to it there",
            )
        return project is not None

    def _unreadable(self, path: Path, written: str, error: OSError | ValueError, span: Span) -> None:
        meant = _meant(path) if isinstance(error, FileNotFoundError) else []
        fixes = []
        if "://" in written:
            helps = ["an import names a file of this project: nothing is fetched when a file is checked"]
        else:
            helps = [where_is(path, written)]
        for each in meant:
            name = f'"{written[: len(written) - len(path.name)]}{Path(each).name}"'
            fixes.append(Fix(f"write `{name}`", (Edit(span, name),), safe=False))
        message = f"cannot import `{written}`: {reason(error)}"
        self._found.error("E0206", message, span, help=helps, fixes=fixes)

    def _no_source(self, written: str, span: Span) -> None:
        """What stands in other files is not for messages to quote."""
        self._found.error(
            "E0206",
            f"cannot import `{written}`: only `{SUFFIX}` files are imported",
            span,
            "another kind of file",
            help=f"move what you need into a file whose name ends in `{SUFFIX}`",
        )

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


def where_is(path: Path, written: str) -> str:
    """What a path means that leads to no file that can be used."""
    if written.startswith("~"):
        return f"`~` is nobody's home here: write the whole path, which begins with `/`; this is `{path}`"
    return f"paths are relative to the file that says them: this is `{path}`"


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in the user's words."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "permission denied"
        case UnicodeDecodeError():
            return f"it is not UTF-8 text (byte {error.start})"
        case OSError(strerror=str(said)):
            return said[:1].lower() + said[1:]
        case _:
            return str(error)


def is_source(path: Path) -> bool:
    """Whether the name of a file says that it is one of the language; of a link, that of its target, too."""
    return path.name.endswith(SUFFIX) and file_key(path).endswith(SUFFIX)


def advice(error: OSError | ValueError, path: Path) -> str | None:
    """What to do about a file of the language that cannot be read."""
    match error:
        case FileNotFoundError():
            return offer(_meant(path)) or "check the path; `inferc init` writes a first file"
        case NotRegular():
            return "name a regular file, or `-` for standard input"
        case _:
            return None


def _meant(path: Path) -> list[str]:
    """The file of the language, or plan, that was probably meant: with its ending, or nearly so called."""
    whole = path.with_name(f"{path.name}{SUFFIX}") if path.name else path
    if os.path.isfile(whole):
        return [str(whole)]
    name = file_beside(path, (SUFFIX, ".plan.json"))
    return [str(path.with_name(name))] if name is not None else []


def file_beside(path: Path, endings: tuple[str, ...] = ("",)) -> str | None:
    """A file in the same directory with nearly the same name, which ends in one of `endings`."""
    try:
        names = [
            each.name for each in path.parent.iterdir() if each.name.endswith(endings) and each.is_file()
        ]
    except (OSError, ValueError):
        return None
    like_it = {name.removesuffix(path.suffix): name for name in sorted(names) if name.endswith(path.suffix)}
    meant = near(path.stem, like_it) or near(path.name, sorted({*names} - {*like_it.values()}))
    return like_it.get(meant[0], meant[0]) if meant else None


def file_key(path: Path) -> str:
    """What is the same for every path of one file."""
    try:
        return os.path.realpath(path)
    except ValueError:  # no path at all: there is a NUL in it
        return str(path)


def key_of(source: Source) -> str:
    """The same for every source of one file."""
    return file_key(source.path) if source.path is not None else source.name
