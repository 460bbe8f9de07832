"""Inside of pipelines: their own values, what they can ask, and the words of steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lsprotocol.types import CompletionItemKind as Kind

from ....compiler.scope import CALLABLE, VALUES
from ....dsl import syntax as s
from ....dsl.parsing.tokens import CLOSER_OF, CLOSERS, Token
from ....dsl.values import show
from ....dsl.wording import as_name
from ...cursor import Where
from .context import Context, Offer, chain_before, keyword

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
_FOR = keyword("for", "once for each value of a list", "for ${1:each} in $0")


def steps(context: Context) -> Iterator[Offer]:
    """What may stand in a step."""
    words, frame = context.words, context.cursor.frame
    if frame.opener == "LSQB" and frame.head and frame.head[0].text == "tools":
        yield from context.names(s.PipelineDeclaration, s.ExternDeclaration)
        return
    is_steps = frame.opener == "LBRACE" and len(context.cursor.frames) == 2
    if is_steps and not words:
        yield keyword("return", "the answer of the pipeline")
        yield Offer("carries", Kind.Field, "kinds of data that go through it", snippet="carries = [$0]")
        yield Offer("bounds", Kind.Field, "the most that one request may take", snippet="bounds { $0 }")
    elif (is_steps and words[-1] in (")", "}")) or words[-1:] == [")"]:
        yield from _AFTER_CALL
        yield from (_FOR,) if frame.opener == "LSQB" else ()
    elif is_steps and len(words) == 1 and words[0] != "return":
        return
    elif len(context.cursor.frames) > 2 or frame.opener == "LBRACE":
        own = [token.text for token in context.cursor.frames[1].head[1:2]]  # it cannot call itself
        yield from _arguments(context)
        yield from local_names(context)
        yield from (offer for offer in context.names(*CALLABLE, *VALUES) if offer.label not in own)
        yield from _builtins()
        yield from _STEP_WORDS


def _builtins() -> Iterator[Offer]:
    from ....compiler.pipelines.builtins.table import BUILTINS

    for name, known in BUILTINS.items():
        yield Offer(name, Kind.Function, known.form, known.told, snippet=f"{name}($0)", order=4)


def _arguments(context: Context) -> Iterator[Offer]:
    """The names of the arguments that a call has not yet, where one begins."""
    frame = context.cursor.frame
    called = chain_before(frame.head)
    if frame.opener != "LPAR" or context.words or not 1 <= len(called) <= 2:
        return
    from ...types import arguments_of

    alias = called[0] if len(called) == 2 else None
    given = {item[0].text for item in frame.items if len(item) > 1 and item[1].type == "EQUAL"} | frame.given
    for name, shown in arguments_of(context.view, alias, called[-1]).items():
        if name not in given:
            written = as_name(name)
            yield Offer(name, Kind.Property, shown, insert=f"{written} = ", order=0)


def record_fields(context: Context) -> Iterator[Offer]:
    """The fields of the record before the `.`: of what has a name, or of what a call gives."""
    from ...types import fields_after, fields_of_value

    names, before = context.chain, context.cursor.before[:-1]
    found: dict[str, str] = {}
    if names and names[0] not in context.view.scope.aliases:
        found = fields_after(context.view, context.cursor.offset, names)
    elif len(before) > 1 and len(context.cursor.frames) > 1:
        start, end = before[_begin(before)].start, before[-1].end
        step = next(iter(context.cursor.frames[1].item or before)).start
        found = fields_of_value(context.view, start, end, context.cursor.offset, step)
    for name, shown in found.items():
        yield Offer(as_name(name), Kind.Field, shown, order=1)


def _begin(tokens: list[Token]) -> int:
    """Where the value begins that `tokens` end with: `f(x)` in `a + f(x)`, `(a else b)`, `xs[0].name`."""
    at, depth = len(tokens), 0
    while at > 0:
        token = tokens[at - 1]
        before = tokens[at - 2].type if at > 1 else ""
        depth += (token.type in CLOSERS) - (token.type in CLOSER_OF)
        at -= 1
        joined = token.type == "DOT" or (token.type in CLOSER_OF and before in ("NAME", "RPAR", "RSQB"))
        if depth == 0 and not joined and before != "DOT":
            return at
    return at


def match_arms(context: Context) -> Iterator[Offer]:
    """The values that a `match` has no arm for yet, where an arm begins."""
    quoted = context.cursor.where is Where.TEXT
    for value in _unmatched(context):
        literal = show(value)
        if quoted:
            yield Offer(value, Kind.EnumMember, insert=literal[1:-1], order=0)
        else:
            yield Offer(literal, Kind.EnumMember, insert=f"{literal} => ", order=0)


def _unmatched(context: Context) -> list[str]:
    frame = context.cursor.frame
    subject = chain_before(frame.head)
    before = frame.head[-2 * len(subject)] if len(frame.head) >= 2 * len(subject) > 0 else None
    if frame.opener != "LBRACE" or context.words or before is None or before.type != "MATCH":
        return []
    from ...types import choices_after

    taken = _arms(context.view.tokens, frame.start, context.cursor.offset)
    return [value for value in choices_after(context.view, frame.start, subject) if value not in taken]


def _arms(tokens: list[Token], start: int, place: int) -> set[str]:
    """The values that the `match` whose bracket stands at `start` has arms for, without one at `place`."""
    taken: set[str] = set()
    values: list[str] = []
    depth = 0
    for token in tokens:
        if token.start < start:
            continue
        if token.type in CLOSER_OF:
            depth += 1
        elif token.type in CLOSERS:
            depth -= 1
        if depth == 0:
            break
        if depth == 1 and token.type == "STRING":
            values.append("" if token.start < place < token.end else token.text[1:-1])
        elif depth == 1 and token.type == "FAT_ARROW":
            taken.update(values)
        if token.type not in ("STRING", "VBAR"):
            values = []
    return taken


def local_names(context: Context) -> Iterator[Offer]:
    """The parameters and other steps of the pipeline around the place."""
    pipeline = context.cursor.frames[1]
    head = [token.text for token in pipeline.head]
    for name, colon in pairwise(head):
        if colon == ":":
            yield Offer(name, Kind.Variable, "parameter", order=1)
    current = context.cursor.frames[2].head if len(context.cursor.frames) > 2 else pipeline.item
    own = current[0].text if [token.text for token in current[1:2]] == ["="] else None
    for item in pipeline.items:
        if len(item) > 1 and item[1].text == "=" and item is not current:
            yield Offer(item[0].text, Kind.Variable, "step", order=1)
    for node in context.view.declarations:  # steps below, since their order does not matter
        if isinstance(node, s.PipelineDeclaration) and node.start <= context.cursor.offset <= node.end:
            for step in node.steps:
                is_here = step.start <= context.cursor.offset <= step.end
                if step.name is not None and step.name.text != own and not is_here:
                    yield Offer(step.name.text, Kind.Variable, "step", order=1)
