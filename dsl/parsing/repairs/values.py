"""Values that are missing, that are none, or that stand in the wrong brackets."""

from __future__ import annotations

from ...late_pattern import late_pattern
from ...lines import line_start, starts_line
from ...syntax import Identifier, Reference
from ..tokens import DECLARATIONS, Token
from .situation import SKIP, Instead, Situation, as_name, placeholder, use

_CALLED = late_pattern(r"=[ \t]*+(env|file|bearer)[ \t]++\Z")
_ARGUMENT = late_pattern(r'"[^"\n]*+"|\w++\("[^"\n]*+"\)')
_OPERATORS = ("OPERATOR", "PLUS", "MINUS", "LESSTHAN", "MORETHAN", "ELSE")


def swallowed_name(at: Situation) -> Instead | None:
    """`model =` or `x = 1 +` with nothing after it: the next line's name was taken for the value."""
    values = at.values
    if len(values) < 2 or at.token.type not in ("EQUAL", "LBRACE", "COLON", "NAME", "STRING"):
        return None
    before, word = values[-2:]
    if not (isinstance(before, Token) and before.type in ("EQUAL", *_OPERATORS)):
        return None
    if not isinstance(word, Reference) and as_name(word) is None:
        return None
    if at.same_line(before.end, word.start):
        return None
    _report_no_value(at, before, values[-3] if len(values) > 2 else None)
    text = at.text[word.start : word.end]
    at.drop(1)
    return use(placeholder(before.end), Token("NAME", text, word.start, word.end), at.token)


def missing_value(at: Situation) -> Instead | None:
    """`model = ,`, `let x =` at the end, `return }`."""
    if not at.last_is("EQUAL", "RETURN", *_OPERATORS) or not at.fits("FALSE", at.token.type):
        return None
    if at.token.type in DECLARATIONS and not starts_line(at.text, at.token.start):
        return None
    return _missing(at)


def no_value(at: Situation) -> Instead | None:
    """`models = *` and `api_key = <key>`: a sign that begins no value."""
    if not at.last_is("EQUAL", "LSQB") or not at.same_line(at.values[-1].end, at.token.start):
        return None
    if at.token.type not in ("OPERATOR", "LESSTHAN", "MORETHAN", "PLUS", "QMARK", "VBAR", "TILDE"):
        return None
    line = at.text[at.token.start :].partition("\n")[0]
    is_all = at.token.text == "*" and line[1:2] in ("", " ", ",", "}", "]", "\r")
    at.error(
        "E0101",
        f"`{at.token.text}` begins no value",
        at.here,
        'write `"*"`' if is_all else "expected a value",
        fixes=at.change('write `"*"`', at.token.start, at.token.end, '"*"', safe=False) if is_all else (),
    )
    return SKIP


def _missing(at: Situation) -> Instead:
    _report_no_value(at, at.values[-1], at.values[-2] if len(at.values) > 1 else None)
    return use(placeholder(at.values[-1].end), at.token)


def _report_no_value(at: Situation, before: Token, name: object) -> None:
    if before.type == "EQUAL" and as_name(name) is not None:
        assert isinstance(name, Token | Identifier)
        at.reports.no_value(name.text, name.start, name.end)
        return
    at.error(
        "E0101",
        f"a value is missing after `{before.text}`",
        at.span(before.start, before.end),
        "expected a value behind this",
    )


def without_brackets(at: Situation) -> Instead | None:
    """`api_key = env "KEY"` and `auth = bearer env("T")`."""
    name = as_name(at.values[-1]) if at.values else None
    if name is None:
        return None
    found = _CALLED.search(at.text, line_start(at.text, name.start), name.start)
    argument = _ARGUMENT.match(at.text, name.start)
    if found is None or argument is None:
        return None
    meant = f"{found[1]}({argument[0]})"
    at.error(
        "E0103",
        f"what `{found[1]}` takes stands between `(` and `)`",
        at.span(found.start(1), argument.end()),
        f"write `{meant}`",
        fixes=at.change(f"write `{meant}`", found.start(1), argument.end(), meant, safe=False),
    )
    return SKIP


def options_without_braces(at: Situation) -> Instead | None:
    """`f(x) with timeout = 2s`."""
    if not at.last_is("WITH"):
        return None
    meant = f"{at.token.text} {{ … }}" if at.follows("{") else "timeout = 2s"
    at.error(
        "E0101",
        "the options after `with` stand between `{` and `}`",
        at.here,
        "expected `{`",
        help=f"write `with {{ {meant} }}`",
    )
    return SKIP


def index(at: Situation) -> Instead | None:
    """`list[text]` and `xs[0]`."""
    token = at.token
    before = at.text[token.start - 1 : token.start]
    if token.type != "LSQB" or not (before.isalnum() or before in tuple("_)]")):
        return None
    at.error(
        "E0101",
        "`[` cannot follow this",
        at.here,
        help="what a type is made of stands between `<` and `>`, as in `list<text>`",
    )
    return SKIP
