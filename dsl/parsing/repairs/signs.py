"""Characters that mean nothing, and signs of other keyboards and languages."""

from __future__ import annotations

import re
from unicodedata import normalize

from ..tokens import PUNCTUATION, Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, use

_FILLED_ALONE = re.compile(r"\$(?:\{[ ]*([^\W\d]\w*(?:\.\w+)?)[ ]*\}|([a-z_]\w*))")
_WORD = re.compile(r"\w++")
_NOTHING = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
_RUN_OF_BLANKS = re.compile(f"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000{_NOTHING}]++")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u2192": "->", "\u2026": ".."}
_ADVICE = {
    "'": 'texts stand between double quotes, `"…"`',
    "$": "money is written `$100`; a name stands without `$`, and as `${name}` inside a text",
    "%": "percent follows a number, as in `95%`",
    **dict.fromkeys("€£¥", "amounts of money are in US dollars, written `$5`"),
    "\\": "a line needs no `\\` to go on",
}


def filled_alone(at: Situation) -> Instead | None:
    """`replicas = ${copies}` and `$copies`."""
    found = _FILLED_ALONE.match(at.text, at.token.start)
    if at.token.text != "$" or found is None:
        return None
    name = found[1] or found[2]
    place = found.start(1) if found[1] else found.start(2)
    key = at.reports.keys.bare_key(Token("NAME", name, place, place + len(name)))
    if key is not None:
        return use(key, until=key.end)
    fixes = at.change(f"write `{name}`", found.start(), found.end(), name)
    at.error(
        "E0105",
        "a name stands alone here",
        at.span(found.start(), found.end()),
        f"write `{name}`",
        fixes=fixes,
    )
    inner = tokenize(at.text[: place + len(name)], place)
    return use(*(each for each in inner if each.type != "$END"), until=found.end())


def single_ampersand(at: Situation) -> Instead | None:
    """`a & b`."""
    if at.token.text != "&" or not at.fits("OPERATOR"):
        return None
    at.error(
        "E0105",
        "“and” is written `&&`",
        at.here,
        fixes=at.change("write `&&`", at.token.start, at.token.end, "&&"),
    )
    return use(Token("OPERATOR", "&&", at.token.start, at.token.end))


def other_sign(at: Situation) -> Instead | None:
    """A sign of another keyboard, `＝` or `–`, and spaces that are none."""
    token = at.token
    if token.type != "UNKNOWN":
        return None
    run = _RUN_OF_BLANKS.match(at.text, token.start)
    if run is not None:
        behind, name = run.end(), as_name(at.values[-1]) if at.values else None
        rest = _WORD.match(at.text, behind)
        is_inside = name is not None and name.end == token.start and rest is not None
        plain = "" if is_inside or not run[0].strip(_NOTHING) else " " * len(run[0])
        at.error(
            "E0105",
            f"the character U+{ord(token.text[0]):04X} is no plain space",
            at.span(token.start, behind),
            "write a space" if plain else "remove this",
            fixes=at.change("write a space" if plain else "remove it", token.start, behind, plain),
        )
        if name is None or rest is None or not is_inside:
            return use(until=behind)
        at.drop(1)
        return use(Token("NAME", name.text + rest[0], name.start, rest.end()), until=rest.end())
    sign = _DASHES.get(token.text) or normalize("NFKC", token.text)
    if sign == ":" and not at.fits("COLON") and at.fits("EQUAL"):
        sign = "="
    kind = PUNCTUATION.get(sign)
    if kind is None or sign == token.text:
        return None
    at.error(
        "E0105",
        f"`{token.text}` is written `{sign}`",
        at.here,
        f"write `{sign}`",
        fixes=at.change(f"write `{sign}`", token.start, token.end, sign),
    )
    return use(Token(kind, sign, token.start, token.end))


def unknown_character(at: Situation) -> Instead | None:
    """A character that means nothing anywhere."""
    token = at.token
    if token.type != "UNKNOWN":
        return None
    character = token.text[0]
    is_visible = token.text.isprintable() and not token.text.isspace()
    shown = f"`{token.text[:20]}`" if is_visible else f"the character U+{ord(character):04X}"
    at.error("E0105", f"{shown} means nothing here", at.here, help=_ADVICE.get(character))
    if not is_visible:
        return use()
    around = at.text[token.start - 1 : token.start] + at.text[token.end : token.end + 1]
    is_part_of_a_word = any(c.isalnum() or c == "_" for c in around) and character != "@"
    return use() if is_part_of_a_word else SKIP
