"""Quotes, words that lack them, and comments."""

from __future__ import annotations

import re

from ...diagnostics import Fix
from ...lines import is_at_margin, line_start, starts_line
from ...possessive import possessive
from ...secrets.names import stands_for_secret
from ...syntax import Bad, Field
from ..bad_numbers import bare_text_said
from ..bare_texts import bare_text
from ..tokens import CLOSER_OF, PUNCTUATION, Token, tokenize
from .missing_signs import missing_equals_before_call, missing_equals_before_word
from .situation import SKIP, Instead, Situation, use

_URL_END = re.compile(possessive(r"""(?:[^\s,;{}()\[\]"']|;(?=[^\s,;{}()\[\]"']))*+"""))
_PATH = re.compile(r"[\w./-]++")
_FILLED_IN = re.compile(
    possessive(
        r"""(?P<open>\$\{|\{\{)(?P<before>[^{}"]*+)"(?P<behind>[^{}"\n]*+"(?:[^{}"\n]*+"[^{}"\n]*+")*+[^{}"\n]*+)\}"""
    )
)
"""What is filled in and holds texts of its own, as in `${f("x")}`: their quotes end the text around it."""
_WORDS = re.compile(
    possessive(r"(?<![=!<>])=[ \t]*+([^\W\d][\w.-]*+(?:[ \t]++[\w.-]++)++)(?=[ \t]*+(?:[,}\r\n#]|\Z))")
)
_UNQUOTED = re.compile(r"(?<=[(=,\[ \t])[^\W\d][\w.-]*+\Z")
_MAY_DIVIDE = re.compile(r"//[ \t]*+-?[\w.]++[ \t]*+(?=\Z|[\r\n]|[-+*/<>=!&|?])")
"""What looks like a comment, and may be a number that is divided by."""
_FAR = 300
"""How many characters of a line are looked at."""
_OPEN_TEXTS = {"OPEN_TEXT": '"', "OPEN_LONG_TEXT": '"""', "OPEN_QUOTES": "'"}


def unclosed_text(at: Situation) -> Instead | None:
    """`"abc` to the end of the line, or `\"\"\"abc` to the end of the file."""
    token = at.token
    opening = _OPEN_TEXTS.get(token.type)
    if opening is None:
        return None
    if opening == '"' and bare_text(at.text, token.start) is not None:  # `model = x"`
        return bare_word(at)
    before = _UNQUOTED.search(at.text, line_start(at.text, token.start), token.start)
    if opening == '"' and before is not None and token.text[1:].strip(" \t),}]") == "":  # `env(KEY")`
        here = at.span(before.start(), token.start + 1)
        fixes = at.change('add the `"`', here.start, here.start, '"')
        at.error("E0102", "this text never begins", here, 'expected `"` before it', fixes=fixes)
        return SKIP
    quotes = '"""' if opening == '"""' else '"'
    text = token.text.rstrip()
    closers = [] if opening == '"""' else _closers_behind(at, text)
    if closers:
        text = token.text[: closers[0].start - token.start].rstrip()
    end = token.start + len(text)
    several = "" if opening == '"""' else '; a text of several lines stands between `"""`'
    at.error(
        "E0102",
        "this text is never closed",
        at.span(token.start, token.start + len(opening)),
        "it starts here",
        help=f"add `{quotes}` where it ends{several}",
        fixes=at.change(f"add `{quotes}`", end, end, quotes, safe=False) if opening == '"' else (),
    )
    inner = text[len(opening) :].removesuffix("\\")
    return use(Token("STRING", f"{quotes}{inner}{quotes}", token.start, end), *closers)


def quotes_inside(at: Situation) -> Instead | None:
    """`"${f("x")}"` and `prompt "{{ x | default("y") }}"`, noticed behind the text that ends too early."""
    begin = max(line_start(at.text, at.token.start), at.token.start - _FAR)
    found = next(
        (
            each
            for each in _FILLED_IN.finditer(at.text, begin, at.token.end + _FAR)
            if each.end("before") < at.token.start < each.end() and _ends_text(at, begin, each.end("before"))
        ),
        None,
    )
    if found is None:
        return None
    start, inner = found.start(), f'{found["before"]}"{found["behind"]}'.strip()
    in_prompt = at.text[begin:start].rpartition('"')[0].rstrip(' "').endswith("prompt")
    if found["open"] == "{{":
        end = found.end("behind")
        quoted = at.text[found.start("before") : end].replace('"', "'")
        at.error(
            "E0102",
            'a `"` inside of `{{ … }}` ends the text around it',
            at.span(found.end("before"), found.end("before") + 1),
            "the text ends here",
            help='texts inside of `{{ … }}` stand between `\'`; or write the whole text between `"""`',
            fixes=at.change("write `'`", found.start("before"), end, quoted, safe=False),
        )
    else:
        at.error(
            "E0112",
            "a prompt is filled in with `{{ name }}`, and `${` is nothing in it"
            if in_prompt
            else "only a name may stand between `${` and `}`",
            at.span(start, found.end()),
            "this is a value to be named first",
            help=f"write `value = {inner}` above, and `{'{{ value }}' if in_prompt else '${value}'}` here",
        )
    at.reports.guessed_at(start)
    return SKIP


