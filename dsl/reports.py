"""What is said about text that is not written as the language wants it."""

from __future__ import annotations

from bisect import bisect_left, insort

from .diagnostics import Diagnostics, Edit, Fix, Label
from .secrets import SECRET_ADVICE
from .source import Source, Span
from .suggest import did_you_mean, either
from .syntax import Block, Field, Node, Reference
from .tokens import DECLARATIONS, KEYWORDS, PUNCTUATION, Token, tokenize
from .units import DURATION_UNITS, NUMBER_SUFFIXES, SIZE_UNITS, UnitError

UNITS = (*NUMBER_SUFFIXES, *DURATION_UNITS, *SIZE_UNITS, "%")
_MISNAMED_UNITS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "msec": "ms",
    "millis": "ms",
    "KB": "KiB",
    "MB": "MiB",
    "GB": "GiB",
    "TB": "TiB",
    "K": "k",
    "m": "M",
    "g": "G",
    "B": "G",
    "kb": "KiB",
    "mb": "MiB",
    "gb": "GiB",
    "tb": "TiB",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "tib": "TiB",
}

_CHARACTERS = {value: key for key, value in PUNCTUATION.items() if value != "OPERATOR"}
_VALUE_STARTS = {
    "NUMBER",
    "STRING",
    "TRUE",
    "FALSE",
    "NAME",
    "LSQB",
    "LPAR",
    "MINUS",
    "BANG",
    "PROMPT",
    "MATCH",
    "IF",
}
_CONTINUATIONS = {"OPERATOR", "PLUS", "MINUS", "LESSTHAN", "MORETHAN", "ELSE", "DOT", "LPAR", "WITH", "AS"}


class SyntaxReports:
    """Collects the findings of one parse, and where the text is damaged."""

    def __init__(self, source: Source, found: Diagnostics) -> None:
        self.source = source
        self.found = found
        self._damage: list[int] = []

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def damaged_at(self, offset: int) -> None:
        insort(self._damage, offset)

    def is_damaged(self, start: int, end: int) -> bool:
        """Whether something between the two offsets could not be read."""
        if not self._damage:
            return False
        index = bisect_left(self._damage, start)
        return index < len(self._damage) and self._damage[index] <= end

    # ---- while the tree is built

    def is_glued(self, before: Node, after: Node) -> bool:
        """Two things in a body need a newline or a comma between them, except after a `}`."""
        if isinstance(before, Block):
            return False
        between = self.source.text[before.end : after.start]
        return "\n" not in between and "," not in between

    def not_separated(self, after: Node, end: int) -> None:
        here = self.span(end, end)
        self.found.error(
            "E0108",
            "two fields on one line need a comma between them",
            self.span(after.start, after.start + 1),
            "this starts the second one",
            fixes=[Fix("add the comma", (Edit(here, ","),))],
            help="put a comma after the first field, or the second one on a line of its own",
        )

    def is_missing_value(self, before: Node, after: Node) -> bool:
        """Whether `before` took the name of the block below it for its value; reported if so."""
        if not (
            isinstance(before, Field) and isinstance(after, Block) and isinstance(before.value, Reference)
        ):
            return False
        gap = self.source.text[before.name.end : before.value.start]
        if "\n" not in gap or after.label is not None:
            return False
        self.no_value(before.name.text, before.name.start, before.name.end)
        return True

    def no_value(self, name: str, start: int, end: int) -> None:
        self.damaged_at(start)
        self.found.error("E0101", f"`{name}` has no value", self.span(start, end), "expected `=` and a value")

    def comma(self, items: list[Field | Block], comma: Token) -> None:
        """A comma must follow something."""
        if not items or "," in self.source.text[items[-1].end : comma.start]:
            here = self.span(comma.start, comma.end)
            self.found.error(
                "E0108",
                "this comma separates nothing",
                here,
                "there is no field before it",
                fixes=[Fix("remove the comma", (Edit(here, ""),))],
                help="remove it",
            )

    def bad_number(self, token: Token, error: Exception) -> None:
        here = self.span(token.start, token.end)
        if not isinstance(error, UnitError):
            self.found.error(
                "E0106", f"`{shorten(token.text)}` is no number", here, help="write digits, such as `10_000`"
            )
            return
        suffix = error.suffix
        start = token.end - len(suffix)
        meant = _MISNAMED_UNITS.get(suffix)
        fixes = []
        if meant is not None and not token.text.startswith("$"):
            fixes = [Fix(f"write `{meant}`", (Edit(self.span(start, token.end), meant),))]
        allowed = NUMBER_SUFFIXES if token.text.startswith("$") else UNITS
        hint = f"did you mean `{meant}`?" if fixes else did_you_mean(suffix, allowed)
        known = f"units are {either(f'`{unit}`' for unit in allowed)}"
        self.found.error(
            "E0106",
            f"there is no unit `{shorten(suffix)}`",
            self.span(start, token.end),
            "unknown unit",
            help=[hint, known] if hint else known,
            fixes=fixes,
        )

    def bad_text(self, kind: str, start: int, end: int) -> None:
        here = self.span(start, end)
        if kind == "escape":
            escapes = '`\\n`, `\\t`, `\\r`, `\\0`, `\\"`, `\\\\`, `\\$` and `\\u{…}`'
            self.found.error(
                "E0111",
                f"`{shorten(here.text)}` is no escape",
                here,
                help=f"escapes are {escapes}; write `\\\\` for a backslash",
            )
        else:
            self.found.error(
                "E0112",
                "only a name may stand between `${` and `}`",
                here,
                help="write `${name}`; for the two characters themselves write `\\${`",
            )

    def inline_key(self, token: Token) -> None:
        """A text that looks like a key; it is hidden from every excerpt."""
        self.source.hide(token.start + 1, token.end - 1)
        self.found.error(
            "E0306",
            "this looks like a key, and a file never holds one",
            self.span(token.start, token.end),
            "a secret in plain text",
            help=SECRET_ADVICE,
        )

    # ---- while tokens are read

    def unexpected(self, token: Token, expected: set[str]) -> None:
        """A token that fits nowhere; `expected` are the terminals that would have."""
        wanted = expected_words(expected)
        message = f"expected {wanted}, found {found_words(token)}"
        self.found.error("E0101", message, self.token_span(token), f"expected {wanted}")

    def unknown_declaration(self, token: Token, meant: str | None) -> None:
        here = self.token_span(token)
        fixes = [Fix(f"write `{meant}`", (Edit(here, meant),))] if meant else []
        self.found.error(
            "E0101",
            f"a declaration cannot start with {found_words(token)}",
            here,
            "expected a declaration",
            help=f"did you mean `{meant}`?" if meant else f"a file holds {DECLARATION_WORDS}",
            fixes=fixes,
        )

    def unclosed(self, opening: int, at: int, reason: str) -> None:
        """A `{` at offset `opening`, or one inside it, has no `}` up to offset `at`."""
        label = Label(self.span(at, at), reason)
        mismatch = closed_too_early(self.source.text, opening, at)
        if mismatch is not None:
            opening, closing = mismatch
            label = Label(
                self.span(closing, closing + 1), "this `}` is indented as if it closed an outer one"
            )
        self.found.error(
            "E0103",
            "this `{` is never closed",
            self.span(opening, opening + 1),
            "opened here",
            secondary=[label],
            help="add a `}`",
        )

    def token_span(self, token: Token) -> Span:
        return self.span(token.start, token.end)


