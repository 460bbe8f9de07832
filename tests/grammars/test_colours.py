"""One set of files, one class for every token, whatever the editor.

`golden/` says what each token is; Tree-sitter, which reads whole files, records it (`--record`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.grammar.editors.colours import ROLES

from ..support.commands import ROOT, SAMPLES
from . import engines
from .colouring import listed, tokens

FILES = [
    *sorted((Path(__file__).parent / "corpus").glob("*.infer")),
    *sorted(SAMPLES.glob("*.infer")),
    ROOT / "tests" / "dsl" / "data" / "language.infer",
]
GOLDEN = Path(__file__).parent / "golden"

on_every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def text_of(path: Path) -> str:
    return path.read_bytes().decode()


def expected(path: Path) -> str:
    return (GOLDEN / f"{path.stem}.tokens").read_text("utf-8")


@on_every_file
@pytest.mark.needs("cc")
def test_tree_sitter_gives_each_token_its_class(
    path: Path, golden: Callable[[str | Path], Callable[[str], None]]
) -> None:
    text = text_of(path)
    golden(f"golden/{path.stem}.tokens")(listed(text, engines.tree_sitter_spans(text)))


@on_every_file
def test_pygments_gives_each_token_its_class(path: Path) -> None:
    text = text_of(path)
    assert listed(text, engines.pygments_spans(text)) == expected(path)


@pytest.fixture(scope="module")
def by_textmate() -> dict[Path, list[tuple[int, int, str]]]:
    return dict(zip(FILES, engines.textmate_spans(FILES), strict=True))


@on_every_file
@pytest.mark.needs("node")
def test_textmate_gives_each_token_its_class(path: Path, request: pytest.FixtureRequest) -> None:
    spans = request.getfixturevalue("by_textmate")[path]
    assert listed(text_of(path), spans) == expected(path)


@pytest.fixture(scope="module")
def by_vim(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[tuple[int, int, str]]]:
    return dict(zip(FILES, engines.vim_spans(FILES, tmp_path_factory.mktemp("vim")), strict=True))


@on_every_file
@pytest.mark.needs("vim")
def test_vim_gives_each_token_its_class(path: Path, request: pytest.FixtureRequest) -> None:
    spans = request.getfixturevalue("by_vim")[path]
    assert listed(text_of(path), spans) == expected(path)


def test_the_files_hold_tokens_of_every_class() -> None:
    found = {line.split()[1] for path in FILES for line in expected(path).splitlines()}
    assert found == set(ROLES)


LOOSE = {
    "a name on the line below its keyword": ("deployment\n  gpt { }", "gpt", "declaration", "block"),
    "a prompt on the line below its keyword": (
        'pipeline p() -> text { a = prompt\n "{{ m }}" }',
        "{{ m }}",
        "template",
        None,
    ),
    "a type on the line below its colon": ("param a:\n  text", "text", "type", "name"),
    "a template in quotes before the last one": ('deployment a from "b", c { }', "c", "name", "block"),
    "a step named like a field": ("pipeline p() -> text { task = chat }", "chat", "name", "constant"),
}
"""Where a whole-file parser and the line-by-line grammars differ: text, token, and its class in each.

None: the token is part of the text around it."""


@pytest.mark.parametrize("case", LOOSE)
@pytest.mark.needs("cc")
def test_where_grammars_that_see_one_line_differ_from_the_parser(case: str) -> None:
    text, token, parsed, by_line = LOOSE[case]

    def role(spans: engines.Spans) -> str | None:
        return next((role for _, role, piece in tokens(text, spans) if piece == token), None)

    assert role(engines.tree_sitter_spans(text)) == parsed
    assert role(engines.pygments_spans(text)) == by_line


@pytest.mark.parametrize("case", LOOSE)
@pytest.mark.needs("node")
@pytest.mark.needs("vim")
def test_grammars_that_see_one_line_agree_with_each_other(case: str, tmp_path: Path) -> None:
    text = LOOSE[case][0]
    path = tmp_path / "loose.infer"
    path.write_text(text, "utf-8")
    by_pygments = listed(text, engines.pygments_spans(text))
    assert listed(text, engines.textmate_spans([path])[0]) == by_pygments
    assert listed(text, engines.vim_spans([path], tmp_path)[0]) == by_pygments
