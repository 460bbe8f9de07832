"""Signs and forms of other languages."""

from __future__ import annotations

import re

from ...foreign_variables import variable_at
from ...foreign_words import foreign_forms, foreign_words
from ...lines import line_start
from ...possessive import possessive
from ...syntax import CallExpression, Field, Identifier, Reference, Step
from ..tokens import Token, tokenize
from .situation import SKIP, Instead, Situation, as_name, as_word, use

_FAR = 300
"""How many characters of a line are looked at."""

_OPERATORS = {
    "===": ("==", "equal is"),
    "!==": ("!=", "not equal is"),
    "<>": ("!=", "not equal is"),
    "=<": ("<=", "at most is"),
    "??": ("else", "a value for one that is missing stands behind"),
    "?:": ("else", "a value for one that is missing stands behind"),
}
_CASES = ("switch", "case", "when")
_COMMAND = re.compile(
    possessive(
        r"\b(?:command|args|cmd|entrypoint)[ \t]*+[=:][ \t]*+"
        r"(?P<words>[\w./@-]++(?:[ \t]++(?:[\w./:@=-]++|\{\w+\})+)++)[ \t]*+"
        r"(?P<sign>;[ \t]*+(?P<last>[}\r\n#]|\Z)?)?"
    )
)
_NEAR = 40
_WORD_BEFORE = re.compile(r"([^\W\d]\w*)[ \t]+\Z")
_LETTERS = re.compile(r"(?i)(?<![\w\"])(f|r|b|u|fr|rf)\Z")
_TEMPLATE = re.compile(r"\{\{(?!\s*[A-Z_]+\s*\})[^\n]*?\}\}|\{%[^\n]*?%\}|<%[^\n]*?%>")
_UPDATE = re.compile(r"(\+=|-=|\*=|/=|\+\+|--)")


def variable(at: Situation) -> Instead | None:
    """`api_key = $KEY`, `os.environ["KEY"]`, `${env.KEY}` without quotes."""
    start = max(line_start(at.text, at.token.start), at.token.start - _FAR)
    line = at.text[start : at.token.end + _FAR].partition("\n")[0]
    before = as_name(at.values[-1]) if at.values else None
    places = (at.token.start, *([before.start] if before is not None else []))
    found = next(filter(None, (variable_at(line, place - start) for place in places)), None)
    if found is None or line[: found[0]].count('"') % 2:
        return None
    begin, end, name = found
    call = f'env("{name}")'
    at.error(
        "E0105",
        f"a variable of the environment is written `{call}`",
        at.span(start + begin, start + end),
        "read otherwise",
        fixes=at.change(f"write `{call}`", start + begin, start + end, call),
    )
    return SKIP


def template(at: Situation) -> Instead | None:
    """`{{ .Values.model }}` and `{% if x %}` outside of texts, said once for a file."""
    start = at.token.start
    found = next(filter(None, (_TEMPLATE.match(at.text, place) for place in (start, start - 1))), None)
    if at.token.type not in ("LBRACE", "LESSTHAN") or found is None:
        return None
    if not at.reports.has_template:
        at.reports.has_template = True
        at.error(
            "E0101",
            "nothing is filled in here: `{{ … }}` stands in prompts",
            at.span(found.start(), found.end()),
            "a template of another tool",
            help='fill it in first, and check what comes of it; or write `env("NAME")`, or a `param`, which '
            "`--set name=value` gives a value",
        )
    return SKIP


def form(at: Situation) -> Instead | None:
    """`[f(x) for x in xs if x]`, `label: text = "x"`, `text[]`, and others of `foreign_words.json`.

    Some are noticed at the token behind them.
    """
    for token in (at.token, *(value for value in at.values[-1:] if isinstance(value, Token))):
        start = max(line_start(at.text, token.start), token.start - _FAR)
        line = at.text[start : token.end + _FAR].partition("\n")[0]
        for each in foreign_forms():
            if each.at.match(line, token.start - start) is None:  # nearly always
                continue
            for found in each.written.finditer(line):
                if start + found.start("at") != token.start:
                    continue
                meant = found.expand(each.to)
                indented = len(found[0]) - len(found[0].lstrip())
                begin, end = start + found.start() + indented, start + found.end()
                at.error(
                    "E0101",
                    each.message,
                    at.span(token.start, token.end),
                    f"write `{meant}`" if meant else "a form of another language",
                    help=each.say or None,
                    fixes=at.change(f"write `{meant}`", begin, end, meant, safe=False) if meant else (),
                )
                return SKIP
    return None


def cases(at: Situation) -> Instead | None:
    """`a = switch x { "a" => … }`: what stands there is read again, as the `match` that it is meant to be."""
    last = at.values[-1] if at.values else None
    if at.token.type == "LBRACE" and isinstance(last, CallExpression):  # `switch (x) {`
        start, word, above = last.start, last.function, 1
    else:
        lists = [index for index, value in enumerate(at.values) if isinstance(value, list) and value]
        step = at.values[lists[-1]][-1] if lists else None
        if not isinstance(step, Step | Field):
            return None
        start, word, above = step.start, step.value, len(at.values) - 1 - lists[-1]
    header = at.text[word.end : word.end + _FAR].partition("\n")[0]
    if not isinstance(word, Reference) or word.name not in _CASES or "{" not in header or not above:
        return None
    if start != word.start:
        at.values[-1 - above].pop()
    at.drop(above)
    here = at.span(word.start, word.end)
    at.error(
        "E0101",
        f"several cases are a `match`, not a `{word.name}`",
        here,
        "write `match`",
        help='each is an arm: `match x { "a" => …, _ => … }`',
        fixes=at.change("write `match`", word.start, word.end, "match", safe=False),
    )
    again = [each for each in tokenize(at.text[: at.token.end], start) if each.type != "$END"]
    return use(
        *(
            Token("MATCH", each.text, each.start, each.end) if each.start == word.start else each
            for each in again
        )
    )


