"""Brackets that are missing, wrong or too many, and the commas between them."""

from __future__ import annotations

from functools import lru_cache

from ...diagnostics import Edit, Fix, Label
from ...kinds import RuntimeKind
from ...late_pattern import late_pattern
from ...lines import indentation, line_start, starts_line
from ..forms import DECLARED
from ..tokens import CLOSER_OF, CLOSERS, DECLARATIONS, Token, tokenize
from .situation import SIGNS, SKIP, Instead, Situation, as_name, placeholder, use
from .slips import closes_more

_KINDS = frozenset(RuntimeKind)

STRATEGY_WORDS = ("by", "after", "accept")
"""What may follow the members of a route."""

_VALUE_STARTS = frozenset(
    ("NUMBER", "STRING", "TRUE", "FALSE", "NAME", "LSQB", "PROMPT", "MATCH", "IF", "BANG")
)


_HEAD = late_pattern(r"(?:^|[{},])[ \t]*+(?:[^\W\d]\w*+[ \t]++)?(?:[^\W\d]\w*+|\"[^\"\n]*+\")[ \t]*+\Z")
"""What stands before the `{` of a block, on its line."""
_FIRST_FIELD = late_pattern(r"(?:\s|#[^\n]*+)*+[\w\"-]++[ \t]*+(?:[=:](?!=)|(?:\w++[ \t]*+)?\{)")
_ITEMS_BELOW = late_pattern(r"[ \t]*+(?:#[^\n]*+)?+\r?+\n(?![ \t]*+-[ \t])")
"""Behind a `:`, the end of its line, and no list with dashes."""
_NO_BLOCKS = ("PIPELINE", "ROUTE", "TYPE", "EXTERN")
_FAR = 4000
"""So many characters are looked through for the closing bracket."""


_WORD_BEFORE = late_pattern(r"([^\W\d]\w*)[ \t]+\Z")
_NEAR = 80
"""How many characters before a word are looked at."""
_OF_TWO_WORDS = late_pattern(r"\"[^\W\d]\w*+ \w++\"")


def other_brackets(at: Situation) -> Instead | None:
    """`runtime openai ( … )` and `retry [ … ]`: the fields of a block in other brackets."""
    opener = _other_opener(at)
    if opener is None or at.is_in(*_NO_BLOCKS):
        return None
    start = opener.start
    head = at.text[line_start(at.text, start) : start]
    if _HEAD.search(head) is None or _FIRST_FIELD.match(at.text, opener.end) is None:
        return None
    here = at.span(start, opener.end)
    edits = [Edit(here, "{" if at.text[start - 1] in " \t" else " {")]
    depth = 0
    for each in tokenize(at.text[: opener.end + _FAR], start):
        depth += (each.type == opener.type) - (each.type == CLOSER_OF[opener.type])
        if not depth:
            edits.append(Edit(at.span(each.start, each.end), "}"))
            break
    at.error(
        "E0103",
        "the fields of a block stand between `{` and `}`",
        here,
        "expected `{`",
        fixes=[Fix("write `{` and `}`", tuple(edits), safe=False)],
    )
    return SKIP


def colon_for_brace(at: Situation) -> Instead | None:
    """`deployment gpt:` and `pipeline p(x: text) -> text:`, as in Python and YAML."""
    if at.token.type != "COLON" or not at.fits("LBRACE") or not _ITEMS_BELOW.match(at.text, at.token.end):
        return None
    kinds = [v.type for v in at.values if isinstance(v, Token) and v.type in DECLARED]
    at.error(
        "E0101",
        "what belongs to it stands between `{` and `}`, not behind a `:`",
        at.here,
        "expected `{`",
        help=DECLARED[kinds[-1]] if kinds and not at.open_brackets() else None,
    )
    return SKIP


def _other_opener(at: Situation) -> Token | None:
    """A `(` or `[` that stands here, is open here, or was closed just before."""
    if at.token.type in ("LPAR", "LSQB"):
        return at.token
    opened = at.open_brackets()
    if opened and opened[0].type in ("LPAR", "LSQB"):
        return opened[0]
    if not at.last_is("RPAR"):
        return None
    return next((v for v in reversed(at.values) if isinstance(v, Token) and v.type == "LPAR"), None)


def empty_comma(at: Situation) -> Instead | None:
    """`[a,, b]`."""
    if at.token.type != "COMMA" or not at.last_is("COMMA", "LSQB", "LPAR"):
        return None
    opened = at.open_brackets()
    if opened and opened[0].type == "LPAR" and at.fits("FALSE", "COMMA"):
        at.error("E0101", "a value is missing before this comma", at.here, "nothing stands before it")
        return use(placeholder(at.token.start), at.token)
    at.error(
        "E0108",
        "this comma separates nothing",
        at.here,
        "nothing stands before it",
        fixes=at.change("remove the comma", at.token.start, at.token.end, ""),
    )
    return use()


