"""What is said about escapes in texts that are none, and about what cannot be filled in."""

from __future__ import annotations

from ..diagnostics import Edit, Fix
from ..late_pattern import late_pattern
from ..wording import shorten
from .literals import FOREIGN_ESCAPE
from .reports import SyntaxReports

_WINDOWS_PATH = late_pattern(r"(?:[A-Za-z]:|\.{1,2})(?:\\[\w .-]+)+(?=\")")
_CALLED = late_pattern(r"\$\{((?:env|file)\(\"[^\"\n]*+\"\))\}")
_GOES_ON = late_pattern(r"\"[^\s\"]++\"")
"""A quote that was not meant to end a text: the first one in `${env("HOST")}`."""
_NEAR = 200
"""How many characters before a place and behind it are looked at."""


def _windows_path(reports: SyntaxReports, start: int) -> bool:
    r"""Say once of `"C:\models\m.onnx"` how a path is written; whether a text is one."""
    text = reports.source.text
    quote = text.rfind('"', max(text.rfind("\n", 0, start) + 1, start - _NEAR), start)
    found = _WINDOWS_PATH.match(text, quote + 1, start + _NEAR) if quote >= 0 else None
    if found is None:
        return False
    if quote != reports.last_path:
        reports.last_path = quote
        meant, here = (
            found[0].replace("\\\\", "/").replace("\\", "/"),
            reports.span(found.start(), found.end()),
        )
        fixes = [Fix(f'write `"{meant}"`', (Edit(here, meant),))]
        reports.error(
            "E0111",
            "a path is written with `/`, on Windows too",
            here,
            "`\\` begins an escape",
            fixes=fixes,
        )
    return True


def bad_text(reports: SyntaxReports, kind: str, start: int, end: int) -> None:
    here = reports.span(start, end)
    if kind == "escape":
        if reports.keys.hides(start):
            return
        if _windows_path(reports, start):
            return
        other = FOREIGN_ESCAPE.match(reports.source.text, start)
        digits = other[1] or other[2] if other is not None else "d800"
        meant = f"\\u{{{digits}}}" if not 0xD800 <= int(digits, 16) < 0xE000 else ""
        whole = reports.span(start, other.end() if other is not None else end)
        escapes = '`\\n`, `\\t`, `\\r`, `\\0`, `\\"`, `\\\\`, `\\$` and `\\u{…}`'
        reports.error(
            "E0111",
            f"`{shorten(here.text)}` is no escape",
            here,
            help=f"escapes are {escapes}; write `\\\\` for a backslash",
            fixes=[Fix(f"write `{meant}`", (Edit(whole, meant),))] if meant else (),
        )
    elif kind == "value":
        reports.error(
            "E0112",
            "names, and texts as types, hold no values",
            here,
            help="write what is meant; for the two characters themselves write `\\${`",
        )
    else:
        called = _CALLED.match(reports.source.text, start)
        reports.error(
            "E0112",
            "only a name may stand between `${` and `}`",
            here,
            help=f"write `let value = {called[1]}` above, and `${{value}}` here"
            if called is not None
            else "write `${name}`; for the two characters themselves write `\\${`",
        )
        if _GOES_ON.match(reports.source.text, end) is not None and not here.text.endswith("}"):
            reports.guessed_at(start)
