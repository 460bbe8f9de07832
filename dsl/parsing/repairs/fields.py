"""The sign between a name and what it says, missing or wrong: of fields, steps, arms and parameters."""

from __future__ import annotations

import re

from ...diagnostics import Edit, Fix
from ...foreign_words import foreign_words
from ...possessive import possessive
from ...secrets.names import holds_secret
from ...suggest import near
from ...syntax import Identifier, Reference
from ...wording import shorten
from ..tokens import CLOSER_OF, Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, placeholder, use

CALLS = ("env", "file", "fallback", "bearer", "hash", "python", "custom")
"""Words that stand before parentheses."""

_SIGNS = {"EQUAL": "=", "COLON": ":", "ARROW": "->", "FAT_ARROW": "=>"}
_LIST_BELOW = re.compile(
    possessive(
        r"[ \t\r]*+\n(?P<items>[ \t]*+-[ \t]++[^\s:\n]++"
        r"(?:[ \t\r]*+\n[ \t]*+-[ \t]++[^\s:\n]++)*+)(?=[ \t\r]*+\n)"
    )
)
_WORD_OR_TEXT = re.compile(r'[^\W\d]\w*|"[^"\\]*"|\d+')
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
    if token.type not in _SIGNS and token.text != "==":
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
    kind = next((kind for kind in _SIGNS if kind != token.type and at.fits(kind)), None)
    if kind is None:
        return None
    sign = _SIGNS[kind]
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
            report_missing_sign(at, _SIGNS[kind], name, at.token.start)
            return use(Token(kind, _SIGNS[kind], name.end, name.end), at.token)
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
    if word in CALLS:
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
