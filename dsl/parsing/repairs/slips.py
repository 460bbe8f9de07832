"""Slips of the hand: a word typed twice, a letter wrong, a bracket or a name left out."""

from __future__ import annotations

import re

from ...diagnostics import Label
from ...lines import end_before, line_start, starts_line
from ...suggest import near
from ...syntax import Identifier, Reference
from ...wording import shorten
from ..forms import DECLARED
from ..tokens import CLOSERS, Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, use

_FOLLOWING_WORDS = ("as", "with", "else", "for", "in", "from")
"""Reserved words that stand behind something."""

_NAMED = frozenset(("PARAM", "LET", "TEMPLATE", "DEPLOYMENT", "ROUTE", "PIPELINE", "TYPE", "EXTERN"))
_CALLED = re.compile(r"\b(?:env|file|fallback|bearer|hash|python|custom)\Z")
_LONG = '"""'
_TEXT_AND_NEXT = re.compile(
    r'("[^"\s,)\]}][^",)\]}]*?)(?:\s*[)\]}]+\s*,?|\s*,|(?=\s+[\w.]+\s*=))'
    r'\s*(?:[\w.]+\s*=\s*)?(?:\w+\s*\()?[\[{]?\s*"(?=\w)'
)
"""`"a, "b` and `"a), name = env("b`: a text without its end, up to where the next one begins."""

_LOOKED_AT = 300
"""How many characters of a line are looked at again."""


def twice(at: Situation) -> Instead | None:
    """`retry retry { … }`, `replicas = 2 2`, and `deployment deployment gpt`."""
    token = at.token
    if token.type not in CLOSERS and _repeats(at, token) and not _is_list_of_numbers(at):
        return _leave_out(at, token, use())
    if token.type in ("DOT", "LPAR"):
        return None
    for count, value in enumerate(reversed(at.values[-2:]), 1):
        name = _as_word(at, value)
        if name is None or not _repeats(at, name):
            continue
        behind = [_as_word(at, each) for each in at.values[len(at.values) - count + 1 :]]
        if None in behind:
            continue
        at.drop(count)
        instead = use(*(each for each in behind if each is not None), token)
        is_finished = not at.fits(*(each.type for each in instead.tokens))
        return _leave_out(at, name, SKIP if is_finished else instead)
    return None


def _as_word(at: Situation, value: object) -> Token | None:
    if isinstance(value, Identifier):
        kind = "STRING" if at.text[value.start] == '"' else "NAME"
        return Token(kind, at.text[value.start : value.end], value.start, value.end)
    if isinstance(value, Token) and value.type in ("NAME", "STRING", "MATCH", "IF", "PROMPT"):
        return value
    return None


def _leave_out(at: Situation, second: Token, instead: Instead) -> Instead:
    is_word = second.text[0].isalnum() or second.text[0] in '_"'
    at.error(
        "E0101",
        f"`{shorten(second.text)}` stands here twice",
        at.span(second.start, second.end),
        "once is enough" if is_word else "is something missing between the two?",
        fixes=at.change("remove it", end_before(at.text, second.start), second.end, "", safe=is_word),
    )
    return instead


def _repeats(at: Situation, token: Token) -> bool:
    """Whether the same stands before `token`, on its line."""
    end = end_before(at.text, token.start)
    start = end - len(token.text)
    if end == token.start or start < 0 or at.text[start:end] != token.text or not token.text:
        return False
    is_part = _is_wordy(token.text[0]) and start > 0 and _is_wordy(at.text[start - 1])
    return not is_part and at.same_line(end, token.start)


def _is_wordy(character: str) -> bool:
    return character.isalnum() or character in tuple("_.$")


def _is_list_of_numbers(at: Situation) -> bool:
    opened = at.open_brackets()
    return at.token.type == "NUMBER" and bool(opened) and opened[0].type in ("LSQB", "LPAR")


def nameless(at: Situation) -> Instead | None:
    """`deployment { … }` and `let = 1`."""
    head = at.values[-1] if at.values else None
    if not isinstance(head, Token) or head.type not in _NAMED or not at.fits("NAME"):
        return None
    if at.token.type not in ("FROM", "LBRACE", "EQUAL", "COLON", "LPAR"):
        return None
    following = next(tokenize(at.text[at.token.end : at.token.end + _LOOKED_AT])).type
    is_typed = head.type in ("PARAM", "LET")
    if at.token.type == "COLON" and not is_typed and following in ("NAME", "STRING"):
        line = at.text[at.token.end :].partition("\n")[0]
        if head.type in ("DEPLOYMENT", "TEMPLATE") and "{" not in line:
            at.error("E0101", f"no `:` stands behind `{head.text}`", at.here, help=DECLARED[head.type])
            at.reports.lose(head.start)
            return SKIP
        at.error(
            "E0101",
            f"no `:` stands behind `{head.text}`",
            at.here,
            "remove this",
            fixes=at.change("remove the `:`", at.token.start, at.token.end, ""),
        )
        return use()
    article = "an" if head.text == "extern" else "a"
    at.reports.lost.add("")
    at.error(
        "E0101",
        f"{article} {head.text} needs a name",
        at.span(head.start, head.end),
        f"write `{head.text} name …`",
    )
    at.reports.guessed_at(head.start)
    return use(Token("NAME", "_", head.end, head.end), at.token)


