from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import openai
import pytest
from attrs import evolve
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from inferc.compiler.plan import GenerateSpec, OnnxServingPlan, SessionOptions, TaskKind
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.generate.prompts import ChatTemplate
from inferc.runtime.replicas.onnx.generate.sampling import Sampler, Sampling
from inferc.runtime.replicas.onnx.generate.texts import Detokenizer, StopFinder
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import (
    BadRequest,
    ContextLengthExceeded,
    Incapable,
    RequestError,
    RequestTimeout,
    StartError,
)
from inferc.runtime.requests.request import ChatRequest, CompletionRequest

from ...support.openai_client import openai_client
from ...support.pipelines import fallback
from ...support.remote import executor_of, gateway_of, plan_of, running as executing
from .plans import MODELS, file_ref, onnx_plan, running
from .toys import byte_tokenizer, causal_lm, load, with_segments

PROMPT = "Once upon"
BOS = 256


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm")
    causal_lm(folder / "fp32.onnx")
    causal_lm(folder / "fp16.onnx", fp16=True)
    byte_tokenizer(folder / "tokenizer.json")
    return folder


def lm_plan(folder: Path, model: str = "fp32.onnx", **task: Any) -> OnnxServingPlan:
    settings: dict[str, Any] = {
        "tokenizer": file_ref(folder / "tokenizer.json"),
        "temperature": 0.0,
        "max_new_tokens": 12,
    }
    return evolve(onnx_plan(model=folder / model, task=GenerateSpec(**settings | task)), deployment="lm")


async def complete(replica: OnnxReplica, prompt: str = PROMPT, **body: Any) -> dict[str, Any]:
    request = CompletionRequest({"model": "lm", "prompt": prompt} | body, stream=False)
    async with aclosing(replica.stream(request, None)) as chunks:
        [chunk] = [chunk async for chunk in chunks]
    assert isinstance(chunk, ChatChunk)
    answer: dict[str, Any] = json.loads(chunk.data)
    return answer


async def text_of(replica: OnnxReplica, prompt: str = PROMPT, **body: Any) -> str:
    text: str = (await complete(replica, prompt, **body))["choices"][0]["text"]
    return text


@cache
def reference_tokens(path: Path, count: int) -> list[int]:
    """The greedy continuation of PROMPT by ONNX's reference evaluator, all tokens anew at each step."""
    model = load(path)
    evaluator = ReferenceEvaluator(model)
    dtype = numpy.float16 if "fp16" in path.name else numpy.float32
    pasts = {
        value.name: numpy.zeros((1, 2, 0, 16), dtype) for value in model.graph.input if "past" in value.name
    }
    ids = [BOS, *byte_ids(PROMPT)]
    for _ in range(count):
        feed: dict[str, NDArray[Any]] = {
            "input_ids": numpy.array([ids]),
            "attention_mask": numpy.ones((1, len(ids)), numpy.int64),
            "position_ids": numpy.arange(len(ids))[None],
        }
        [logits] = evaluator.run(["logits"], feed | pasts)  # type: ignore[arg-type]
        ids.append(int(logits[0, -1].argmax()))
    return ids[-count:]


def byte_ids(text: str) -> list[int]:
    from tokenizers import pre_tokenizers

    alphabet = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    [(letters, _)] = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return [alphabet[letter] for letter in letters]


def decoded(folder: Path, tokens: list[int]) -> str:
    from tokenizers import Tokenizer

    made: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text: str = made.decode(tokens)
    return text


@pytest.mark.parametrize("model", ["fp32.onnx", "fp16.onnx"])
async def test_greedy_tokens_are_those_of_the_reference_evaluator(model: str, folder: Path) -> None:
    tokens = reference_tokens(folder / model, 12)
    assert len(set(tokens)) > 4
    async with running(lm_plan(folder, model)) as replica:
        answer = await complete(replica)
    assert answer["choices"][0]["text"] == decoded(folder, tokens)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"] == {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22}


