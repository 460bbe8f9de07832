"""Repairs: what a token that does not fit was meant to be. Each one reports the mistake and gives the
tokens to read instead, or None when it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .diagnostics import Edit, Fix
from .reports import SyntaxReports
from .source import Span
from .suggest import near
from .syntax import Expression, Identifier, Reference
from .tokens import DECLARATIONS, KEYWORDS, Token


@frozen
class Situation:
    """A token, the terminals that would have fitted, and the parser as it stands."""

    token: Token
    expected: set[str]
    state: Any
    reports: SyntaxReports

    @property
    def values(self) -> list[Any]:
        stack: list[Any] = self.state.value_stack
        return stack

    def drop(self, count: int) -> None:
        """Take the last `count` things back from the parser."""
        del self.state.state_stack[-count:], self.state.value_stack[-count:]

    def span(self, start: int, end: int) -> Span:
        return self.reports.span(start, end)

    @property
    def here(self) -> Span:
        return self.reports.token_span(self.token)

    def same_line(self, start: int, end: int) -> bool:
        return "\n" not in self.reports.source.text[start:end]

    def error(self, code: str, message: str, span: Span, label: str = "", **details: Any) -> None:
        self.reports.found.error(code, message, span, label, **details)


Repair = Callable[[Situation], list[Token] | None]


def unclosed_text(at: Situation) -> list[Token] | None:
    """`"abc` to the end of the line, or `\"\"\"abc` to the end of the file."""
    token = at.token
    if token.type not in ("OPEN_TEXT", "OPEN_LONG_TEXT"):
        return None
    quotes = '"""' if token.type == "OPEN_LONG_TEXT" else '"'
    text = token.text.rstrip()
    at.error(
        "E0102",
        "this text is never closed",
        at.span(token.start, token.start + len(quotes)),
        "it starts here",
        help=f"add {quotes} at its end"
        + ("" if quotes != '"' else '; a text of several lines stands between `"""`'),
    )
    literal = f"{text}{quotes}" if not text.endswith("\\") else f"{text[:-1]}{quotes}"
    return [Token("STRING", literal, token.start, token.start + len(text))]


def wrong_quotes(at: Situation) -> list[Token] | None:
    """`'abc'` and `“abc”`."""
    if at.token.type != "WRONG_QUOTES":
        return None
    start, end = at.token.start, at.token.end
    quotes = tuple(Edit(at.span(place, place + 1), '"') for place in (start, end - 1))
    inner = at.token.text[1:-1].replace("\\'", "'")
    at.error(
        "E0105",
        "texts stand between straight double quotes",
        at.here,
        'write `"…"`',
        fixes=[Fix("use double quotes", quotes)] if '"' not in inner else [],
    )
    literal = '"' + inner.replace('"', '\\"') + '"'
    return [Token("STRING", literal, at.token.start, at.token.end)]


def unknown_character(at: Situation) -> list[Token] | None:
    """A character that means nothing anywhere: left out."""
    token = at.token
    if token.type != "UNKNOWN":
        return None
    if token.text.isspace() or not token.text.isprintable():
        shown = f"the character U+{ord(token.text[0]):04X}"
    else:
        shown = f"`{token.text[:20]}`"
    advice = {
        ";": "separate fields with a newline or a comma",
        "'": 'texts stand between double quotes, `"…"`',
        "\u00a0": "this is a no-break space: type a plain space instead",
        "$": "money is written `$100`, and `${name}` stands only inside a text",
        "&": "write `&&` for “and”",
        "%": "percent follows a number, as in `95%`",
    }.get(token.text[0])
    at.error("E0105", f"{shown} means nothing here", at.here, help=advice)
    return []


def slash_comment(at: Situation) -> list[Token] | None:
    """`// …`: the rest of the line cannot be told from code, so only the comment mark is explained."""
    text = at.reports.source.text
    if at.token.text != "/" or text[at.token.start : at.token.start + 2] not in ("//", "/*"):
        return None
    here = at.span(at.token.start, at.token.start + 2)
    at.error(
        "E0105",
        "comments start with `#`",
        here,
        fixes=[Fix("write `#`", (Edit(here, "#"),))] if here.text == "//" else [],
        help="write `# …`; `##` documents the declaration below it",
    )
    return None