def missing_comma(at: Situation) -> Instead | None:
    """`[a b]`, `f(x y)` and `from a b`."""
    token = at.token
    if token.type not in _VALUE_STARTS or not at.fits("COMMA", token.type) or _is_outside(at):
        return None
    if _is_option(at):
        return None
    end = at.end_before
    before = _WORD_BEFORE.search(at.text, max(0, token.start - _NEAR), token.start)
    if before is not None and (literal := f'"{before[1]} {token.text}"') in _of_two_words(at.text):
        start = before.start(1)
        at.error(
            "E0101",
            "a name with a space needs quotes",
            at.span(start, token.end),
            f"write `{literal}`",
            fixes=at.change("add the quotes", start, token.end, literal),
        )
        return SKIP
    at.error(
        "E0101",
        "a `,` is missing here",
        at.here,
        "this is the next one",
        fixes=at.change("add the comma", end, end, ","),
    )
    return use(Token("COMMA", ",", end, end), token)


@lru_cache(maxsize=1)
def _of_two_words(text: str) -> frozenset[str]:
    """The texts of two words in a file, which may have a thousand lists to compare with them."""
    return frozenset(_OF_TWO_WORDS.findall(text))


def _is_outside(at: Situation) -> bool:
    """Whether the token, by its indentation, does not stand inside the bracket that is open."""
    if not starts_line(at.text, at.token.start):
        return False
    opened = at.open_brackets()
    return not opened or indentation(at.text, at.token.start) <= indentation(at.text, opened[0].start)


def _is_option(at: Situation) -> bool:
    """Whether the token is a word behind the members of a route, as in `[a, b] by round_robin`."""
    return at.token.text in STRATEGY_WORDS and at.fits("RSQB", "NAME", "NAME")


def unclosed_bracket(at: Situation) -> Instead | None:
    """`providers = [cuda, cpu` at the end of a line, `[a, b }`."""
    token = at.token
    opened = at.open_brackets()
    if not opened or opened[0].type == "LBRACE" or not at.fits(CLOSER_OF[opened[0].type]):
        return None
    is_next_item = token.type in ("NAME", "STRING", "RETURN") and _is_outside(at)
    is_outer_closer = any(CLOSER_OF[outer.type] == token.type for outer in opened[1:])
    is_end = is_outer_closer or token.type == "$END" or token.type in DECLARATIONS
    if not (is_next_item or is_end or _is_option(at)):
        return None
    if token.type == "RBRACE" and _is_wrong_closer(at, opened):
        return None
    opener = opened[0]
    sign = SIGNS[CLOSER_OF[opener.type]]
    end = at.end_before
    at.error(
        "E0103",
        f"this `{SIGNS[opener.type]}` is never closed",
        at.span(opener.start, opener.end),
        "opened here",
        secondary=[Label(at.span(end, end), f"expected `{sign}` here")],
        fixes=at.change(f"add the `{sign}`", end, end, sign, safe=False),
    )
    return use(Token(CLOSER_OF[opener.type], sign, end, end), token)


def _is_wrong_closer(at: Situation, opened: list[Token]) -> bool:
    """Whether a `}` stands where the inner bracket should be closed, and the block ends further down."""
    brace = next(outer for outer in opened if outer.type == "LBRACE")
    return at.same_line(opened[0].start, at.token.start) and not at.same_line(brace.start, at.token.start)


def wrong_closer(at: Situation) -> Instead | None:
    """`[a, b)`, and `{ a = 1 ]`."""
    token = at.token
    opened = at.open_brackets()
    if token.type not in CLOSERS or not opened:
        return None
    if _is_one_too_many(at):
        return _stray(at)
    kind = CLOSER_OF[opened[0].type]
    is_inline = starts_line(at.text, token.start) or at.same_line(opened[0].start, token.start)
    if kind == token.type or not at.fits(kind) or (kind == "RBRACE" and not is_inline):
        return None
    at.error(
        "E0103",
        f"expected `{SIGNS[kind]}`, found `{token.text}`",
        at.here,
        f"write `{SIGNS[kind]}`",
        secondary=[Label(at.span(opened[0].start, opened[0].end), "it closes this")],
        fixes=at.change(
            f"write `{SIGNS[kind]}`", token.start, token.end, SIGNS[kind], safe=token.type != "RBRACE"
        ),
    )
    return use(Token(kind, SIGNS[kind], token.start, token.end))


def stray_closer(at: Situation) -> Instead | None:
    """`env("A"))`."""
    token = at.token
    opened = at.open_brackets()
    if token.type not in ("RPAR", "RSQB") or (opened and opened[0].type != "LBRACE"):
        return None
    return _stray(at)


