"""Where the value of a field ends, in text that no parser has read and that may be of another language."""

from __future__ import annotations

from ..late_pattern import late_pattern
from ..lines import indentation
from .texts import LIKE_KEY

_END = late_pattern(
    r"""(?<![ \t])[ \t]*+(?:
        [,;]?[ \t]*+(?:[})\];,][ \t]*+){0,99}+$
      | (?<=[ \t])\}(?=[\s,}]|\Z)
      | (?:[,;}][ \t}\]),;]{0,99}+|(?<=[ \t])(?<!\?[ ]))
        ["']?[^\W\d][\w-]*+["']?(?:[ \t]*+[=:]|[ \t]++(?:\w++[ \t]*+)?\{)
    )""",
    8 | 64,  # re.MULTILINE | re.VERBOSE
)
"""Where a value ends: at the end of its line, or before the next field."""
_QUOTED = late_pattern(r'"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\'|`[^`\n]*+`|“[^“”\n]*+”|«[^«»\n]*+»')
_CALLED = late_pattern(r'[a-z_]++\("[^"\n]*+"\)(?=[ \t]*+(?:[,}\r\n]|\Z))')
_LONG = ('"""', "'''")
_HEREDOC = late_pattern(r"<<[-~]?+[\"']?(\w++)")
_OPEN = late_pattern(r"(?:[\[({|>][-+]?|\\)?[ \t]*+\r?$", 8)
_BRACKET = late_pattern(r'"(?:[^"\\\n]|\\.)*+"|[\[({\])}]')
_CLOSES = late_pattern(r"[ \t]*+[})\]]")
_BEGINS_ITEM = late_pattern(
    r"[ \t]*+[\w-]++(?:[ \t]++[=:]|:|=(?!=?\s*\Z)|[ \t]++(?:\w++[ \t]*+)?\{)"  # `c2VjcmV0==` is none
)
_WORD_LIKE_KEY = late_pattern(LIKE_KEY)
_MOST_LINES = 200
"""So many lines of one value are looked at."""


def value_end(text: str, start: int, name: int) -> int:
    """Where the value that begins at `start` ends, some lines further down if it goes on there.

    name: where the name of its field begins.
    """
    for quotes in _LONG:
        if text.startswith(quotes, start):
            end = text.find(quotes, start + len(quotes))
            return end + len(quotes) if end >= 0 else len(text)
    line_end = text.find("\n", start) % (len(text) + 1)
    heredoc = _HEREDOC.match(text, start)
    if heredoc is not None:
        end = text.find(f"\n{heredoc[1]}", line_end)
        indented = text.find(f" {heredoc[1]}\n", line_end)
        return min((each for each in (end, indented) if each >= 0), default=len(text))
    if _OPEN.match(text, start) is not None:
        return _end_below(text, line_end, name)
    if text[start] in "[({":
        return _bracket_end(text, start, line_end)
    called = _CALLED.match(text, start)
    if called is not None:
        return called.end()
    quoted = _QUOTED.match(text, start)
    found = _END.search(text, quoted.end() if quoted is not None else start)
    end = found.start() if found is not None else line_end
    return end if quoted is not None or text[end:line_end].strip() else _end_of_more(text, line_end, name)


def _end_of_more(text: str, line_end: int, name: int) -> int:
    """Where a value without quotes ends that goes on below `line_end`.

    It does in lines that begin no field and are indented more than its own, or that look like a key.
    """
    home, end = indentation(text, name), line_end
    for _ in range(_MOST_LINES):
        following = text.find("\n", end + 1) % (len(text) + 1)
        line = text[end + 1 : following]
        inner = line.strip()
        if not inner or inner[0] in "#})]" or _BEGINS_ITEM.match(line) is not None:
            break
        if len(line) - len(line.lstrip()) <= home and _WORD_LIKE_KEY.fullmatch(inner) is None:
            break
        end = following
    return end


def _bracket_end(text: str, start: int, line_end: int) -> int:
    """Where the bracket at `start` is closed, on its line; the end of the line if it is not."""
    depth = 0
    for found in _BRACKET.finditer(text, start, line_end):
        depth += (found[0] in "[({") - (found[0] in "])}")
        if not depth:
            return found.end()
    return line_end


def _end_below(text: str, line_end: int, name: int) -> int:
    """The same where nothing but an open bracket, or nothing at all, stands on the line of the field."""
    home = indentation(text, name)
    is_open = text[:line_end].rstrip()[-1:] in "[({|>+-"
    end, position, has_dashes = line_end, line_end + 1, False
    for _ in range(_MOST_LINES):
        following = text.find("\n", position) % (len(text) + 1)
        line = text[position:following]
        if _CLOSES.match(line) is not None:
            break
        if _BEGINS_ITEM.match(line) is not None and (not is_open or indentation(text, following) <= home):
            break
        if line.strip():
            is_item = line.lstrip().startswith("- ")
            if has_dashes and not is_item and not is_open:
                break
            end, has_dashes = following, is_item
            if not is_open and not has_dashes:
                return _end_of_more(text, end, name)
        if following >= len(text):
            break
        position = following + 1
    return end
