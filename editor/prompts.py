"""The names in the template of a prompt that stand for values of the file: none of Jinja's own."""

from __future__ import annotations

from functools import lru_cache

from ..dsl.record import frozen


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

    from ..compiler.pipelines.prompts.sandbox import environment

    try:
        tree = environment().parse(template)
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
    for start, name in sorted((each.lineno, each.name) for each in tree.find_all(nodes.Name)):
        if name in outer and name not in own:
            places[name] = (*places.get(name, ()), (start, start + len(name)))
    return TemplateNames(places, frozenset(own), frozenset(outer & own))