def _is_one_too_many(at: Situation) -> bool:
    """Whether the same closer stands before it, and what follows fits without it."""
    token = at.token
    if at.text[token.start - 1 : token.start].strip() not in ("", token.text) or token.type == "RBRACE":
        return False
    following = next(tokenize(at.text[token.end : token.end + 100]))
    return at.text[: token.start].rstrip().endswith(token.text) and at.fits(following.type)


def _stray(at: Situation) -> Instead:
    token = at.token
    opener = SIGNS[next(kind for kind, closer in CLOSER_OF.items() if closer == token.type)]
    at.error(
        "E0104",
        f"this `{token.text}` closes nothing",
        at.here,
        f"no `{opener}` is open here",
        fixes=at.change("remove it", token.start, token.end, "", safe=False),
    )
    return use()


def missing_header_brace(at: Situation) -> Instead | None:
    """`deployment gpt model = "x"`."""
    token = at.token
    if token.type not in ("NAME", "STRING", "RBRACE") or not at.fits("LBRACE", token.type):
        return None
    heads = [v for v in at.values[-4:] if isinstance(v, Token) and v.type in DECLARATIONS]
    if not heads or heads[-1].type not in ("TEMPLATE", "DEPLOYMENT", "CLUSTER", "GATEWAY"):
        return None
    end, head = at.end_before, heads[-1]
    if token.type != "RBRACE" and at.follows("{") and at.same_line(head.start, token.start):
        first = as_name(at.values[-1])
        if first is None and head.type in ("CLUSTER", "GATEWAY"):
            return _one_name_too_many(at, head, token)
        if first is not None and token.type == "STRING":
            return _one_name_too_many(at, head, first if first.text.strip('"') in _KINDS else token)
    _report_missing_brace(at, end, f"the fields of a {head.text} stand between `{{` and `}}`")
    return use(Token("LBRACE", "{", end, end), token)


def _one_name_too_many(at: Situation, head: Token, name: Token) -> Instead:
    """`deployment openai "gpt" {`, `deployment gpt "my GPT" {`, `gateway main {`, read without `name`."""
    is_first = name is not at.token
    is_named = head.type in ("DEPLOYMENT", "TEMPLATE")
    start, end = (name.start, at.token.start) if is_first else (at.end_before, name.end)
    at.error(
        "E0101",
        f"a {head.text} has {'one' if is_named else 'no'} name",
        at.here,
        "a second one" if is_named else "remove this",
        help="the kind is said inside: `runtime openai { … }`" if is_named else None,
        fixes=at.change("remove the first" if is_first else "remove it", start, end, "", safe=False),
    )
    if is_first:
        at.drop(1)
    return use(at.token) if is_first else use()


def missing_block_brace(at: Situation) -> Instead | None:
    """`retry`, and its fields indented below."""
    values = at.values
    if at.token.type != "EQUAL" or len(values) < 2:
        return None
    name, below = as_name(values[-2]), as_name(values[-1])
    if name is None or below is None or at.same_line(name.end, below.start):
        return None
    if indentation(at.text, below.start) <= indentation(at.text, name.start):
        return None
    _report_missing_brace(at, name.end, f"the fields of `{name.text}` stand between `{{` and `}}`")
    at.drop(1)
    return use(Token("LBRACE", "{", name.end, name.end), below, at.token)


def missing_inner_brace(at: Situation) -> Instead | None:
    """`retry max_retries = 2 }`, `task embed tokenizer = "…" }`, and `runtime openai` above its fields."""
    token, values = at.token, at.values
    if len(values) < 2:
        return None
    block, second = as_name(values[-2]), as_name(values[-1])
    if block is None or second is None:
        return None
    if token.type == "EQUAL":
        if not at.same_line(block.end, second.start) or not closes_more(at, second.start):
            return None
        _report_missing_brace(at, block.end, f"the fields of `{block.text}` stand between `{{` and `}}`")
        at.drop(1)
        return use(Token("LBRACE", "{", block.end, block.end), second, token)
    if token.type not in ("NAME", "STRING") or not at.fits("LBRACE", token.type):
        return None
    is_below = starts_line(at.text, token.start) and indentation(at.text, token.start) > indentation(
        at.text, block.start
    )
    if not is_below and not (at.follows("=", "{") and closes_more(at, token.start)):
        return None
    _report_missing_brace(at, second.end, f"the fields of `{block.text}` stand between `{{` and `}}`")
    return use(Token("LBRACE", "{", second.end, second.end), token)


def _report_missing_brace(at: Situation, end: int, message: str) -> None:
    at.error(
        "E0103",
        message,
        at.span(end, end),
        "expected `{`",
        fixes=at.change("add the `{`", end, end, " {", safe=False),
    )
