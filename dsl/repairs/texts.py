"""Quotes, comments, and characters that mean nothing."""

from __future__ import annotations

import re
from unicodedata import normalize

from ..bad_numbers import bare_text_said
from ..bare_texts import bare_text
from ..lines import line_start, starts_line
from ..syntax import Bad, Field
from ..tokens import CLOSER_OF, PUNCTUATION, Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, use

_URL_END = re.compile(r"""[^\s,{}()\[\]"']*+""")
_PATH = re.compile(r"[\w./-]++")
_FILLED_IN = re.compile(
    r"""(?P<open>\$\{|\{\{)(?P<before>[^{}"]*+)"(?P<behind>[^{}"\n]*+"(?:[^{}"\n]*+"[^{}"\n]*+")*+[^{}"\n]*+)\}"""
)
"""What is filled in and holds texts of its own, as in `${f("x")}`: their quotes end the text around it."""
_MAY_DIVIDE = re.compile(r"//[ \t]*+-?[\w.]++[ \t]*+(?=\Z|[\r\n]|[-+*/<>=!&|?])")
"""What looks like a comment, and may be a number that is divided by."""
_FAR = 300
"""How many characters of a line are looked at."""
_OPEN_TEXTS = {"OPEN_TEXT": '"', "OPEN_LONG_TEXT": '"""', "OPEN_QUOTES": "'"}
_FILLED_ALONE = re.compile(r"\$(?:\{[ ]*([^\W\d]\w*(?:\.\w+)?)[ ]*\}|([a-z_]\w*))")
_WORD = re.compile(r"\w++")
_NOTHING = "\u200b\u200c\u200d\u2060\u00ad\ufeff"
_RUN_OF_BLANKS = re.compile(f"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000{_NOTHING}]++")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u2192": "->", "\u2026": ".."}
_ADVICE = {
    "'": 'texts stand between double quotes, `"…"`',
    "$": "money is written `$100`; a name stands without `$`, and as `${name}` inside a text",
    "%": "percent follows a number, as in `95%`",
    "\\": "a line needs no `\\` to go on",
}


def unclosed_text(at: Situation) -> Instead | None:
    """`"abc` to the end of the line, or `\"\"\"abc` to the end of the file."""
    token = at.token
    opening = _OPEN_TEXTS.get(token.type)
    if opening is None:
        return None
    if opening == '"' and bare_text(at.text, token.start) is not None:  # `model = x"`
        return bare_word(at)
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
    if found is None:
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


def wrong_comment(at: Situation) -> Instead | None:
    """`// …`, `/* … */` and `-- …`: left out, as the comment that it is meant to be."""
    token = at.token
    is_dashes = at.text.startswith("--", token.start) and starts_line(at.text, token.start)
    if token.type != "WRONG_COMMENT" and not is_dashes:
        return None
    here = at.span(token.start, token.start + 2)
    may_divide = (
        _MAY_DIVIDE.match(at.text, token.start) is not None
        and at.fits("OPERATOR")
        and at.same_line(at.end_before, token.start)
        and any(isinstance(value, Token) and value.type == "PIPELINE" for value in at.values)
    )
    at.error(
        "E0105",
        "comments start with `#`",
        here,
        "this starts none",
        help="write `# …`; `##` documents the declaration below it",
        fixes=at.change("write `#`", here.start, here.end, "#", safe=not may_divide)
        if here.text != "/*"
        else (),
    )
    if not is_dashes:
        return use()
    end = at.text.find("\n", token.start)
    return use(until=end if end >= 0 else len(at.text))


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


def filled_alone(at: Situation) -> Instead | None:
    """`replicas = ${copies}` and `$copies`."""
    found = _FILLED_ALONE.match(at.text, at.token.start)
    if at.token.text != "$" or found is None:
        return None
    name = found[1] or found[2]
    fixes = at.change(f"write `{name}`", found.start(), found.end(), name)
    at.error(
        "E0105",
        "a name stands alone here",
        at.span(found.start(), found.end()),
        f"write `{name}`",
        fixes=fixes,
    )
    place = found.start(1) if found[1] else found.start(2)
    inner = tokenize(at.text[: place + len(name)], place)
    return use(*(each for each in inner if each.type != "$END"), until=found.end())


def semicolon(at: Situation) -> Instead | None:
    """`model = "x";`."""
    token = at.token
    if token.text != ";":
        return None
    if starts_line(at.text, token.start):
        return _comment(at, 1)
    is_separator = at.fits("COMMA")
    ends_line = at.text[token.end : at.text.find("\n", token.end) % (len(at.text) + 1)].strip(" \t\r") == ""
    replacement = "," if is_separator and not ends_line else ""
    at.error(
        "E0105",
        "`;` separates nothing here",
        at.here,
        "write `,`" if replacement else "remove this",
        help="a new line or a comma separates two fields",
        fixes=at.change("write `,`" if replacement else "remove it", token.start, token.end, replacement),
    )
    return use(Token("COMMA", ",", token.start, token.end)) if is_separator else use()


def single_ampersand(at: Situation) -> Instead | None:
    """`a & b`."""
    if at.token.text != "&" or not at.fits("OPERATOR"):
        return None
    at.error(
        "E0105",
        "“and” is written `&&`",
        at.here,
        fixes=at.change("write `&&`", at.token.start, at.token.end, "&&"),
    )
    return use(Token("OPERATOR", "&&", at.token.start, at.token.end))


def other_sign(at: Situation) -> Instead | None:
    """A sign of another keyboard, `＝` or `–`, and spaces that are none."""
    token = at.token
    if token.type != "UNKNOWN":
        return None
    run = _RUN_OF_BLANKS.match(at.text, token.start)
    if run is not None:
        behind, name = run.end(), as_name(at.values[-1]) if at.values else None
        rest = _WORD.match(at.text, behind)
        is_inside = name is not None and name.end == token.start and rest is not None
        plain = "" if is_inside or not run[0].strip(_NOTHING) else " " * len(run[0])
        at.error(
            "E0105",
            f"the character U+{ord(token.text[0]):04X} is no plain space",
            at.span(token.start, behind),
            "write a space" if plain else "remove this",
            fixes=at.change("write a space" if plain else "remove it", token.start, behind, plain),
        )
        if name is None or rest is None or not is_inside:
            return use(until=behind)
        at.drop(1)
        return use(Token("NAME", name.text + rest[0], name.start, rest.end()), until=rest.end())
    sign = _DASHES.get(token.text) or normalize("NFKC", token.text)
    kind = PUNCTUATION.get(sign)
    if kind is None or sign == token.text:
        return None
    at.error(
        "E0105",
        f"`{token.text}` is written `{sign}`",
        at.here,
        f"write `{sign}`",
        fixes=at.change(f"write `{sign}`", token.start, token.end, sign),
    )
    return use(Token(kind, sign, token.start, token.end))


def unknown_character(at: Situation) -> Instead | None:
    """A character that means nothing anywhere."""
    token = at.token
    if token.type != "UNKNOWN":
        return None
    character = token.text[0]
    is_visible = token.text.isprintable() and not token.text.isspace()
    shown = f"`{token.text[:20]}`" if is_visible else f"the character U+{ord(character):04X}"
    at.error("E0105", f"{shown} means nothing here", at.here, help=_ADVICE.get(character))
    if not is_visible:
        return use()
    around = at.text[token.start - 1 : token.start] + at.text[token.end : token.end + 1]
    is_part_of_a_word = any(c.isalnum() or c == "_" for c in around) and character != "@"
    return use() if is_part_of_a_word else SKIP
