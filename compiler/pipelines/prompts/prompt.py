"""`prompt "…"`."""

from __future__ import annotations

from ....dsl import syntax as s
from ...plan.types import TEXT
from ..braces import check_prompt
from ..inferrer import Inferrer
from ..typed import Constant, Typed

_OPENINGS = ("{{", "{%", "{#")


def infer_prompt(inferrer: Inferrer, node: s.Prompt) -> Typed:
    """A template that gives a text; without anything to fill in it is one."""
    check_prompt(inferrer, node)
    if not any(opening in node.template for opening in _OPENINGS):
        return Constant(node, TEXT, node.template)
    from .jinja import infer_template

    return infer_template(inferrer, node)
