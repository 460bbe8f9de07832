"""A sign that is missing between a name and what it says, or the value behind it, or the name."""

from __future__ import annotations

import re

from ...diagnostics import Edit, Fix
from ...foreign_words import foreign_words
from ...possessive import possessive
from ...suggest import near
from ...syntax import Identifier
from ..tokens import Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, placeholder, use
from .wrong_signs import SIGNS

_SEMICOLON = re.compile(
    possessive(
        r"""(?:[^\n"'#;={}]|"(?:[^\n"\\]|\\.)*+"|'[^\n']*+')*+;"""
        r"(?:(?P<last>(?=[ \t]*+(?:[\r\n#}]|\Z)))|(?=[ \t]))"
    )
)
_CALLED = re.compile(r'(?m)^[ \t]*+(?:deployment|route|pipeline|extern)[ \t]++"?(\w++)')
"""What answers calls, by its name."""
_LAST_CALL = re.compile(r"\w++\([^()\n]*+\)\s*+\}")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?=[ \t]*+(?:[;,}\r\n#]|\Z))")


def missing_sign(at: Situation) -> Instead | None:
    """`replicas 2`, `let x 1`, `pipeline p(a text)`."""
    name = as_name(at.values[-1]) if at.values else None
    if name is None or not at.same_line(name.end, at.token.start):
        return None
    if at.token.type in ("NAME", "STRING") and near(name.text, ("return",)) and at.is_in("PIPELINE"):
        fixes = at.change("write `return`", name.start, name.end, "return")
        at.error(
            "E0101",
            "what a pipeline gives follows `return`",
            at.span(name.start, name.end),
            "misspelt",
            fixes=fixes,
        )
        at.drop(1)
        return use(Token("RETURN", "return", name.start, name.end), at.token)
    is_parameter = len(at.values) > 1 and isinstance(at.values[-2], Token) and at.values[-2].type == "PARAM"
    opened = at.open_brackets()
    if opened and opened[0].type == "LPAR" and at.token.type == "NAME" and at.fits("COMMA", "NAME"):
        return None
    address = _ADDRESS.match(at.text, at.token.start)
    if address is not None and at.fits("EQUAL", "STRING"):  # `bind 127.0.0.1:8080`
        start, end = address.span()
        report_missing_sign(at, "=", name, start, end)
        text = Token("STRING", f'"{address[0]}"', start, end)
        return use(Token("EQUAL", "=", name.end, name.end), text, until=end)
    for kind in ("COLON", "EQUAL") if is_parameter and at.token.type == "NAME" else ("EQUAL", "COLON"):
        if at.fits(kind, at.token.type) and at.token.type not in ("LBRACE", "MINUS", "LPAR"):
            report_missing_sign(at, SIGNS[kind], name, at.token.start)
            return use(Token(kind, SIGNS[kind], name.end, name.end), at.token)
    return None


def missing_equals_before_word(at: Situation) -> Instead | None:
    """`jitter equal` and `model "gpt"`: noticed only at the token after."""
    values = at.values
    if len(values) < 2 or not at.fits("LBRACE") or at.token.type in ("LBRACE", "LPAR"):
        return None
    name, word = values[-2:]
    if not (isinstance(name, Token) and name.type == "NAME" and isinstance(word, Token | Identifier)):
        return None
    text = at.text[word.start : word.end]
    kind = "STRING" if text.startswith('"') else "NAME"
    if not at.same_line(name.end, word.start) or (isinstance(word, Token) and word.type != kind):
        return None
    report_missing_sign(at, "=", name, word.start)
    at.drop(1)
    return use(Token("EQUAL", "=", name.end, name.end), Token(kind, text, word.start, word.end), at.token)


def missing_equals_before_call(at: Situation) -> Instead | None:
    """`api_key env("K")`, which could have been the head of a block."""
    if at.token.type == "LBRACE" or not at.last_is("RPAR") or not at.fits("LBRACE") or len(at.values) < 5:
        return None
    name, function, bracket = at.values[-5:-2]
    if [getattr(each, "type", "") for each in (name, function, bracket)] != ["NAME", "NAME", "LPAR"]:
        return None
    if name.text in ("runtime", "task") or not at.same_line(name.end, function.start):
        return None
    report_missing_sign(at, "=", name, function.start)
    at.drop(4)
    behind = tokenize(at.text[: at.token.start], function.start)
    again = (each for each in behind if each.type != "$END" and each.text != ";")
    return use(Token("EQUAL", "=", name.end, name.end), *again, at.token)


def report_missing_sign(
    at: Situation, sign: str, name: Token, value_start: int, bare_until: int | None = None
) -> None:
    """Report it. bare_until: where a text ends that has no quotes, either."""
    if at.reports.is_behind_value(name.start):
        at.reports.nothing_behind(at.span(name.start, name.end))
        return
    quote = '"' if bare_until is not None else ""
    edits = [Edit(at.span(name.end, value_start), f"{' ' if sign == '=' else ''}{sign} {quote}")]
    title, label = f"add the `{sign}`", f"expected `{sign}`"
    semicolon = _SEMICOLON.match(at.text, bare_until or value_start)  # as in files of nginx: one mistake
    if semicolon is not None and bare_until is not None and semicolon[0].strip() != ";":
        semicolon = None  # of a field behind it
    end, comma = semicolon.end() if semicolon is not None else bare_until, ""
    if bare_until is not None:
        title, label = f"{title} and the quotes", f"{label} and a text in quotes"
    if semicolon is not None:
        at.reports.told_until = max(at.reports.told_until, semicolon.end())
        is_last = semicolon["last"] is not None
        comma, what = ("", "remove the `;`") if is_last else (",", "write `,`")
        title, label = f"{title}, {what}", f"{label}, and {'no `;`' if is_last else '`,` for the `;`'}"
    if end is not None:
        edits.append(Edit(at.span(end - 1 if bare_until is None else bare_until, end), quote + comma))
    here = at.span(name.end, value_start)
    fixes = [Fix(title, tuple(edits))]
    at.error("E0101", f"a `{sign}` is missing after `{name.text}`", here, label, fixes=fixes)


def name_alone(at: Situation) -> Instead | None:
    """`replicas` or `let x` with neither `=` nor value."""
    name = as_name(at.values[-1]) if at.values else None
    if name is None or not at.fits("EQUAL", "FALSE", at.token.type):
        return None
    if at.same_line(name.end, at.token.start) and at.token.type not in ("RBRACE", "COMMA", "$END"):
        return None
    if at.token.type == "RBRACE" and at.is_in("PIPELINE"):
        at.error(
            "E0101",
            f"`{name.text}` alone does nothing",
            at.span(name.start, name.end),
            "is this what the pipeline returns?",
            fixes=at.change(f"write `return {name.text}`", name.start, name.start, "return ", safe=False),
        )
        return SKIP
    at.reports.no_value(name.text, name.start, name.end)
    return use(Token("EQUAL", "=", name.end, name.end), placeholder(name.end), at.token)


def name_above(at: Situation) -> Instead | None:
    """`replicas`, and the next field on the line below."""
    values = at.values
    if at.token.type not in ("EQUAL", "NAME", "STRING", "RBRACE") or len(values) < 2:
        return None
    name, below = as_name(values[-2]), as_name(values[-1])
    if name is None or below is None or at.same_line(name.end, below.start):
        return None
    if not at.fits("LBRACE"):
        return None
    at.reports.no_value(name.text, name.start, name.end)
    at.drop(1)
    return use(Token("EQUAL", "=", name.end, name.end), placeholder(name.end), below, at.token)


def call_alone(at: Situation) -> Instead | None:
    """`f(x)` where a field or a step must stand."""
    name = as_name(at.values[-1]) if at.values else None
    if at.token.type != "LPAR" or name is None or not at.fits("EQUAL", "NAME", "LPAR"):
        return None
    is_here = name.text in _CALLED.findall(at.text)
    told = None if is_here else foreign_words("calls").get(name.text)
    is_last = told is None and at.is_in("PIPELINE") and _LAST_CALL.match(at.text, name.start) is not None
    meant = "return" if is_last else "name ="
    at.error(
        "E0101",
        f"the result of `{name.text}(…)` has no name",
        at.span(name.start, name.end),
        f"write `{meant} {name.text}(…)`" if told is None else "a function of another language",
        help=None if told is None else told.say or f"write `name = {told.to[0]}(…)`",
        fixes=at.change("write `return`", name.start, name.start, "return ", safe=False) if is_last else (),
    )
    return SKIP
