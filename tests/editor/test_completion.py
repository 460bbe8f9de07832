"""What is offered at the cursor, which is the `|` in each text (`¦` is a bar of the text)."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.completion import completion

from .conftest import Desk, edited


def offered(desk: Desk, marked: str) -> dict[str, lsp.CompletionItem]:
    """The offers by their labels, in the order in which they are shown."""
    view, place = desk.at(marked)
    items = completion(view, place).items
    return {item.label: item for item in sorted(items, key=lambda item: item.sort_text or item.label)}


def chosen(desk: Desk, marked: str, label: str) -> str:
    """The text after one offer was taken, by a client without snippets."""
    view, place = desk.at(marked)
    [item] = [each for each in completion(view, place, snippets=False).items if each.label == label]
    assert isinstance(item.text_edit, lsp.TextEdit)
    return edited(view.text, [item.text_edit])


def test_a_client_that_knows_defaults_is_told_once_what_is_replaced(desk: Desk) -> None:
    view, place = desk.at("let a = 1\nlet b = en|")
    each, once = (completion(view, place, range_once=known) for known in (False, True))
    assert each.item_defaults is None
    assert once.item_defaults is not None
    [where] = {(edit.range.start.character, edit.range.end.character) for edit in map(edit_of, each.items)}
    assert isinstance(once.item_defaults.edit_range, lsp.Range)
    assert where == (once.item_defaults.edit_range.start.character, place.character) == (8, 10)
    assert [item.text_edit_text for item in once.items] == [edit_of(item).new_text for item in each.items]
    assert all(item.text_edit is None for item in once.items)
    assert {"a": "a", "env": 'env("$1")'}.items() <= {i.label: i.text_edit_text for i in once.items}.items()


def edit_of(item: lsp.CompletionItem) -> lsp.TextEdit:
    """What taking an offer changes."""
    assert isinstance(item.text_edit, lsp.TextEdit)
    return item.text_edit


def documented(item: lsp.CompletionItem) -> str:
    assert isinstance(item.documentation, lsp.MarkupContent)
    return item.documentation.value


@pytest.mark.parametrize(
    ("above", "label"),
    [
        ('runtime openai {\n    api_key = env("K"\n    |\n  }', "timeouts"),
        ('runtime openai {\n    api_key = env("K"\n    retry { | }\n  }', "max_retries"),
        ("allows = [eu\n  |", "replicas"),
        ("allows = [\n    |\n  ]", None),
    ],
)
def test_below_a_bracket_that_is_not_closed_fields_are_offered(
    desk: Desk, above: str, label: str | None
) -> None:
    found = offered(desk, f'deployment a {{\n  model = "gpt-4o"\n  {above}\n}}\n')
    assert label in found if label is not None else "replicas" not in found


def test_what_an_imported_file_offers_follows_that_file(desk: Desk) -> None:
    marked = 'import "lib.infer" as lib\ndeployment a { replicas = | }'
    desk.write("lib.infer", "## One.\nlet one = 1\n")
    assert documented(offered(desk, marked)["lib.one"]) == "One."
    desk.write("lib.infer", "## Still one.\nlet one = 1\nlet two = 2\n")
    found = offered(desk, marked)
    assert documented(found["lib.one"]) == "Still one."
    assert "lib.two" in found
    desk.open("let three = 3\n", "lib.infer")
    assert {"lib.three"} == {label for label in offered(desk, marked) if label.startswith("lib.")}


# ---- words that are changed


@pytest.mark.parametrize(
    ("marked", "label", "becomes"),
    [
        ("deployment a { repl|icas = 2 }", "replicas", "deployment a { replicas = 2 }"),
        ("deployment a { gp| = 2 }", "replicas", "deployment a { replicas = 2 }"),
        (
            "deployment a { serv| { max_concurrent = 2 } }",
            "serving",
            "deployment a { serving { max_concurrent = 2 } }",
        ),
        ("deployment a { runt| openai { } }", "runtime", "deployment a { runtime openai { } }"),
        ("deployment a { repl| }", "replicas", "deployment a { replicas =  }"),
        ("deployment a { | gpus = 2 }", "replicas", "deployment a { replicas =  gpus = 2 }"),
        ("let window = 1\nlet b = win|ner", "window", "let window = 1\nlet b = window"),
        ('deployment a { model = "gpt|-4o" }', "gpt-4o-mini", 'deployment a { model = "gpt-4o-mini" }'),
        ('deployment a { model = "gpt| and more" }', "gpt-4o", 'deployment a { model = "gpt-4o and more" }'),
    ],
)
def test_a_word_is_replaced_as_a_whole_and_what_follows_it_is_not_written_twice(
    desk: Desk, marked: str, label: str, becomes: str
) -> None:
    assert chosen(desk, marked, label) == becomes


# ---- lines that are broken


def test_a_field_may_follow_one_whose_value_is_missing(desk: Desk) -> None:
    found = offered(desk, 'let two = 2\ndeployment a {\n  replicas =\n  |\n  model = "m"\n}')
    assert {"two", "serving"} <= found.keys()
    assert not {"replicas", "model"} & found.keys()
    assert "serving" not in offered(desk, "let two = 2\ndeployment a { replicas = | }")


def test_a_declaration_may_follow_one_that_is_not_closed(desk: Desk) -> None:
    assert {"route", "replicas"} <= offered(desk, 'deployment a {\n  model = "m"\nro|').keys()
    assert {"route", "replicas"} <= offered(desk, "deployment a {\n  model =\n\nro|\n\nlet b = 1").keys()
    assert "route" not in offered(desk, 'deployment a {\n  model = "m"\n  ro|')


def test_the_names_of_a_file_are_offered_for_the_first_one_that_is_imported(desk: Desk) -> None:
    desk.write("lib.infer", "let one = 1\ntemplate two { }\n")
    desk.write("notes.txt", "let one = 1\n")
    assert list(offered(desk, 'import { | } from "lib.infer"\nlet b = 1')) == ["one", "two"]
    assert offered(desk, 'import { | } from "notes.txt"') == {}
    assert offered(desk, 'import { | } from "nowhere.infer"') == {}


def test_a_step_is_not_made_of_itself_and_a_pipeline_does_not_call_itself(desk: Desk) -> None:
    pipeline = (
        "pipeline answer(question: text) -> text {{\n  draft = {}\n  second = question\n  return draft\n}}"
    )
    for value in ("|", "upper(|", "upper(|)"):
        found = offered(desk, pipeline.format(value))
        assert "question" in found
        assert not {"draft", "answer"} & found.keys()


# ---- declarations


def test_a_line_begins_with_a_declaration(desk: Desk) -> None:
    assert list(offered(desk, "dep|")) == [
        *("import", "param", "let", "template", "deployment", "route"),
        *("pipeline", "type", "extern", "test", "cluster", "gateway"),
    ]


def test_nothing_that_a_route_takes_stands_in_braces_alone(desk: Desk) -> None:
    assert offered(desk, "route all = split [{ |") == {}


def test_a_declaration_brings_its_form_where_the_client_takes_snippets(desk: Desk) -> None:
    item = offered(desk, "dep|")["deployment"]
    assert item.insert_text_format is lsp.InsertTextFormat.Snippet
    assert isinstance(item.text_edit, lsp.TextEdit)
    assert item.text_edit.new_text.startswith("deployment ${1:name} {")
    assert chosen(desk, "dep|", "deployment") == "deployment"


def test_templates_after_from_those_that_are_not_named_yet(desk: Desk) -> None:
    text = "template a { }\ntemplate b { }\nlet c = 1\ndeployment d from a, | {\n}"
    assert list(offered(desk, text)) == ["b"]


def test_templates_of_an_imported_file_by_its_name(desk: Desk) -> None:
    desk.write("lib.infer", "## For production.\ntemplate prod { }\nlet x = 1\n")
    found = offered(desk, 'import "lib.infer" as lib\ndeployment d from | { }')
    assert list(found) == ["lib.prod"]
    assert found["lib.prod"].detail == "template, lib.infer"
    assert found["lib.prod"].documentation is not None
    assert list(offered(desk, 'import "lib.infer" as lib\ndeployment d from lib.| { }')) == ["prod"]


def test_names_that_a_file_declares_while_importing_them(desk: Desk) -> None:
    desk.write("lib.infer", "template prod { }\nlet x = 1\n")
    assert list(offered(desk, 'import { x, | } from "lib.infer"')) == ["prod"]


# ---- fields


def test_fields_that_fit_and_are_not_there_yet(desk: Desk) -> None:
    found = offered(desk, "deployment d {\n  |\n  replicas = 2\n  serving { }\n}")
    assert next(iter(found)) == "model"
    assert {"runtime", "gpus", "budget", "task"} <= set(found)
    assert not {"replicas", "serving", "name", "max_concurrent"} & set(found)


def test_a_field_says_what_it_takes_and_means(desk: Desk) -> None:
    item = offered(desk, "deployment d { repl| }")["replicas"]
    assert item.detail == "integer ≥ 1, ≤ 1000, or range such as `2..8`"
    assert isinstance(item.documentation, lsp.MarkupContent)
    assert "independent pools" in item.documentation.value
    assert "default: `1`" in item.documentation.value


@pytest.mark.parametrize(
    ("blocks", "fields"),
    [
        ("runtime openai { | }", {"api_key", "endpoint", "retry", "azure_resource"}),
        ("runtime ort { | }", {"providers", "batching", "cuda", "warm_up"}),
        ("runtime openai { retry { | } }", {"max_retries", "jitter"}),
        ("runtime ort { cuda { | } }", {"gpu_mem_limit", "use_tf32"}),
        ("task embed { | }", {"tokenizer", "pooling"}),
        ("serving { | }", {"max_concurrent", "on_capacity_exhausted"}),
        ("budget { | }", {"on_exceeded", "max_spend_per_day", "max_spend_per_month"}),
        ("request { | }", {"defaults", "force", "unsupported"}),
        ("request { defaults { | } }", {"max_tokens", "reasoning_effort", "extra_body"}),
        ("cache { | }", {"ttl", "max_size", "shared", "sampled"}),
    ],
)
def test_each_block_has_its_own_fields(desk: Desk, blocks: str, fields: set[str]) -> None:
    assert fields <= set(offered(desk, f'deployment d {{ model = "m", {blocks} }}'))


def test_a_runtime_block_without_a_word_is_taken_for_what_the_model_says(desk: Desk) -> None:
    assert "providers" in offered(desk, 'deployment d { model = "m.onnx"\n runtime { | } }')


def test_what_is_needed_comes_first(desk: Desk) -> None:
    assert next(iter(offered(desk, "deployment d { budget { | } }"))) == "on_exceeded"


def test_the_fields_of_gateway_cluster_and_calls(desk: Desk) -> None:
    assert {"bind", "auth", "timeout", "timeouts", "max_body", "cors", "state"} <= set(
        offered(desk, "gateway { | }")
    )
    assert set(offered(desk, "gateway { timeouts { | } }")) == {"header", "body", "write", "idle"}
    assert {"bearer", "none"} <= set(offered(desk, "gateway { auth = | }"))
    assert set(offered(desk, "cluster { | }")) == {"node"}
    text = "pipeline p(m: text) -> text { a = f(m) with { | } }"
    assert {"timeout", "retries", "tools", "max_rounds"} <= set(offered(desk, text))


def test_functions_for_a_model(desk: Desk) -> None:
    base = (
        'extern look(x: text) -> text = python("a:b")\n'
        "pipeline find(x: text) -> text { return look(x) }\n"
        "deployment f { }\n"
    )
    text = "pipeline p(m: text) -> text { return f(m) with { tools = [|] } }"
    assert set(offered(desk, base + text)) == {"look", "find", "p"}


def test_what_stands_behind_a_route_and_among_the_steps_of_a_pipeline(desk: Desk) -> None:
    base = "deployment a { }\ndeployment b { }\n"
    for route in ("fallback [a, b]", "hedge [a, b] after 1s", "balance [a, b] by usage", "split { a: 100% }"):
        names = set(offered(desk, f"{base}route r = {route} with {{ | }}"))
        assert names == {"bounds", "budget", "carries", "promise"}
        found = offered(desk, f"{base}route r = {route} with {{ budget {{ | }} }}")
        assert {"on_exceeded", "max_spend_per_week"} <= set(found), route
    assert {"return", "carries"} <= set(offered(desk, "pipeline p(m: text) -> text { | }"))


# ---- values


def test_words_of_parameters_and_texts_of_the_environment(desk: Desk) -> None:
    assert "xhigh" in offered(desk, "deployment d { request { force { reasoning_effort = | } } }")
    assert list(offered(desk, "deployment d { request { unsupported = | } }"))[:2] == ["error", "drop"]
    assert offered(desk, "deployment d { runtime openai { endpoint = | } }")["env"].detail == (
        "an environment variable with a default, read when a plan starts"
    )


def test_words_with_the_default_marked(desk: Desk) -> None:
    found = offered(desk, "deployment d { runtime openai { retry { jitter = | } } }")
    assert list(found)[:3] == ["none", "equal", "full"]
    assert found["equal"].detail == "the default"


def test_names_of_values_beside_the_words(desk: Desk) -> None:
    found = offered(desk, "let burst = 2\ntemplate t { }\ndeployment d { replicas = | }")
    assert "burst" in found
    assert "t" not in found


def test_what_a_full_deployment_does(desk: Desk) -> None:
    text = "deployment a { }\ndeployment d { serving { on_capacity_exhausted = | } }"
    assert {"queue", "reject", "fallback"} <= set(offered(desk, text))
    text = "deployment a { }\ndeployment d { serving { on_capacity_exhausted = fallback(|) } }"
    assert list(offered(desk, text)) == ["a"]


def test_runtimes_and_tasks(desk: Desk) -> None:
    assert {"ort", "openai", "vllm"} <= set(offered(desk, "deployment d { runtime | }"))
    assert {"embed", "classify"} <= set(offered(desk, "deployment d { task = | }"))


@pytest.mark.parametrize(
    ("written", "units"),
    [
        ("runtime openai { timeouts { request = 30| } }", ["30ms", "30s", "30m", "30h", "30d", "30us"]),
        ("runtime ort { cuda { gpu_mem_limit = 4| } }", ["4KiB", "4MiB", "4GiB", "4TiB"]),
        ("budget { max_spend_per_day = $5| }", ["$5k", "$5M", "$5G"]),
        ("replicas = 2|", ["2k", "2M", "2G"]),
    ],
)
def test_units_that_fit_after_a_number(desk: Desk, written: str, units: list[str]) -> None:
    assert list(offered(desk, f"deployment d {{ {written} }}")) == units


def test_a_unit_replaces_what_is_typed(desk: Desk) -> None:
    text = "gateway { timeout = 30| }"
    assert chosen(desk, text, "30s") == "gateway { timeout = 30s }"


# ---- inside of texts


def test_models_with_price_and_context(desk: Desk) -> None:
    item = offered(desk, 'deployment d { model = "gpt-4o-m|" }')["gpt-4o-mini"]
    assert item.detail == "openai · $0.15 in, $0.6 out · 128k context"
    assert isinstance(item.documentation, lsp.MarkupContent)
    assert "for 1,000 requests" in item.documentation.value


def test_models_of_the_runtime_that_is_named(desk: Desk) -> None:
    found = offered(desk, 'deployment d {\n  model = "|"\n  runtime anthropic { }\n}')
    assert found
    assert all("claude" in name for name in found)


def test_a_text_that_is_not_closed_yet(desk: Desk) -> None:
    text = 'deployment d {\n  model = "gpt-4o-m|\n  replicas = 2\n}\n'
    assert chosen(desk, text, "gpt-4o-mini") == text.replace("gpt-4o-m|", "gpt-4o-mini")


def test_files_for_models_imports_and_tokenizers(desk: Desk) -> None:
    desk.write("lib.infer", "")
    desk.write("models/a.onnx", "")
    desk.write("models/tokenizer.json", "")
    assert list(offered(desk, 'import "|"')) == ["lib.infer", "models/"]
    assert "models/a.onnx" in offered(desk, 'deployment d { model = "models/|" }')
    text = 'deployment d { task embed { tokenizer = "models/|" } }'
    assert list(offered(desk, text)) == ["models/tokenizer.json"]


def test_variables_that_the_file_names_already(desk: Desk) -> None:
    text = 'deployment a { runtime openai { api_key = env("MY_KEY") } }\n'
    text += 'deployment b { model = "claude-x" runtime anthropic { api_key = env("|") } }'
    assert list(offered(desk, text)) == ["MY_KEY", "ANTHROPIC_API_KEY"]


def test_values_between_braces_of_a_text(desk: Desk) -> None:
    text = 'let region = "eu"\nlet url = "https://${reg|"'
    assert chosen(desk, text, "region") == text.replace("reg|", "region}")


def test_the_values_of_a_pipeline_in_its_prompts(desk: Desk) -> None:
    text = 'pipeline p(message: text) -> text { a = gpt(prompt "Say {{ mes|") }'
    assert chosen(desk, text, "message") == text.replace("mes|", "message")


# ---- routes, types, pipelines


def test_strategies_and_members_of_routes(desk: Desk) -> None:
    base = "deployment a { }\ndeployment b { }\n"
    assert {"fallback", "hedge", "a", "b"} <= set(offered(desk, f"{base}route r = |"))
    assert "b" in offered(desk, f"{base}route r = fallback [a, |]")
    assert "a" not in offered(desk, f"{base}route r = fallback [a, |]")
    assert "r" not in offered(desk, f"{base}route r = fallback [a, |]")
    assert set(offered(desk, f"{base}route r = split {{ a: 9| }}")) == {"9%"}
    assert list(offered(desk, f"{base}route r = hedge [a, b] |")) == ["after"]
    assert list(offered(desk, f"{base}route r = balance [a, b] by |")) == [
        "round_robin",
        "least_busy",
        "least_cost",
        "least_latency",
        "usage",
        "conversation",
        "user",
    ]


def test_types_where_a_type_belongs(desk: Desk) -> None:
    assert "duration" in offered(desk, "param p: |")
    base = "type Verdict = { label: text }\n"
    for text in ("pipeline p(m: |", "pipeline p(m: text) -> |", "extern f(x: |", 'type T = "a" ¦ |'):
        found = offered(desk, base + text)
        assert {"Verdict", "text", "tensor"} <= set(found), text
        assert "duration" not in found or "json" in found


def test_steps_see_what_is_theirs_and_what_answers_requests(desk: Desk) -> None:
    text = (
        "deployment gpt { }\ntemplate t { }\n"
        "pipeline p(message: text) -> text {\n  first = gpt(message)\n"
        "  second = gpt(|)\n  third = gpt(first)\n}"
    )
    found = offered(desk, text)
    assert {"message", "first", "third", "gpt", "prompt"} <= set(found)
    assert not {"second", "t"} & set(found)
    assert list(found)[:2] == ["message", "first"]


def test_after_a_call_come_its_options(desk: Desk) -> None:
    text = "pipeline p(m: text) -> text { a = gpt(m) | }"
    assert list(offered(desk, text)) == ["with", "else", "as"]


def test_nothing_in_comments(desk: Desk) -> None:
    assert offered(desk, "# dep|") == {}
    assert offered(desk, "deployment d { } # repl|") == {}


def test_a_long_list_is_cut_to_what_fits(desk: Desk) -> None:
    view, place = desk.at('deployment d { model = "|" }')
    found = completion(view, place)
    assert found.is_incomplete
    assert len(found.items) == 100


def test_the_bounds_of_a_pipeline(desk: Desk) -> None:
    head = 'deployment gpt { model = "gpt-4o" }\npipeline p(x: text) -> text {\n  '
    assert "bounds" in offered(desk, f"{head}|\n  return gpt(x)\n}}\n")
    inside = offered(desk, f"{head}bounds {{ max_wait = 3s, | }}\n  return gpt(x)\n}}\n")
    assert list(inside) == ["max_calls", "max_tokens", "max_cost"]