def word(at: Situation) -> Instead | None:
    """`await f(x)`, `lambda x: y`, `elif`."""
    if not at.open_brackets():
        return None
    last = [as_word(value) for value in at.values[-3:]]
    names = [each for each in reversed(last) if each is not None]
    first = names[0].start if names else at.token.start
    before = _WORD_BEFORE.search(at.text, max(0, first - _NEAR), first)
    if before is not None:
        start, end = before.span(1)
        names.append(Token("NAME", before[1], start, end))
    for name in (*names, at.token):
        told = foreign_words("words").get(name.text) if name.type == "NAME" else None
        is_above = at.last_is("LBRACE") and as_word(at.values[-2]) == name  # `try {`
        if (
            told is None
            or not (is_above or at.same_line(name.end, at.token.start))
            or at.token.type in ("EQUAL", "COMMA")
        ):
            continue
        at.reports.foreign_word(name, told)
        return SKIP
    return None


def letter_before_text(at: Situation) -> Instead | None:
    """`f"Hi {name}"` and `r"…"`."""
    last = at.values[-1] if at.values else None
    text = at.token
    if isinstance(last, Identifier):  # it was taken for the name of a field
        text = Token("STRING", at.text[last.start : last.end], last.start, last.end)
    found = _LETTERS.search(at.text, max(0, text.start - _NEAR), text.start)
    if found is None or not text.text.startswith('"'):
        return None
    letter, start, inner = found[1], found.start(1), text.text
    if text is at.token and getattr(last, "start", -1) != start:  # it was taken back already
        return None
    if "f" in letter.lower():
        inner = re.sub(r"(?<![{$])\{(\w+(?:\.\w+)?)\}(?!\})", r"${\1}", inner)
    at.error(
        "E0105",
        f"no `{letter}` stands before a text: every text is filled in with `${{name}}`",
        at.span(start, text.start),
        "remove this",
        fixes=at.change(f"write `{inner[:40]}`", start, text.end, inner),
    )
    at.drop(1)
    return (
        use(at.token) if isinstance(last, Identifier) else use(Token("STRING", inner, text.start, text.end))
    )


def another_operator(at: Situation) -> Instead | None:
    """`===`, `<>`, `??`, `+=`, `c ? a : b` and `a if c else b`."""
    text, start = at.text, at.token.start
    for begin in (start, start - 1, start - 2):
        sign = next((each for each in _OPERATORS if begin >= 0 and text.startswith(each, begin)), None)
        if sign is not None and begin + len(sign) > start:
            meant, what = _OPERATORS[sign]
            at.error(
                "E0105",
                f"{what} written `{meant}`" if meant != "else" else f"{what} `else`",
                at.span(begin, begin + len(sign)),
                f"write `{meant}`",
                fixes=at.change(f"write `{meant}`", begin, begin + len(sign), meant, safe=False),
            )
            return SKIP
    update = _UPDATE.match(text, start) if at.token.type != "WRONG_COMMENT" else None
    if update is not None and as_name(at.values[-1] if at.values else None) is not None:
        at.error(
            "E0105",
            "nothing is changed: a name has one value",
            at.span(start, update.end()),
            f"`{update[0]}` changes a value",
            help="give the new value a name of its own: `next = before + 1`",
        )
        return SKIP
    if at.token.type in ("QMARK", "IF") and at.fits("OPERATOR") and at.same_line(at.end_before, start):
        at.error(
            "E0101",
            "a choice between two values is written with `if`",
            at.here,
            "written otherwise",
            help="write `if condition { a } else { b }`; `match x { … }` for more than two",
        )
        return SKIP
    return None


def bare_command(at: Situation) -> Instead | None:
    """`command = python serve.py --port 8000`: all of it, where its second word cannot be read."""
    begin = max(line_start(at.text, at.token.start), at.token.start - _FAR)
    found = next(
        (
            each
            for each in _COMMAND.finditer(at.text, begin, at.token.end + _FAR)
            if each.start("words") < at.token.start <= each.end()
        ),
        None,
    )
    if found is None:
        return None
    start, end = found.span("words")
    words = ", ".join(f'"{word}"' for word in found["words"].split())
    comma = "," if found["sign"] and found["last"] is None else ""
    behind = found.start("sign") + 1 if found["sign"] else end
    at.reports.told_until = max(at.reports.told_until, behind)
    at.error(
        "E0105",
        "a command is a list, in which each word is a text",
        at.span(start, end),
        "quote each of them",
        fixes=at.change(f"write `[{words}]`", start, behind, f"[{words}]{comma}"),
    )
    return SKIP


def list_behind_word(at: Situation) -> Instead | None:
    """`instance_group [ … ]`: what a file of another kind has."""
    name = as_name(at.values[-1]) if at.values else None
    if at.token.type not in ("LSQB", "COLON") or name is None or not at.fits("EQUAL"):
        return None
    told = foreign_words("fields").get(name.text)
    if told is None or not told.say or at.token.type == "COLON":
        return None
    at.error(
        "E0101",
        f"`{name.text}` is not written here",
        at.span(name.start, name.end),
        "a word of others",
        help=told.say,
    )
    return SKIP
