"""Names and reserved words."""

from __future__ import annotations

import re
from typing import Any

from ...lines import line_start, starts_line
from ...possessive import possessive
from ...syntax import Expression, Field, Identifier, Reference, Step
from ..tokens import DECLARATIONS, KEYWORDS, Token
from .missing_signs import report_missing_sign
from .situation import SKIP, Instead, Situation, as_name, as_word, placeholder, use

_DASHED = re.compile(possessive(r"[\w]++(?:[-.]\w++)*+"))
_SIGNED = re.compile(possessive(r"\w++(?:[-./:@]\w++)*+(?=[ \t]*+[{=])"))
_SPACED = re.compile(possessive(r"\w++(?:[ ](?!from\b)\w++)++(?=[ \t]*+\{)"))
_NEAR = 20
_VALUE_END = re.compile(r"[ \t]*+(?:[;,}\r\n#]|\Z)")
_DEFAULT = re.compile(r'env\((?P<name>"[^"\n]*+")\)[ ]*+(?P<or>or)[ ]*+(?P<default>"[^"\n]*+")')
_WORDS_FOR_SIGNS = {"and": "&&", "or": "||", "not": "!"}


def dashed_name(at: Situation) -> Instead | None:
    """`deployment gpt-4 { … }`, `max-retries = 2` and `retry.max_retries = 2`."""
    token = at.token
    is_declared = (
        len(at.values) > 1 and isinstance(at.values[-2], Token) and at.values[-2].type in DECLARATIONS
    )
    others = is_declared and token.text in ("/", ":", "@")
    if not (others or token.type in ("MINUS", "DOT")) or not at.values:
        return None
    name = as_name(at.values[-1])
    if name is None or name.end != token.start:
        return None
    found = (_SIGNED if others else _DASHED).match(at.text, name.start)
    if found is None:  # a name in quotes
        return None
    here, text = at.span(name.start, found.end()), found[0]
    if found.end() <= token.end:
        return None
    if at.reports.keys.watch(Token("STRING", f'"{text}"', here.start, here.end)):
        return SKIP
    if at.fits("EQUAL") and at.fits("LBRACE"):
        if token.type == "DOT":
            behind = at.text[found.end() : found.end() + _NEAR].lstrip(" \t")[:1]
            message = "a field is named without the block around it"
            at.error("E0101", message, here, help=f"write `{_as_blocks(text.split('.'), behind == '{')}`")
            return SKIP
        if _block_around(at) == "headers":
            return _quote_it(at, "a name with `-` needs quotes", here.start, here.end, 1)
        meant = text.replace("-", "_").replace(".", "_")
        at.error(
            "E0101",
            "a name holds no `-`",
            here,
            f"write `{meant}`",
            fixes=at.change(f"write `{meant}`", here.start, here.end, meant),
        )
        at.drop(1)
        return use(Token("NAME", meant, here.start, here.end), until=here.end)
    field = as_name(at.values[-2]) if len(at.values) > 1 and not is_declared else None
    if field is not None and at.same_line(field.end, here.start) and _VALUE_END.match(at.text, here.end):
        report_missing_sign(at, "=", field, here.start, here.end)
        at.drop(1)
        equals, value = (
            Token("EQUAL", "=", field.end, field.end),
            Token("STRING", f'"{text}"', here.start, here.end),
        )
        return use(equals, value, until=here.end)
    return _quote_it(at, f"a name with `{token.text}` needs quotes", here.start, here.end, 1)


def _as_blocks(steps: list[str], is_block: bool) -> str:
    """`runtime openai { retry { max_retries = … } }` for `runtime.openai.retry.max_retries`."""
    if steps[0] in ("runtime", "task") and len(steps) > 1 and (is_block or len(steps) > 2):
        steps = [f"{steps[0]} {steps[1]}", *steps[2:]]
    *blocks, last = steps
    inner = f"{last} {{ … }}" if is_block else f"{last} = …"
    for block in reversed(blocks):
        inner = f"{block} {{ {inner} }}"
    return inner


def _block_around(at: Situation) -> str:
    """The name of the block at hand."""
    places = [i for i, v in enumerate(at.values) if isinstance(v, Token) and v.type == "LBRACE" and i]
    name = as_name(at.values[places[-1] - 1]) if places else None
    return name.text if name is not None else ""


def spaced_name(at: Situation) -> Instead | None:
    """`deployment my gpt { … }`."""
    name = as_name(at.values[-1]) if at.values else None
    if at.token.type != "NAME" or name is None or len(at.values) < 2 or at.text[name.start] == '"':
        return None
    head = at.values[-2]
    if not isinstance(head, Token) or head.type not in ("DEPLOYMENT", "TEMPLATE"):
        return None
    found = _SPACED.match(at.text, name.start)
    if found is None or found.end() < at.token.end:
        return None
    return _quote_it(at, "a name with a space needs quotes", found.start(), found.end(), 1)


def _is_value(at: Situation) -> bool:
    """Whether a field or step ends before the token, so that no name can begin on its line."""
    return bool(at.values) and isinstance(at.values[-1], Field | Step | Expression)


def name_from_digit(at: Situation) -> Instead | None:
    """`deployment 4o { … }`."""
    if at.token.type != "NUMBER" or at.fits("EQUAL") or not (at.fits("NAME") and at.fits("STRING")):
        return None
    found = _DASHED.match(at.text, at.token.start)
    before = at.text[at.end_before - 1 : at.end_before]
    if found is None or (
        at.same_line(at.end_before, at.token.start) and (before in tuple(')]"_') or _is_value(at))
    ):
        return None
    return _quote_it(at, "a name that starts with a digit needs quotes", at.token.start, found.end(), 0)


