"""Texts whose quotes are missing: `region = us-east-1`, `model = llama3:8b`, `model = ./m.onnx`."""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import Edit, Fix
from ..foreign_variables import variable_named
from ..late_pattern import late_pattern
from ..record import frozen
from ..secrets.names import stands_for_secret
from ..secrets.texts import SECRET_ADVICE, has_long_row
from ..source import Span
from ..units import of_clock

_MOST = 200
"""How many characters of a line are looked at, before a place and behind it."""

_SIGNS = "_.:/\\@~+-"
_REST = late_pattern(r"[\w.:/\\@~+-]*+")
_MORE_WORDS = late_pattern(r"(?:[ \t]++(?![+/-][ \t])[\w.:/\\@~+-]++)++(?=[ \t]*+(?:[,}\r\n#]|\Z))")
_BEHIND = late_pattern(r"\"?+[ \t]*+(?:[,\])}\r\n#;]|\Z)")
_BEFORE = late_pattern(r"(?:(?<![=!<>:])=|(?<=[\w\"]):(?=[ \t])|(?<![\w\"\])])\[|\b(?:env|file)\()[ \t]*+\Z")
_IN_LIST = late_pattern(r"(?<![\w\"\])])\[[^\[\]()=]*,[ \t]*+\Z")
_ROUTE = late_pattern(r"[ \t]*+route\b")
_IS_TEXT = late_pattern(
    r"""(?x)
    (?: [^\W\d]\w*+ [.:/\\@-] (?=[\w./\\~]) | \.{0,2}/\w | ~/ | --?[a-z]{2} | :\d | \d+:\w
      | \d++\.\d++\.\d++\.\d++ : | \d{4}-\d\d-\d\d ) [\w.:/\\@~+-]*+ \Z"""
)
"""A name with signs between its letters, a path, an option of a command, an address, a date."""
_NO_CLOCK = late_pattern(r"\d{1,2}:\d{1,2}(?::\d{1,2})?\Z")
"""What is none, as `1:75`: it may be 75 seconds, or a minute and as many."""
_PATH = late_pattern(r"\.{0,2}/|~/|[A-Za-z]:\\")
_NAME = late_pattern(r"(?<!\w)[^\W\d]\w*+")
_SECRET = late_pattern(
    r"(?=\w[\w.]*+[^\w\s.])(?=[^\s\d,;{}()\[\]\"'`#]*+\d)\w[^\s,;{}()\[\]\"'`#]{7,}+(?![(\[\"'])"
)
"""A row of letters, figures and other signs."""
_ENDS = " \t\r\n,;{}()[]\"'`#="


@frozen
class BareText:
    """What is written from `start` to `end`, and what to say of it.

    meant: "" where nothing is offered, None where it is a key.
    """

    start: int
    end: int
    written: str
    code: str
    message: str
    label: str
    meant: str | None
    help: tuple[str, ...] = ()
    is_safe: bool = True

    @property
    def title(self) -> str:
        """What the fix is called."""
        return "add the quotes" if self.code == "E0105" else f"write `{self.meant}`"

    @property
    def names(self) -> list[str]:
        """What could be the names of values in it."""
        return _NAME.findall(self.written)

    def is_sure(self, is_declared: Callable[[str], bool]) -> bool:
        """Whether it can be nothing else: one name alone may be misspelt."""
        return not self.written[0].isalpha() or (
            len(self.names) > 1 and not any(map(is_declared, self.names))
        )

    def say(self, here: Span, error: Callable[..., object]) -> None:
        """Report it by `error`, which takes what `Diagnostics.error` does; a secret is shown nowhere."""
        if self.meant is None:
            here.source.hide(here.start, here.end)
        fixes = [Fix(self.title, (Edit(here, self.meant),), self.is_safe)] if self.meant else ()
        error(self.code, self.message, here, self.label, help=self.help, fixes=fixes)


def bare_text(text: str, offset: int) -> BareText | None:
    """The text around `offset` that has no quotes, where a value has to stand."""
    secret = _bare_secret(text, offset)
    if secret is not None:
        return secret
    start, first = offset, max(0, offset - _MOST)
    while start > first and (text[start - 1].isalnum() or text[start - 1] in _SIGNS):
        start -= 1
    rest = _REST.match(text, offset, offset + _MOST)
    end = rest.end() if rest is not None else offset
    more = _MORE_WORDS.match(text, end, end + _MOST)
    if more is not None:
        end = more.end()
    written = text[start:end]
    before = text[max(text.rfind("\n", 0, start) + 1, start - _MOST) : start]
    if (
        _IS_TEXT.match(text, start, more.start() if more else end) is None
        or _BEHIND.match(text, end) is None
        or before.count('"') % 2
    ):
        return None
    if _ROUTE.match(before) is not None or (
        _BEFORE.search(before) is None and _IN_LIST.search(before) is None
    ):
        return None
    if text.startswith('"', end):  # the first of its quotes is missing
        end += 1
    clock = of_clock(written)
    if clock is not None:
        message, is_sure = "a duration is written with its units", written.count(":") > 1
        return BareText(start, end, written, "E0106", message, f"write `{clock}`", clock, is_safe=is_sure)
    if _NO_CLOCK.match(written):
        message, label = "a duration is written with its units", "such as `1m15s`, or `75s`"
        return BareText(start, end, written, "E0106", message, label, "")
    literal = '"{}"'.format(written.replace("\\", "/"))
    if not stands_for_secret(text, start):
        message = "a text stands between double quotes"
        return BareText(start, end, written, "E0105", message, "quote this", literal)
    if _PATH.match(written):
        message, label = "the file that holds a secret is named with `file(…)`", f"write `file({literal})`"
        return BareText(start, end, written, "E0306", message, label, f"file({literal})")
    if "-" not in written and not has_long_row(written):
        return None
    return _secret(start, end, written)


def _bare_secret(text: str, offset: int) -> BareText | None:
    """What a field for a secret says around `offset`: `3f2504e0-4f89-41d3`, `abc!de$f12`."""
    start, first = offset, max(0, offset - _MOST)
    while start > first and text[start - 1] not in _ENDS:
        start -= 1
    row = _SECRET.match(text, start)
    if row is None or not stands_for_secret(text, start, surely=True) or variable_named(row[0]) is not None:
        return None
    return _secret(start, row.end(), row[0]) if _PATH.match(row[0]) is None else None


def _secret(start: int, end: int, written: str) -> BareText:
    message, label = "this looks like a key, and a file never holds one", "a secret in plain text"
    return BareText(start, end, written, "E0306", message, label, None, SECRET_ADVICE)
