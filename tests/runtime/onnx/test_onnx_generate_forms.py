"""Answers with a form, calls of functions, several answers, and how likely tokens were."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy
import onnxruntime
import pytest

from inferc.compiler.plan import Batching, OnnxServingPlan
from inferc.runtime.replicas.onnx.generate.forms import Forms, json_form
from inferc.runtime.replicas.onnx.runs.tokens import load_tokenizer
from inferc.runtime.requests.request import ChatRequest

from ...support.flows import value_of
from ...support.openai_client import openai_client
from ...support.projects import Project
from ...support.remote import executor_of, gateway_of, running as serving
from .plans import running
from .test_onnx_generate import BOS, PROMPT, byte_ids, complete, decoded, lm_plan, reference_tokens
from .toys import byte_tokenizer, causal_lm, encoder_decoder, merged_decoder

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["refund", "other"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 9},
        "sure": {"type": "boolean"},
    },
    "required": ["label", "score", "sure"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {}}}},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    causal_lm(folder / "fp32.onnx", can_pad=True, places=1024)
    merged_decoder(folder / "merged.onnx", folder / "fp32.onnx")
    byte_tokenizer(folder / "tokenizer.json")
    return folder


def plan(folder: Path, **changes: Any) -> OnnxServingPlan:
    return lm_plan(folder, **{"max_new_tokens": 120, **changes})


async def chat(replica: Any, **body: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hi"}]
    request = ChatRequest({"model": "lm", "messages": messages, **body}, stream=False)
    chunk = await replica.answer(request, None)
    answer: dict[str, Any] = json.loads(chunk.data)
    return answer


async def test_a_merged_decoder_says_what_the_model_in_it_says(folder: Path) -> None:
    tokens = reference_tokens(folder / "fp32.onnx", 12)
    async with running(lm_plan(folder, "merged.onnx")) as replica:
        answer = await complete(replica)
    assert answer["choices"][0]["text"] == decoded(folder, tokens)


@pytest.mark.parametrize("temperature", [0, 1.3])
async def test_json_fits_its_schema_whatever_the_model_would_rather_say(
    folder: Path, temperature: float
) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA}}
    async with running(plan(folder)) as replica:
        for seed in range(4):
            answer = await chat(replica, response_format=wanted, temperature=temperature, seed=seed)
            [choice] = answer["choices"]
            jsonschema.validate(json.loads(choice["message"]["content"]), SCHEMA)
            assert choice["finish_reason"] == "stop"
        other = await complete(replica, guided_choice=["yes", "no"])
        number = await complete(replica, structured_outputs={"regex": "[0-9]{4}"})
        lark = await complete(replica, guided_grammar='start: "a" B\nB: /b{3}/')
    assert other["choices"][0]["text"] in ("yes", "no")
    assert len(number["choices"][0]["text"]) == 4
    assert lark["choices"][0]["text"] == "abbb"


async def test_the_likeliest_answer_of_a_form_is_that_of_its_tokens_alone(folder: Path) -> None:
    """Next to a search by hand: at each step, the best of the tokens that keep to `[ab]{6}`."""
    session = onnxruntime.InferenceSession(folder / "fp32.onnx", providers=["CPUExecutionProvider"])
    ids = [BOS, *byte_ids(PROMPT)]
    allowed = byte_ids("ab")
    nothing = {
        each.name: numpy.zeros((1, 2, 0, 16), numpy.float32)
        for each in session.get_inputs()
        if "past" in each.name
    }
    for _ in range(6):
        feed = {
            "input_ids": numpy.array([ids]),
            "attention_mask": numpy.ones((1, len(ids)), numpy.int64),
            "position_ids": numpy.arange(len(ids))[None],
        }
        logits = session.run(["logits"], feed | nothing)[0][0, -1]
        ids.append(max(allowed, key=lambda token: logits[token]))
    async with running(plan(folder)) as replica:
        answer = await complete(replica, guided_regex="[ab]{6}")
    assert answer["choices"][0]["text"] == decoded(folder, ids[-6:])


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"$id": "https://example.com/side"},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
        {"$ref": "#/$defs/A~1b%25", "$schema": "http://json-schema.org/draft-07/schema#"},
    ],
)
async def test_references_in_a_function_s_schema_are_followed(folder: Path, extra: dict[str, str]) -> None:
    """Each in its own, and not where they are but what is sent."""
    async with running(plan(folder)) as replica:
        for names in (["f"], ["f", "g"]):
            sides = {name: {"$ref": f"#/$defs/{name}"} for name in names}
            tools = [
                {
                    "type": "function",
                    "function": {
                        "name": name,
                        "parameters": {
                            "type": "object",
                            "$defs": {"Side": {"const": sides[name]}, "A/b%": {"type": "object"}},
                            "properties": {"side": {"$ref": "#/$defs/Side"}},
                            "required": ["side"],
                            **extra,
                        },
                    },
                }
                for name in names
            ]
            answer = await chat(replica, tools=tools, tool_choice="required")
            [call] = answer["choices"][0]["message"]["tool_calls"]
            side = sides[call["function"]["name"]]
            assert json.loads(call["function"]["arguments"]) == {"side": side}


async def test_a_function_is_called_where_one_is_asked_for(folder: Path) -> None:
    async with running(plan(folder)) as replica:
        forced = await chat(
            replica, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "stop"}}
        )
    [choice] = forced["choices"]
    [call] = choice["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("stop", {})
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "tool_calls")


async def test_openais_client_gets_calls_and_texts_in_streams_too(folder: Path) -> None:
    short = {"max_tokens": 40, "temperature": 0}
    template = folder / "template.jinja"
    template.write_text("{{ tools | length if tools else 'none' }}:{{ messages[-1].content }}")
    from .plans import file_ref

    served = plan(folder, chat_template=file_ref(template))
    async with executor_of(served) as executor, gateway_of(executor) as url, openai_client(url) as client:
        messages: Any = [{"role": "user", "content": "hi"}]
        tools: Any = TOOLS[1:]
        stream = await client.chat.completions.create(
            model="lm", messages=messages, tools=tools, tool_choice="required", stream=True, **short
        )
        pieces = [each async for each in stream]
        calls = [c for p in pieces for c in p.choices[0].delta.tool_calls or ()]
        free = await client.chat.completions.create(model="lm", messages=messages, tools=tools, **short)
        plain = await client.chat.completions.create(model="lm", messages=messages, **short)
    assert [(c.index, c.function.name if c.function else None) for c in calls] == [(0, "stop")]
    assert pieces[-1].choices[0].finish_reason == "tool_calls"
    assert free.choices[0].message.content or free.choices[0].message.tool_calls
    assert plain.choices[0].message.tool_calls is None


@pytest.mark.parametrize("batching", [None, Batching(max_size=8)])
async def test_several_prompts_have_several_answers_each(folder: Path, batching: Batching | None) -> None:
    from attrs import evolve

    served = evolve(plan(folder, max_new_tokens=8), batching=batching)
    async with running(served) as replica:
        alone = [(await complete(replica, prompt, seed=5))["choices"][0]["text"] for prompt in ("a", "bc")]
        answer = await complete(replica, ["a", "bc"], n=2, seed=5)
        warm = await complete(replica, "a", n=8, seed=5, temperature=2)
    assert [each["index"] for each in answer["choices"]] == [0, 1, 2, 3]
    assert [each["text"] for each in answer["choices"]] == [alone[0], alone[0], alone[1], alone[1]]
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 32, "total_tokens": 37}
    assert len({each["text"] for each in warm["choices"]}) > 1


async def test_a_stream_of_several_answers_says_which_each_piece_belongs_to(folder: Path) -> None:
    async with (
        executor_of(plan(folder)) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        whole = await client.completions.create(model="lm", prompt=["a", "bc"], max_tokens=6)
        stream = await client.completions.create(model="lm", prompt=["a", "bc"], max_tokens=6, stream=True)
        texts = {0: "", 1: ""}
        async for piece in stream:
            for choice in piece.choices:
                texts[choice.index] += choice.text
    assert texts == {choice.index: choice.text for choice in whole.choices}


async def test_logprobs_are_those_of_the_models_own_numbers(folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / "fp32.onnx", providers=["CPUExecutionProvider"])
    ids = numpy.array([[BOS, *byte_ids(PROMPT)]])
    feed = {
        "input_ids": ids,
        "attention_mask": numpy.ones_like(ids),
        "position_ids": numpy.arange(ids.shape[1])[None],
    }
    for each in session.get_inputs():
        if "past" in each.name:
            feed[each.name] = numpy.zeros((1, 2, 0, 16), numpy.float32)
    logits = session.run(["logits"], feed)[0][0, -1].astype(numpy.float64)
    shares = logits - numpy.log(numpy.exp(logits).sum())
    async with running(plan(folder)) as replica:
        answer = await complete(replica, max_tokens=3, logprobs=2)
        spoken = await chat(replica, max_tokens=3, logprobs=True, top_logprobs=2)
    told = answer["choices"][0]["logprobs"]
    assert told["token_logprobs"][0] == pytest.approx(shares.max(), abs=1e-4)
    assert sorted(told["top_logprobs"][0].values())[::-1] == pytest.approx(sorted(shares)[::-1][:2], abs=1e-4)
    assert [len(told[name]) for name in ("tokens", "token_logprobs", "text_offset")] == [3, 3, 3]
    content = spoken["choices"][0]["logprobs"]["content"]
    assert len(content) == 3
    assert all(len(each["top_logprobs"]) == 2 and each["logprob"] <= 0 for each in content)


def test_a_token_of_a_form_takes_little_time(folder: Path) -> None:
    """Far below what a run of any model takes; the bound leaves room for a busy machine."""
    tokenizer = load_tokenizer(folder / "tokenizer.json", "x")
    forms = Forms(tokenizer, [257], "x")
    size = tokenizer.get_vocab_size()
    spent = []
    for _ in range(3):
        form = forms.make(json_form(SCHEMA, "x"))
        while not form.is_over and len(spent) < 200:
            started = time.thread_time()
            allowed = form.allowed(size)
            spent.append(time.thread_time() - started)
            form.take(int(allowed.argmax()))
    assert sorted(spent)[len(spent) // 2] < 1e-3


async def test_closing_a_stream_of_several_answers_ends_them_all(folder: Path) -> None:
    from inferc.runtime.requests.request import CompletionRequest

    async with running(plan(folder)) as replica:
        before = len(asyncio.all_tasks())
        stream = replica.stream(CompletionRequest({"model": "lm", "prompt": "a", "n": 4}, stream=True), None)
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= before


async def test_a_pipeline_gets_a_value_of_its_type_from_a_local_model(folder: Path) -> None:
    project = Project(folder)
    text = (
        'deployment lm { model = "fp32.onnx", task generate { tokenizer = "tokenizer.json" } }\n'
        'type Verdict = { label: "refund" | "other", sure: bool }\n'
        "pipeline p(message: text) -> Verdict { return lm(message) as Verdict }\n"
    )
    async with serving(project.plan(text), folder) as executor:
        for message in ("a", "b"):
            value = await value_of(executor.pipelines["p"], message=message)
            assert value["label"] in ("refund", "other")
            assert isinstance(value["sure"], bool)


async def test_a_decoder_writes_about_what_its_encoder_read(tmp_path: Path) -> None:
    """Next to ONNX Runtime alone, which runs all tokens anew at each step."""
    causal_lm(tmp_path / "fp32.onnx", can_pad=True)
    encoder_decoder(tmp_path, tmp_path / "fp32.onnx")
    byte_tokenizer(tmp_path / "tokenizer.json")
    (tmp_path / "config.json").write_text('{"decoder_start_token_id": 256}')
    encoder, decoder = (
        onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ("encoder_model", "decoder_model_merged")
    )
    read = numpy.array([[BOS, *byte_ids(PROMPT)]])
    [states] = encoder.run(None, {"input_ids": read, "attention_mask": numpy.ones_like(read)})
    ids = [BOS]
    for _ in range(10):
        feed = {
            "input_ids": numpy.array([ids]),
            "attention_mask": numpy.ones((1, len(ids)), numpy.int64),
            "position_ids": numpy.arange(len(ids))[None],
            "encoder_hidden_states": states,
            "use_cache_branch": numpy.array([False]),
            "num_logits_to_keep": numpy.array(1),
        }
        for each in decoder.get_inputs():
            if each.name.startswith("past"):
                feed[each.name] = numpy.zeros((1, 2, 0, 16), numpy.float32)
        ids.append(int(decoder.run(["logits"], feed)[0][0, -1].argmax()))

    from inferc.cli.main import main

    project = Project(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert main(["inspect", "decoder_model_merged.onnx"]) == 0
    text = printed.getvalue()
    assert 'encoder = "encoder_model.onnx"' in text
    assert 'decoder_start = "<s>"' in text
    name = text.partition("deployment ")[2].partition(" ")[0]
    async with (
        serving(project.plan(text), tmp_path) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        answers = [
            await client.completions.create(model=name, prompt=prompt, max_tokens=10, temperature=0)
            for prompt in (PROMPT, "another")
        ]
        messages: Any = [{"role": "user", "content": PROMPT}]
        chat = await client.chat.completions.create(
            model=name, messages=messages, max_tokens=10, temperature=0
        )
    assert answers[0].choices[0].text == decoded(tmp_path, ids[1:])
    assert answers[1].choices[0].text != answers[0].choices[0].text
    assert chat.choices[0].message.content == answers[0].choices[0].text
    alone = "\n".join(line for line in text.splitlines() if "encoder = " not in line)
    assert project.codes(alone.replace(', encoder = "encoder_model.onnx"', "")) == ["E0504"]