def _quote_it(at: Situation, message: str, start: int, end: int, drop: int) -> Instead | None:
    literal = f'"{at.text[start:end]}"'
    if drop:
        at.drop(drop)
    if not at.fits("STRING"):
        at.error("E0101", message.replace("needs quotes", "is not possible here"), at.span(start, end))
        return SKIP
    at.error(
        "E0101",
        message,
        at.span(start, end),
        f"write `{literal}`",
        fixes=at.change(
            "add the quotes", start, end, literal, safe=not at.text[end:].lstrip(" ").startswith("[")
        ),
    )
    return use(Token("STRING", literal, start, end), until=end)


def reserved_name(at: Situation) -> Instead | None:
    """`type = "x"`: a reserved word where a name must stand."""
    token = at.token
    if KEYWORDS.get(token.text) != token.type or not at.fits("NAME"):
        return None
    if token.type in ("TRUE", "FALSE") and at.fits("EQUAL", token.type):
        return None
    is_named = at.last_is(*DECLARATIONS) and at.same_line(at.values[-1].end, token.start)
    is_sure = is_named or at.follows("=", ",", ")", "]", "}")
    if not is_sure and (token.type in DECLARATIONS or starts_line(at.text, token.start)):
        return None
    can_quote = at.fits("STRING") and not at.fits("NUMBER")
    at.error(
        "E0109",
        f"`{token.text}` is a reserved word",
        at.here,
        "a name is expected here",
        help="choose another name" + (f', or quote it: `"{token.text}"`' if can_quote else ""),
        fixes=at.change("quote it", token.start, token.end, f'"{token.text}"', safe=False)
        if can_quote
        else (),
    )
    return use(Token("NAME", token.text, token.start, token.end))


def reserved_value(at: Situation) -> Instead | None:
    """`mode = match` at the end of a line: noticed on the next one."""
    values = at.values
    for depth in (1, 2):
        if len(values) <= depth:
            return None
        word = values[-depth]
        if isinstance(word, Token) and word.type in ("MATCH", "IF", "PROMPT"):
            break
    else:
        return None
    swallowed = values[-1] if depth == 2 else None
    if swallowed is not None and not isinstance(swallowed, Token | Reference):
        return None
    next_start = at.token.start if swallowed is None else swallowed.start
    if at.same_line(word.end, next_start):
        return None
    at.error(
        "E0109",
        f"`{word.text}` is a reserved word",
        at.span(word.start, word.end),
        f"a value cannot be `{word.text}`",
        help=f'if it is a text, quote it: `"{word.text}"`',
    )
    at.drop(depth)
    again = (
        ()
        if swallowed is None
        else (Token("NAME", at.text[swallowed.start : swallowed.end], swallowed.start, swallowed.end),)
    )
    return use(placeholder(word.end), *again, at.token)


def word_for_sign(at: Situation) -> Instead | None:
    """`a and b`, `not a`."""
    here = _WORDS_FOR_SIGNS.get(at.token.text) if at.token.type == "NAME" else None
    kind = "BANG" if here == "!" else "OPERATOR"
    if here is not None and at.fits(kind) and not at.follows("="):
        at.error(
            "E0101",
            f"“{at.token.text}” is written `{here}`",
            at.here,
            f"write `{here}`",
            **_instead_of(at, at.token, here),
        )
        return use(Token(kind, here, at.token.start, at.token.end))
    values = at.values
    candidates = [as_word(value) for value in values[-2:]]
    for name in candidates:
        sign = _WORDS_FOR_SIGNS.get(name.text) if name is not None else None
        if name is not None and sign is not None and not starts_line(at.text, name.start):
            at.error(
                "E0101",
                f"“{name.text}” is written `{sign}`",
                at.span(name.start, name.end),
                f"write `{sign}`",
                **_instead_of(at, name, sign),
            )
            return SKIP
    return None


def _instead_of(at: Situation, word: Token, sign: str) -> dict[str, Any]:
    """The sign for a word; behind a call, `or` may mean what stands for a call that fails, too."""
    line = line_start(at.text, word.start)
    told = next((each for each in _DEFAULT.finditer(at.text, line) if each.start("or") == word.start), None)
    if told is not None:
        meant = f"env({told['name']}, {told['default']})"
        help = "the default of a variable stands in its `env(…)`"
        return {
            "fixes": at.change(f"write `{meant}`", told.start(), told.end(), meant, safe=False),
            "help": help,
        }
    before = at.text[: word.start].rstrip(" \t")[-1:]
    is_sure = sign != "||" or before != ")"
    return {
        "fixes": at.change(f"write `{sign}`", word.start, word.end, sign, safe=is_sure),
        "help": None if is_sure else "what stands for a call that fails follows `else`: `f(x) else g(x)`",
    }


def route_without_strategy(at: Situation) -> Instead | None:
    """`route r = [a, b]`."""
    values = at.values
    if at.token.type != "LSQB" or len(values) < 3 or not at.last_is("EQUAL"):
        return None
    word = values[-3]
    if not (isinstance(word, Token) and word.type == "ROUTE" and isinstance(values[-2], Identifier)):
        return None
    at.error(
        "E0101",
        "a word before the list says how its members share the work",
        at.here,
        "expected `fallback`, `balance`, `hedge` or `cascade`",
        help="`fallback [a, b]` tries one after the other",
    )
    return use(Token("NAME", "fallback", at.token.start, at.token.start), at.token)
