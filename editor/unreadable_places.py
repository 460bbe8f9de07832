"""Where a name may stand that cannot be resolved: parts with mistakes, and templates that cannot be read."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from ..compiler.scope import Scope
from ..dsl import syntax as s
from ..dsl.parsing.parser import Parsed
from ..dsl.parsing.tokens import tokenize
from ..dsl.tree import walk
from .occurrences import Target
from .prompts import TemplateNames, template_names


def hidden_places(parsed: Parsed, target: Target, known: Iterable[int]) -> Iterator[int]:
    """Where the name of `target` stands in a part that could not be read. known: where it was found."""
    mistakes = sorted(item.primary.span.start for item in parsed.diagnostics if item.primary is not None)
    if not mistakes:
        return
    readable = [
        (each.start, each.end)
        for each in parsed.declarations
        if (at := bisect_left(mistakes, each.start)) == len(mistakes) or mistakes[at] > each.end
    ]
    first, last = 0, len(parsed.source.text)
    if target.owner is not None:
        first = target.owner.start
        last = next((each.start for each in parsed.declarations if each.start > first), last)
    word = re.compile(rf"\b{re.escape(target.name.text)}\b")
    found = set(known)
    for token in tokenize(parsed.source.text):
        if not first <= token.start < last or any(start <= token.start < end for start, end in readable):
            continue
        places = [token.start + each.start() for each in word.finditer(token.text)]
        yield from (place for place in places if place not in found)


def prompts(scope: Scope, target: Target) -> Iterator[tuple[s.Prompt, TemplateNames | None]]:
    """The templates in which `target` may stand, and the names in each."""
    inside = scope.module.declarations if target.owner is None else [target.owner]
    for node in walk(inside):
        if isinstance(node, s.Prompt) and re.search(rf"\b{re.escape(target.name.text)}\b", node.template):
            yield node, template_names(node.template)
