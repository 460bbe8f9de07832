"""A text that is read again after a change is read as if it were new."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st

from inferc.dsl import syntax as s
from inferc.dsl.parsing.parser import Parsed, parse
from inferc.dsl.parsing.reparse import reparse
from inferc.dsl.parsing.tokens import KEYWORDS, PUNCTUATION
from inferc.dsl.source import Source

from ..support.examples import FEWER
from ..support.rows import each_row

LANGUAGE = (Path(__file__).parent / "data" / "language.infer").read_text("utf-8")
PIECES = [
    *KEYWORDS,
    *PUNCTUATION,
    '"',
    '"""',
    "#",
    "\n",
    "\n  ",
    "\ndeployment x {",
    "\n}\n",
    "x",
    "30",
    "'",
    "",
    "sk-",
    "Bearer ",
    "0123456789abcdefghij",
]


WORD = "abcdEFGH12345678"
PLAIN = f'let a = "sk{WORD}"\n'


def everything(parsed: Parsed) -> tuple[list[object], list[object]]:
    """All nodes with their places, and all that is said, with its places."""
    said = []
    for each in parsed.diagnostics:
        spans = [each.primary.span, *(label.span for label in each.secondary)] if each.primary else []
        assert all(span.source is parsed.source for span in spans)
        said.append((each.code, each.message, each.help, [(span.start, span.end) for span in spans]))
    return [*walked(parsed.declarations), parsed.guesses, parsed.lost], said


def walked(value: Any) -> Iterator[object]:
    if isinstance(value, tuple):
        for each in value:
            yield from walked(each)
    elif isinstance(value, s.Node):
        yield type(value).__name__, value.start, value.end
        for attribute in type(value).__attrs_attrs__:
            yield from walked(getattr(value, attribute.name))
    else:
        yield value


def agrees(before: str, after: str) -> None:
    expected = everything(parse(Source("m.infer", after)))
    for move in (False, True):
        again = reparse(Source("m.infer", after), parse(Source("m.infer", before)), move=move)
        assert again.source.text == after
        assert again.source.shown == parse(Source("m.infer", after)).source.shown
        assert everything(again) == expected


@FEWER
@given(st.integers(0, 2**32))
def test_after_any_changes(seed: int) -> None:
    chosen = random.Random(seed)
    text = LANGUAGE
    known = parse(Source("m.infer", text))
    for _ in range(3):
        start = chosen.randint(0, len(text))
        text = text[:start] + chosen.choice(PIECES) + text[start + chosen.choice([0, 0, 1, 3, 40]) :]
        expected = everything(parse(Source("m.infer", text)))
        assert everything(reparse(Source("m.infer", text), known)) == expected
        known = reparse(Source("m.infer", text), known, move=True)
        assert everything(known) == expected


@each_row(
    ("before", "after"),
    [
        ("let a = 1\nlet b = 2\n", "let a = 1\nlet b = 23\n"),
        ("let a = 1\nlet b = 2\nlet c = 3\n", "let a = 1\nlet b = 2\n"),
        ("let a = 1\nlet b = 2\nlet c = 3\n", "let a = 1\nlet b = 2\nlet c = 3\nlet d = 4\n"),
        ("let a = 1\nlet b = 2\n", "# x\nlet a = 1\nlet b = 2\n"),
        ("deployment a { }\nlet b = 2\nlet c = 3", "deployment a { \nlet b = 2\nlet c = 3"),
        ('let a = "x"\nlet b = 2\nlet c = 3', 'let a = """x"\nlet b = 2\nlet c = 3"""'),
        ("let a = 1 let b = 2\nlet c = 3\n", "let a = 1 let b = 2\nlet c = 4\n"),
        ("", "let a = 1\n"),
        ("let a = 1\n", ""),
        *itertools.permutations((PLAIN, PLAIN.replace("sk", "sk-"), PLAIN.replace("sk", "s")), 2),
        *itertools.permutations((f'let a = "{"0f" * 20}"\n', f'let a = "{"0f" * 19}0"\n')),
        *itertools.permutations((f'let a = "bearer {WORD}"\n', f'let a = "bearer({WORD})"\n')),
        *itertools.permutations((f"{PLAIN}let b = 1\n", f'{PLAIN}let b = "\\u{{73}}k-{WORD}"\n')),
    ],
)
def test_after_a_change(before: str, after: str) -> None:
    agrees(before, after)


def test_what_stands_around_the_change_is_not_read_again() -> None:
    before = parse(Source("m.infer", LANGUAGE))
    middle = before.declarations[len(before.declarations) // 2]
    text = f"{LANGUAGE[: middle.end]}\n# longer{LANGUAGE[middle.end :]}"
    again = reparse(Source("m.infer", text), before, move=True)
    kept = sum(any(one is other for other in before.declarations) for one in again.declarations)
    assert kept == len(before.declarations) - 1


def test_what_stands_before_the_change_is_not_read_again() -> None:
    before = parse(Source("m.infer", LANGUAGE))
    again = reparse(Source("m.infer", f"{LANGUAGE}let one_more = 1\n"), before)
    kept = sum(any(one is other for other in before.declarations) for one in again.declarations)
    assert kept >= len(before.declarations) - 2
