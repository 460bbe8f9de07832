"""Numbers and their units."""

from __future__ import annotations

import re

from ...diagnostics import Fix
from ...possessive import possessive
from ...syntax import Bad, Expression, Field, Number
from ...units import MISNAMED_UNITS, Duration, is_unit
from ..bad_numbers import no_number
from ..tokens import Token, tokenize
from .situation import Instead, Situation, as_name, use

_THOUSANDS = re.compile(
    possessive(r"(?P<number>\$?\d{1,3}(?:,\d{3})++(?![\d,]*\d)(?:\.\d++)?[A-Za-z%]*+)(?:[ \t]*+,)?")
)
_WHOLE_DIVISION = re.compile(
    possessive(r"""//[ \t]*+(?:
      (?:\d[\d_]*+|\((?=[^()\n]*[-+*/])[^()\n]*\))[ \t]*+(?=\Z|[\r\n)\]},+*/\#]|-[ \t]*\d)
      |[^\W\d]\w*+(?:\.\w++)*+[ \t]*+(?=[)\]}+*])
    )"""),
    re.VERBOSE,
)
"""What a number is divided by, where it is clear that this is no comment."""

_ROUNDED = re.compile(r"\b(?:floor|ceil|round)[ \t]*\([^()\n]*+\Z")
"""What stands before the sign of a division that is rounded already."""
_PART = re.compile(r"[*/.][ \t]*\Z|-\Z")
"""What stands before a value that is not all that is divided."""

_LONGEST_DIVISOR = 200
"""How many characters may stand behind `//` on its line, which are read again: more are a comment."""

_WORD_REST = re.compile(r"[\w.%]*+")


def whole_division(at: Situation) -> Instead | None:
    """`7 // 2`, which looks like a comment of another language."""
    token = at.token
    if (
        token.type != "WRONG_COMMENT"
        or token.end - token.start > _LONGEST_DIVISOR
        or not at.fits("OPERATOR")
        or not at.same_line(at.end_before, token.start)
    ):
        return None
    if _WHOLE_DIVISION.match(at.text, token.start) is None:
        return None
    sign = at.span(token.start, token.start + 2)
    in_pipeline = at.is_in("PIPELINE")
    fixes = at.change("write `/`", sign.start, sign.end, "/", safe=False)
    if in_pipeline and _ROUNDED.search(at.text, 0, sign.start) is None:
        fixes = _floored(at)
    at.error(
        "E0105",
        "numbers are divided with `/`",
        sign,
        "`//` is neither division nor a comment",
        help="`floor(a / b)` rounds down to an `int`"
        if in_pipeline
        else "`/` leaves a fraction where something is left over, and nothing rounds it here",
        fixes=fixes,
    )
    behind = at.reports.keys.watched(tokenize(at.text[: token.end], token.start + 2))
    return use(
        Token("OPERATOR", "/", token.start, token.start + 2),
        *(each for each in behind if each.type != "$END"),
    )


def _floored(at: Situation) -> list[Fix]:
    """The division at the token rounded down, where it is plain what is divided."""
    left, right = as_name(at.values[-1]) or at.values[-1], _WHOLE_DIVISION.match(at.text, at.token.start)
    if not isinstance(left, Token | Expression) or left.end != at.end_before or right is None:
        return []
    if _PART.search(at.text, 0, left.start) is not None:
        return []
    if isinstance(left, Token) and left.type not in ("NAME", "NUMBER"):
        return []
    written = right[0].rstrip()
    meant = f"floor({at.text[left.start : left.end]} / {written[2:].lstrip()})"
    return at.change(f"write `{meant}`", left.start, right.start() + len(written), meant, safe=False)


def leading_dot(at: Situation) -> Instead | None:
    """`.5`."""
    token = at.token
    if token.type != "DOT" or not at.text[token.end : token.end + 1].isdecimal() or not at.fits("NUMBER"):
        return None
    at.error(
        "E0106",
        "a number starts with a digit",
        at.here,
        "write `0.`",
        fixes=at.change("add the `0`", token.start, token.start, "0"),
    )
    end = _word_end(at, token.end)
    return use(Token("NUMBER", f"0{at.text[token.start : end]}", token.start, end), until=end)


