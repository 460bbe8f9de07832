"""The extension for Zed: its files say what Zed documents, and its queries fit the grammar."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest

from inferc.dsl.version import __version__

from ..support.commands import ROOT
from . import engines

ZED = ROOT / "grammar" / "zed"
LANGUAGE = ZED / "languages" / "infer"
QUERIES = sorted(LANGUAGE.glob("*.scm"))
TEXT = """\
import "a.infer" as a
let patience = 3s
deployment gpt { model = "gpt-4o-mini" }
route both = fallback [gpt] with { budget { max_spend_per_day = $1, on_exceeded = reject } }
pipeline "say it"(m: text) -> text { return gpt(m) }
type Line = { text: text }
test "it answers" { ask gpt "hello" }
gateway { bind = "127.0.0.1:8080" }
"""


def test_the_manifest_and_the_language_name_the_same_things() -> None:
    manifest = tomllib.loads((ZED / "extension.toml").read_text("utf-8"))
    language = tomllib.loads((LANGUAGE / "config.toml").read_text("utf-8"))
    required = {"id", "name", "version", "schema_version", "authors", "description", "repository"}
    assert required <= manifest.keys()
    assert manifest["version"] == __version__
    assert language["grammar"] in manifest["grammars"]
    assert manifest["language_servers"]["inferc"]["languages"] == [language["name"]]
    assert language["path_suffixes"] == ["infer"]
    crate = tomllib.loads((ZED / "Cargo.toml").read_text("utf-8"))
    assert (crate["lib"]["crate-type"], crate["package"]["version"]) == (["cdylib"], __version__)


def test_what_is_built_says_where_the_grammar_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    build = runpy.run_path(str(ROOT / "scripts" / "build_zed.py"))["build"]
    made = build("file:///a/clone", "0123abc", tmp_path / "zed")
    built = tomllib.loads((made / "extension.toml").read_text("utf-8"))
    grammar = built["grammars"]["infer"]
    assert (built["repository"], grammar["repository"], grammar["rev"]) == (
        *["file:///a/clone"] * 2,
        "0123abc",
    )
    assert (ROOT / grammar["path"] / "src" / "parser.c").exists()


@pytest.mark.needs("cc")
@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_query_finds_something(path: Path) -> None:
    from tree_sitter import Query, QueryCursor

    query = Query(engines.language(), path.read_text("utf-8"))
    assert QueryCursor(query).captures(engines.tree(TEXT + "# a comment\n"))


@pytest.mark.needs("cc")
def test_the_outline_has_every_declaration() -> None:
    from tree_sitter import Query, QueryCursor

    query = Query(engines.language(), (LANGUAGE / "outline.scm").read_text("utf-8"))
    found = QueryCursor(query).matches(engines.tree(TEXT))
    names = [node.text.decode() for _, captures in found for node in captures["name"] if node.text]
    assert sorted(names) == sorted(["patience", "gpt", "both", '"say it"', "Line", '"it answers"', "gateway"])
