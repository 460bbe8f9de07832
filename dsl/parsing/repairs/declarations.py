"""What starts a declaration: misspelt, in the words of others, or in the wrong place."""

from __future__ import annotations

import re

from ...diagnostics import Edit, Fix
from ...foreign_words import ForeignWord, foreign_words
from ...lines import is_at_margin, starts_line
from ...places import place_of
from ...possessive import possessive
from ...secrets.texts import gives_key
from ...suggest import near
from ..forms import DECLARED
from ..tokens import DECLARATIONS, KEYWORDS, Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, use

_CONSTRUCTED = re.compile(r"\s*=\s*[A-Z]\w*\(")
"""`= Deployment(`: an object of a class of Python's."""

_TEMPLATES = re.compile(
    possessive(r"""[ \t]*+[=:]?+[ \t]*+
    (?P<names>(?:\w++|"[^"\n]*+")(?:\.\w++)?+(?:[ \t]*+,[ \t]*+\w++(?:\.\w++)?+(?![ \t]*+[=({\w"]))*+)
    (?![ \t]*+[\w({"])[ \t]*+,?+"""),
    re.VERBOSE,
)
"""What stands behind `from`, in place of a field."""

_BEGINS = ("extends", "inherits", "use", "include", "apply")
"""What others write before what a declaration begins with."""

_NEAR = 300
"""How many characters are read again."""


def misspelt_declaration(at: Situation) -> Instead | None:
    """`deploymnt gpt { … }` and `var x = 1`."""
    token = at.token
    if token.type in ("IF", "FROM", "FOR", "MATCH", "RETURN") and at.fits("DEPLOYMENT"):
        return _say_instead(at, foreign_words("declarations")[token.text])
    if token.type != "NAME" or not at.fits("DEPLOYMENT") or at.follows("="):
        return _taken_for_an_option(at)
    told = _told_of(token)
    if told is not None and not (told.to and _goes_on_like(at, told.to[0])):
        return _say_instead(at, told)
    meant = meant_declaration(token)
    if meant is None:
        return None
    at.reports.unknown_declaration(token, meant)
    return use(Token(KEYWORDS[meant], meant, token.start, token.end))


def _told_of(token: Token) -> ForeignWord | None:
    """What is known of a word that starts no declaration: others use it so, or it stands in one."""
    told = foreign_words("declarations").get(token.text)
    if told is None and (place := place_of(token.text)):
        return ForeignWord(say=place)
    return told


_SHAPES = {
    "let": r"\s*\w+\s*(?::[^=\n]+)?=(?!=)",
    "param": r"\s*\w+\s*[:=](?!=)",
    "import": r"\s*(?:\"|\{)",
    "type": r"\s*\w+\s*=(?!=)",
    "route": r"\s*\w+\s*=(?!=)",
    "gateway": r"\s*\{",
    "cluster": r"\s*\{",
    "pipeline": r"\s*\w+\s*\([^()]*\)\s*->[^:\n]*\{",
    "deployment": r"\s*(?:\w+|\"[^\"\n]*\")\s*(?:\{|from\b)",
    "template": r"\s*(?:\w+|\"[^\"\n]*\")\s*(?:\{|from\b)",
}
"""What follows the words that start declarations."""


def _goes_on_like(at: Situation, word: str) -> bool:
    """Whether the text goes on as after `word`, so that nothing but the word is wrong."""
    return re.compile(_SHAPES[word]).match(at.text, at.token.end, at.token.end + _NEAR) is not None


def _say_instead(at: Situation, told: ForeignWord, word: Token | None = None) -> Instead:
    word = word or at.token
    form = told.form or (f"{told.to[0]} name …" if told.to else "")
    at.error(
        "E0101",
        f"a declaration cannot start with `{word.text}`",
        at.span(word.start, word.end),
        "expected a declaration",
        help=told.say or f"write `{form}`",
    )
    at.reports.lose(word.start)
    return SKIP


def _taken_for_an_option(at: Situation) -> Instead | None:
    """The same below a route, where a word may follow: `by round_robin`."""
    for count, value in enumerate(reversed(at.values[-8:]), 1):
        name = value if isinstance(value, Token) and value.type == "NAME" else None
        if name is None or not is_at_margin(at.text, name.start) or at.token.start > name.end + _NEAR:
            continue
        told = _told_of(name) if at.token.type == "LBRACE" else None
        if told is not None and told.say:
            at.drop(count)
            return _say_instead(at, told, name)
        meant = meant_declaration(name)
        if meant is None:
            continue
        behind = [
            Token(each.type, each.text, name.end + each.start, name.end + each.end)
            for each in tokenize(at.text[name.end : at.token.start])
            if each.type != "$END"
        ]
        at.drop(count)
        at.reports.unknown_declaration(name, meant)
        return use(Token(KEYWORDS[meant], meant, name.start, name.end), *behind, at.token)
    return None


def meant_declaration(token: Token) -> str | None:
    """The word that starts a declaration and that was probably meant by another one."""
    told = foreign_words("declarations").get(token.text)
    if told is not None:
        return told.to[0] if told.to else None
    names = near(token.text, [word for word, kind in KEYWORDS.items() if kind in DECLARATIONS])
    return names[0] if names else None


