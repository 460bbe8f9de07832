"""A wrong sign between a name and what it says, and one before a block, which has none."""

from __future__ import annotations

import re

from ...lines import line_start
from ...possessive import possessive
from ...secrets.names import holds_secret
from ...syntax import Identifier, Reference
from ...wording import shorten
from ..forms import DECLARED
from ..tokens import CLOSER_OF, Token
from .situation import SKIP, Instead, Situation, as_name, use

_CALLS = ("env", "file", "fallback", "bearer", "hash", "python", "custom")
"""Words that stand before parentheses."""
SIGNS = {"EQUAL": "=", "COLON": ":", "ARROW": "->", "FAT_ARROW": "=>"}
"""The signs between a name and what it says, by their tokens."""
_LIST_BELOW = re.compile(
    possessive(
        r"[ \t\r]*+\n(?P<items>[ \t]*+-[ \t]++[^\s:\n]++"
        r"(?:[ \t\r]*+\n[ \t]*+-[ \t]++[^\s:\n]++)*+)(?=[ \t\r]*+\n)"
    )
)
_FAR = 300
"""How many characters of a line are looked at."""
_WORD_OR_TEXT = re.compile(r'[^\W\d]\w*|"[^"\\]*"|\d+')
_NO_SIGNS = ("RSQB", "RPAR", "VBAR", "MORETHAN", "TILDE")
_VALUE_BEHIND = re.compile(r"[ \t]*+(?:[\w\"$-]|\[)")
_BLOCK_BEHIND = re.compile(r"[ \t]*+(?:[^\W\d]\w*+[ \t]++)?\{(?!\{)")


def wrong_sign(at: Situation) -> Instead | None:
    """`model: "x"`, `x == 2`, `"a" -> f(x)`, `{ label = text }`, `pipeline p(): text`."""
    token = at.token
    if token.type in _NO_SIGNS and _stands_for_equals(at):
        fixes = at.change("write `=`", token.start, token.end, "=")
        at.error("E0101", _SIGN_MESSAGES["EQUAL"].format(token.text), at.here, "write `=`", fixes=fixes)
        return use(Token("EQUAL", "=", token.start, token.end))
    if token.type not in SIGNS and token.text != "==":
        return None
    if token.type == "EQUAL" and at.last_is("COLON") and at.text[token.start - 1] == ":":  # `let x := 5`
        fixes = at.change("remove the `:`", token.start - 1, token.start, "")
        at.error("E0101", _SIGN_MESSAGES["EQUAL"].format(":="), at.here, "remove the `:`", fixes=fixes)
        at.drop(1)
        return use(token)
    if at.fits("LBRACE") and at.follows("{"):
        return _sign_before_brace(at)
    if token.type == "EQUAL" and at.fits("OPERATOR") and any(_is_condition(value) for value in at.values):
        at.error(
            "E0101",
            "whether two values are equal is asked with `==`",
            at.here,
            "write `==`",
            fixes=at.change("write `==`", token.start, token.end, "=="),
        )
        return use(Token("OPERATOR", "==", token.start, token.end))
    kind = next((kind for kind in SIGNS if kind != token.type and at.fits(kind)), None)
    if kind is None:
        return None
    sign = SIGNS[kind]
    if kind == "EQUAL" and at.text.startswith(":=", token.start):
        fixes = at.change("remove the `:`", token.start, token.end, "")
        at.error("E0101", _SIGN_MESSAGES[kind].format(":="), at.here, "remove this", fixes=fixes)
        return use()
    if kind == "EQUAL" and (listed := _LIST_BELOW.match(at.text, token.end)) is not None:
        return _list_below(at, listed["items"], listed.end())
    if kind == "EQUAL" and token.type == "COLON" and _BLOCK_BEHIND.match(at.text, token.end) is not None:
        return _colon_before_block(at)
    space = " " if at.end_before == token.start and kind != "COLON" else ""
    at.error(
        "E0101",
        _SIGN_MESSAGES[kind].format(token.text),
        at.here,
        f"write `{sign}`",
        fixes=at.change(f"write `{sign}`", token.start, token.end, f"{space}{sign}"),
    )
    return use(Token(kind, sign, token.start, token.end))


def equals_in_test(at: Situation) -> Instead | None:
    """`model = "gpt"` and `expect status = 200`: a test asks and compares."""
    token = at.token
    if token.type != "EQUAL" or not at.is_in("TEST"):
        return None
    begin = max(line_start(at.text, token.start), token.start - _FAR)
    said = re.split(r"[{,]", at.text[begin : token.start])[-1].split()
    if said[:1] == ["expect"]:
        fixes = at.change("write `==`", token.start, token.end, "==")
        at.error(
            "E0101", "whether two values are equal is asked with `==`", at.here, "write `==`", fixes=fixes
        )
        return SKIP
    name = as_name(at.values[-1]) if len(said) == 1 or said[:1] == ["let"] else None
    if name is None:
        return None
    here = at.span(name.start, name.end)
    at.error("E0101", f"a test does not say `{name.text}`", here, "unknown", help=DECLARED["TEST"])
    return SKIP