def _ends_text(at: Situation, begin: int, quote: int) -> bool:
    """Whether the `"` at offset `quote` ends a text."""
    ends = (each.end - 1 for each in tokenize(at.text[: quote + 1], begin) if each.type == "STRING")
    return quote in ends


def _closers_behind(at: Situation, text: str) -> list[Token]:
    """The brackets at the end of `text` that close those that its line opened."""
    wanted = [CLOSER_OF[v.type] for v in at.open_brackets() if at.same_line(v.start, at.token.start)]
    found: list[Token] = []
    offset = len(text)
    while offset and text[offset - 1] in ")]} ":
        offset -= 1
        kind = PUNCTUATION.get(text[offset])
        if kind is not None:
            start = at.token.start + offset
            found.insert(0, Token(kind, text[offset], start, start + 1))
    count = min(len(wanted), len(found))
    last = found[len(found) - count :]
    return last if [token.type for token in last] == wanted[:count] else []


def wrong_quotes(at: Situation) -> Instead | None:
    """`'abc'`, `“abc”` and `` `abc` ``."""
    if at.token.type != "WRONG_QUOTES":
        return None
    if at.text.startswith("```", at.token.start) and is_at_margin(at.text, at.token.start):
        return _fence(at)
    inner = re.sub(r"\\?\"", '\\\\"', at.token.text[1:-1].replace("\\'", "'"))
    literal = f'"{inner}"'
    text = Token("STRING", literal, at.token.start, at.token.end)
    if not at.reports.keys.watch(text):  # a key gets a message of its own, and is not repeated in one
        at.error(
            "E0105",
            "a text stands between straight double quotes",
            at.here,
            'write `"…"`',
            fixes=at.change("use double quotes", at.token.start, at.token.end, literal),
        )
    return use(text)


def _fence(at: Situation) -> Instead:
    """The marks of Markdown around a file that was copied with them."""
    end = at.text.find("\n", at.token.start) % (len(at.text) + 1)
    here = at.span(at.token.start, end)
    fixes = at.change("remove the line", here.start, min(end + 1, len(at.text)), "")
    at.error("E0105", "the marks of Markdown are no part of the file", here, "remove this line", fixes=fixes)
    return use(until=end)


def bare_url(at: Situation) -> Instead | None:
    """`endpoint = http://localhost`."""
    token, values = at.token, at.values
    if token.type != "COLON" or not at.text.startswith("//", token.end) or not values:
        return None
    scheme = values[-1]
    if getattr(scheme, "end", -1) != token.start:
        return None
    found = _URL_END.match(at.text, scheme.start)
    assert found is not None
    at.drop(1)
    return _quoted(at, found, "a text stands between double quotes")


def bare_word(at: Situation) -> Instead | None:
    """`model = llama3:8b`, `model = ./m.onnx`, `bind = 0.0.0.0:80`: noticed at one of its signs."""
    found = bare_text(at.text, at.token.start)
    if found is None or found.end <= at.token.start:  # it is told where it stands
        return None
    while at.values and getattr(at.values[-1], "start", -1) >= found.start:
        at.drop(1)
    bare_text_said(at.reports, found)
    items = at.values[-1] if at.values else None
    if isinstance(items, list) and items and isinstance(items[-1], Field):
        field = items[-1]
        if field.value.start >= found.start:
            items[-1] = Field(field.start, field.end, field.name, Bad(found.start, found.end))
            return use(until=found.end)
    if not at.fits("STRING"):
        return SKIP
    at.reports.keys.found.add(found.start)
    return use(Token("STRING", f'"{found.written}"', found.start, found.end), until=found.end)


def bare_words(at: Situation) -> Instead | None:
    """`model = gpt 4o`: noticed at the number."""
    if at.token.type != "NUMBER" or at.is_in("PIPELINE"):
        return None
    begin = max(line_start(at.text, at.token.start), at.token.start - _FAR)
    found = _WORDS.search(at.text, begin, at.token.end + _FAR)
    if (
        found is None
        or not found.start(1) < at.token.start < found.end()
        or stands_for_secret(at.text, found.start(1))
    ):
        return None
    here, literal = at.span(*found.span(1)), f'"{found[1]}"'
    fixes = at.change("add the quotes", here.start, here.end, literal, safe=False)
    at.error("E0105", "a text stands between double quotes", here, "quote this", fixes=fixes)
    return SKIP


