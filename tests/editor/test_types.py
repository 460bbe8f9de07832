"""What pipelines and conditions know about types: shown, offered, and led to."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.completion import completion
from inferc.editor.features.definitions import definition
from inferc.editor.features.hover import hover
from inferc.editor.features.inlay_hints import inlay_hints
from inferc.editor.features.signature_help import signature_help

from ..support.onnx_models import rows, save
from .conftest import Desk, edited

BASE = """\
deployment gpt { model = "gpt-4o-mini" }
deployment big { model = "gpt-4o" }
type Place = { city: text, zip: text? }
type Verdict = { label: "refund" ¦ "other", score: float, place: Place }
pipeline judge(said: text, strict: bool?) -> Verdict { return gpt(said) as Verdict }
"""


def in_pipeline(*lines: str) -> str:
    """A pipeline whose step `verdict` is a Verdict."""
    body = "".join(f"  {line}\n" for line in ("verdict = gpt(m) as Verdict", *lines))
    return f"{BASE}pipeline p(m: text, all: list<Verdict>) -> text {{\n{body}}}\n"


def shown(desk: Desk, marked: str) -> str:
    found = hover(*desk.at(marked))
    if found is None:
        return ""
    assert isinstance(found.contents, lsp.MarkupContent)
    return found.contents.value


def offered(desk: Desk, marked: str) -> dict[str, str]:
    """The offers by their labels, with what is said of each, in the order in which they are shown."""
    items = completion(*desk.at(marked)).items
    return {each.label: each.detail or "" for each in sorted(items, key=lambda item: item.sort_text or "")}


def chosen(desk: Desk, marked: str, label: str) -> str:
    """The line of the cursor after one offer was taken."""
    view, place = desk.at(marked)
    [item] = [each for each in completion(view, place, snippets=False).items if each.label == label]
    assert isinstance(item.text_edit, lsp.TextEdit)
    return edited(view.text, [item.text_edit]).splitlines()[place.line].strip()


# ---- hover


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return verdict.la|bel", 'verdict.label: "refund" | "other"'),
        ("return ver|dict.label", "verdict: Verdict\nVerdict = { label: "),
        ("return verdict.place.zi|p else m", "verdict.place.zip: text?"),
        ("return verdict.place.zip el|se m", "verdict.place.zip else m: text"),
        ("return join([v.la|bel for v in all], m)", 'v.label: "refund" | "other"'),
        ("return join([v|.label for v in all], m)", "v: Verdict"),
        ("n| = len(m)", "n: int"),
        ("return text(al|l)", "all: list<Verdict>"),
    ],
)
def test_a_part_of_a_pipeline_with_its_type(desk: Desk, line: str, expected: str) -> None:
    assert expected in shown(desk, in_pipeline(line))


def test_a_field_says_where_its_type_is_written(desk: Desk) -> None:
    text = shown(desk, in_pipeline("return verdict.sc|ore"))
    assert "`score` is float (main.infer:4)" in text


def test_a_call_says_what_it_gives_and_what_says_so(desk: Desk, tmp_path: Path) -> None:
    save(rows(), tmp_path / "m.onnx")
    text = 'deployment net { model = "m.onnx" }\npipeline p(x: tensor<f32, [batch, 4]>) -> text {\n'
    for line in ("  y = n|et(x)\n", "  |y = net(x)\n"):
        found = shown(desk, f"{text}{line}  return text(y)\n}}\n")
        assert "tensor<f32, [batch, 4]>" in found
        assert "because `m.onnx` says so (main.infer:1)" in found


def test_the_answer_that_a_cascade_judges(desk: Desk) -> None:
    text = f"{BASE}route r = cascade [gpt, big] accept it.conf|idence > 0.9\n"
    assert "it.confidence: float" in shown(desk, text)


def test_a_function_of_the_language(desk: Desk) -> None:
    text = shown(desk, in_pipeline("return jo|in([m], m)"))
    assert "join(texts, separator)" in text
    assert "one text of all" in text


def test_a_type_that_names_others_is_spelled_out(desk: Desk) -> None:
    text = f'{BASE}type Label = "a" ¦ "b"\ntype Lab|els = list<Label>\n'
    assert '= `list<"a" | "b">`' in shown(desk, text)


def test_nothing_is_said_of_what_is_mistaken(desk: Desk) -> None:
    assert "json" not in shown(desk, in_pipeline("return verdict.no|thing"))


# ---- completion


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("x = verdict.|", ["label", "score", "place"]),
        ("x = verdict.la|", ["label", "score", "place"]),
        ("x = concat(verdict.place.|", ["city", "zip"]),
        ("x = [v.| for v in all]", ["label", "score", "place"]),
        ('x = gpt(prompt "It is {{ verdict.|', ["label", "score", "place"]),
        ("x = m.|", []),
        ("x = judge(m).|", ["label", "score", "place"]),
        ("x = judge(m).la|", ["label", "score", "place"]),
        ("x = judge(m).place.|", ["city", "zip"]),
        ("x = join([judge(m).|, m], m)", ["label", "score", "place"]),
        ("x = m + judge(join(all, m)).|", ["label", "score", "place"]),
        ("x = (first(all) else verdict).|", ["label", "score", "place"]),
        ("x = all[0].place.|", ["city", "zip"]),
        ("x = [judge(v.label).| for v in all]", ["label", "score", "place"]),
        ("x = gpt(m).|", []),
    ],
)
def test_the_fields_of_a_record(desk: Desk, line: str, fields: list[str]) -> None:
    assert list(offered(desk, in_pipeline(line, "return m"))) == fields


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("x = judge(|)", {"said": "text", "strict": "bool?"}),
        ("x = judge(m, |", {"said": "text", "strict": "bool?"}),
        ("x = judge(said = m, st|)", {"strict": "bool?"}),
        ("x = judge(|, said = m)", {"strict": "bool?"}),
        ('x = Verdict(label = "refund", |)', {"score": "float", "place": "Place"}),
        ("x = len(judge(|))", {"said": "text", "strict": "bool?"}),
        ("x = judge(said = |)", {}),
        ("x = [judge(|) for v in all]", {"said": "text", "strict": "bool?"}),
    ],
)
def test_the_arguments_of_a_call_by_name(desk: Desk, line: str, arguments: dict[str, str]) -> None:
    view, place = desk.at(in_pipeline(line, "return m"))
    items = completion(view, place).items
    named = {each.label: each.detail for each in items if each.kind is lsp.CompletionItemKind.Property}
    assert named == arguments


def test_the_arguments_of_deployments_and_routes(desk: Desk) -> None:
    for line in ("x = gpt(m, |)", "x = both(m, |)"):
        text = in_pipeline(line, "return m").replace(
            "pipeline p", "route both = fallback [gpt, big]\npipeline p"
        )
        assert {"system", "m", "join"} <= set(offered(desk, text))
    assert chosen(desk, in_pipeline("x = gpt(m, sy|)", "return m"), "system") == "x = gpt(m, system = )"


def test_what_may_follow_a_call_inside_of_another(desk: Desk) -> None:
    assert {"else", "as", "with"} <= set(offered(desk, in_pipeline("x = len(gpt(m) |)", "return m")))
    assert "for" in offered(desk, in_pipeline("x = [gpt(m) |]", "return m"))


def test_fields_come_with_their_types(desk: Desk) -> None:
    assert offered(desk, in_pipeline("x = verdict.|", "return m"))["score"] == "float"


def test_the_fields_of_the_answer_that_a_cascade_judges(desk: Desk) -> None:
    found = offered(desk, f"{BASE}route r = cascade [gpt, big] accept it.|")
    assert found["confidence"] == "float"
    assert "tokens" in found


def test_functions_of_the_language_among_what_steps_see(desk: Desk) -> None:
    found = offered(desk, in_pipeline("x = f(|)", "return m"))
    assert {"cosine", "gpt", "verdict", "m"} <= set(found)
    assert found["join"] == "join(texts, separator)"
    assert "cosine" not in offered(desk, "deployment d { replicas = | }")


def test_the_options_of_a_call_and_of_a_loop(desk: Desk) -> None:
    call = offered(desk, in_pipeline("x = gpt(m) with { timeout = 1s, | }", "return x"))
    tools = {"tools", "max_rounds", "on_tool_error"}
    assert set(call) == {"retries", "max_tokens", "temperature", "repair", *tools}
    loop = offered(desk, in_pipeline("x = [gpt(v.label) for v in all] with { | }", "return m"))
    assert set(loop) == {"limit"}
    own = offered(desk, 'extern f(x: text) -> text = python("m:f") with { workers = 2, | }')
    assert set(own) == {"carries", "isolation", "timeout", "memory", "removes"}
    assert "30s" in offered(desk, in_pipeline("x = gpt(m) with { timeout = 30| }", "return x"))
    assert "how many run at the same time" in shown(
        desk, in_pipeline("x = [gpt(v.label) for v in all] with { lim|it = 2 }", "return m")
    )


def test_the_first_of_a_list_is_offered_and_is_what_the_list_holds(desk: Desk) -> None:
    assert "first" in offered(desk, in_pipeline("x = fir|", "return m"))
    assert "the first value of a list" in shown(desk, in_pipeline("x = fir|st(all) else verdict", "return m"))
    assert set(offered(desk, in_pipeline("x = first(all) else verdict", "y = x.|"))) == {
        "label",
        "score",
        "place",
    }


def test_the_arms_that_a_match_has_not_yet(desk: Desk) -> None:
    text = in_pipeline("x = match verdict.label {", '  "refund" => m', "  |", "}", "return x")
    assert next(iter(offered(desk, text))) == '"other"'
    assert '"refund"' not in offered(desk, text)
    assert chosen(desk, text, '"other"') == '"other" =>'
    text = in_pipeline("x = match verdict.label {", '  "re|" => m', "}", "return x")
    assert set(offered(desk, text)) == {"refund", "other"}
    assert chosen(desk, text, "refund") == '"refund" => m'


def test_the_filters_of_prompts(desk: Desk) -> None:
    found = offered(desk, in_pipeline('x = gpt(prompt "{{ m | tr|', "return x").replace(" | tr", " ¦ tr", 1))
    assert {"trim", "truncate"} <= set(found)
    assert "m" not in found


def test_asking_keeps_what_was_read(desk: Desk) -> None:
    view, place = desk.at(in_pipeline("x = [v.| for v in all]", "return m"))
    completion(view, place)
    parses = desk.workspace.parses
    completion(view, place)
    assert desk.workspace.parses == parses


# ---- beside and behind


def test_a_step_is_followed_by_its_type_where_it_does_not_say_it(desk: Desk) -> None:
    text = in_pipeline("n = len(m)", "said = prompt m", "where = verdict.place", "return m").replace("¦", "|")
    view = desk.open(text)
    everywhere = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))
    found = [
        f"{view.text.splitlines()[each.position.line].strip().partition(' ')[0]}{each.label}"
        for each in inlay_hints(view, everywhere)
        if each.kind is lsp.InlayHintKind.Type
    ]
    assert found == ["n: int", "where: Place"]


def test_from_a_field_to_where_it_is_written(desk: Desk) -> None:
    view, place = desk.at(in_pipeline("return verdict.place.ci|ty"))
    [link] = definition(view, place)
    start, end = view.offset(link.target_range.start), view.offset(link.target_range.end)
    assert view.text[start:end] == "city: text"


@pytest.mark.parametrize(
    ("line", "label", "active"),
    [
        ("x = join(all, |", "join(texts, separator)", 1),
        ("x = reshape(m, |", "reshape(x, [1, 3, 224])", 1),
        ("x = first(|", "first(x)", 0),
        ("x = split_text(m, overlap = |", "split_text(x, size, overlap = 0)", 2),
    ],
)
def test_what_a_function_of_the_language_takes(desk: Desk, line: str, label: str, active: int) -> None:
    found = signature_help(*desk.at(in_pipeline(line)))
    assert found is not None
    assert (found.signatures[0].label, found.active_parameter) == (label, active)


def test_a_text_without_pipelines_loads_no_types() -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom inferc.editor import serve\n"
        "assert 'inferc.compiler.graph' not in sys.modules\n"
        "assert 'inferc.compiler.pipelines.builtins.table' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
