"""Outside of texts: declarations, fields and their values, names, types, routes and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol.types import CompletionItemKind as Kind

from ....compiler.evaluation.functions import FUNCTIONS
from ....compiler.evaluation.types import TYPES
from ....compiler.modules import is_source
from ....compiler.scope import ANSWERING, CALLABLE, VALUES
from ....compiler.typing.resolve import GENERICS, SCALARS
from ....dsl import syntax as s
from ....dsl.lines import is_at_margin, starts_line
from ...documents import uri_of
from .bodies import fields, values
from .context import Context, Offer, keyword
from .pipelines import match_arms, record_fields, steps
from .scenarios import in_tests
from .units import units

_DECLARATIONS = (
    keyword("import", "another file", 'import "$1.infer" as $2'),
    keyword("param", "a value that is set from outside", "param ${1:name}: ${2:text} = $0"),
    keyword("let", "a value with a name", "let ${1:name} = $0"),
    keyword("template", "a part of deployments", "template ${1:name} {\n  $0\n}"),
    keyword("deployment", "one model somewhere", 'deployment ${1:name} {\n  model = "$2"\n  $0\n}'),
    keyword("route", "several deployments behind one name", "route ${1:name} = fallback [$0]"),
    keyword(
        "pipeline",
        "deployments and routes wired into a graph",
        "pipeline ${1:name}(${2:message}: ${3:text}) -> ${4:text} {\n  return $0\n}",
    ),
    keyword("type", "a type with a name", "type ${1:Name} = { $0 }"),
    keyword(
        "extern", "a function of your own", 'extern ${1:name}(${2:x}: ${3:text}) -> ${4:text} = python("$0")'
    ),
    keyword("test", "what must come of a request", 'test "$1" {\n  ask ${2:name} "$3"\n  expect ${0:ok}\n}'),
    keyword("cluster", "the machines there are", "cluster {\n  node ${1:a} { gpus = ${2:1} }\n}"),
    keyword("gateway", "the HTTP endpoint", 'gateway {\n  bind = "${1:127.0.0.1:8080}"\n}'),
)

DECLARATION_WORDS = {offer.label: offer.detail for offer in _DECLARATIONS}
"""What each declares."""

RULES = {
    "round_robin": "in turn",
    "least_busy": "whoever has least to do",
    "least_cost": "the cheapest",
    "least_latency": "whoever begins to answer soonest",
    "usage": "whoever has most of its rate limits left",
    "conversation": "the same for all turns of a conversation, whose prompts it has cached",
    "user": "the same for all requests of a user",
}
"""What a `balance` may go by."""

_STRATEGIES = (
    ("fallback", "one after the other, until one answers", "fallback [$0]"),
    ("balance", "requests spread over all", f"balance [$1] by ${{2|{','.join(RULES)}|}}"),
    ("split", "shares of the requests", "split { ${1:a}: ${2:95%}, ${3:b}: ${4:5%} }"),
    ("hedge", "the next one, too, when the first is slow", "hedge [$1] after ${2:400ms}"),
    ("cascade", "the next one when the answer is not good enough", "cascade [$1] accept $0"),
)
ROUTE_WORDS = {word: meaning for word, meaning, _ in _STRATEGIES} | RULES
"""What those of a route mean."""
_TYPES = (*SCALARS, *GENERICS)
_FROM = re.compile(r'\s*\}\s*from\s*"([^"\n\0]+)"')


def in_code(context: Context) -> Iterator[Offer]:
    """What fits outside of any text."""
    words, frame = context.words, context.cursor.frame
    if context.typed[:1].isdigit() or context.typed[:1] == "$":
        yield from units(context)
    elif words[-1:] == ["."]:
        yield from _members(context)
    elif _is_type(context):
        yield from _types(context)
    elif len(context.cursor.frames) == 1:
        yield from _top(context)
    elif context.declaration == "test":
        yield from in_tests(context)
    elif context.place is not None and frame.opener == "LBRACE":
        yield from _in_body(context)
    elif context.declaration == "import":
        yield from _imported(context)
    elif context.declaration == "route":
        yield from _route(context)
    elif context.declaration in ("pipeline", "extern"):
        yield from match_arms(context)
        yield from steps(context)
    elif context.declaration in ("deployment", "template", "gateway", "let", "param"):
        yield from values(context)


def _in_body(context: Context) -> Iterator[Offer]:
    """A value, or a field; both on a new line after a `=` that has no value yet. A word at the margin may
    begin a declaration: the body is perhaps not closed."""
    text, words = context.view.text, context.words
    has_value = "=" in words or len(words) == 1
    if has_value:
        yield from values(context)
    if not has_value or (words[-1:] == ["="] and starts_line(text, context.start)):
        yield from fields(context)
        if context.typed and is_at_margin(text, context.start):
            yield from _DECLARATIONS


def _top(context: Context) -> Iterator[Offer]:
    words = context.words
    match words:
        case []:
            yield from _DECLARATIONS
        case ["let" | "param", *_, "="]:
            yield from context.names(*VALUES)
            yield from _calls("env", "file") if words[0] == "let" else ()
        case ["let" | "param", *_, "+" | "-" | "*" | "/"]:
            yield from context.names(*VALUES)
        case ["route", _, "="] | ["route", _, "=", "accept"]:
            yield from _strategies()
            yield from context.names(*ANSWERING)
        case ["route", *_]:
            yield from _after_members(context)
        case ["template" | "deployment", _]:
            yield keyword("from", "the templates it is built on")
        case ["template" | "deployment", _, "from", *_] if words[-1] in ("from", ","):
            used = set(words[3:])
            yield from (o for o in context.names(s.TemplateDeclaration) if o.label not in used)
        case ["import", path] if path != "{":
            yield keyword("as", "the name of the file here")
        case ["import", "{", *_, "}"]:
            yield keyword("from", "the file")
        case ["extern", *_, "="]:
            yield from _calls("python")


def _members(context: Context) -> Iterator[Offer]:
    """What may stand after `alias.`."""
    words, alias = context.words, context.words[-2] if len(context.words) > 1 else ""
    kinds: tuple[type, ...] = VALUES
    if "from" in words[:4] and words[0] in ("template", "deployment"):
        kinds = (s.TemplateDeclaration,)
    elif context.declaration == "route" or (
        context.cursor.frame.head[-1:] and context.cursor.frame.head[-1].text == "fallback"
    ):
        kinds = ANSWERING
    elif context.declaration in ("pipeline", "extern"):
        kinds = (*CALLABLE, *VALUES)
    yield from context.members(alias, *kinds)
    if context.declaration in ("pipeline", "route"):
        yield from record_fields(context)


# ---- types


def _is_type(context: Context) -> bool:
    words, declaration, frame = context.words, context.declaration, context.cursor.frame
    if words[-1:] == ["->"] or (words[:1] == ["type"] and words[-1] in ("=", "|")):
        return True
    if frame.opener == "" and words[:1] in (["let"], ["param"]):
        return "=" not in words and words[-1] in (":", "|", "<")
    if declaration == "type" or (frame.opener == "LPAR" and len(context.cursor.frames) == 2):
        return declaration in ("type", "pipeline", "extern") and words[-1:] in ([":"], ["|"], ["<"])
    return words[-1:] in (["as"],) and declaration == "pipeline"


def _types(context: Context) -> Iterator[Offer]:
    own = context.words[:1] in (["let"], ["param"])
    for name in TYPES if own else _TYPES:
        snippet = {"tensor": "tensor<${1:f32}, [${2:batch}]>", "list": "list<${1:text}>"}.get(name)
        yield Offer(name, Kind.TypeParameter, "type", snippet=snippet)
    yield from context.names(s.TypeDeclaration)


# ---- imports and routes


def _imported(context: Context) -> Iterator[Offer]:
    """The names of the file that stands after `from`, those that are not imported yet."""
    for node in context.view.declarations:
        if isinstance(node, s.ImportNames) and node.start <= context.cursor.offset <= node.end:
            module = context.view.scope.module.imports.get(node.start)
            taken = {name.text for name in node.names}
            for scope in context.view.loaded.scopes:
                if scope.module is module:
                    for name, symbol in scope.own.items():
                        if name not in taken or name == context.typed:
                            yield context.name(name, symbol)
            return
    yield from _first_imported(context)


def _first_imported(context: Context) -> Iterator[Offer]:
    """The same between braces that are still empty, which are no import yet."""
    view, behind = context.view, _FROM.match(context.view.text, context.cursor.offset)
    if behind is None or view.document.path is None:
        return
    path = view.document.path.parent / behind[1]
    document = view.workspace.any_document(uri_of(path)) if is_source(path) else None
    if document is not None:
        for name, symbol in view.workspace.load(document).root.own.items():
            yield context.name(name, symbol)


def _strategies() -> Iterator[Offer]:
    for word, meaning, snippet in _STRATEGIES:
        yield Offer(word, Kind.Keyword, meaning, snippet=snippet)


def _route(context: Context) -> Iterator[Offer]:
    """The members of a route, which may be routes themselves."""
    frame, words = context.cursor.frame, context.words
    if words[-1:] == [":"]:
        return
    own = context.cursor.frames[1].head[1].text if len(context.cursor.frames[1].head) > 1 else ""
    used = {token.text for item in frame.items for token in item[:1]}
    yield from (o for o in context.names(*ANSWERING) if o.label not in {own, *used})
    if frame.opener == "LSQB":
        yield from _strategies()


def _after_members(context: Context) -> Iterator[Offer]:
    from ....compiler.routes.check import OPTIONS

    words = context.words
    if words[-1] in ("]", "}") and len(words) > 3:
        yield from (keyword(word) for kind, word in OPTIONS.items() if kind == words[3])
    elif words[-1] == "by":
        for word, meaning in RULES.items():
            yield Offer(word, Kind.EnumMember, meaning)
    elif "accept" in words:
        yield Offer("it", Kind.Variable, "the answer of the member")


def _calls(*names: str) -> Iterator[Offer]:
    for name in names:
        _, form = FUNCTIONS[name]
        yield Offer(name, Kind.Function, form, snippet=f'{name}("$1")', insert=f'{name}("")')
