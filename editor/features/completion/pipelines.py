"""Inside of pipelines: their own values, what they can ask, and the words of steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lsprotocol.types import CompletionItemKind as Kind

from ....dsl import syntax as s
from .asked import CALLED, VALUES, Asked, Offer, keyword

_STEP_WORDS = (
    keyword("prompt", "a text with the values of steps in it", 'prompt "$0"'),
    keyword("match", "one of several, by value", "match ${1:value} {\n  ${2:_} => $0\n}"),
    keyword("if", "one of two", "if $1 { $2 } else { $0 }"),
)
_AFTER_CALL = (
    keyword("with", "timeout, retries, and how many at once", "with { $0 }"),
    keyword("else", "what stands in when it fails"),
    keyword("as", "the type of the answer"),
)


def steps(asked: Asked) -> Iterator[Offer]:
    """What may stand in a step."""
    words, frame = asked.words, asked.cursor.frame
    is_steps = frame.opener == "LBRACE" and len(asked.cursor.frames) == 2
    if is_steps and not words:
        yield keyword("return", "the answer of the pipeline")
    elif is_steps and words[-1] in (")", "}"):
        yield from _AFTER_CALL
    elif is_steps and len(words) == 1 and words[0] != "return":
        return
    elif len(asked.cursor.frames) > 2 or frame.opener == "LBRACE":
        yield from local_names(asked)
        yield from asked.names(*CALLED, *VALUES)
        yield from _STEP_WORDS


def local_names(asked: Asked) -> Iterator[Offer]:
    """The parameters and steps of the pipeline around the place."""
    pipeline = asked.cursor.frames[1]
    head = [token.text for token in pipeline.head]
    for name, colon in pairwise(head):
        if colon == ":":
            yield Offer(name, Kind.Variable, "parameter", order=1)
    current = asked.cursor.frames[2].head if len(asked.cursor.frames) > 2 else pipeline.item
    for item in pipeline.items:
        if len(item) > 1 and item[1].text == "=" and item is not current:
            yield Offer(item[0].text, Kind.Variable, "step", order=1)
    for node in asked.view.declarations:  # steps below, since their order does not matter
        if isinstance(node, s.PipelineDeclaration) and node.start <= asked.cursor.offset <= node.end:
            for step in node.steps:
                if step.name is not None and not step.start <= asked.cursor.offset <= step.end:
                    yield Offer(step.name.text, Kind.Variable, "step", order=1)
