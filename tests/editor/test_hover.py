"""What is shown about the thing under the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.hover import hover

from ..support.onnx_models import rows, save
from .conftest import Desk

TEXT = """\
## What all share.
template careful {
  runtime openai { api_key = env("KEY"), retry { max_retries = 5 } }
}
let burst = 2 * 32
deployment gpt from careful {
  model = "gpt-4o-mini"
  runtime openai { retry { jitter = full } }
  serving { max_concurrent = burst }
}
"""


def shown(desk: Desk, marked: str) -> str:
    view, place = desk.at(marked)
    found = hover(view, place)
    if found is None:
        return ""
    assert isinstance(found.contents, lsp.MarkupContent)
    return found.contents.value


def at(word: str, after: str = "") -> str:
    """TEXT with the cursor in the first `word` after the first `after`."""
    start = TEXT.index(word, TEXT.index(after)) + 1
    return f"{TEXT[:start]}|{TEXT[start:]}"


def test_words_that_begin_a_declaration_or_choose_in_a_route(desk: Desk) -> None:
    assert shown(desk, at("deployment")) == "**deployment**: one model somewhere"
    route = "\nroute all = {} [gpt] # fallback"
    assert (
        shown(desk, TEXT + route.format("fall|back"))
        == "**fallback**: one after the other, until one answers"
    )
    assert "the cheapest" in shown(desk, f"{TEXT}\nroute all = balance [gpt] by least|_cost")
    assert shown(desk, (TEXT + route.format("fallback")).replace("# fall", "# fall|")) == ""
    assert shown(desk, f'{TEXT}\nlet words = "a deploy|ment"') == ""


def test_of_which_names_clients_say_a_part(desk: Desk) -> None:
    text = 'deployment "gpt-*" {{ model = "gpt-*", runtime openai {{ api_key = env("K") }} }}'
    said = "answers for names that fit"
    assert said in shown(desk, text.format().replace('"gpt-', '"gp|t-', 1))
    assert said not in shown(desk, at("gpt"))


def test_a_field_its_meaning_and_the_value_that_counts(desk: Desk) -> None:
    text = shown(desk, at("jitter"))
    assert "how much of a wait is random" in text
    assert "takes `none`, `equal`, `full`; default: `equal`" in text
    assert "effective: `full` (main.infer:8)" in text


def test_a_block_lists_what_counts_in_it_and_which_template_gave_it(desk: Desk) -> None:
    text = shown(desk, at("retry", "deployment gpt"))
    assert "- `jitter = full` (main.infer:8)" in text
    assert "- `max_retries = 5` (main.infer:3, from `careful`)" in text
    assert "- `max_backoff = 1m` (default)" in text


def test_a_value_is_followed_to_what_it_is(desk: Desk) -> None:
    assert "= `64`" in shown(desk, at("burst", "max_concurrent"))
    assert "effective: `64`" in shown(desk, at("max_concurrent"))


def test_a_model_and_what_the_catalogue_knows(desk: Desk) -> None:
    text = shown(desk, at("gpt-4o-mini"))
    assert "switched off on 2027-01-14; its provider says to use `gpt-6-luna` then" in text
    assert "128,000 tokens" in text
    assert "$0.15 in" in text
    assert "≈ $0.27 for 1,000 requests of 1,000 tokens and 200 of answer" in text
    assert "reads text, image" in text
    assert "answers with 16,384 tokens at most" in text
    assert "endpoints at its provider: `chat/completions`, `responses`" in text
    assert "batches: taken by its provider, not passed on by a gateway" in text
    assert "api-reference/chat/create" in text


def test_a_model_that_thinks_and_what_it_refuses(desk: Desk) -> None:
    text = shown(desk, 'deployment it { model = "gpt-5-|mini", runtime openai { api_key = env("KEY") } }\n')
    assert "thinks, with the effort minimal, low, medium, high" in text
    assert "takes no `temperature`" in text
    waits = shown(desk, 'deployment i|t { model = "gpt-5-mini", runtime openai { api_key = env("KEY") } }\n')
    assert "a caller waits 2407s" in waits


def test_a_deployment_its_runtime_and_longest_wait(desk: Desk) -> None:
    text = shown(desk, at("gpt from"))
    assert "deployment gpt from careful" in text
    assert "runtime `openai`" in text
    assert "waits" in text


def test_a_template_with_its_doc_comment_from_another_file(desk: Desk) -> None:
    desk.write("lib.infer", TEXT)
    text = shown(desk, 'import "lib.infer" as lib\ndeployment x from lib.care|ful { model = "m" }')
    assert "What all share." in text
    assert "in lib.infer" in text


def test_blocks_and_runtimes(desk: Desk) -> None:
    assert "when a failed request is sent again" in shown(desk, at("retry"))
    assert "the same models on Azure" in shown(desk, at("openai", "deployment gpt"))


def test_calls(desk: Desk) -> None:
    assert "read when a plan starts, never earlier" in shown(desk, at("env("))


def test_a_name_of_an_imported_file(desk: Desk) -> None:
    desk.write("lib.infer", "let x = 1\n")
    assert "lib.infer" in shown(desk, 'import "lib.infer" as lib\nlet y = li|b.x\n')


@pytest.mark.parametrize("written", ['import "li|b.infer" as lib\n', 'import { x } from "li|b.infer"\n'])
def test_an_imported_file_and_what_it_declares(desk: Desk, written: str) -> None:
    desk.write("lib.infer", "let x = 1\ntemplate careful { }\n")
    assert shown(desk, written) == "**lib.infer** declares\n\n- `let x`\n- `template careful`"
    assert shown(desk, written.replace("|b", "|bs")) == ""


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("intent(m) as Verdict", "Verdict"),
        ('prompt "x"', "text"),
        ("call(m) with { timeout = 1s }", "Verdict?"),
    ],
)
def test_a_step_with_its_type_where_the_text_says_it(desk: Desk, value: str, type_: str) -> None:
    text = (
        'type Verdict = { label: text }\nextern call(x: text) -> Verdict? = python("a:b")\n'
        f"pipeline p(m: text) -> text {{\n  step|1 = {value}\n  return step1\n}}\n"
    )
    assert f"step1: {type_}\n" in shown(desk, text)


def test_a_parameter_of_a_pipeline(desk: Desk) -> None:
    assert "m: list<text>" in shown(desk, "pipeline p(m: list<text>) -> text { return f(m|) }")


def test_the_signature_of_an_onnx_model(desk: Desk, tmp_path: Path) -> None:
    save(rows(), tmp_path / "m.onnx")
    text = shown(desk, 'deployment d { model = "m.on|nx" }')
    assert "`x f32[batch, 4]`" in text
    assert "`y f32[batch, 4]`" in text


def test_a_key_in_a_text_is_never_shown(desk: Desk) -> None:
    key = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCD"
    text = shown(desk, f'let sec|ret = "prefix {key}"\n')
    assert key not in text


def test_options_of_routes_and_of_pipelines_and_parameters_of_requests(desk: Desk) -> None:
    base = 'deployment a { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
    route = "route r = fallback [a] with { budget { max_spend_per_we|ek = $1, on_exceeded = warn } }"
    assert "ceiling of any 7 days" in shown(desk, base + route)
    assert "spend ceilings of all that is asked" in shown(
        desk, base + route.replace("we|ek", "week").replace("budg", "bud|g")
    )
    pipeline = "pipeline p(m: text) -> text { carr|ies = [eu] return a(m) }"
    assert "kinds of data that go through it" in shown(desk, base + pipeline)
    request = base.replace('gpt-4o"', 'gpt-4o", request { force { temp|erature = 0 } }')
    assert "variety of the answers" in shown(desk, request)


def test_a_route_says_what_arrives_whoever_answers(desk: Desk) -> None:
    text = """
