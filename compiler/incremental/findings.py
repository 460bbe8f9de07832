"""Memoised findings: they hold while the declarations that they are about stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ...dsl.diagnostics import Diagnostic, places, with_places
from ...dsl.source import Span
from ...dsl.syntax import Declaration
from ..modules import Module


class Named(Protocol):
    """What names mean in a file."""

    @property
    def module(self) -> Module: ...


class KeptFinding:
    """A finding; for each of its places the key of the file, the declaration that it stands in, and where the
    place begins and ends there."""

    __slots__ = ("_finding", "_places")

    def __init__(self, finding: Diagnostic, about: list[tuple[str, Declaration]]) -> None:
        self._finding = finding
        self._places = [
            (key, node, span.start - node.start, span.end - node.start)
            for (key, node), span in zip(about, places(finding), strict=True)
        ]

    @classmethod
    def of(cls, finding: Diagnostic, files: Mapping[str, Named]) -> KeptFinding | None:
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
        moved = []
        for key, node, start, end in self._places:
            module = _module_with(files, key, node)
            if module is None:
                return None
            moved.append(Span(module.source, node.start + start, node.start + end))
        self._finding = with_places(self._finding, iter(moved))
        return self._finding


def _module_with(files: Mapping[str, Named], key: str, node: Declaration) -> Module | None:
    """The file in which `node` is a declaration still."""
    if key not in files:
        return None
    module = files[key].module
    number = module.damage.number_at(node.start)
    return module if number >= 0 and module.declarations[number] is node else None