def broken_number(at: Situation) -> Instead | None:
    """`1.2.3` and `1e5`: what is glued to a number is part of it."""
    token = at.token
    if token.type not in ("NUMBER", "NAME") or token.start == 0:
        return None
    before = at.text[token.start - 1]
    if before == "." and at.last_is("DOT") and token.type == "NUMBER":
        at.drop(1)
    elif not (before.isalnum() or before in "_%"):
        return None
    start = token.start
    while start > 0 and (at.text[start - 1].isalnum() or at.text[start - 1] in "_.%$"):
        start -= 1
    no_number(at.reports, start)
    return use(until=_word_end(at, token.start))


def thousands(at: Situation) -> Instead | None:
    """`$1,000`: the comma ended the field."""
    token = at.token
    start = token.start
    while start > 0 and at.text[start - 1] in "0123456789,$":
        start -= 1
    found = _THOUSANDS.match(at.text, start)
    if found is None or not start < token.start < found.end("number"):
        return None
    number = found["number"]
    meant = number.replace(",", "_")
    at.error(
        "E0106",
        "a number is written without commas",
        at.span(start, found.end("number")),
        "thousands may be set off by `_`",
        fixes=at.change(f"write `{meant}`", start, found.end("number"), meant, safe=False),
    )
    _forget_value(at)
    return use(until=found.end())


def apostrophes(at: Situation) -> Instead | None:
    """`1'000`: what stands behind the first `'` was taken for a text."""
    start = at.token.start
    while start > 0 and at.text[start - 1] in "0123456789$":
        start -= 1
    found = _APOSTROPHES.match(at.text, start)
    if found is None or not start < at.token.start < found.end():
        return None
    meant = re.sub("['’]", "_", found[0])
    at.error(
        "E0106",
        "a number is written without apostrophes",
        at.span(start, found.end()),
        "thousands may be set off by `_`",
        fixes=at.change(f"write `{meant}`", start, found.end(), meant),
    )
    _forget_value(at)
    rest = tokenize(at.text[: at.token.end], found.end())
    return use(*(each for each in rest if each.type != "$END"), until=found.end())


_APOSTROPHES = re.compile(possessive(r"\$?\d{1,3}(?:['’]\d{3})++(?!\w)"))
_DECIMAL_COMMA = re.compile(
    possessive(
        r"(?<![\w.,])(?P<number>\$?(?:\d{1,3}(?:\.\d{3})++|\d++),\d{1,2}(?!\d)[a-zA-Z%]*+)"
        r"(?![\w.]|,\S)(?:[ \t]*+,)?"
    )
)


def decimal_comma(at: Situation) -> Instead | None:
    """`temperature = 0,2`, `request = 1,5h` and `$1.000,50`."""
    start = at.token.start
    while start > 0 and at.text[start - 1] in "0123456789.,$":
        start -= 1
    found = _DECIMAL_COMMA.match(at.text, start)
    if at.token.type != "NUMBER" or found is None or found.end("number") != at.token.end:
        return None
    if start == at.token.start:
        return None
    meant = found["number"].replace(".", "_").replace(",", ".")
    fixes = at.change(f"write `{meant}`", start, at.token.end, meant, safe=False)
    here = at.span(start, at.token.end)
    at.error("E0106", "a fraction of a number stands behind a `.`", here, f"write `{meant}`", fixes=fixes)
    _forget_value(at)
    return use(until=found.end())


_CURRENCIES = ("USD", "usd", "dollar", "dollars", "EUR", "euro", "cent", "cents")
_AMOUNT = re.compile(r"(?P<before>USD[ \t]*)?(?P<number>\d[\d_]*(?:\.\d+)?[kMG]?)[ \t]*(?P<word>\w*)")


_MONEY = re.compile(r"[$€£¥][ \t]*(?P<amount>\d[\d_]*(?:\.\d+)?[kMG]?)\b")


def currency_sign(at: Situation) -> Instead | None:
    """`$ 5` and `€5`."""
    token = at.token
    found = _MONEY.match(at.text, token.start)
    if token.type != "UNKNOWN" or found is None:
        return None
    meant, is_dollar = f"${found['amount']}", token.text == "$"
    at.error(
        "E0106",
        "no space stands behind the `$` of an amount" if is_dollar else "amounts of money are in US dollars",
        at.span(token.start, found.end()),
        f"write `{meant}`" if is_dollar else "no dollars",
        fixes=at.change(f"write `{meant}`", token.start, found.end(), meant) if is_dollar else (),
    )
    return use(Token("NUMBER", meant, token.start, found.end()), until=found.end())


