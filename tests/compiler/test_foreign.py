"""Words of other tools and languages: for each there is one answer, and what is offered as a fix is right."""

from __future__ import annotations

import json
import typing
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any

import attrs
import pytest

from inferc.compiler.compile import check_file
from inferc.compiler.globals import GatewayFields
from inferc.compiler.pipelines.builtins.table import BUILTINS
from inferc.dsl.deployment import Deployment
from inferc.dsl.diagnostics import Diagnostic
from inferc.dsl.field_words import hint, options
from inferc.dsl.foreign_words import ForeignWord, foreign_words
from inferc.dsl.kinds import RuntimeKind
from inferc.dsl.runtimes import OpenAIConfig, OrtConfig, SecretRef
from inferc.dsl.tasks import EmbedTask
from inferc.dsl.units import Duration, Money, Size
from inferc.dsl.word_enum import by_word

from ..support.rows import each_row

HERE = Path(__file__).parent / "golden_diagnostics" / "m.infer"


def found(text: str) -> list[Diagnostic]:
    return list(check_file("m.infer", HERE, text=text).diagnostics)


def errors(text: str) -> list[str]:
    return [item.message for item in found(text) if item.is_error]


def said(item: Diagnostic) -> str:
    labels = [item.primary.text] if item.primary is not None else []
    return " | ".join([item.message, *labels, *item.help, *(fix.title for fix in item.fixes)])


