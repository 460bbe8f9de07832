"""What is said about text that is not written as the language wants it."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from functools import cache, cached_property
from typing import Any

from ..diagnostics import Diagnostics, Edit, Fix, Label, Severity, make
from ..foreign_words import ForeignWord, foreign_words
from ..late_pattern import late_pattern
from ..lines import end_before, line_start
from ..secret_lines import without_secrets
from ..source import Source, Span
from ..syntax import Block, Field, Node, Phrase, Reference, Scene
from ..wording import DECLARATION_WORDS, expected_words, found_words, shorten
from .key_reports import KeyReports
from .tokens import DECLARATIONS, Token

_GUESSED = frozenset(("E0101", "E0102", "E0103", "E0104"))
"""Mistakes in the structure of a file: unless the fix is certain, what was meant is a guess."""


@cache
def _next_declaration() -> re.Pattern[str]:
    """A line that begins with the word of a declaration, or with one of others followed by a name."""
    own = "|".join(sorted(map(str.lower, DECLARATIONS)))
    others = "|".join(map(re.escape, foreign_words("declarations")))
    return re.compile(rf'^\ufeff?(?:(?:{own})\b|(?:{others})[ \t]+["\w])', re.MULTILINE)


_NEW_ITEMS = frozenset(("DEPLOYMENT", "RBRACE", "RETURN"))
"""One of these fits where a line of its own may begin."""

_NEAR = 200
"""How many characters before and behind a place are looked at."""

_BEHIND_VALUE = late_pattern(r"(?:\d\w*|\)|=[ \t]*+\"[^\"\n]*+\")[ \t]++\Z")
_DIRECTIVES = late_pattern(r"[^{}\n;]*+\{\s*+(?:#[^\n]*+\s++)*+[\w-]++[ \t]++[^={}:;\n]*+;")
"""A block as in files of nginx, `server { listen 80; … }`: what stands in it has no counterpart here."""
_SIGN = late_pattern(r"[ \t]*+[=:{]")
_HEAD = late_pattern(r"[^\n={]*+(?:\{[^\n{}]*+\})?[^\n={]*+")
_WORD = late_pattern(r"[^\W\d]\w*+|(?<=\")[^\"\n]++(?=\")")

MOST_ERRORS = 1000
"""Reading stops at this many mistakes: the file is no `.infer` file."""


class TooManyErrors(Exception):
    """The file is given up."""


class SyntaxReports:
    """Collects the findings of one parse, and where the text is damaged.

    What single findings need alone is imported with the first of them: most files have none.
    """

    def __init__(self, source: Source, found: Diagnostics) -> None:
        self.source = source
        self.found = found
        self._damage: list[int] = []
        self._last_comma = -1
        self.last_path = -1
        """Where the last text begins that is a path of Windows."""
        self.last_number = -1
        """Where the last number begins that is none."""
        self.told_until = 0
        """Where the last text without quotes ends."""
        self._quiet = (0, 0)
        self._count = 0
        self.has_template = False
        """Whether it is said that nothing is filled in."""
        self.sound_from = 0
        """Behind the last mistake, said or not."""
        self.guesses: list[int] = []
        """Where it had to be guessed what is meant: nothing is said that may only follow from it."""
        self.keys = KeyReports(source, self.error)
        self.lost: set[str] = set()
        """Words of declarations that could not be read: names that are perhaps declared.

        An empty one says that a declaration has no name, so that it may be any.
        """

    def error(self, code: str, message: str, span: Span, label: str = "", **details: Any) -> None:
        """Report a mistake, unless it may follow from an earlier one in the same declaration.

        Raises TooManyErrors when there are too many.
        """
        self._count += 1
        self.sound_from = max(self.sound_from, span.end)
        # a bracket that is never closed is noticed further down, at the place that is damaged last
        place = self._damage[-1] if code == "E0103" and self._damage else span.start
        if self._quiet[0] <= place < self._quiet[1] and self._count <= MOST_ERRORS:
            return
        if self._count > MOST_ERRORS:
            message = f"more than {MOST_ERRORS} mistakes: the rest of this file was not read"
            item = make(Severity.ERROR, "E0110", message, span, help="is this a `.infer` file?")
            self.found.add(without_secrets(item))
            raise TooManyErrors
        item = make(Severity.ERROR, code, message, span, label, **details)
        self.found.add(without_secrets(item))
        if code in _GUESSED and any(not fix.safe for fix in details.get("fixes", ())):
            self.guessed_at(span.start)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def guessed_at(self, offset: int) -> None:
        """What stands at `offset` is not understood: no more is said until the next declaration."""
        self.guesses.append(offset)
        if self._quiet[0] <= offset < self._quiet[1]:
            return
        following = _next_declaration().search(self.source.text, offset + 1)
        end = following.start() if following is not None else len(self.source.text) + 1
        self._quiet = (offset, end)

    @cached_property
    def has_odd_long_quotes(self) -> bool:
        """Whether a text between three quotes is not closed, or another one begins too early."""
        return self.source.text.count('"""') % 2 == 1

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
        if isinstance(before, Block | Scene) or (isinstance(before, Phrase) and before.phrases is not None):
            return False
        return self._last_comma < before.end and self.source.text.find("\n", before.end, after.start) < 0

    def has_comma(self, node: Node) -> bool:
        """Whether the last comma stands behind `node`."""
        return self._last_comma >= node.end

    def foreign_word(self, word: Token, told: ForeignWord) -> None:
        self.error(
            "E0101",
            f"`{word.text}` means nothing here",
            self.token_span(word),
            "a word of another language",
            help=told.say,
        )

    def is_behind_value(self, start: int) -> bool:
        """Whether a number or a call stands before `start`, on its line."""
        text = self.source.text
        begin = max(line_start(text, start), start - _NEAR)
        return _BEHIND_VALUE.search(text, begin, start) is not None

    def nothing_behind(self, here: Span) -> None:
        """`10 per minute` and `2 replicas`: a word behind a value that begins no field."""
        message = f"`{shorten(here.text)}` means nothing behind a value"
        self.error("E0101", message, here, "no field, and no unit")
        self.guessed_at(line_start(self.source.text, here.start))

    def _no_brackets(self, function: Reference, after: Node) -> None:
        """`env KEY`, which was read as two fields."""
        name: Node = getattr(after, "name", None) or after
        written = self.source.text[name.start : name.end]
        argument = written if written.startswith('"') else f'"{written}"'
        meant = f"{function.name}({argument})"
        here = self.span(function.start, name.end)
        self.error(
            "E0103",
            f"what `{function.name}` takes stands between `(` and `)`",
            here,
            f"write `{meant}`",
            fixes=[Fix(f"write `{meant}`", (Edit(here, meant),), safe=False)],
        )
        self.guessed_at(function.start)

    def not_separated(self, before: Node, after: Node) -> None:
        if after.start < self.told_until:
            return
        value = getattr(before, "value", None)
        if isinstance(value, Reference) and value.name in ("env", "file", "bearer"):
            self._no_brackets(value, after)
            return
        if isinstance(after, Field) and _SIGN.match(self.source.text, after.name.end) is None:
            self.nothing_behind(self.span(after.name.start, after.name.end))
            return
        told = foreign_words("words").get(value.name) if isinstance(value, Reference) else None
        if told is not None and isinstance(value, Reference):
            self.foreign_word(Token("NAME", value.name, value.start, value.end), told)
            self.guessed_at(value.start)
            return
        from .one_value import report_one_value

        here = self.span(before.end, before.end)
        name: Node = getattr(after, "name", None) or after
        if report_one_value(before.end, self.span(name.start, name.end), self.error):
            self.guessed_at(name.start)
            return
        self.error(
            "E0108",
            "two fields on one line need a comma between them",
            self.span(after.start, max(after.start + 1, name.end)),
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
        if start < self.told_until:
            return
        if self.is_behind_value(start):
            self.nothing_behind(self.span(start, end))
            return
        self.damaged_at(start)
        self.error("E0101", f"`{name}` has no value", self.span(start, end), "expected `=` and a value")

    def comma(self, items: list[Field | Block], comma: Token) -> None:
        """Remember a comma between `items`; one that follows nothing is reported."""
        is_empty = not items or self._last_comma >= items[-1].end
        self._last_comma = comma.start
        if is_empty:
            here = self.span(comma.start, comma.end)
            self.error(
                "E0108",
                "this comma separates nothing",
                here,
                "there is no field before it",
                fixes=[Fix("remove the comma", (Edit(here, ""),))],
                help="remove it",
            )

    def too_deep(self, span: Span) -> None:
        self.error(
            "E0107", "this is nested too deeply", span, help="split it into several declarations or steps"
        )

    def too_long(self, operator: Token, most: int) -> None:
        self.sound_from = max(self.sound_from, operator.end)
        self.found.error(
            "E0107",
            f"more than {most} operators in one expression",
            self.span(operator.start, operator.end),
            help="split it with `let`",
        )

    # ---- while tokens are read

    def unexpected(self, token: Token, expected: set[str], help: str | None = None) -> None:
        """A token that fits nowhere; `expected` are the terminals that would have."""
        wanted = expected_words(expected)
        message = f"expected {wanted}, found {found_words(token)}"
        here, end = self.token_span(token), end_before(self.source.text, token.start)
        if not expected & _NEW_ITEMS and self.source.text.find("\n", end, token.start) >= 0:
            here = self.span(end, end)  # where it is missing, not what stands further down
        self.error("E0101", message, here, f"expected {wanted}", help=help)

    def unknown_declaration(self, token: Token, meant: str | None) -> None:
        from .forms import begun_otherwise

        here = self.token_span(token)
        fixes = [Fix(f"write `{meant}`", (Edit(here, meant),))] if meant else []
        self.error(
            "E0101",
            f"a declaration cannot start with {found_words(token)}",
            here,
            "expected a declaration",
            help=None
            if meant
            else begun_otherwise(self.source.text, token.start) or f"a file holds {DECLARATION_WORDS}",
            fixes=fixes,
        )
        if meant is None:
            self.lose(token.start)
        elif _DIRECTIVES.match(self.source.text, token.end) is not None:
            self.guessed_at(token.start)

    def lose(self, start: int) -> None:
        """Remember the words at the head of a declaration that is left out: one of them is its name."""
        head = _HEAD.match(self.source.text, start)
        self.lost.update(_WORD.findall(head[0]) if head else ())

    def stray_brace(self, token: Token) -> None:
        here = self.token_span(token)
        self.error(
            "E0104",
            "this `}` closes nothing",
            here,
            "no `{` is open here",
            help="remove it, or look above for a `}` too many",
            fixes=[Fix("remove it", (Edit(here, ""),), safe=False)],
        )

    def ended_too_early(self, brace: int, token: Token) -> None:
        """A `}` at offset `brace` ends a declaration, and `token` below it starts a field."""
        here = self.span(brace, brace + 1)
        self.error(
            "E0104",
            "this `}` ends the declaration, and more fields follow",
            here,
            "one `}` too many",
            secondary=[Label(self.token_span(token), "this is outside of it")],
            fixes=[Fix("remove it", (Edit(here, ""),), safe=False)],
        )

    def unclosed(self, opening: int, at: int, reason: str) -> None:
        """A `{` at offset `opening`, or one inside it, has no `}` up to offset `at`."""
        from .braces import closed_too_early

        label = Label(self.span(at, at), reason)
        mismatch = closed_too_early(self.source.text, opening, at)
        if mismatch is not None:
            opening, closing = mismatch
            label = Label(
                self.span(closing, closing + 1), "this `}` is indented as if it closed an outer one"
            )
        self.error(
            "E0103",
            "this `{` is never closed",
            self.span(opening, opening + 1),
            "opened here",
            secondary=[label],
            help="add a `}`",
        )
        self.guessed_at(opening)

    def token_span(self, token: Token) -> Span:
        return self.span(token.start, token.end)
