"""Findings that hold while the declarations that they are about stay as they are, wherever these move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..dsl.diagnostics import Diagnostic, places, with_places
from ..dsl.source import Span
from ..dsl.syntax import Declaration
from .modules import Module


class Named(Protocol):
    """What names mean in a file."""

    @property
    def module(self) -> Module: ...


class Said:
    """A finding, with the declaration that each of its places stands in, and the key of that one's file."""

    __slots__ = ("_about", "_finding", "_starts")

    def __init__(self, finding: Diagnostic, about: list[tuple[str, Declaration]]) -> None:
        self._finding = finding
        self._about = about
        self._starts = [node.start for _, node in about]

    @classmethod
    def of(cls, finding: Diagnostic, files: Mapping[str, Named]) -> Said | None:
        """None where a place stands in no declaration of `files`, so that it is unknown how it moves."""
        modules = {each.module.source: each.module for each in files.values()}
        about = []
        for span in places(finding):
            module = modules.get(span.source)
            number = module.damage.number_at(span.start) if module is not None else -1
            if module is None or number < 0:
                return None
            about.append((module.key, module.declarations[number]))
        return cls(finding, about)

    def again(self, files: Mapping[str, Named]) -> Diagnostic | None:
        """The finding where its declarations stand now, None where one of them is gone."""
        if not all(_is_there(files, key, node) for key, node in self._about):
            return None
        moved = (
            Span(files[key].module.source, span.start - start + node.start, span.end - start + node.start)
            for (key, node), start, span in zip(self._about, self._starts, places(self._finding), strict=True)
        )
        self._finding = with_places(self._finding, moved)
        self._starts = [node.start for _, node in self._about]
        return self._finding


def _is_there(files: Mapping[str, Named], key: str, node: Declaration) -> bool:
    if key not in files:
        return False
    module = files[key].module
    number = module.damage.number_at(node.start)
    return number >= 0 and module.declarations[number] is node