def misspelt_declaration(at: Situation) -> list[Token] | None:
    """`deploymnt gpt { … }`."""
    if at.token.type != "NAME" or "DEPLOYMENT" not in at.expected:
        return None
    names = near(at.token.text, [word for word, kind in KEYWORDS.items() if kind in DECLARATIONS])
    if not names:
        return None
    at.reports.unknown_declaration(at.token, names[0])
    return [Token(KEYWORDS[names[0]], names[0], at.token.start, at.token.end)]


def colon_for_equals(at: Situation) -> list[Token] | None:
    """`model: "x"`."""
    if at.token.type != "COLON" or "EQUAL" not in at.expected:
        return None
    at.error(
        "E0101",
        "a field is written with `=`, not `:`",
        at.here,
        "expected `=`",
        fixes=[Fix("write ` =`", (Edit(at.here, " ="),))],
    )
    return [Token("EQUAL", "=", at.token.start, at.token.end)]


def equals_before_block(at: Situation) -> list[Token] | None:
    """`retry = { … }`."""
    values = at.values
    if at.token.type != "LBRACE" or len(values) < 2:
        return None
    name, equals = values[-2], values[-1]
    if not (isinstance(equals, Token) and equals.type == "EQUAL" and isinstance(name, Identifier)):
        return None
    here = at.span(name.end, at.token.start)
    at.error(
        "E0101",
        f"`{name.text}` is a block: no `=` stands before its `{{`",
        at.span(equals.start, equals.end),
        "remove this",
        fixes=[Fix("remove the `=`", (Edit(here, " "),))],
    )
    at.drop(2)
    return [Token("NAME", name.text, name.start, name.end), at.token]


def equals_before_labelled_block(at: Situation) -> list[Token] | None:
    """`runtime = openai { … }`."""
    values = at.values
    if at.token.type != "LBRACE" or len(values) < 3:
        return None
    name, equals, label = values[-3:]
    if not (isinstance(equals, Token) and equals.type == "EQUAL" and isinstance(name, Identifier)):
        return None
    if not isinstance(label, Reference | Token) or not at.same_line(equals.end, label.start):
        return None
    text = at.reports.source.text[label.start : label.end]
    at.error(
        "E0101",
        f"`{name.text} {text}` is a block: no `=` stands in it",
        at.span(equals.start, equals.end),
        "remove this",
        fixes=[Fix("remove the `=`", (Edit(at.span(name.end, label.start), " "),))],
    )
    at.drop(3)
    kind = "STRING" if text.startswith('"') else "NAME"
    return [
        Token("NAME", name.text, name.start, name.end),
        Token(kind, text, label.start, label.end),
        at.token,
    ]


def missing_equals(at: Situation) -> list[Token] | None:
    """`replicas 2`."""
    values = at.values
    if not values or "EQUAL" not in at.expected or "LBRACE" not in at.expected:
        return None
    name = values[-1]
    starts_value = at.token.type in ("NUMBER", "STRING", "TRUE", "FALSE", "LSQB", "MINUS")
    if not (starts_value and isinstance(name, Token) and at.same_line(name.end, at.token.start)):
        return None
    _report_missing_equals(at, name, at.token.start)
    return [Token("EQUAL", "=", name.end, name.end), at.token]


def missing_equals_before_word(at: Situation) -> list[Token] | None:
    """`jitter equal` and `model "gpt"`: noticed only at the token after."""
    values = at.values
    if len(values) < 2 or at.token.type in ("LBRACE", "LPAR") or "LBRACE" not in at.expected:
        return None
    name, word = values[-2:]
    if not (isinstance(name, Token) and name.type == "NAME" and isinstance(word, Token | Identifier)):
        return None
    if not at.same_line(name.end, word.start):
        return None
    text = at.reports.source.text[word.start : word.end]
    _report_missing_equals(at, name, word.start)
    at.drop(1)
    kind = "STRING" if text.startswith('"') else "NAME"
    return [Token("EQUAL", "=", name.end, name.end), Token(kind, text, word.start, word.end), at.token]