async def test_segments_that_a_model_still_takes_are_zeros(folder: Path) -> None:
    with_segments(folder / "segments.onnx", folder / "fp32.onnx")
    async with running(lm_plan(folder)) as plain, running(lm_plan(folder, "segments.onnx")) as replica:
        assert await text_of(replica) == await text_of(plain)


async def test_answers_that_are_written_at_the_same_time_do_not_mix(folder: Path) -> None:
    prompts = [f"{number} things" for number in range(6)]
    async with running(lm_plan(folder)) as replica:
        alone = [await text_of(replica, prompt) for prompt in prompts]
        together = await asyncio.gather(*(text_of(replica, prompt) for prompt in prompts))
    assert together == alone
    assert len(set(alone)) > 1


async def test_a_stream_says_the_same_as_the_whole_answer_and_ends_with_the_usage(folder: Path) -> None:
    body = {"model": "lm", "prompt": PROMPT, "stream_options": {"include_usage": True}}
    async with running(lm_plan(folder)) as replica:
        whole = await complete(replica)
        async with aclosing(replica.stream(CompletionRequest(body, stream=True), None)) as chunks:
            pieces = [json.loads(chunk.data) async for chunk in chunks if isinstance(chunk, ChatChunk)]
    *texts, end, usage = pieces
    assert "".join(piece["choices"][0]["text"] for piece in texts) == whole["choices"][0]["text"]
    assert end["choices"][0]["finish_reason"] == "length"
    assert usage["usage"] == whole["usage"]
    assert usage["choices"] == []
    assert len({piece["id"] for piece in pieces}) == 1


async def test_an_answer_ends_before_a_stop_string_even_one_of_several_tokens(folder: Path) -> None:
    text = decoded(folder, reference_tokens(folder / "fp32.onnx", 12))
    stop = next(text[at : at + 2] for at in range(3, 10) if text.find(text[at : at + 2]) == at)
    async with running(lm_plan(folder)) as replica:
        answer = await complete(replica, stop=[stop, "never"])
    assert answer["choices"][0] == {
        "index": 0,
        "text": text[: text.index(stop)],
        "logprobs": None,
        "finish_reason": "stop",
    }


async def test_an_end_token_ends_the_answer_and_is_not_shown(folder: Path) -> None:
    from tokenizers import pre_tokenizers

    tokens = reference_tokens(folder / "fp32.onnx", 12)
    end = next(token for index, token in enumerate(tokens) if index > 2 and token < 256)
    letter = sorted(pre_tokenizers.ByteLevel.alphabet())[end]
    async with running(lm_plan(folder, eos=(letter,))) as replica:
        answer = await complete(replica)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["text"] == decoded(folder, tokens[: tokens.index(end)])
    assert answer["usage"]["completion_tokens"] == tokens.index(end) + 1


async def test_the_same_seed_gives_the_same_answer_and_another_one_another(folder: Path) -> None:
    async with running(lm_plan(folder)) as replica:
        warm = {"temperature": 1.5, "max_tokens": 20}
        first, again, other = [await text_of(replica, seed=seed, **warm) for seed in (1, 1, 2)]
        only_best = await text_of(replica, temperature=2, top_k=1)
        nearly_best = await text_of(replica, temperature=2, top_p=0.0)
        greedy = await text_of(replica)
    assert first == again != other
    assert only_best == nearly_best == greedy


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    logits = numpy.log(numpy.array([0.1, 0.6, 0.3], numpy.float32))

    def share(sampling: Sampling) -> list[float]:
        sampler = Sampler(sampling)
        drawn = [sampler.next(logits) for _ in range(4000)]
        return [drawn.count(token) / len(drawn) for token in range(3)]

    assert share(Sampling(1.0, None, 1.0, 5)) == pytest.approx([0.1, 0.6, 0.3], abs=0.03)
    assert share(Sampling(1.0, 2, 1.0, 5)) == pytest.approx([0, 2 / 3, 1 / 3], abs=0.03)
    assert share(Sampling(1.0, None, 0.7, 5)) == pytest.approx([0, 2 / 3, 1 / 3], abs=0.03)
    assert share(Sampling(1.0, None, 0.5, 5)) == [0, 1, 0]
    assert share(Sampling(0.5, None, 1.0, 5)) == pytest.approx([1 / 46, 36 / 46, 9 / 46], abs=0.03)


