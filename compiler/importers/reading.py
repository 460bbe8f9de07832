"""From a file of another system to text of the language: read, drafted, checked, written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from ...dsl.files import read_regular
from .checked import settle
from .draft import Draft
from .foreign import ImportFailed, Node
from .formats import litellm
from .json_file import read_json
from .report import Report
from .toml_file import read_toml
from .writer import write
from .yaml_file import read_yaml

LARGEST = 1 << 20
"""Bytes of the largest file that is read, and of all that it includes."""

_MOST_INCLUDED = 50

Include = Callable[[str, Node], Node]


@frozen(eq=False)
class Format:
    """A system whose files are read. title: what it is called."""

    name: str
    title: str
    recognises: Callable[[Node], bool]
    read: Callable[[Node, Draft, Include], None]


FORMATS: tuple[Format, ...] = (Format("litellm", "LiteLLM", litellm.recognises, litellm.read),)

UNSPOKEN = "nothing here stands for it"


@frozen(eq=False)
class Imported:
    """Text of the language, what became of each setting, and the system that the file is of."""

    text: str
    report: Report
    format: str


def import_text(text: str, name: str, folder: Path, output: Path, wanted: str | None = None) -> Imported:
    """What a file says, as text of the language. Raises ImportFailed.

    name: what the file is called. folder: where it lies; files that it includes lie there or below. output:
    where the text will be. wanted: the name of the format; None: it is found out.
    """
    root = _parsed(text, name)
    form = _format(root, wanted)
    draft = Draft(f"Imported from {Path(name).name}, a file of {form.title}.")
    draft.report.add_root(root)
    form.read(root, draft, _Includes(folder))
    if not draft.deployments:
        raise ImportFailed(f"no model in this file of {form.title} can be served by inferc", help=_why(draft))
    settle(draft, output)
    draft.report.finish(UNSPOKEN)
    return Imported(write(draft), draft.report, form.name)


def read_foreign(path: Path) -> str:
    """The text of a file. Raises ImportFailed."""
    try:
        data = read_regular(path, LARGEST)
    except OSError as error:
        raise ImportFailed(f"it cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ImportFailed(f"it cannot be read: {error}") from None
    return decoded(data)


def decoded(data: bytes) -> str:
    """Text in UTF-8. Raises ImportFailed."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportFailed("this is no text in UTF-8", line) from None


def _parsed(text: str, name: str) -> Node:
    suffix = Path(name).suffix.lower()
    if suffix == ".toml":
        return read_toml(text)
    if suffix == ".json" or (suffix not in (".yaml", ".yml") and text.lstrip()[:1] in ("{", "[")):
        return read_json(text)
    documents = read_yaml(text)
    if len(documents) != 1:
        raise ImportFailed("this file is empty" if not documents else "this file has several documents")
    return documents[0]


def _format(root: Node, wanted: str | None) -> Format:
    if wanted is not None:
        return next(each for each in FORMATS if each.name == wanted)
    found = next((each for each in FORMATS if each.recognises(root)), None)
    if found is None:
        listed = ", ".join(each.title for each in FORMATS)
        raise ImportFailed(
            "nothing in this file says which system it is of",
            help=f"inferc reads files of {listed}; `--from` says which one it is",
        )
    return found


def _why(draft: Draft) -> str | None:
    return next((entry.says for entry in draft.report.entries() if entry.says), None)


class _Includes:
    """Reads files that a file names: regular ones, in its folder or below, and not too many."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.realpath(folder))
        self._count = 0
        self._size = 0

    def __call__(self, written: str, node: Node) -> Node:
        self._count += 1
        if self._count > _MOST_INCLUDED:
            raise ImportFailed(f"more than {_MOST_INCLUDED} files are included", node.line)
        try:
            path = Path(os.path.realpath(self._folder / written))
            if not path.is_relative_to(self._folder):
                raise ImportFailed(f"`{written}` lies outside of the folder of this file", node.line)
            size = path.stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ImportFailed(f"`{written}` cannot be read: {reason}", node.line) from None
        if not stat.S_ISREG(size.st_mode):
            raise ImportFailed(f"`{written}` is no regular file", node.line)
        self._size += size.st_size
        if self._size > LARGEST:
            raise ImportFailed(f"the files that are included have more than {LARGEST >> 20} MiB", node.line)
        try:
            text = read_foreign(path)
            documents = read_yaml(text, f"{written}#")
        except ImportFailed as error:
            raise ImportFailed(
                f"in `{written}`, line {error.line or 1}: {error.message}", node.line
            ) from None
        if len(documents) != 1:
            raise ImportFailed(f"`{written}` holds no settings", node.line)
        return documents[0]