def closed_too_early(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The first `{` of the region whose `}` stands further left than the line of the `{`, with that `}`."""
    open_braces: list[int] = []
    for token in tokenize(text[start:end]):
        offset = start + token.start
        if token.type == "LBRACE":
            open_braces.append(offset)
        elif token.type == "RBRACE" and open_braces:
            opening = open_braces.pop()
            line = text.rfind("\n", 0, offset) + 1
            is_first = not text[line:offset].strip()
            if is_first and _indentation(text, opening) > offset - line:
                return opening, offset
    return None


def _indentation(text: str, offset: int) -> int:
    line = text.rfind("\n", 0, offset) + 1
    return len(text[line:offset]) - len(text[line:offset].lstrip())


DECLARATION_WORDS = ", ".join(f"`{word}`" for word, kind in KEYWORDS.items() if kind in DECLARATIONS)


def found_words(token: Token) -> str:
    """A token in the user's words."""
    match token.type:
        case "$END":
            return "the end of the file"
        case "STRING":
            return "a text"
        case "NUMBER":
            return f"the number `{shorten(token.text)}`"
        case kind if token.text in KEYWORDS and kind == KEYWORDS[token.text]:
            return f"the reserved word `{token.text}`"
        case _:
            return f"`{shorten(token.text)}`"


def expected_words(expected: set[str]) -> str:
    """What could have stood here, in the user's words."""
    left = set(expected)
    words = []
    if "DEPLOYMENT" in left:
        return "a declaration"
    if {"NUMBER", "PROMPT"} <= left:
        words.append("a value")
        left -= _VALUE_STARTS
    elif {"NUMBER", "STRING", "TRUE"} <= left:
        words.append("a pattern")
        left -= _VALUE_STARTS
    if {"OPERATOR", "PLUS"} <= left:
        left -= _CONTINUATIONS
        left -= {"NAME", "STRING"} if left - {"NAME", "STRING"} else set()
    if "RETURN" in left:
        words.append("a step")
        left -= {"NAME", "RETURN"}
    if "NAME" in left:
        words.append("a name")
        left -= {"NAME", "STRING"}
    if "STRING" in left:
        words.append("a text")
        left -= {"STRING"}
    words += sorted(
        f"`{_CHARACTERS.get(name) or name.lower()}`" for name in left if name in _CHARACTERS or name.isalpha()
    )
    return either(words[:6]) if words else "something else"


def shorten(text: str, most: int = 40) -> str:
    """`text` on one line, cut in the middle when it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most // 2]}…{line[-most // 4 :]}"