def test_text_is_held_back_while_it_may_be_the_start_of_a_stop_string() -> None:
    finder = StopFinder(["</end>", "now"])
    assert [finder.push(text) for text in ("a<", "/en", "x", "no", "t </", "end> b")] == [
        "a",
        "",
        "</enx",
        "",
        "not ",
        "",
    ]
    assert finder.found


def test_a_character_made_of_several_tokens_comes_whole(folder: Path) -> None:
    from tokenizers import Tokenizer

    made: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = Detokenizer(made)
    pieces = [texts.push(token) for token in byte_ids("aé🙂" * 20)]
    assert "".join(pieces) == "aé🙂" * 20
    assert pieces[:7] == ["a", "", "é", "", "", "", "🙂"]
    broken = Detokenizer(made)
    shown = "".join(broken.push(token) for token in byte_ids("é")[:1] * 20) + broken.flush()
    assert shown == "\ufffd" * 20


async def test_a_prompt_that_leaves_no_room_is_refused_and_one_that_leaves_some_is_cut(folder: Path) -> None:
    async with running(lm_plan(folder, max_length=20)) as replica:
        with pytest.raises(
            ContextLengthExceeded, match=r"the prompt has 41 tokens; prompt and answer .* 20"
        ) as refused:
            await complete(replica, "x" * 40)
        assert refused.value.param == "prompt"
        answer = await complete(replica, "x" * 17)
    assert answer["usage"]["completion_tokens"] == 2
    assert answer["choices"][0]["finish_reason"] == "length"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 3}, "`temperature` must be a number from 0 to 2"),
    ({"temperature": "hot"}, "`temperature` must be a number"),
    ({"top_p": -0.1}, "`top_p` must be a number from 0 to 1"),
    ({"top_k": 1.5}, "`top_k` must be a whole number"),
    ({"max_tokens": 0}, "`max_tokens` must be a whole number of at least 1"),
    ({"seed": True}, "`seed` must be a whole number"),
    ({"stop": ["a", ""]}, "`stop` must be a text or a list of texts"),
    ({"stop": ["a"] * 17}, "`stop` has 17 texts; the most is 16"),
    ({"n": 0}, "`n` must be a whole number of at least 1"),
    ({"n": 65}, "`n` must be at most 64"),
    ({"n": 2, "best_of": 3}, "`best_of` must be `n`"),
    ({"min_p": 0.1}, "cannot take `min_p`"),
    ({"repetition_penalty": 1.2}, "cannot take `repetition_penalty`"),
    ({"stream_options": True}, "`stream_options` must be an object"),
    ({"stream_options": {"include_usage": 1}}, "`stream_options.include_usage` must be true or false"),
    ({"tools": [{"type": "function"}]}, r"`tools\[0\]` must be a function with a `name`"),
    ({"response_format": {"type": "yaml"}}, "`response_format` must have the type"),
    ({"guided_json": "{"}, "`guided_json` is no JSON"),
    ({"guided_json": {"type": "wrong"}}, "`guided_json` cannot be followed"),
    ({"guided_choice": [1]}, "`guided_choice` must be a list of texts"),
    ({"guided_regex": "("}, "`guided_regex` cannot be followed"),
    ({"guided_regex": "a", "guided_choice": ["a"]}, "`guided_choice` is a second form"),
    ({"grammar": "x"}, "cannot take `grammar`: no field of that name"),
    ({"logprobs": 21}, "`logprobs` must be at most 20"),
    ({"prompt": ["a"] * 65}, "ask for 65 answers"),
]


async def test_options_that_cannot_be_had_are_refused(
    folder: Path,
) -> None:
    async with running(lm_plan(folder)) as replica:
        for body, message in REFUSED:
            with pytest.raises(BadRequest, match=message):
                await complete(replica, **body)