def fixed(text: str, item: Diagnostic) -> str:
    edits = [edit for fix in item.fixes for edit in fix.edits]
    for edit in sorted(edits, key=lambda each: each.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text


# ---- fields: the table of `dsl/foreign_words.json`

FIELDS, GATEWAY = foreign_words("fields"), foreign_words("gateway")
REMOTE = 'deployment gpt {{ model = "gpt-4o-mini", runtime openai {{ {inside} }}, {beside} }}\n'
LOCAL = 'deployment e {{ model = "models/minilm.onnx", task embed {{ {task} }}, {beside} }}\n'
KEY, TOKENIZER = 'api_key = env("K")', 'tokenizer = "models/tokenizer.json"'


def written(told: ForeignWord) -> tuple[str, bool] | None:
    """An example of the value that the place of a word takes, and whether it is a block."""
    steps, cls = told.to, Deployment
    written: Any = None
    for step in steps:
        if step == "runtime":
            local = steps[1] not in attrs.fields_dict(OpenAIConfig)
            cls = OrtConfig if local else OpenAIConfig
            if steps[1] in ("launch", "project", "region", "credentials"):
                return None  # of other runtimes: a test of its own
            continue
        if step == "task":
            cls = EmbedTask
            continue
        if step not in attrs.fields_dict(cls):
            return None
        written = hint(cls, step)
        for option in options(written):
            if attrs.has(option) and option is not SecretRef and step != "on_capacity_exhausted":
                cls = option
    [kind] = [option for option in options(written) if option is not NoneType][:1]
    return _value(kind, told)


def _value(kind: Any, told: ForeignWord) -> tuple[str, bool] | None:
    if told.to[-1] == "on_capacity_exhausted":
        return "reject", False
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict or (attrs.has(kind) and kind is not SecretRef):
        return "{ }", True
    if origin is tuple:
        inner = _value(arguments[0], told)
        return (f"[{inner[0]}]", False) if inner is not None else None
    plain = {int: "64", float: "1", bool: "true", SecretRef: 'env("K")', Size: "3MiB", object: "3"}
    plain[str] = '"models/tokenizer.json"' if "tokenizer" in told.to else '"http://127.0.0.1:9000/v1"'
    if kind in plain:
        return plain[kind], False
    if kind in (Duration, Money):
        return ("3" if told.unit else {Duration: "3s", Money: "$3"}[kind]), False
    assert issubclass(kind, StrEnum)
    return str(next(iter(kind))), False


def about(word: str, text: str) -> Diagnostic:
    """What is said about a field or block called `word`."""
    [item] = [item for item in found(text) if item.code == "E0204" and f"`{word}`" in item.message]
    return item


def test_each_field_of_others_has_an_answer() -> None:
    for word in FIELDS:
        if word not in attrs.fields_dict(Deployment):
            has_an_answer(word)


def has_an_answer(word: str) -> None:
    told = FIELDS[word]
    example = written(told) if told.to else None
    if example is None:
        item = about(word, REMOTE.format(inside=KEY, beside=f"{word} = 3"))
        assert told.to[-1] in said(item) if told.to else told.say in item.help, word
        return
    value, is_block = example
    setting = f"{word} {value}" if is_block else f"{word} = {value}"
    is_runtime = told.to[0] == "runtime"
    is_local = told.to[0] in ("task", "gpus") or (is_runtime and told.to[1] in attrs.fields_dict(OrtConfig))
    inside = "" if "api_key" in told.to else KEY
    text = REMOTE.format(inside=inside, beside=setting)
    if is_local:
        text = LOCAL.format(task="" if "tokenizer" in told.to else TOKENIZER, beside=setting)
    item = about(word, text)
    assert all(step in said(item) for step in told.to), word
    if item.fixes:
        assert not [each for each in errors(fixed(text, item)) if word in each]
    if is_runtime and not is_local and word not in attrs.fields_dict(OpenAIConfig):
        text = REMOTE.format(inside=", ".join(filter(None, (inside, setting))), beside="")
        item = about(word, text)
        assert item.fixes, word
        assert errors(fixed(text, item)) == [], word


@each_row("word", [word for word in GATEWAY if word not in attrs.fields_dict(GatewayFields)])
def test_each_field_of_other_gateways_has_an_answer(word: str) -> None:
    told = GATEWAY[word]
    values = {"auth": 'env("T")', "cors": '["https://a.example.com"]', "max_body": "1MiB"}
    value = values.get(told.to[0], "3") if told.to else "3"
    text = REMOTE.format(inside=KEY, beside="") + f"gateway {{ {word} = {value} }}\n"
    item = about(word, text)
    if not told.to:
        assert told.say in item.help
        return
    assert all(step in said(item) for step in told.to)
    assert errors(fixed(text, item)) == []


def test_a_field_of_other_runtimes_says_which() -> None:
    item = about("region_name", REMOTE.format(inside=KEY, beside='region_name = "us"'))
    assert item.help == ("this is for `anthropic`, `gemini` or `bedrock`: `region = …`",)


def test_fields_of_others_that_are_written_as_blocks_have_answers() -> None:
    texts = [REMOTE.format(inside=KEY, beside=f'{word} {{ x = "y" }}') for word in FIELDS]
    text = "".join(each.replace("gpt", f"d{number}", 1) for number, each in enumerate(texts))
    said = "\n".join(errors(text))
    assert [word for word in FIELDS if f"`{word}`" not in said] == []


def test_what_is_there_already_is_not_written_twice() -> None:
    text = REMOTE.format(inside=f"{KEY}, timeout = 30s, timeouts {{ request = 1s }}", beside="")
    assert about("timeout", text).fixes == ()


def test_a_setting_moves_into_the_block_that_is_there() -> None:
    text = (
        'deployment gpt {\n  model = "gpt-4o-mini"\n  rpm = 60\n'
        '  runtime openai {\n    api_key = env("K")\n    rate_limits { tokens_per_minute = 10k }\n  }\n}\n'
    )
    assert fixed(text, about("rpm", text)) == (
        'deployment gpt {\n  model = "gpt-4o-mini"\n'
        '  runtime openai {\n    api_key = env("K")\n'
        "    rate_limits { requests_per_minute = 60, tokens_per_minute = 10k }\n  }\n}\n"
    )


# ---- the other words of the table

GPT = REMOTE.format(inside=KEY, beside="")
LIKE = {
    "let": "x = 1",
    "param": "x = 1",
    "import": '"x.infer" as x',
    "type": "x = text",
    "route": "x = fallback [gpt]",
    "gateway": "{ }",
    "cluster": "{ node a { gpus = 1 } }",
    "pipeline": "p(m: text) -> text { return gpt(m) }",
    "deployment": 'd { model = "gpt-4o" }',
    "template": "t { replicas = 2 }",
}


@each_row("word", foreign_words("declarations"))
def test_each_word_that_declares_something_elsewhere_has_an_answer(word: str) -> None:
    told = foreign_words("declarations")[word]
    names = "x y" if told.to == ("import",) else '"x" "y"'
    [item] = [each for each in found(f"{GPT}{word} {names} {{\n  a = 1\n}}\n") if each.is_error]
    assert (told.to[0] if told.to else told.say) in said(item)
    if told.to:
        text = f"{GPT}{word} {LIKE[told.to[0]]}\n"
        [fix] = found(text)[0].fixes
        assert (fix.title, fix.edits[0].replacement) == (f"write `{told.to[0]}`", told.to[0])


@each_row("word", foreign_words("runtimes"))
def test_each_runtime_of_others_has_an_answer(word: str) -> None:
    told = foreign_words("runtimes")[word]
    text = f'deployment d {{ model = "acme/large", runtime {word} {{ api_key = env("K") }} }}\n'
    found_here = found(text)
    if word in by_word(RuntimeKind):
        return
    [item] = [each for each in found_here if each.is_error]
    assert (told.to[0] if told.to else told.say) in said(item)
    if told.to:
        assert f"there is no runtime `{word}`" not in errors(fixed(text, item))


@each_row("word", [word for word in foreign_words("routes") if "-" not in word])
def test_each_strategy_of_others_has_an_answer(word: str) -> None:
    [item] = [each for each in found(f"{GPT}route r = {word} [gpt]\n") if each.is_error]
    assert foreign_words("routes")[word].form in said(item)


@each_row("word", foreign_words("values"))
def test_each_nothing_of_others_has_an_answer(word: str) -> None:
    [item] = found(REMOTE.format(inside=KEY, beside=f"replicas = {word}"))
    assert foreign_words("values")[word].say in item.help


@each_row("word", [word for word in foreign_words("calls") if word not in BUILTINS])
def test_each_function_of_others_has_an_answer(word: str) -> None:
    told = foreign_words("calls")[word]
    [item] = found(f"{GPT}pipeline p(x: text) -> text {{\n  return gpt({word}(x))\n}}\n")
    assert (told.to[0] if told.to else told.say) in said(item)


# ---- forms of other languages: `first_words.json` has what is written, and what is said

FORMS = json.loads(Path(__file__).with_name("first_words.json").read_text("utf-8"))


def test_each_form_of_others_has_an_answer() -> None:
    for form in FORMS:
        first, *others = found(form["text"])
        assert form["answer"] in said(first), form["name"]
        assert [item.message for item in others if item.is_error] == [], form["name"]
        if form["fixed"]:
            assert errors(fixed(form["text"], first)) == [], form["name"]


def test_each_declaration_of_another_language_is_told() -> None:
    text = 'variable "x" {\n  default = 1\n}\n\nresource "a" "b" {\n  c = 1\n}\n\ndef f(x):\n    return x\n'
    assert [item.message.rpartition(" ")[2] for item in found(text)] == ["`variable`", "`resource`", "`def`"]


def pipe(body: str) -> str:
    return f"{GPT}pipeline p(message: text) -> text {{\n  {body}\n}}\n"


@each_row(
    "text",
    [
        pipe('return gpt(format("Hi {message}", message = message))'),
        pipe('return gpt(prompt "It costs ${{ message }}")'),
        pipe('return gpt("Fill in {name} for ${message}")'),
    ],
)
def test_braces_that_are_meant_are_no_mistake(text: str) -> None:
    assert found(text) == []


@each_row("word", foreign_words("words"))
def test_each_word_of_other_languages_has_an_answer(word: str) -> None:
    [item] = found(pipe(f"x = {word} gpt(message)\n  return gpt(message)"))
    assert foreign_words("words")[word].say in item.help


def test_what_another_word_was_meant_for_is_not_missing_as_well() -> None:
    config = 'runtime openai_compatible { base_url = "http://127.0.0.1:8000/v1" }'
    [item] = found(f'deployment a {{\n  model = "m"\n  {config}\n}}\n')
    assert (item.message, item.fixes[0].title) == (
        "the runtime `openai_compatible` has no field `base_url`",
        "write `endpoint = …`",
    )


@each_row("word", ["port", "ports"])
def test_a_server_whose_port_is_told_lacks_no_endpoint_as_well(word: str) -> None:
    [item] = found(f'deployment a {{ model = "m", runtime vllm {{ {word} = 8000 }} }}\n')
    assert "its `endpoint`" in said(item)


# ---- what is meant is offered where it is one thing, and nothing else is


@each_row(
    ("beside", "right"),
    [
        ("cache { ttl = 1h, max_size = 4Gi }", "cache { ttl = 1h, max_size = 4GiB }"),
        ("cache { ttl = 2w }", "cache { ttl = 14d }"),
        (
            "budget { max_spend_per_day = 5USD, on_exceeded = reject }",
            "budget { max_spend_per_day = $5, on_exceeded = reject }",
        ),
        ("servng { max_concurrent = 3 }", "serving { max_concurrent = 3 }"),
        ("serving { on_capacity_exhausted = fallback(othr) }", None),
    ],
)
def test_what_is_meant_is_a_change_that_leads_to_a_file_without_errors(
    beside: str, right: str | None
) -> None:
    other = REMOTE.format(inside=KEY, beside="replicas = 1").replace("gpt {", "other {")
    text = other + REMOTE.format(inside=KEY, beside=beside)
    wrong = [item for item in found(text) if item.is_error]
    assert len(wrong) == 1
    assert fixed(text, wrong[0]) == text.replace(beside, right or beside.replace("othr", "other"))
    assert errors(fixed(text, wrong[0])) == []


@each_row("written", ["requests_per_second = 5", "requests_per_hour = 5", "tokens_per_day = 5"])
def test_a_limit_of_another_time_is_not_taken_for_one_of_a_minute(written: str) -> None:
    text = REMOTE.format(inside=f"{KEY}, rate_limits {{ {written} }}", beside="replicas = 1")
    [wrong] = [item for item in found(text) if item.is_error]
    assert wrong.fixes == ()
    assert "by the minute" in said(wrong)


def test_the_least_of_something_is_not_taken_for_the_most() -> None:
    text = REMOTE.format(inside=KEY, beside="serving { min_concurrent = 5 }")
    [wrong] = [item for item in found(text) if item.is_error]
    assert wrong.fixes == ()
    assert "here are" in said(wrong)


@each_row(
    ("text", "says"),
    [
        ('deployment "openai" "gpt" {\n  model = "gpt-4o"\n}\n', "a deployment has one name"),
        ("deployment: gpt\n  model: gpt-4o\n", "write `deployment name {"),
        ("def p(message: str) -> str:\n    return gpt(message)\n", "write `pipeline name("),
    ],
)
def test_a_head_in_the_words_of_others_is_one_mistake(text: str, says: str) -> None:
    [wrong] = [item for item in found(text) if item.is_error]
    assert says in said(wrong)


def test_a_variable_that_an_address_does_not_read_is_no_host() -> None:
    place = 'deployment a { model = "m", runtime vllm { endpoint = "http://HERE:8000/v1" } }'
    text = f'let host = env("HOST")\n{place}\n'
    [wrong] = [item for item in found(text.replace("HERE", "$HOST")) if item.is_error]
    assert "names no host" in wrong.message
    assert 'let host = env("HOST")' in said(wrong)
    assert errors(text.replace("HERE", "${host}")) == []


def test_a_name_of_one_letter_is_not_taken_for_another() -> None:
    [wrong] = found(REMOTE.format(inside=KEY, beside="replicas = 1") + "route r = fallback [y]\n")
    assert wrong.fixes == ()
    assert "did you mean" not in said(wrong)


@each_row("written", ["x -- y", "x -- y * 2", "(x) -- y", "[x -- y, y]", "x --y", "x - -y"])
def test_what_is_taken_away_may_be_negative(written: str) -> None:
    text = f"let x = 1\nlet y = 2\nlet z = {written}\n"
    assert [item.message for item in check_file("m", None, text=text).diagnostics if item.code < "W"] == []


@each_row(
    "written", ["x -- y else x", "[z -- y for z in zs][0]", "zs[0] -- y", "if x > y { -- y } else { x }"]
)
def test_steps_may_take_away_what_is_negative(written: str) -> None:
    text = f"pipeline p(zs: list<float>, x: float, y: float) -> float {{\n  return {written}\n}}\n"
    assert [item.message for item in check_file("m", None, text=text).diagnostics if item.code < "W"] == []


@each_row("value", ["x", '"x"', "2", "[2]", "x + 2"])
@each_row("comment", ["note", "the value of it"])
def test_dashes_behind_a_value_begin_a_comment(value: str, comment: str) -> None:
    text = f"let x = 1\nlet y = {value} -- {comment}\n"
    [item] = [item for item in check_file("m", None, text=text).diagnostics if item.code < "W"]
    assert (item.code, item.message) == ("E0105", "comments start with `#`")


@each_row("written", ["zz.limit / 2", "zz.limit - 2", "zz.limit + x"])
def test_a_calculation_with_what_is_not_there_is_no_text(written: str) -> None:
    text = f'let x = 1\ndeployment d {{ model = "gpt-4o", replicas = {written} }}\n'
    found = [item.message for item in check_file("m", None, text=text).diagnostics]
    assert "`zz` is no imported file" in found


@pytest.mark.parametrize("written", ["token { a = 1 }", "token {}"])
def test_a_block_where_the_gateway_takes_a_value_is_answered(written: str) -> None:
    found = check_file("m", None, text=f"gateway {{ {written} }}\n").diagnostics
    assert any("write `auth" in said(item) for item in found)


# ---- habits of other languages, made in each line: one mistake, and one change that mends all of it

KEYED = 'deployment d {\n  model = "gpt-4o"\n  runtime openai {\n    api_key = env("K")\n  }\n}\n'


@each_row(
    "text",
    [
        KEYED.replace(" =", ":"),
        KEYED.replace("model", '"model"').replace("api_key", '"api_key"').replace(" =", ":"),
        KEYED.replace('"gpt-4o"', '"gpt-4o";').replace('("K")', '("K");'),
        KEYED.replace(" {", " = {"),
        KEYED.replace("runtime openai {", "runtime { openai {").replace("\n  }\n", "\n  } }\n"),
        KEYED.replace("model = ", "model ").replace('"gpt-4o"', "gpt-4o;"),
        KEYED.replace("api_key = ", "api_key ").replace('("K")', '("K");'),
        "---\n" + KEYED,
        KEYED.replace("  model", "  /* the model */\n  model"),
        KEYED.replace("api_key", "timeouts { request = 00:01:30 }\n    api_key"),
        KEYED.replace("api_key", 'timeouts { request = "1:30" }\n    api_key'),
        KEYED.replace("api_key", "retry { backoff_multiplier = 1,5, max_retries = 2 }\n    api_key"),
        KEYED + "let _share = 1,5\n",
    ],
)
def test_a_habit_is_one_mistake_and_one_change(text: str) -> None:
    [wrong] = found(text)
    assert errors(fixed(text, wrong)) == []


def test_what_ends_an_address_is_no_part_of_it() -> None:
    text = KEYED.replace("api_key", "endpoint = https://a.example/v1;\n    api_key")
    quotes, sign = found(text)
    assert [edit.replacement for edit in quotes.fixes[0].edits] == ['"https://a.example/v1"']
    assert "`;`" in sign.message


@each_row(
    ("text", "says"),
    [
        ("server {\n  listen 8080;\n  location / { proxy_pass http://x; }\n}\n", "`server`"),
        ("FROM python:3.12\nENV K=v\n", "Dockerfile"),
        ("static_resources:\n  clusters:\n  - name: a\n", "Envoy"),
        (
            KEYED.replace('api_key = env("K")', 'api_key = env("K")\n    headers {\n      - X-A: b\n    }'),
            "no `-`",
        ),
        (KEYED + "request = 1\n", "request"),
        ("route main:\n  strategy: fallback\n" + KEYED, "fallback [a, b]"),
        (KEYED + "route main = fallback:\n  - d\n", "fallback [a, b]"),
    ],
)
def test_a_file_of_another_tool_is_told_once(text: str, says: str) -> None:
    [wrong] = found(text)
    assert says in said(wrong)


@each_row("step", ["d(message)", "return d message"])
def test_what_a_pipeline_gives_is_mended(step: str) -> None:
    text = f"{KEYED}pipeline p(message: text) -> text {{\n  {step}\n}}\n"
    [wrong] = found(text)
    assert errors(fixed(text, wrong)) == []


def test_a_list_of_messages_is_told_what_a_model_is_asked_with() -> None:
    [wrong] = found(pipe('messages = [{"role": "user"}]\n  return gpt(messages)'))
    assert "one text" in said(wrong)


def test_a_secret_that_is_put_into_a_text_is_named_instead() -> None:
    text = 'let key = env("K")\n' + KEYED.replace('env("K")\n  }', '"${key}"\n  }')
    [wrong] = found(text)
    assert errors(fixed(text, wrong)) == []


def test_a_value_that_no_model_takes_is_told_once() -> None:
    text = KEYED.replace("  runtime", "  request { defaults { temperature = 3 } }\n  runtime")
    assert [item.code for item in found(text)] == ["E0304"]


def test_a_value_that_others_would_put_into_an_address_is_used() -> None:
    endpoint = 'runtime vllm { endpoint = "http://{host}:8000/v1" }'
    text = f'let host = "h"\ndeployment d {{ model = "m", {endpoint} }}\n'
    assert [item.code for item in found(text)] == ["E0313"]


@each_row("inner", ["batching { max_size = 4 }", "batching = [4, 8]"])
def test_a_block_inside_of_itself_is_unknown_there(inner: str) -> None:
    told = f"deployment e {{ runtime ort {{ batching {{ {inner} }} }}, model = env }}"
    [item] = [each for each in found(told) if each.code == "E0204"]
    assert "`batching` has no" in item.message
    assert "`max_size`" in item.help[0]


@each_row("inside", ["rpm { a = 1 }", "rpm x { a = 1 }", "rate_limits { rpm { a = 1 } }"])
def test_a_limit_of_a_key_that_is_written_as_a_block_is_told_its_place(inside: str) -> None:
    text = f'gateway {{ key k {{ secret = env("K"), {inside} }} }}\n'
    assert any("requests_per_minute = …" in said(item) for item in found(text))


@each_row(
    "route", ["fallback [balance(e, f), g]", "fallback [g, hedge (e, f) after 1s]", "balance([e, f, g])"]
)
def test_members_of_a_route_within_a_route_in_other_brackets_are_mended(route: str) -> None:
    text = "".join(KEYED.replace("deployment d", f"deployment {name}") for name in "efg")
    text += f"route main = {route}\n"
    [wrong] = found(text)
    assert errors(fixed(text, wrong)) == []


@each_row("host", ["::1", "[::1]"])
def test_an_address_with_colons_stands_between_brackets_before_its_port(host: str) -> None:
    [wrong] = found(text := f'gateway {{ host = "{host}", port = 80 }}\n')
    mended = fixed(text, wrong)
    assert 'bind = "[::1]:80"' in mended
    assert errors(mended) == []
