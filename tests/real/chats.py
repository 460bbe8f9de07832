"""Chats: each answer through the gateway is the one that the server gives when it is asked directly."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Note
from .served import Json, Served, post, stream
from .servers import Server

HELLO = [{"role": "user", "content": "hello"}]
TURNS = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Grüße 🎉"},
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": "and now?"},
]
CITY = {"type": "string", "enum": ["Paris", "Rome"]}
PLACE = {
    "type": "object",
    "properties": {"city": CITY, "days": {"type": "integer", "enum": [3, 4]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "tells it", "parameters": PLACE},
}
CASES: dict[str, Json] = {
    "one question": {"messages": HELLO},
    "several turns": {"messages": TURNS},
    "a seed": {"messages": HELLO, "temperature": 1.0, "seed": 5, "top_p": 0.9},
    "two choices": {"messages": HELLO, "n": 2, "temperature": 1.0, "seed": 5},
    "penalties": {"messages": HELLO, "frequency_penalty": 0.5, "presence_penalty": 0.5},
    "a bias": {"messages": HELLO, "logit_bias": {"100": 5}},
}


def asked(body: Json) -> Json:
    """As every request is: nothing is left to chance, and the answer is short."""
    return {"model": "tiny", "temperature": 0, "max_tokens": 24, **body}


def said(answer: Json) -> Json:
    """What an answer says, without what is new in each: names and times."""
    usage = answer.get("usage") or {}
    return {
        "choices": [
            _choice(each["message"], each["finish_reason"])
            for each in sorted(answer["choices"], key=lambda each: each["index"])
        ],
        "usage": {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")},
    }


def _choice(message: Json, reason: str) -> Json:
    calls = [each["function"] for each in message.get("tool_calls") or ()]
    return {
        "text": message.get("content") or "",
        "calls": [{"name": each["name"], "arguments": each["arguments"]} for each in calls],
        "reason": reason,
    }


def folded(chunks: list[Json]) -> Json:
    """A stream as the answer that it adds up to."""
    choices: dict[int, dict[str, Any]] = {}
    usage: Json = {}
    for chunk in chunks:
        assert "error" not in chunk, chunk
        usage = chunk.get("usage") or usage
        for each in chunk["choices"]:
            found = choices.setdefault(each["index"], {"message": {"content": "", "tool_calls": []}})
            delta, message = each["delta"], found["message"]
            message["content"] += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                while len(message["tool_calls"]) <= call["index"]:
                    message["tool_calls"].append({"function": {"name": "", "arguments": ""}})
                function = message["tool_calls"][call["index"]]["function"]
                for name in ("name", "arguments"):
                    function[name] += call["function"].get(name) or ""
            found["finish_reason"] = each.get("finish_reason") or found.get("finish_reason")
    listed = [{"index": index, **each} for index, each in choices.items()]
    return said({"choices": listed, "usage": usage})


class Chats:
    """What holds for every server that chats."""

    server: Server

    @pytest.mark.parametrize("case", CASES)
    def test_an_answer(self, served: Served, server: Server, case: str) -> None:
        body = asked(CASES[case])
        through, directly = (
            post(url, "/chat/completions", body) for url in (f"{served.url}/v1", served.direct(server.first))
        )
        assert directly.status == 200, directly.body
        assert through.status == 200, through.body
        assert said(through.json) == said(directly.json)
        assert through.headers["x-inferc-deployment"] == "tiny"

    def test_answers(self, served: Served, server: Server, note: Note) -> None:
        """Answers are the server's own: text, reason, tokens; a stop sequence; log probabilities."""
        direct = served.direct(server.first)
        text = said(post(direct, "/chat/completions", asked({"messages": HELLO})).json)["choices"][0]["text"]
        for body in (
            asked({"messages": HELLO, "stop": [text[5:7]]}),
            asked({"messages": HELLO, "stop": text[9]}),
        ):
            through, directly = (post(url, "/chat/completions", body) for url in (f"{served.url}/v1", direct))
            assert said(through.json) == said(directly.json)
            assert said(through.json)["choices"][0]["reason"] == "stop"
        body = asked({"messages": HELLO, "logprobs": True, "top_logprobs": 2})
        through, directly = (
            post(url, "/chat/completions", body).json for url in (f"{served.url}/v1", direct)
        )
        tokens = [
            [each["token"] for each in answer["choices"][0]["logprobs"]["content"]]
            for answer in (through, directly)
        ]
        assert tokens[0] == tokens[1]
        assert len(tokens[0]) == 24
        note(f"{len(CASES) + 3} kinds of requests, the same answers")

    def test_streams(self, served: Served, server: Server, note: Note) -> None:
        """A stream adds up to the server's own, and to the whole answer, tokens included."""
        chunks = 0
        for body in ({"messages": HELLO}, {"messages": TURNS}, {"messages": HELLO, "max_tokens": 300}):
            wanted = asked(body)
            whole = said(post(served.direct(server.first), "/chat/completions", wanted).json)
            usage = {"stream_options": {"include_usage": True}}
            through = stream(f"{served.url}/v1", "/chat/completions", wanted | usage)
            directly = stream(served.direct(server.first), "/chat/completions", wanted | usage)
            assert folded(through) == folded(directly) == whole
            chunks += len(through)
        note(f"{chunks} chunks")

    def test_tools(self, served: Served, server: Server, note: Note) -> None:
        """A tool is called as the server calls it, whole and streamed; its result is taken."""
        body = asked(
            {
                "messages": HELLO,
                "tools": [WEATHER],
                "tool_choice": "required",
                "max_tokens": 200,
                **server.calling,
            }
        )
        through = post(f"{served.url}/v1", "/chat/completions", body)
        directly = post(served.direct(server.first), "/chat/completions", body)
        assert directly.status == 200, directly.body
        assert said(through.json) == said(directly.json)
        answer = through.json["choices"][0]["message"]
        called = said(through.json)["choices"][0]["calls"]
        assert {each["name"] for each in called} == {"weather"}
        if server.fills_in:
            assert json.loads(called[0]["arguments"])["city"] in CITY["enum"]
        streamed = folded(stream(f"{served.url}/v1", "/chat/completions", body))
        if server.fills_in:
            assert streamed["choices"][0]["calls"] == called
        assert streamed == folded(stream(served.direct(server.first), "/chat/completions", body))
        answer["tool_calls"] = answer["tool_calls"][:1]
        result = {"role": "tool", "tool_call_id": answer["tool_calls"][0]["id"], "content": "sunny"}
        following = asked({"messages": [*HELLO, answer, result], "tools": [WEATHER], "tool_choice": "none"})
        through = post(f"{served.url}/v1", "/chat/completions", following)
        directly = post(served.direct(server.first), "/chat/completions", following)
        assert directly.status == 200, directly.body
        assert through.status == 200, through.body
        assert said(through.json) == said(directly.json)
        note(f"`{' '.join(called[0]['arguments'].split())}`")

    def test_schemas(self, served: Served, server: Server, note: Note) -> None:
        """An answer that must fit a schema is the server's own, and fits."""
        form = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": PLACE}}
        body = asked({"messages": HELLO, "response_format": form, "max_tokens": 200})
        through = post(f"{served.url}/v1", "/chat/completions", body)
        directly = post(served.direct(server.first), "/chat/completions", body)
        assert directly.status == 200, directly.body
        assert said(through.json) == said(directly.json)
        text = said(through.json)["choices"][0]["text"]
        assert json.loads(text)["city"] in CITY["enum"]
        assert said(through.json) == folded(
            stream(
                f"{served.url}/v1", "/chat/completions", body | {"stream_options": {"include_usage": True}}
            )
        )
        note(f"`{' '.join(text.split())}`")

    def test_errors(self, served: Served, server: Server, note: Note) -> None:
        """A prompt that is too long is refused as such, whole and streamed, and not sent again."""
        body = asked({"messages": [{"role": "user", "content": "x" * 20_000}]})
        directly = post(served.direct(server.first), "/chat/completions", body)
        for streamed in (False, True):
            through = post(f"{served.url}/v1", "/chat/completions", body | {"stream": streamed})
            assert through.status == directly.status == 400, through.body
            error = through.json["error"]
            assert error["code"] == "context_length_exceeded", error
            assert "{port}" not in error["message"]
        after = post(f"{served.url}/v1", "/chat/completions", asked({"messages": HELLO}))
        assert after.status == 200
        note(f"400, `{error['code']}`")

    def test_other_protocols(self, served: Served, server: Server, note: Note) -> None:
        """Anthropic's Messages, OpenAI's Responses and plain completions say what the server says."""
        text = said(post(served.direct(server.first), "/chat/completions", asked({"messages": HELLO})).json)[
            "choices"
        ][0]["text"]
        common = {"model": "tiny", "temperature": 0}
        message = post(served.url, "/v1/messages", {**common, "messages": HELLO, "max_tokens": 24})
        assert [each["text"] for each in message.json["content"]] == [text]
        response = post(served.url, "/v1/responses", {**common, "input": "hello", "max_output_tokens": 24})
        said_so = [part["text"] for item in response.json["output"] for part in item.get("content") or ()]
        assert said_so == [text]
        plain = {**common, "prompt": "hello", "max_tokens": 24}
        completions = [
            post(url, "/completions", plain).json for url in (f"{served.url}/v1", served.direct(server.first))
        ]
        assert completions[0]["choices"][0]["text"] == completions[1]["choices"][0]["text"]
        note("the same text")

    def test_many_at_once(self, served: Served, server: Server, note: Note) -> None:
        """Twenty-four requests at once: each gets the answer to its own question."""
        bodies = [
            asked({"messages": [{"role": "user", "content": f"number {index}"}]}) for index in range(24)
        ]
        alone = [said(post(served.direct(server.first), "/chat/completions", each).json) for each in bodies]
        with ThreadPoolExecutor(24) as pool:
            together = list(
                pool.map(lambda each: post(f"{served.url}/v1", "/chat/completions", each), bodies)
            )
        assert [each.status for each in together] == [200] * 24
        assert [said(each.json) for each in together] == alone
        note("24 answers, as one by one")
