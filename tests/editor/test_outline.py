"""The outline, what can be folded and selected, links, and what can be done with a declaration."""

from __future__ import annotations

from lsprotocol import types as lsp

from inferc.editor.features.code_lens import code_lens
from inferc.editor.features.folding import folding
from inferc.editor.features.graph import graph
from inferc.editor.features.links import links
from inferc.editor.features.selection import selection
from inferc.editor.features.symbols import document_symbols, workspace_symbols

from .conftest import Desk

TEXT = """\
# A file
# with comments.
import "a.infer" as a
import "b.infer" as b

deployment gpt {
  model = "gpt-4o"
  runtime openai {
    retry { max_retries = 2 }
  }
}
route r = fallback [gpt]
pipeline p(m: text) -> text {
  first = gpt(m)
  return first
}
"""


def test_declarations_with_what_is_in_them(desk: Desk) -> None:
    found = document_symbols(desk.open(TEXT))
    assert [each.name for each in found] == ["a", "b", "gpt", "r", "p"]
    gpt, pipeline = found[2], found[4]
    assert gpt.detail == "deployment"
    assert [each.name for each in gpt.children or ()] == ["model", "runtime"]
    assert [each.name for each in pipeline.children or ()] == ["first"]
    for each in found:
        assert each.range.start <= each.selection_range.start
        assert each.selection_range.end <= each.range.end


def test_declarations_of_all_files_by_some_of_their_letters(desk: Desk) -> None:
    desk.write("lib/other.infer", "template production { }\n")
    desk.write("node_modules/x.infer", "template production2 { }\n")
    desk.open(TEXT)
    found = workspace_symbols(desk.workspace, "prdct")
    assert [(each.name, each.container_name) for each in found] == [("production", "lib/other.infer")]
    assert [each.name for each in workspace_symbols(desk.workspace, "GPT")] == ["gpt"]


def test_what_can_be_folded(desk: Desk) -> None:
    found = {(each.start_line, each.end_line, each.kind) for each in folding(desk.open(TEXT))}
    assert found == {
        (0, 1, lsp.FoldingRangeKind.Comment),
        (2, 3, lsp.FoldingRangeKind.Imports),
        (5, 9, None),
        (7, 8, None),
        (12, 14, None),
    }


def test_a_selection_grows_by_what_belongs_together(desk: Desk) -> None:
    view, place = desk.at("deployment d {\n  serving { max_concurrent = 1|6 }\n}\n")
    grown: lsp.SelectionRange | None = selection(view, [place])[0]
    texts = []
    while grown is not None:
        texts.append(view.text[view.offset(grown.range.start) : view.offset(grown.range.end)])
        grown = grown.parent
    assert texts == [
        "16",
        "max_concurrent = 16",
        "{ max_concurrent = 16 }",
        "serving { max_concurrent = 16 }",
        "{\n  serving { max_concurrent = 16 }\n}",
        view.text.rstrip("\n"),
        view.text,
    ]


def test_paths_lead_to_files_that_are_there(desk: Desk) -> None:
    desk.write("a.infer", "")
    desk.write("m.onnx", "")
    text = TEXT.replace("gpt-4o", "m.onnx")
    found = [(each.target or "").rpartition("/")[2] for each in links(desk.open(text))]
    assert found == ["a.infer", "m.onnx"]


def test_what_can_be_done_with_each_declaration(desk: Desk) -> None:
    found = [each.command for each in code_lens(desk.open(TEXT)) if each.command is not None]
    assert [(each.title, each.command, (each.arguments or [])[1:]) for each in found] == [
        ("run", "inferc.run", ["gpt"]),
        ("call", "inferc.call", ["gpt"]),
        ("run", "inferc.run", ["r"]),
        ("call", "inferc.call", ["r"]),
        ("graph", "inferc.graph", ["r"]),
        ("run", "inferc.run", ["p"]),
        ("call", "inferc.call", ["p", [["m", "text"]]]),
        ("graph", "inferc.graph", ["p"]),
    ]
    assert all((each.arguments or [])[0] == desk.uri() for each in found)


def test_a_test_can_be_played(desk: Desk) -> None:
    [lens] = code_lens(desk.open('test "it answers" { expect ok }'))
    assert lens.command is not None
    assert (lens.command.title, lens.command.command) == ("play this test", "inferc.test")
    assert lens.command.arguments == [desk.uri(), "it answers"]


def test_the_picture_is_that_of_the_text_in_the_editor(desk: Desk) -> None:
    fine = TEXT[TEXT.index("deployment") :].replace("openai {", 'openai { api_key = env("KEY")')
    assert '"gpt' in graph(desk.open(fine))["dot"]
    alone = graph(desk.open(fine + fine.partition("route")[0].replace("gpt {", "other {")), "p")["dot"]
    assert "gpt" in alone
    assert "other" not in alone
    assert "is called `q`" in graph(desk.open(fine), "q")["problem"]
    assert graph(desk.open(fine.replace("[gpt]", "[gpd]"))) == {"problem": "the file has 1 error"}
