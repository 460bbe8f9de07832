"""How others read a variable of the environment: here it is `env("NAME")`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_NAME = r"(?P<{}>[A-Z_][A-Z0-9_]*)"
_QUOTED = r"""["'\\]*"""
_NO_DEFAULT = r"""(?:,\s*(?:["']{2}|None))?"""
_FORMS = (
    r"\$\{\{?\s*(?:env[.:]|secrets\.)?<name>\s*\}?\}",
    r"\$(?:env:)?<name>",
    r"\$\(<name>\)",
    rf"(?:os\.)?environ(?:\.get\(|/|\[){_QUOTED}<name>{_QUOTED}{_NO_DEFAULT}[\])]?",
    rf"(?:os\.)?getenv\({_QUOTED}<name>{_QUOTED}{_NO_DEFAULT}\)",
    rf"(?:process|import\.meta)\.env(?:\.|\[{_QUOTED})<name>{_QUOTED}\]?",
    rf"(?:ENV|env)\[{_QUOTED}<name>{_QUOTED}\]",
    r"\{\{\s*(?:env[. ]|secrets\.)?\"?<name>\"?\s*\}\}",
    r"\{env[.:]<name>\}",
    r"![Ee][Nn][Vv]\s+\$?\{?<name>\}?",
    r"(?:env|secrets|ENV)[.:/]<name>",
    r"%<name>%",
)


@cache
def _any() -> re.Pattern[str]:
    """All forms; compiled when the first text looks like one."""
    return re.compile(
        "|".join(form.replace("<name>", _NAME.format(f"n{number}")) for number, form in enumerate(_FORMS))
    )


STARTS = ("$", "os.", "environ", "getenv", "process.", "import.", "ENV", "env", "secrets", "{", "!", "%")
"""What such a reference begins with."""


_MARKS = ("$", "%", "{{", "env", "ENV", "secrets")
"""One of these is in each of them."""


def variable_named(text: str) -> str | None:
    """The variable of the environment that all of `text` reads in another language; None if it does not."""
    found = _any().fullmatch(text.strip()) if text.lstrip().startswith(STARTS) else None
    return _name(found) if found is not None else None


def variable_at(line: str, offset: int) -> tuple[int, int, str] | None:
    """A reference in `line` that holds `offset`: where it begins and ends, and the variable."""
    if not any(map(line.__contains__, _MARKS)):  # nearly always
        return None
    for found in _any().finditer(line):
        if found.start() <= offset < found.end():
            return found.start(), found.end(), _name(found)
    return None


def variables_in(text: str) -> Iterator[tuple[int, int]]:
    """Where such references start and end in `text`."""
    if any(map(text.__contains__, _MARKS)):
        yield from (found.span() for found in _any().finditer(text))


def _name(found: re.Match[str]) -> str:
    return next(name for name in found.groups() if name is not None)