def import_without_name(at: Situation) -> Instead | None:
    """`import "x.infer"`, and the next declaration."""
    before = [value.type if isinstance(value, Token) else "" for value in at.values[-2:]]
    if before != ["IMPORT", "STRING"] or at.token.type in ("AS", "COMMA"):
        return None
    file = at.values[-1]
    if at.token.type != "$END" and at.same_line(file.end, at.token.start):
        return None
    stem = re.sub(r"\W", "_", file.text.strip('"').rpartition("/")[2].removesuffix(".infer"))
    is_name = stem.isidentifier() and stem not in KEYWORDS and not gives_key(file.text)
    name = stem if is_name else "imported"
    named = Token("AS", "as", file.end, file.end), Token("NAME", name, file.end, file.end)
    if not at.text.startswith('"', file.start):  # which is said already
        return use(*named, at.token)
    at.error(
        "E0101",
        "what is imported has no name here",
        at.span(file.start, file.end),
        f"expected `as {name}`",
        help='its names are used as `name.x`; or write `import { x } from "file.infer"`',
        fixes=at.change(f"add `as {name}`", file.end, file.end, f" as {name}", safe=False),
    )
    return use(*named, at.token)


def field_outside(at: Situation) -> Instead | None:
    """A field below a declaration: a `}` too many stands above it, or it is meant as a `let`."""
    token = at.token
    if token.type != "NAME" or not at.fits("DEPLOYMENT") or not at.follows("=", "{"):
        return None
    end = at.end_before
    if at.text[end - 1 : end] == "}" and not is_at_margin(at.text, token.start):
        at.reports.ended_too_early(end - 1, token)
        return SKIP
    if token.text == "test":
        help = DECLARED["TEST"]
        at.error("E0101", "what a test shows stands between quotes", at.here, 'write `test "…"`', help=help)
        at.reports.lose(token.start)
        return SKIP
    if not at.follows("="):
        return _nameless_kind(at)
    told = foreign_words("declarations").get(token.text)
    if told is not None and told.say:
        return _say_instead(at, told)
    if place := place_of(token.text):
        return _say_instead(at, ForeignWord(say=place))
    if _CONSTRUCTED.match(at.text, token.end):
        return _say_instead(at, ForeignWord(form=f'deployment {token.text} {{ model = "…" }}'))
    at.error(
        "E0101",
        f"a declaration cannot start with `{token.text}`",
        at.here,
        "expected a declaration",
        help=f"to give a value a name, write `let {token.text} = …`",
        fixes=at.change("add `let`", token.start, token.start, "let ", safe=False),
    )
    return use(Token("LET", "let", token.start, token.start), token)


def _nameless_kind(at: Situation) -> Instead | None:
    """`gpt { model = "…" }`."""
    token = at.token
    if not is_at_margin(at.text, token.start):
        return None
    meant = f"deployment {token.text}"
    at.error(
        "E0101",
        f"nothing says what `{token.text}` is",
        at.here,
        f"write `{meant}`",
        fixes=at.change(f"write `{meant}`", token.start, token.start, "deployment ", safe=False),
    )
    return use(Token("DEPLOYMENT", "deployment", token.start, token.start), token)


def comma_between(at: Situation) -> Instead | None:
    """`},` between two declarations."""
    if at.token.type != "COMMA" or not at.fits("DEPLOYMENT"):
        return None
    if (
        at.text[at.token.start - 1 : at.token.start].isdigit()
        and at.text[at.token.end : at.token.end + 1].isdigit()
    ):
        return use()  # `1,5`: the number behind it is told
    at.error(
        "E0108",
        "no comma stands between declarations",
        at.here,
        "remove this",
        fixes=at.change("remove the comma", at.token.start, at.token.end, ""),
    )
    return use()


def template_inside(at: Situation) -> Instead | None:
    """`from base`, `template = base` and `extends base` in the body that they are meant for."""
    opened = at.open_brackets()
    index = at.values.index(opened[0]) if opened else 0
    if index < 2:
        return None
    head, name = at.values[index - 2 : index]
    if not isinstance(head, Token) or head.type not in ("DEPLOYMENT", "TEMPLATE"):
        return None
    if at.token.type in ("FROM", "TEMPLATE") and at.fits("NAME", "EQUAL"):
        begin, end, dropped = at.token.start, at.token.end, 0
    else:  # noticed behind it
        word, base = as_name(at.values[-2]), as_name(at.values[-1])
        if word is None or base is None or word.text not in _BEGINS or not at.same_line(word.end, base.end):
            return None
        begin, end, dropped = word.start, word.end, 2
    found = _TEMPLATES.match(at.text, end)
    if found is None:
        return None
    written = f"from {found['names']}"
    edits = (
        Edit(at.span(name.end, name.end), f" {written}"),
        Edit(at.span(begin, found.end()), ""),
    )
    at.error(
        "E0101",
        f"the template that a {head.text} begins with stands behind its name",
        at.span(begin, found.end("names")),
        f"write `{head.text} {name.text} {written}`",
        fixes=[Fix(f"write `{head.text} {name.text} {written}`", edits, safe=False)],
    )
    if not dropped:
        return use(until=found.end())
    at.drop(dropped)
    return use(at.token)


def declaration_inside(at: Situation) -> Instead | None:
    """A declaration, indented, inside another one."""
    token = at.token
    if token.type not in DECLARATIONS or not at.open_brackets() or at.follows("="):
        return None
    if not starts_line(at.text, token.start):
        return None
    if at.open_brackets()[0].type != "LBRACE" and is_at_margin(at.text, token.start):
        return None
    if token.type == "LET":
        at.error(
            "E0101",
            "no `let` stands before the name of a step or field",
            at.here,
            "remove this",
            fixes=at.change("remove the `let`", token.start, token.end + 1, ""),
        )
        return use()
    at.error(
        "E0101",
        "a declaration cannot stand inside another one",
        at.here,
        "this starts a declaration",
        help="move it out, or look above for a `}` that is missing",
    )
    return SKIP