def misspelt_word(at: Situation) -> Instead | None:
    """`f(x) esle g(x)`: noticed at the value behind it."""
    names = [name for name in map(as_name, at.values[-2:]) if name is not None]
    if at.token.type == "NAME":
        names.append(at.token)
    for name in names:
        if starts_line(at.text, name.start) or name.text in _FOLLOWING_WORDS:
            continue
        before = at.text[end_before(at.text, name.start) - 1]
        meant = near(name.text, _FOLLOWING_WORDS)
        if before not in ')]"' and not _is_wordy(before):
            continue
        if (not meant or len(name.text) < 3) and _follows_value(at, name):
            at.error(
                "E0101",
                f"something is missing before `{name.text}`",
                at.span(name.start, name.end),
                "expected an operator, a comma or a new line",
            )
            return SKIP
        if not meant or len(name.text) < 3:
            continue
        at.error(
            "E0101",
            f"`{name.text}` means nothing here",
            at.span(name.start, name.end),
            f"did you mean `{meant[0]}`?",
            fixes=at.change(f"write `{meant[0]}`", name.start, name.end, meant[0], safe=False),
        )
        return SKIP
    return None


def _follows_value(at: Situation, name: Token) -> bool:
    """Whether `name` would begin a field on the line of the one before it, and does not go on as one."""
    if len(at.values) < 2 or at.token.type not in ("NUMBER", "TRUE", "FALSE", "COMMA", "RBRACE"):
        return False
    return (
        isinstance(at.values[-2], list)
        and as_name(at.values[-1]) is not None
        and at.values[-1] is not at.token
    )


def missing_call_bracket(at: Situation) -> Instead | None:
    """`env "KEY")`."""
    token, last = at.token, at.values[-1] if at.values else None
    name = as_name(last)
    if isinstance(last, Reference):
        name = Token("NAME", last.name, last.start, last.end)
    if name is None or token.type not in ("STRING", "NAME", "NUMBER", "PROMPT"):
        return None
    opened = at.open_brackets()
    if (opened and opened[0].type == "LPAR") or not at.same_line(name.end, token.start):
        return None
    if not closes_more(at, token.start, "LPAR", "RPAR"):
        return None
    at.drop(1)
    at.error(
        "E0103",
        f"a `(` is missing after `{shorten(name.text)}`",
        at.span(name.end, token.start),
        "expected `(`",
        fixes=at.change("add the `(`", name.end, token.start, "("),
    )
    return use(name, Token("LPAR", "(", name.end, name.end), token)


def missing_call_bracket_behind(at: Situation) -> Instead | None:
    """The same, where the text was taken for the name of a field: noticed at the `)`."""
    last = _as_word(at, at.values[-1]) if at.values else None
    if at.token.type != "RPAR" or last is None or last.type != "STRING":
        return None
    end = end_before(at.text, last.start)
    found = _CALLED.search(at.text, max(0, end - _LOOKED_AT), end)
    if found is None or not at.same_line(end, last.start):
        return None
    at.drop(1)
    at.error(
        "E0103",
        f"a `(` is missing after `{found[0]}`",
        at.span(end, last.start),
        "expected `(`",
        fixes=at.change("add the `(`", end, last.start, "("),
    )
    at.reports.guessed_at(end)
    return use()


def closes_more(at: Situation, start: int, opening: str = "LBRACE", closing: str = "RBRACE") -> bool:
    """Whether the rest of the line closes a bracket that the line does not open."""
    opened = [each for each in at.open_brackets() if each.type == opening]
    depth = sum(at.same_line(each.start, start) for each in opened)
    for token in tokenize(at.text[start : start + _LOOKED_AT].partition("\n")[0]):
        depth += (token.type == opening) - (token.type == closing)
        if depth < 0:
            return True
    return False


def odd_quotes(at: Situation) -> Instead | None:
    """`["a, "b"]`: the text ends where the next one should begin."""
    start = line_start(at.text, at.token.start)
    line = at.text[start : start + _LOOKED_AT].partition("\n")[0]
    if _LONG in line or len(line) == _LOOKED_AT:
        return None
    is_open = at.token.type.startswith("OPEN")
    if line.replace('\\"', "").count('"') % 2 == 0:
        return None if is_open else _odd_long_text(at)
    for each in tokenize(line):
        found = _TEXT_AND_NEXT.match(line, each.start) if each.type == "STRING" else None
        if found is not None and start + each.end <= at.token.start:
            here, end = start + each.start, start + found.end(1)
            fixes = at.change('add `"`', end, end, '"', safe=False)
            at.error(
                "E0102", "this text is never closed", at.span(here, here + 1), "it starts here", fixes=fixes
            )
            return SKIP
    last = at.text.rfind('"', start, at.token.start)
    if last < 0 or is_open:
        return None
    at.error(
        "E0102",
        "a text on this line is never closed",
        at.span(last, last + 1),
        "does it end here?",
        help='the line has an odd number of `"`',
    )
    return SKIP


def _odd_long_text(at: Situation) -> Instead | None:
    """A text of several lines that ends where the next one begins."""
    end = end_before(at.text, at.token.start)
    if not at.text.endswith(_LONG, 0, end) or not at.reports.has_odd_long_quotes:
        return None
    start = at.text.rfind(_LONG, 0, end - len(_LONG))
    if start < 0:
        return None
    at.error(
        "E0102",
        "this text is never closed",
        at.span(start, start + len(_LONG)),
        "it starts here",
        help=f"add `{_LONG}` where it ends",
        secondary=[Label(at.span(end - len(_LONG), end), "the next text begins here, and ends it")],
    )
    return SKIP
