"""Secrets by where they stand: behind the name of a field that holds one, in an address, in a query.

The line may be of another language: nothing here needs a line that can be read. What names
a secret instead of being one, a variable of the environment or a path, is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from ..foreign_variables import variables_in
from ..late_pattern import late_pattern
from .names import holds_secret
from .texts import LIKE_KEY, MASK, has_long_row
from .value_ends import value_end

_ITEM = late_pattern(
    r"""(?xm) (?: ^ | [{\[(,;|&]
      | (?<=[ \t])(?=["']?[\w-]++["']?[ \t]*+(?:[+?:]?[=:＝：]|->|\{[ ]*+value\b)) ) [^\S\n]*+
    (?: -[ \t]+ | [-=*/?!@$%&+.<>~^\\]{1,3} )?+ (?: [#]{1,2}[ \t]*+ )?
    (?: (?:export|let|param|set|const|var|ENV|ARG)[ \t]++ )?
    ["'“”`]?+ (?:[^\W\d][\w-]*+\.["'“”`]?+)*+
    (?P<name>(?!(?:aws|gcp)_secret\()[^\W\d][\w-]*+
      (?: (?i:(?<=api)|(?<=access)|(?<=secret)) [ ] (?i:key|token)\b )?+ ) ["'“”`]?+
    (?P<sign> [ \t]*+ (?:[=:][ \t]*+)? \{[ \t]*+ ["']?value["']?[ \t]*+[=:]
      | [ \t]*+ (?: [:=?+]{0,2}[=:＝：]>? | -> | [|\])~>]++ )
      | (?=[ \t]++(?: [^\s{}()\[\],;=:] | \{\{ ) | [ \t]*+[(\[]++[ \t]*+(?: ["'“`] | """
    + LIKE_KEY
    + r"""))) [ \t]*+"""
)
"""A name and what stands between it and its value: where a field may begin."""
_NAME = late_pattern(r"[^\W\d][\w-]*+")
_LONG_LINE = 1000
"""A line of more characters is looked through each time."""
_HEADER_BEHIND = late_pattern(r'[ \t]*+(?:\w++|"[^"\n]*+")[ \t]++\{')
"""What follows a word that is no field: `key team_a {`."""
_NO_WORD = late_pattern(r"[\"'“`]|[^\W\d]*+[^\s_A-Za-z]|\w++[ \t]++\w")
"""What is not one word alone, without a sign between it and the name before it."""
_PLACE = late_pattern(
    r"""(?x)
    (?<![\w$]) (?:
        env [ \t]*+ \( [ \t]*+ ["'“]?+ [A-Z_][A-Z0-9_]*+ (?!\w) ["'”]?+
      | env [ \t]*+ \( [ \t]*+ "[A-Za-z_]\w*+"
      | env [ \t]*+ \( [ \t]*+ [a-z_]++ (?=[ \t]*+\)|[ ]for[ ])
      | for [ ] \w++ [ ] in (?=[ ]\[)
      | env [ \t]++ ["'“]?+ [A-Z_][A-Z0-9_]*+ (?!\w) ["'”]?+
      | hash [ \t]*+ \( [ \t]*+ "sha256:[^"\n]*+"
      | (?:file|vault|exec|aws_secret|gcp_secret) [ \t]*+ \( (?:[ \t]*+ "[^"\n]*+")?
      | (?<!\.) [A-Za-z_][\w.]*+ (?=\([ \t]*+(?:["')]|(?:env|file)\())
      | (?:env|file|bearer|text|true|false|null|none|None|nil|yes|no|optional|required) (?![\w@$%&*!./+-])
      | [A-Z][A-Z0-9]*+ (?:_[A-Z0-9]++)++ (?!\w)
    )
    | (?<![\w/$.@+-]) (?:\.{0,2}/|~/|[A-Za-z]:[\\/]) [^\s"'“”`,;{}()]++
    | (?<![\w/$.@-]) [\w./-]{1,200} \. (?:json|pem|key|crt|cert|txt|p12|env|ya?ml) (?!\w)
    | (?<=["']\)) [ \t,)\]}]*+ [#][ \t][^\n]*+
    | \$\{\{? [ \t]*+ [\w.:-]++ [ \t]*+ \}?\} | \$\([A-Z_]++\) | \$[A-Z_][A-Z0-9_]*+ (?!\w)"""
)
"""Where a secret is, instead of itself."""
_DECLARED = late_pattern(r"(?m)^[ \t]*+(?:let|param)[ \t]++(\w++)|\bas[ \t]++(\w++)[ \t\r]*$")
_WORD = late_pattern(r"[^\W\d]\w*+(?:\.\w++)?+")
_PLAIN = late_pattern(r"[A-Za-z_]++(?:\.[A-Za-z_]++)?+(?=[ \t]*+(?:\Z|[)\]}>?]))")
_QUANTITY = late_pattern(r"\$?\d{1,6}(?:[kMG%sdhm]|ms)\Z")
_OPENERS = {")": "(", "]": "[", "}": "{"}
"""What closes a bracket, and what opens it."""
_AROUND = " \t\r\n,;(){}[]\"'“”„‘’‚«»`=:<>|-&?"
_WORD_LIKE_KEY = late_pattern(LIKE_KEY)
_BESIDE = late_pattern(
    rf"""(?x)(?<=[ \t]) ["'“`]?+ (?P<name>[^\W\d][\w-]*+) ["'”`]?+ [ \t]++ (?:
        (?P<quoted>"[^"\n]++"? | '[^'\n]++' | “[^”\n]++” | `[^`\n]++` | \"{{3}}[^"\n]++\"{{3}})
      | (?P<bare>{LIKE_KEY}) )"""
)
"""A name in the middle of a line, and what stands behind it without a sign."""
_USER = late_pattern(
    r"://(?:[^\s/@:\"']*+:(?!\d{1,5}[/\s\"])([^\s\"]{1,300}|[^\n@\"]{1,300})"
    r"|(?=[^\d\s/@]*+\d)(?=[^a-zA-Z\s/@]*+[a-zA-Z])([^\s/@:\"']{8,}))(?=@)"
)
_QUERY = late_pattern(r"[?&](?P<name>[\w-]++)=([^&\"\n=,]++(?=[&\"])|[^\s&\"]++)")
_OPTION = late_pattern(
    rf"""(?<![\w-])--(?P<name>[a-zA-Z][\w-]*+)(?:=|[ \t]++|["'][ \t]*+,[ \t]*+["'])"""
    rf"""(?![-${{]|(?:env|file)\()((?=(?P<like>{LIKE_KEY}))?[^\s"'`,;(){{}}\[\]]++)"""
)
"""An option of a command and its value: `--api-key x`, and `"--api-key", "x"`."""


def secrets_in(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets start and end that are told by where they stand, in order, none over another."""
    yield from apart(sorted((*_in_fields(text), *_in_addresses(text), *_in_options(text))))


def without_secrets(message: str) -> str:
    """A message of the command line, with bullets over passwords of addresses and secret options."""
    for start, end in apart(sorted((*_in_addresses(message), *_in_options(message)))):
        message = message[:start] + MASK * (end - start) + message[end:]
    return message


def apart(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """`spans`, which are sorted, none over another."""
    position = 0
    for start, end in spans:
        if end > position:
            yield max(start, position), end
            position = end


def _in_addresses(text: str) -> Iterator[tuple[int, int]]:
    if "://" not in text:
        return
    for found in (*_USER.finditer(text), *_QUERY.finditer(text)):
        value = found.lastindex or 0
        is_secret = found.re.groupindex.get("name") is None or holds_secret(found["name"]) is not False
        if is_secret and not found[value].startswith(("${", "{{", "$(")):
            yield found.span(value)


def _in_options(text: str) -> Iterator[tuple[int, int]]:
    for found in _OPTION.finditer(text) if "--" in text else ():
        holds = holds_secret(found["name"])
        if holds or (holds is None and found["like"]):
            yield found.span(2)


@lru_cache(maxsize=4096)
def _may_hold_secret(line: str) -> bool:
    """Whether a word of a line may be the name of a field for a secret: few are, and lines come again."""
    return any(holds_secret(word) is not False for word in _NAME.findall(line))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where lines start and end that may have a field for a secret."""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if len(line) > _LONG_LINE or _may_hold_secret(line):
            yield start, end
        start = end + 1


def _in_fields(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    declared: set[str] = set()
    for line_start, line_end in _lines(text):
        if line_end - line_start <= _LONG_LINE:
            beside = _without_sign(text[line_start:line_end])
            yield from ((line_start + start, line_start + end) for start, end in beside)
        position = max(position, line_start)
        while (found := _ITEM.search(text, position, line_end)) is not None:
            position = found.end("name")
            start, end = found.end(), _secret_end(text, found)
            if start >= end:
                continue
            if _WORD.fullmatch(text, start, end) is not None:
                declared = declared or {"", *(name for names in _DECLARED.findall(text) for name in names)}
                if text[start:end].partition(".")[0] in declared:
                    continue
            name = found["name"]
            for first, last in _unnamed(text[start:end]):
                if text[start + first : start + last] != name:
                    yield start + first, start + last
            position = end


@lru_cache(maxsize=4096)
def _without_sign(line: str) -> tuple[tuple[int, int], ...]:
    """Secrets behind a name in the middle of a line: a text in quotes, or a word that looks like a key."""
    return tuple(
        (found.start(kind) + start, found.start(kind) + end)
        for found in _BESIDE.finditer(line)
        for kind in (found.lastgroup or "",)
        if (is_sure := holds_secret(found["name"]))
        or (is_sure is None and _WORD_LIKE_KEY.search(found[kind]) is not None)
        for start, end in _unnamed(found[kind])
    )


def _secret_end(text: str, field: re.Match[str]) -> int:
    """Where the value of a field ends that is a secret; its start where it is none, or perhaps none."""
    start = field.end()
    is_sure = holds_secret(field["name"])
    if is_sure is False:
        return start
    if not field["sign"] and (
        _HEADER_BEHIND.match(text, start) is not None or (not is_sure and _NO_WORD.match(text, start) is None)
    ):
        return start
    end = value_end(text, start, field.start("name"))
    while (opener := _OPENERS.get(text[end : end + 1])) and (
        text.count(opener, start, end) > text.count(text[end], start, end)
    ):
        end += 1
    return start if not is_sure and _PLAIN.match(text, start, end) is not None else end


@lru_cache(maxsize=128)
def _unnamed(value: str) -> tuple[tuple[int, int], ...]:
    """Where in a value stands what names no place: the secrets in it. Values come again."""
    named = [each for each in _PLACE.finditer(value) if not has_long_row(each[0].lstrip("$"))]
    places = sorted({*(each.span() for each in named), *variables_in(value)})
    if _QUANTITY.match(value) is not None:
        return ()
    comments = (each.span() for each in named if each[0].lstrip(_AROUND).startswith("#"))
    found = [word.span() for span in comments for word in _WORD_LIKE_KEY.finditer(value, *span)]
    ends = [0, *(each for place in places for each in place), len(value)]
    for first, last in list(pairwise(ends))[::2]:
        gap = value[first:last]
        inner = gap.strip(_AROUND)
        if inner:
            begin = first + gap.index(inner)
            found.append((begin, begin + len(inner)))
    return tuple(found)