def _list_below(at: Situation, lines: str, end: int) -> Instead:
    """`providers:` above `- cuda` and `- cpu`."""
    items = [line.strip().removeprefix("-").strip() for line in lines.splitlines()]
    values = [each if _WORD_OR_TEXT.fullmatch(each) else f'"{each}"' for each in items]
    meant = f"= [{', '.join(values)}]"
    space = " " if at.end_before == at.token.start else ""
    at.error(
        "E0101",
        "the values of a list stand between `[` and `]`",
        at.here,
        f"write `{shorten(meant)}`",
        fixes=at.change("write a list", at.token.start, end, f"{space}{meant}", safe=False),
    )
    return SKIP


def _stands_for_equals(at: Situation) -> bool:
    """Whether the token stands between a name and its value, and closes nothing."""
    opened = at.open_brackets()
    is_closer = bool(opened) and CLOSER_OF[opened[0].type] == at.token.type
    name = as_name(at.values[-1]) if at.values else None
    return (
        not is_closer
        and name is not None
        and at.fits("EQUAL")
        and _VALUE_BEHIND.match(at.text, at.token.end) is not None
    )


def _colon_before_block(at: Situation) -> Instead | None:
    """`runtime: openai { … }` and `"retry": { … }`."""
    name = as_name(at.values[-1]) if at.values else None
    if name is None or at.is_in("PIPELINE"):
        return None
    at.error(
        "E0101",
        f"`{name.text}` is a block: no `:` stands before it",
        at.here,
        "remove this",
        fixes=at.change("remove the `:`", name.start, at.token.end, name.text),
    )
    at.drop(1)
    return use(Token("NAME", name.text, name.start, name.end))


def _is_condition(value: object) -> bool:
    return isinstance(value, Token) and value.type == "IF"


_SIGN_MESSAGES = {
    "EQUAL": "a name gets its value with `=`, not with `{}`",
    "COLON": "`:` stands between these two, not `{}`",
    "ARROW": "the type of the result follows `->`, not `{}`",
    "FAT_ARROW": "what a pattern leads to follows `=>`, not `{}`",
}


def _sign_before_brace(at: Situation) -> Instead:
    end = at.end_before
    at.error(
        "E0101",
        f"no `{at.token.text}` stands before the `{{` of a block",
        at.here,
        "remove this",
        fixes=at.change(f"remove the `{at.token.text}`", end, at.token.end, ""),
    )
    return use()


def equals_before_block(at: Situation) -> Instead | None:
    """`retry = { … }`."""
    values = at.values
    if at.token.type != "LBRACE" or len(values) < 2 or not at.last_is("EQUAL") or at.is_in("ROUTE"):
        return None
    name, equals = as_name(values[-2]), values[-1]
    if name is None or not isinstance(values[-2], Identifier):
        return None
    if holds_secret(name.text) or name.text == "auth":
        return _secret_is_no_block(at, name)
    at.error(
        "E0101",
        f"`{name.text}` is a block: no `=` stands before its `{{`",
        at.span(equals.start, equals.end),
        "remove this",
        fixes=at.change("remove the `=`", name.end, at.token.start, " "),
    )
    at.drop(2)
    return use(name, at.token)


def equals_before_label(at: Situation) -> Instead | None:
    """`runtime = openai { … }`."""
    if at.token.type != "LBRACE" or len(at.values) < 3:
        return None
    name, equals, label = at.values[-3:]
    if not (isinstance(equals, Token) and equals.type == "EQUAL" and isinstance(name, Identifier)):
        return None
    word = label.name if isinstance(label, Reference) else getattr(as_name(label), "text", None)
    if word is None or not at.same_line(name.start, at.token.start) or not at.open_brackets():
        return None
    if word in _CALLS:
        at.error(
            "E0103",
            f"what `{word}` takes stands between `(` and `)`",
            at.here,
            "expected `(`",
            fixes=at.change("write `(`", at.token.start, at.token.end, "(", safe=False),
        )
        return SKIP
    if holds_secret(name.text):
        return _secret_is_no_block(at, name)
    at.error(
        "E0101",
        f"`{name.text} {word}` is a block: no `=` stands in it",
        at.span(equals.start, equals.end),
        "remove this",
        fixes=at.change("remove the `=`", name.end, label.start, " "),
    )
    start, end = label.start, label.end
    at.drop(3)
    return use(Token("NAME", name.text, name.start, name.end), Token("NAME", word, start, end), at.token)


def _secret_is_no_block(at: Situation, name: Token | Identifier) -> Instead:
    """`api_key = { … }`, and Kubernetes' `api_key = secretKeyRef { … }`."""
    at.error(
        "E0101",
        f"`{name.text}` is no block: it says where the secret is",
        at.span(name.start, name.end),
        "a value is expected",
        help='write `env("NAME")`, or `file("/run/secrets/key")`'
        if name.text != "auth"
        else 'write `auth = bearer(env("NAME"))`',
    )
    return SKIP
