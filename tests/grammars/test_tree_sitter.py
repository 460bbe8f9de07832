"""The parser of Tree-sitter takes what the language takes, and its queries leave no doubt."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.grammar_sampler import sample_text
from ..support.rows import each_row
from . import engines
from .engines import TREE_SITTER
from .test_colours import FILES, text_of

pytestmark = pytest.mark.needs("cc")


def errors(node: Any) -> Iterator[str]:
    if node.is_error or node.is_missing:
        yield f"{node.start_point.row + 1}:{node.start_point.column + 1} {node}"
    for child in node.children if node.has_error else ():
        yield from errors(child)


@each_row("path", FILES, ids=lambda path: path.stem)
def test_every_sample_parses_without_an_error(path: Path) -> None:
    assert list(errors(engines.tree(text_of(path)))) == []


@each_row("seed", range(200))
def test_whatever_the_grammar_makes_parses_without_an_error(seed: int) -> None:
    text = sample_text(random.Random(seed))
    assert list(errors(engines.tree(text))) == [], text


@each_row(
    "text",
    [
        "deployment a {",
        "let = 1",
        'let a = "open',
        "route r = fallback [a b]",
        "pipeline p { }",
        "type T = list<>",
    ],
)
def test_what_is_wrong_is_an_error_in_the_tree(text: str) -> None:
    assert list(errors(engines.tree(text))) != []


@each_row("path", FILES, ids=lambda path: path.stem)
def test_no_node_has_two_captures(path: Path) -> None:
    names = defaultdict(set)
    for node, name in engines.captures(text_of(path)):
        names[node.start_byte, node.end_byte, node.type].add(name)
    assert [(where, found) for where, found in names.items() if len(found) > 1] == []


@each_row(
    "path",
    sorted((TREE_SITTER / "queries").rglob("*.scm")),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_every_query_fits_the_grammar_and_finds_something(path: Path) -> None:
    from tree_sitter import Query, QueryCursor

    query = Query(engines.language(), path.read_text("utf-8"))
    found = set()
    for file in FILES:
        found |= QueryCursor(query).captures(engines.tree(text_of(file))).keys()
    assert found == {query.capture_name(number) for number in range(query.capture_count)}


def test_prompts_are_handed_to_the_grammar_of_jinja() -> None:
    from tree_sitter import Query, QueryCursor

    query = Query(engines.language(), (TREE_SITTER / "queries" / "injections.scm").read_text("utf-8"))
    text = 'pipeline p(m: text) -> text { return f(prompt "Say {{ m }}.") }'
    [(_, captured)] = QueryCursor(query).matches(engines.tree(text))
    assert [node.text for node in captured["injection.content"]] == [b'"Say {{ m }}."']
