"""Parameters and names of values, and their types."""

from __future__ import annotations

from ..tokens import Token
from .situation import Instead, Situation, as_name, use

_VALUES = ("NUMBER", "MINUS", "LSQB", "TRUE", "FALSE")
"""What values begin with, and types do not."""

_FAR = 300
"""How many characters of a line are looked at."""

_TYPES = ("text", "int", "float", "bool", "bytes", "image", "json")


def no_type(at: Situation) -> Instead | None:
    """`pipeline p(message)` and `pipeline p(text message)`."""
    name = as_name(at.values[-1]) if at.values else None
    if name is None or not at.fits("COLON", "NAME", "RPAR") or not at.is_in("PIPELINE", "EXTERN"):
        return None
    if at.token.type == "NAME" and name.text in _TYPES and at.token.text not in _TYPES:
        meant = f"{at.token.text}: {name.text}"
        at.error(
            "E0101",
            "the name of a parameter stands before its type",
            at.span(name.start, at.token.end),
            f"write `{meant}`",
            fixes=at.change(f"write `{meant}`", name.start, at.token.end, meant),
        )
        at.drop(1)
        return use(at.token, Token("COLON", ":", at.token.end, at.token.end), name)
    if at.token.type not in ("COMMA", "RPAR"):
        return None
    at.error(
        "E0101",
        f"`{name.text}` has no type",
        at.span(name.start, name.end),
        f"write `{name.text}: text`",
        fixes=at.change(f"write `{name.text}: text`", name.end, name.end, ": text", safe=False),
    )
    return use(Token("COLON", ":", name.end, name.end), Token("NAME", "text", name.end, name.end), at.token)


def value_for_type(at: Situation) -> Instead | None:
    """`let x: 30s` and `param n: 4`: no type, but the value."""
    token = at.token
    if token.type not in _VALUES or not at.last_is("COLON") or len(at.values) < 3:
        return None
    head, colon = at.values[-3], at.values[-1]
    line = at.text[token.end : token.end + _FAR].partition("\n")[0]
    if getattr(head, "type", "") not in ("LET", "PARAM") or "=" in line:
        return None
    start = at.values[-2].end
    at.error(
        "E0101",
        "a name gets its value with `=`, not with `:`",
        at.span(colon.start, colon.end),
        "write `=`",
        fixes=at.change("write `=`", start, colon.end, " ="),
    )
    at.drop(1)
    return use(Token("EQUAL", "=", colon.start, colon.end), token)
