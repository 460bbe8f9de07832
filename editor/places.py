"""From a place in the syntax tree to the fields that can stand there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..compiler.pipelines.pipeline_options import ParameterOptions
from ..dsl import syntax as s
from .fields import Place, place_of, with_place

_WORDS: dict[type, str] = {
    s.DeploymentDeclaration: "deployment",
    s.TemplateDeclaration: "template",
    s.GatewayDeclaration: "gateway",
    s.ClusterDeclaration: "cluster",
    s.RouteDeclaration: "route",
}


def place_in(path: Sequence[s.Node]) -> Place | None:
    """The innermost body that `path`, from a declaration on, leads into; None outside of any."""
    for node in reversed(path):
        if isinstance(node, s.WithOptions):
            is_extern = isinstance(path[0], s.ExternDeclaration)
            return with_place(is_loop=isinstance(node.inner, s.Comprehension), is_extern=is_extern)
        if isinstance(node, s.Parameter) and node.options is not None and node.options in path:
            return Place(ParameterOptions, (), "with")
        if isinstance(node, s.Block | s.Declaration):
            break
    if path and isinstance(path[0], s.PipelineDeclaration):
        option = next((each for each in path[0].options if each in path), None)
        if option is None:
            return None
        is_inside = isinstance(option, s.Block) and option.body in path
        return place_of("pipeline", [(option.name.text, None)] if is_inside else [], None)
    word = _WORDS.get(type(path[0])) if path else None
    if word is None or not any(isinstance(node, s.Body) for node in path):
        return None
    inside = [
        (node.name.text, node.label.text if node.label is not None else None)
        for node, following in pairwise(path)
        if isinstance(node, s.Block) and isinstance(following, s.Body)
    ]
    return place_of(word, inside, model_of(path[0]))


def model_of(node: s.Node) -> str | None:
    """The model that a deployment or a template names, if it does so plainly."""
    value = field_of(node, "model")
    match value.value if value is not None else None:
        case s.Text(parts=(str(text),)):
            return text
    return None


def field_of(node: s.Node, name: str) -> s.Field | None:
    """A field of the body of a declaration or block."""
    body = getattr(node, "body", None)
    items = body.items if isinstance(body, s.Body) else ()
    return next((each for each in items if isinstance(each, s.Field) and each.name.text == name), None)


def block_of(node: s.Node, name: str) -> s.Block | None:
    """A block of the body of a declaration or block."""
    body = getattr(node, "body", None)
    items = body.items if isinstance(body, s.Body) else ()
    return next((each for each in items if isinstance(each, s.Block) and each.name.text == name), None)