def currency_apart(at: Situation) -> Instead | None:
    """`5 USD`, and `5USD`."""
    token = at.token
    if token.type not in ("NAME", "NUMBER") and as_name(at.values[-1] if at.values else None) is None:
        return None
    name = token if token.text in _CURRENCIES else as_name(at.values[-1]) if at.values else None
    if name is None or name.text not in _CURRENCIES:
        return None
    start = name.start
    while start > 0 and at.text[start - 1] in " \t":
        start -= 1
    while start > 0 and (at.text[start - 1].isdecimal() or at.text[start - 1] in "._kM"):
        start -= 1
    found = _AMOUNT.match(at.text, start)
    if found is None or found["word"] != name.text:
        return None
    is_dollar = not name.text.startswith(("E", "euro", "cent"))
    meant = f"${found['number']}"
    at.error(
        "E0106",
        f"amounts of money are in US dollars{', written `$5`' if is_dollar else ''}",
        at.span(start, name.end),
        f"write `{meant}`" if is_dollar else "no dollars",
        fixes=at.change(f"write `{meant}`", start, name.end, meant) if is_dollar else (),
    )
    if name is not token:
        at.drop(1)
    _forget_value(at)
    return use() if name is token else use(token)


_OTHER_UNIT = re.compile(r"(?P<number>\d[\d_]*(?:\.\d+)?)[ \t]*(?P<unit>µs|μs|usec|micros|microseconds|ns)\b")
_IN_SECONDS = {"ns": 1e-9}


def other_units(at: Situation) -> Instead | None:
    """`500µs`: less than a millisecond."""
    text, last = at.text, as_name(at.values[-1]) if at.values else None
    for unit in (at.token, last):
        start = unit.start if unit is not None else 0
        while start > 0 and (text[start - 1].isdecimal() or text[start - 1] in "._ "):
            start -= 1
        while unit is not None and start < unit.start and text[start] == " ":
            start += 1
        found = _OTHER_UNIT.match(text, start)
        if unit is not None and found is not None and start <= unit.start < found.end():
            break
    else:
        return None
    meant = Duration(float(found["number"].replace("_", "")) * _IN_SECONDS.get(found["unit"], 1e-6))
    at.error(
        "E0106",
        f"`{found['unit']}` is no unit of time",
        at.span(start, found.end()),
        f"this is `{meant}`",
        help=f"a thousandth of a second is `1ms`: this is `{meant * 1000:g}ms`",
        fixes=at.change(f"write `{meant}`", start, found.end(), str(meant)),
    )
    if unit is at.token:
        _forget_value(at)
        return use(until=found.end())
    at.drop(1)
    _forget_value(at)
    return use(at.token)


def unit_apart(at: Situation) -> Instead | None:
    """`4 GiB` and `95 %`."""
    token = at.token
    unit: Token = token
    apart: tuple[Token, ...] = ()
    if not is_unit(token.text) or token.type not in ("NAME", "UNKNOWN"):
        name = as_name(at.values[-1]) if at.values else None
        if name is None or not is_unit(name.text) or token.type == "EQUAL":
            return None
        unit, apart = name, (token,)
    end = unit.start
    while end > 0 and at.text[end - 1] in " \t":
        end -= 1
    if end == unit.start or end == 0 or not at.text[end - 1].isdecimal():
        return None
    at.error(
        "E0106",
        "no space stands between a number and its unit",
        at.span(unit.start, unit.end),
        "this belongs to the number",
        fixes=at.change("remove the space", end, unit.end, MISNAMED_UNITS.get(unit.text, unit.text)),
    )
    if apart:
        at.drop(1)
        _forget_value(at)
    return use(*apart)


def _forget_value(at: Situation) -> None:
    """The number without its unit is not what was meant."""
    if at.values and isinstance(at.values[-1], Number):
        at.values[-1] = Bad(at.values[-1].start, at.values[-1].end)
        return
    items = next((value for value in reversed(at.values) if isinstance(value, list)), None)
    if items and isinstance(items[-1], Field):
        field = items[-1]
        items[-1] = Field(field.start, field.end, field.name, Bad(field.value.start, field.value.end))


def _word_end(at: Situation, offset: int) -> int:
    found = _WORD_REST.match(at.text, offset)
    return found.end() if found else offset