deployment gpt { model = "gpt-4o", runtime openai { api_key = env("A") } }
deployment claude { model = "claude-sonnet-4-5", runtime anthropic { api_key = env("B") } }
route bo|th = fallback [gpt, claude]
"""
    said = shown(desk, text)
    assert "arrives everywhere: `tools`, " in said
    lost = ("audio", "image_output", "audio_output", "thinking", "logprobs", "choices")
    assert f"is lost: {', '.join(f'`{each}`' for each in lost)}" in said
    assert "context: 128,000 tokens" in said
    assert "arrives" not in shown(desk, text.replace('"A"', ""))


def test_nothing_where_there_is_nothing(desk: Desk) -> None:
    for text in ("|", "let x = 1\n|\n", "# comm|ent"):
        assert shown(desk, text) == ""


FLOWING = """\
deployment gpt { model = "gpt-4o", allows = [pii], runtime openai { api_key = env("A") } }
deployment claude { model = "claude-sonnet-4-5", runtime anthropic { api_key = env("B") } }
route both = fallback [gpt, claude]
pipeline ask(x: text) -> text { carries = [pii], return gpt(x) }
gateway { key team { secret = env("T"), models = [both], carries = [pii] } }
"""


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("g|pt { model", ["one request: at most 4 calls, 512,000 tokens, $", "pipeline `ask`", "allows it"]),
        (
            "cl|aude { model",
            ["at most 4 calls", "`both` → `claude`, which does **not** allow it"],
        ),
        (
            "bo|th =",
            ["at most 16 calls", "arrives everywhere", "`both` → `gpt`, which allows it"],
        ),
        ("as|k(x", ["one request: at most 4 calls", "`ask` → step return → `gpt`, which allows it"]),
        (
            "te|am {",
            ["its requests: at most 16 calls", "`pii` of key `team` comes by `both` → `claude`"],
        ),
    ],
)
def test_bounds_and_flows_of_all_that_is_asked(desk: Desk, place: str, told: list[str]) -> None:
    said = shown(desk, FLOWING.replace(place.replace("|", ""), place))
    assert [each for each in told if each not in said] == []
    broken = FLOWING.replace('"B"', "").replace(place.replace("|", ""), place)
    assert "one request" not in shown(desk, broken)