async def test_what_others_may_have_is_refused_so_that_a_route_asks_them(folder: Path) -> None:
    refused: list[dict[str, Any]] = [{"min_p": 0.1}, {"n": 65}, {"guided_regex": "("}]
    async with running(lm_plan(folder)) as replica:
        for body in refused:
            with pytest.raises(Incapable):
                await complete(replica, **body)


async def test_a_seed_may_be_negative(folder: Path) -> None:
    async with running(lm_plan(folder)) as replica:
        first, second = [await text_of(replica, temperature=1, seed=-1) for _ in range(2)]
    assert first == second


def test_a_temperature_of_nearly_0_takes_the_likeliest_token() -> None:
    logits = numpy.array([0.5, 2.0, 1.999, -3.0], numpy.float32)
    sampler = Sampler(Sampling(temperature=1e-310, top_k=None, top_p=1, seed=1))
    assert {sampler.next(logits) for _ in range(20)} == {1}


async def test_a_text_longer_than_the_model_has_positions_is_the_clients_mistake(folder: Path) -> None:
    async with running(lm_plan(folder)) as replica:
        with pytest.raises(ContextLengthExceeded, match=r"cannot take 71 tokens at once.*set `max_length`"):
            await complete(replica, "x" * 70)


async def test_a_tokenizer_that_is_not_the_models_is_told_when_it_starts_and_when_it_fails(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    causal_lm(folder / "small.onnx", vocabulary=100)
    async with running(lm_plan(folder, "small.onnx")) as replica:
        assert "its tokenizer has 258 tokens, and its model knows 100" in caplog.text
        with pytest.raises(RequestError, match="the model does not know token 256: its `tokenizer` must be"):
            await complete(replica)


async def test_an_answer_past_its_deadline_ends_and_the_next_one_comes(folder: Path) -> None:
    request = CompletionRequest({"model": "lm", "prompt": "x", "max_tokens": 60}, stream=False)
    async with running(lm_plan(folder)) as replica:
        deadline = asyncio.get_running_loop().time() + 0.003
        async with aclosing(replica.stream(request, deadline)) as chunks:
            with pytest.raises(RequestTimeout):
                await anext(chunks)
        assert await text_of(replica)


async def test_a_chat_goes_through_the_template_or_one_line_per_message(folder: Path, tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ]
    source = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    config = {"chat_template": source, "bos_token": {"content": "<s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    template = file_ref(tmp_path / "tokenizer_config.json")

    async def said(replica: OnnxReplica) -> tuple[str, int]:
        request = ChatRequest({"model": "lm", "messages": messages}, stream=False)
        async with aclosing(replica.stream(request, None)) as chunks:
            [chunk] = [chunk async for chunk in chunks]
        assert isinstance(chunk, ChatChunk)
        answer = json.loads(chunk.data)
        return answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]

    async with running(lm_plan(folder, max_new_tokens=5)) as replica:
        lines = "system: Be kind.\nuser: Hi\nassistant:"
        assert await said(replica) == (await text_of(replica, lines), len(lines) + 1)
    async with running(lm_plan(folder, chat_template=template, max_new_tokens=5)) as replica:
        filled = "[system]Be kind.[user]Hi[assistant]"
        assert await said(replica) == (await text_of(replica, filled), len(filled) + 1)
        image = [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}
        ]
        with pytest.raises(Incapable, match=r"messages\[0\].content.*parts of the type `text` only"):
            async with aclosing(
                replica.stream(ChatRequest({"model": "lm", "messages": image}, False), None)
            ) as chunks:
                await anext(chunks)


async def test_several_prompts_are_continued_and_repeated_where_that_is_wanted(folder: Path) -> None:
    async with (
        executor_of(lm_plan(folder, max_new_tokens=5)) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        create = client.completions.create
        alone = [(await create(model="lm", prompt=each)).choices[0].text for each in ("Hi", "Ho")]
        both = await create(model="lm", prompt=["Hi", "Ho"], echo=True)
        assert [(each.index, each.text) for each in both.choices] == [
            (0, f"Hi{alone[0]}"),
            (1, f"Ho{alone[1]}"),
        ]
        assert both.usage is not None
        assert both.usage.prompt_tokens == 6
        texts = {0: "", 1: ""}
        reasons = []
        async for chunk in await create(model="lm", prompt=["Hi", "Ho"], stream=True):
            texts[chunk.choices[0].index] += chunk.choices[0].text
            reasons.append(chunk.choices[0].finish_reason)
        assert list(texts.values()) == alone
        assert reasons.count("length") == 2
        with pytest.raises(openai.BadRequestError, match="send texts instead of token ids"):
            await create(model="lm", prompt=[1, 2])


async def test_a_history_with_calls_of_functions_is_understood(folder: Path, tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]
    source = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}"
        "{{ c.function.arguments.x + 1 }}{% endfor %}{% endfor %}"
    )
    (tmp_path / "template.jinja").write_text(source)

    assert ChatTemplate(tmp_path / "template.jinja", "it").render(messages) == (
        "[system]Be brief.[assistant]2[tool]sunny"
    )
    assert ChatTemplate(None, "it").render(messages) == (
        'system: Be brief.\nassistant: {"name":"f","arguments":{"x":1}}\ntool: sunny\nassistant:'
    )
    older = {"role": "function", "name": "f", "content": "42"}
    assert ChatTemplate(None, "it").render([older]) == "function: 42\nassistant:"
    for wrong, named in (
        ([{"role": "pirate", "content": "x"}], "messages[0].role"),
        ([{"role": "assistant", "tool_calls": 5}], "messages[0].tool_calls"),
        ([{"role": "user", "content": None}], "messages[0].content"),
    ):
        with pytest.raises(BadRequest) as refused:
            ChatTemplate(None, "it").render(wrong)
        assert refused.value.param == named


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"content": None}, ""),
        ({}, ""),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, "No."),
    ],
)
def test_an_answer_without_words_stays_in_the_history(said: dict[str, Any], text: str) -> None:
    messages = [{"role": "assistant", **said}, {"role": "user", "content": "Why?"}]
    assert ChatTemplate(None, "it").render(messages) == f"assistant: {text}\nuser: Why?\nassistant:"