def _report_missing_equals(at: Situation, name: Token, value_start: int) -> None:
    at.error(
        "E0101",
        f"a `=` is missing after `{name.text}`",
        at.span(name.end, value_start),
        "expected `=`",
        fixes=[Fix("add the `=`", (Edit(at.span(name.end, value_start), " = "),))],
    )


def missing_value(at: Situation) -> list[Token] | None:
    """`model =` with nothing behind it: the next line's name was taken for the value."""
    values = at.values
    for depth in (1, 2):
        if len(values) <= depth:
            return None
        equals, value = values[-depth - 1], values[-depth]
        if isinstance(equals, Token) and equals.type == "EQUAL":
            break
    else:
        return None
    if not isinstance(value, Reference | Token | Expression) or at.same_line(equals.end, value.start):
        return None
    if not isinstance(value, Reference | Token) or (isinstance(value, Token) and value.type != "NAME"):
        return None
    name = values[-depth - 2] if len(values) > depth + 1 else None
    if not isinstance(name, Identifier):
        return None
    at.reports.no_value(name.text, name.start, name.end)
    between = [v for v in values[len(values) - depth + 1 :] if isinstance(v, Token)]
    text = value.name if isinstance(value, Reference) else value.text
    at.drop(depth)
    placeholder = Token("FALSE", "false", equals.end, equals.end)
    return [placeholder, Token("NAME", text, value.start, value.end), *between, at.token]


def missing_comma(at: Situation) -> list[Token] | None:
    """`[a b]` and `f(x y)`."""
    starts_value = at.token.type in ("NUMBER", "STRING", "TRUE", "FALSE", "NAME", "LSQB", "PROMPT")
    if not starts_value or "COMMA" not in at.expected or not ({"RSQB", "RPAR"} & at.expected):
        return None
    before = at.values[-1]
    end = getattr(before, "end", at.token.start)
    if not at.same_line(end, at.token.start) and at.token.type == "NAME":
        return None
    here = at.span(end, end)
    at.error(
        "E0101",
        "a `,` is missing here",
        at.here,
        "this is the next one",
        fixes=[Fix("add the comma", (Edit(here, ","),))],
    )
    return [Token("COMMA", ",", end, end), at.token]


def wrong_closer(at: Situation) -> list[Token] | None:
    """`[a, b)`."""
    closers = {"RSQB": "]", "RPAR": ")"}
    wanted = [kind for kind in closers if kind in at.expected]
    if at.token.type not in ("RSQB", "RPAR") or len(wanted) != 1:
        return None
    [kind] = wanted
    at.error(
        "E0103",
        f"expected `{closers[kind]}`, found `{at.token.text}`",
        at.here,
        f"write `{closers[kind]}`",
        fixes=[Fix(f"write `{closers[kind]}`", (Edit(at.here, closers[kind]),))],
    )
    return [Token(kind, closers[kind], at.token.start, at.token.end)]


def reserved_name(at: Situation) -> list[Token] | None:
    """`type = "x"`: a reserved word where a name must stand."""
    token = at.token
    if KEYWORDS.get(token.text) != token.type or "NAME" not in at.expected:
        return None
    text = at.reports.source.text
    column = token.start - text.rfind("\n", 0, token.start)
    after = text[token.end :].lstrip(" \t")[:1]
    if (column == 1 and after != "=") or (token.type in DECLARATIONS and after not in "=,)]}"):
        return None
    can_quote = "STRING" in at.expected
    at.error(
        "E0109",
        f"`{token.text}` is a reserved word",
        at.here,
        "a name is expected here",
        help="choose another name" + (f', or quote it: `"{token.text}"`' if can_quote else ""),
        fixes=[Fix("quote it", (Edit(at.here, f'"{token.text}"'),), safe=False)] if can_quote else [],
    )
    return [Token("NAME", token.text, token.start, token.end)]


REPAIRS: tuple[Repair, ...] = (
    unclosed_text,
    wrong_quotes,
    unknown_character,
    slash_comment,
    misspelt_declaration,
    colon_for_equals,
    equals_before_block,
    equals_before_labelled_block,
    missing_value,
    missing_equals,
    missing_equals_before_word,
    missing_comma,
    wrong_closer,
    reserved_name,
)
