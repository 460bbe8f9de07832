"""Streams whose events are framed in another way than is documented: clients get the same answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ..support.remote import gateway_of, plan_of, running, serving
from ..support.wires import KEY, wire_plan

EVENTS = "text/event-stream"
ASKED: dict[str, Any] = {"stream": True, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


def chunk(delta: dict[str, str], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(told)


def candidate(text: str, **more: str) -> str:
    content = {"role": "model", "parts": [{"text": text}]}
    return json.dumps({"candidates": [{"content": content, **more}]}, indent=1)


CHUNKS = [
    chunk({"role": "assistant", "content": 'a { "error" } '}),
    chunk({"content": "b"}),
    chunk({}, "stop"),
]
CANDIDATES = [candidate('a { "error" } '), candidate("b", finishReason="STOP")]
TEXT = 'a { "error" } b'
OPENAI = "".join(f"data: {each}\n\n" for each in CHUNKS)
DONE = "data: [DONE]\n\n"
GEMINI = "".join(f"data: {' '.join(each.split())}\n\n" for each in CANDIDATES)

STREAMS = {
    "no space": ("openai", EVENTS, OPENAI.replace("data: ", "data:") + "data:[DONE]\n\n"),
    "carriage returns": ("openai", EVENTS, (OPENAI + DONE).replace("\n", "\r")),
    "both": ("openai", EVENTS, (OPENAI + DONE).replace("\n", "\r\n")),
    "a byte order mark": ("openai", EVENTS, "\ufeff" + OPENAI + DONE),
    "keep-alives": ("openai", EVENTS, ": PROCESSING\n\n" + OPENAI.replace("\n\n", "\n\n:\n\n") + DONE),
    "no blank line at the end": ("openai", EVENTS, OPENAI + DONE.strip()),
    "nothing behind the last chunk": ("openai", EVENTS, OPENAI.strip()),
    "an end in quotes": ("openai", EVENTS, OPENAI + 'data: "[DONE]"\n\n'),
    "an end and a space": ("openai", EVENTS, OPENAI + "data: [DONE] \n\n"),
    "an end that is no event": ("openai", EVENTS, OPENAI + "[DONE]\n\n"),
    "an end with a name": ("openai", EVENTS, OPENAI + "event: done\n" + DONE),
    "a name alone": ("openai", EVENTS, OPENAI + "event: done\n\n"),
    "lines": ("openai", "application/x-ndjson", "\n".join(CHUNKS) + "\n"),
    "lines that are called JSON": ("openai", "application/json", "\n".join(CHUNKS) + "\n"),
    "lines that are called events": ("openai", EVENTS, "\n\n".join((*CHUNKS, DONE))),
    "Gemini's end in quotes": ("gemini", EVENTS, GEMINI + 'data: "[DONE]"\n\n'),
    "Gemini's lines": ("gemini", "application/x-ndjson", GEMINI.replace("data: ", "").replace("\n\n", "\n")),
    "Gemini's list": ("gemini", "application/json; charset=UTF-8", f"[{','.join(CANDIDATES)}\n]\n"),
    "a list that is called events": ("gemini", EVENTS, f"[{','.join(CANDIDATES)}\n]\n"),
}


async def streamed(stream: str, path: str) -> bytes:
    wire, kind, body = STREAMS[stream]

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        data = body.encode()
        for at in range(0, len(data), 61):
            await response.write(data[at : at + 61])
        return response

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with (
        serving(app) as url,
        running(plan_of(wire_plan(wire, url))) as executor,
        gateway_of(executor) as gateway,
        ClientSession() as session,
        session.post(gateway + path, json={"model": wire, **ASKED}) as got,
    ):
        assert got.status == 200, await got.text()
        return await got.read()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "k")


@pytest.mark.parametrize("stream", STREAMS)
async def test_a_client_of_chats_gets_the_same_answer(stream: str) -> None:
    *events, last = (await streamed(stream, "/v1/chat/completions")).decode().strip().split("\n\n")
    assert last == "data: [DONE]"
    told = [choice for each in events for choice in json.loads(each.removeprefix("data: "))["choices"]]
    assert "".join(each["delta"].get("content") or "" for each in told) == TEXT
    assert [each["finish_reason"] for each in told if each["finish_reason"]] == ["stop"]


@pytest.mark.parametrize("stream", STREAMS)
async def test_a_client_of_messages_gets_the_same_answer(stream: str) -> None:
    lines = (await streamed(stream, "/v1/messages")).decode().splitlines()
    told = [json.loads(each.removeprefix("data: ")) for each in lines if each.startswith("data: ")]
    assert "".join(each["delta"].get("text", "") for each in told if "delta" in each) == TEXT
    assert told[-2]["delta"]["stop_reason"] == "end_turn"
    assert told[-1]["type"] == "message_stop"