def bare_path(at: Situation) -> Instead | None:
    """`import policies.infer as shared`."""
    token = at.token
    if token.type not in ("NAME", "DOT", "OPERATOR") or not at.last_is("IMPORT", "FROM"):
        return None
    found = _PATH.match(at.text, token.start)
    if found is None or not at.fits("STRING") or at.fits("NAME"):
        return None
    is_path = "." in found[0] or "/" in found[0]
    return _quoted(at, found, "the name of a file stands between double quotes", safe=is_path)


def _quoted(at: Situation, found: re.Match[str], message: str, *, safe: bool = True) -> Instead:
    """Read what was found as a text, and report that its quotes are missing."""
    start, end, literal = found.start(), found.end(), f'"{found[0]}"'
    fixes = at.change("add the quotes", start, end, literal, safe=safe)
    at.error("E0105", message, at.span(start, end), "quote this", fixes=fixes)
    return use(Token("STRING", literal, start, end), until=end)


_YAML_START = re.compile(r"---[ \t]*+(?:\r?\n|\Z)")
_LINE_END = re.compile(r"[ \t]*+(?=[\r\n]|\Z)")


def wrong_comment(at: Situation) -> Instead | None:
    """`// …`, `/* … */` and `-- …`: left out, as the comment that it is meant to be."""
    token = at.token
    is_dashes = at.text.startswith("--", token.start) and starts_line(at.text, token.start)
    if token.type != "WRONG_COMMENT" and not is_dashes:
        return None
    if is_dashes and (found := _YAML_START.match(at.text, token.start)) is not None:
        start, end = token.start, found.end()
        here = at.span(start, start + 3)
        fixes = at.change("remove it", start, end, "")
        at.error(
            "E0105", "`---` begins a document of YAML, and nothing here", here, "remove this", fixes=fixes
        )
        return use(until=end)
    here = at.span(token.start, token.start + 2)
    may_divide = (
        _MAY_DIVIDE.match(at.text, token.start) is not None
        and at.fits("OPERATOR")
        and at.same_line(at.end_before, token.start)
        and at.is_in("PIPELINE")
    )
    at.error(
        "E0105",
        "comments start with `#`",
        here,
        "this starts none",
        help="write `# …`; `##` documents the declaration below it",
        fixes=at.change("write `#`", here.start, here.end, "#", safe=not may_divide)
        if here.text != "/*"
        else _one_line(at),
    )
    if not is_dashes:
        return use()
    end = at.text.find("\n", token.start)
    return use(until=end if end >= 0 else len(at.text))


def _one_line(at: Situation) -> list[Fix]:
    """`/* … */` as a comment, where nothing stands behind it."""
    start, end = at.token.start, at.token.end
    written = at.text[start:end]
    if not written.endswith("*/") or "\n" in written or _LINE_END.match(at.text, end) is None:
        return []
    inside = " ".join(written[2:-2].strip("*").split())
    return at.change("write `#`", start, end, f"# {inside}".rstrip())


def _comment(at: Situation, signs: int) -> Instead:
    """A whole line that is one in other languages."""
    here = at.span(at.token.start, at.token.start + signs)
    at.error(
        "E0105",
        "comments start with `#`",
        here,
        "this starts none",
        help="write `# …`; `##` documents the declaration below it",
        fixes=at.change("write `#`", here.start, here.end, "#"),
    )
    end = at.text.find("\n", at.token.start)
    return use(until=end if end >= 0 else len(at.text))


def semicolon(at: Situation) -> Instead | None:
    """`model = "x";`."""
    token = at.token
    if token.text not in (";", "；"):
        return None
    if starts_line(at.text, token.start):
        return _comment(at, 1)
    is_separator = at.fits("COMMA")
    told = None if is_separator else missing_equals_before_word(at) or missing_equals_before_call(at)
    if told is not None:
        return told
    if token.start < at.reports.told_until:
        return use(Token("COMMA", ",", token.start, token.end)) if is_separator else use()
    ends_line = at.text[token.end : at.text.find("\n", token.end) % (len(at.text) + 1)].strip(" \t\r") == ""
    replacement = "," if is_separator and not ends_line else ""
    at.error(
        "E0105",
        f"`{token.text}` separates nothing here",
        at.here,
        "write `,`" if replacement else "remove this",
        help="a new line or a comma separates two fields",
        fixes=at.change("write `,`" if replacement else "remove it", token.start, token.end, replacement),
    )
    return use(Token("COMMA", ",", token.start, token.end)) if is_separator else use()
