"""The names in the template of a prompt that stand for values of the file: none of Jinja's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..dsl.record import frozen

_OPENERS, _CLOSERS = ("(", "[", "{"), (")", "]", "}")


@frozen
class TemplateNames:
    """places: where each name stands, as characters of the template.

    own: names that the template itself gives a meaning. unclear: those of them that elsewhere in the template
    stand for a value of the file.
    """

    places: dict[str, tuple[tuple[int, int], ...]]
    own: frozenset[str]
    unclear: frozenset[str]


@lru_cache(maxsize=256)
def template_names(template: str) -> TemplateNames | None:
    """The names in a template, None when it cannot be read."""
    from jinja2 import TemplateError, meta, nodes

    from ..compiler.pipelines.sandbox import environment

    try:
        tree = environment().parse(template)
        found = list(_names(template))
    except (TemplateError, ValueError, OverflowError, RecursionError):
        return None
    own = {each.name for each in tree.find_all(nodes.Name) if each.ctx != "load"}
    own |= {each.name for each in tree.find_all(nodes.Macro)} | {
        each.name for each in tree.find_all(nodes.Block)
    }
    try:
        outer = meta.find_undeclared_variables(tree)
    except TemplateError:  # a filter that does not exist
        outer = {each.name for each in tree.find_all(nodes.Name)}
    places: dict[str, tuple[tuple[int, int], ...]] = {}
    for name, start in found:
        if name in outer and name not in own:
            places[name] = (*places.get(name, ()), (start, start + len(name)))
    return TemplateNames(places, frozenset(own), frozenset(outer & own))


def _names(template: str) -> Iterator[tuple[str, int]]:
    """The names that are values, by their tokens, and where each begins. Raises ValueError."""
    tokens = [("", "", 0), ("", "", 0), *_tokens(template), ("", "", 0)]
    depth = 0
    for index in range(2, len(tokens) - 1):
        kind, text, start = tokens[index]
        earlier, after = tokens[index - 2][1], tokens[index + 1][1]
        kind_before, before, _ = tokens[index - 1]
        if kind == "operator":
            depth += (text in _OPENERS) - (text in _CLOSERS)
        if kind != "name" or kind_before == "block_begin":
            continue
        is_part = before in (".", "|", "is", "filter") or (before, earlier) == ("not", "is")
        if not is_part and not (after == "=" and depth > 0):
            yield text, start


def _tokens(template: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and place of what stands inside of tags. Jinja leaves out nothing but white space."""
    from ..compiler.pipelines.sandbox import environment

    position = 0
    for _, kind, text in environment().lexer.tokeniter(template, None):
        start = template.index(text, position)
        position = start + len(text)
        if kind not in ("whitespace", "data") and not kind.startswith("comment"):
            yield kind, text, start