async def test_the_openai_client_chats_and_completes(folder: Path) -> None:
    async with (
        executor_of(lm_plan(folder)) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        messages: Any = [{"role": "user", "content": "Hi"}]
        whole = await client.chat.completions.create(model="lm", messages=messages)
        stream = await client.chat.completions.create(model="lm", messages=messages, stream=True)
        deltas = [chunk.choices[0].delta.content or "" async for chunk in stream]
        completion = await client.completions.create(model="lm", prompt="user: Hi\nassistant:")
    assert whole.choices[0].message.content == "".join(deltas) == completion.choices[0].text
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 12


async def test_a_model_that_is_no_causal_language_model_shows_its_real_signature(folder: Path) -> None:
    plan = lm_plan(folder)
    with pytest.raises(StartError, match=r"task is `generate`, which needs .*this one takes bytes int32"):
        async with running(evolve(plan, model=file_ref(MODELS / "magika.onnx"))):
            pass


async def test_a_route_goes_on_to_a_model_that_takes_longer_prompts(folder: Path) -> None:
    short, long = (evolve(lm_plan(folder, max_length=n), deployment=f"of_{n}") for n in (20, 60))
    shorter = evolve(lm_plan(folder, max_length=10), deployment="of_10")
    ways = (
        fallback("grows", "of_20", "of_60", task=TaskKind.GENERATE),
        fallback("none", "of_20", "of_10", task=TaskKind.GENERATE),
    )
    plan = evolve(plan_of(short, long, shorter), routes=ways)
    messages: Any = [{"role": "user", "content": "x" * 20}]
    async with executing(plan) as executor, gateway_of(executor) as url, openai_client(url) as client:
        create = client.chat.completions.create
        answer = await create(model="grows", messages=messages)
        assert answer.choices[0].message.content
        with pytest.raises(openai.BadRequestError, match=r"no member .*`of_20`.* 20; .*`of_10`") as refused:
            await create(model="none", messages=messages)
        assert refused.value.code == "context_length_exceeded"


async def test_a_model_that_cannot_be_told_how_much_to_think_says_so_in_each_protocol(folder: Path) -> None:
    hi = {"role": "user", "content": "Hi"}
    asks: tuple[tuple[str, dict[str, Any], str | None], ...] = (
        ("chat/completions", {"messages": [hi], "reasoning_effort": "high"}, "reasoning_effort"),
        ("chat/completions", {"messages": [hi], "reasoning_effort": "none"}, None),
        ("responses", {"input": "Hi", "reasoning": {"effort": "low"}}, "reasoning.effort"),
        (
            "messages",
            {"messages": [hi], "max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
            "thinking",
        ),
        ("messages", {"messages": [hi], "max_tokens": 9, "thinking": {"type": "disabled"}}, None),
        (
            "messages",
            {"messages": [hi], "max_tokens": 9, "output_config": {"effort": "low"}},
            "output_config.effort",
        ),
    )
    async with (
        executor_of(lm_plan(folder)) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        for path, body, named in asks:
            async with http.post(f"{url}/v1/{path}", json={"model": "lm", **body}) as answer:
                said = await answer.json()
                assert answer.status == (400 if named else 200), said
                if named:
                    assert f"`{named}`" in said["error"]["message"]
                    assert "deployment `lm`" in said["error"]["message"]
        free = {"model": "lm", "messages": [hi], "max_tokens": 9, "thinking": {"type": "adaptive"}}
        async with http.post(f"{url}/v1/messages", json=free) as answer:
            assert (answer.status, answer.headers["x-inferc-adapted"]) == (200, "thinking")


async def test_a_part_that_is_no_text_is_named_where_its_client_wrote_it(folder: Path) -> None:
    dot = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}
    text = {"type": "text", "text": "Hi"}
    seen = {"type": "input_image", "image_url": "data:image/png;base64,aaaa", "detail": "auto"}
    used = {"type": "tool_use", "id": "c", "name": "look", "input": {}}
    called = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    asks: tuple[tuple[str, dict[str, Any], str], ...] = (
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": [text, {"type": "video_url", "video_url": {}}]}]},
            "messages[0].content[1]",
        ),
        (
            "messages",
            {
                "max_tokens": 9,
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": [used]},
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "c", "content": [text, dot]}],
                    },
                ],
            },
            "messages[2].content[0].content[1]",
        ),
        (
            "responses",
            {
                "instructions": "Look.",
                "input": [
                    {"role": "user", "content": "Hi"},
                    called,
                    {"type": "function_call_output", "call_id": "c", "output": [seen]},
                ],
            },
            "input[2].output[0]",
        ),
    )
    async with (
        executor_of(lm_plan(folder)) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        for path, body, place in asks:
            async with http.post(f"{url}/v1/{path}", json={"model": "lm", **body}) as answer:
                said = await answer.json()
                assert answer.status == 400, said
                assert f"`{place}`" in said["error"]["message"]
        async with http.post(f"{url}/v1/images/generations", json={"model": "lm", "prompt": "x"}) as answer:
            assert "`lm` has no `/images/generations`" in (await answer.json())["error"]["message"]


async def test_an_end_token_that_the_tokenizer_does_not_have_stops_the_start(folder: Path) -> None:
    with pytest.raises(StartError, match="no token `<end>`, as `eos` says"):
        async with running(lm_plan(folder, eos=("<end>",))):
            pass


async def test_a_short_answer_does_not_wait_for_a_long_one_that_began_before(folder: Path) -> None:
    one_at_a_time = evolve(lm_plan(folder), session=SessionOptions(intra_op_threads=2))
    ended: list[str] = []

    async def answer(name: str, tokens: int) -> str:
        text = await text_of(replica, max_tokens=tokens)
        ended.append(name)
        return text

    async with running(one_at_a_time) as replica:
        alone = [await text_of(replica, max_tokens=tokens) for tokens in (50, 3)]
        together = await asyncio.gather(answer("long", 50), answer("short", 3))
    assert ended == ["short", "long"]
    assert together == alone
