"""What it costs to read and write a request, and a piece of a stream, in each dialect.

    python bench/dialects.py

A chat of ten messages with two calls of tools, and the text of a stream. The floor is JSON alone: the same
body parsed and written again by orjson. Prints microseconds, the best of several runs.
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable
from typing import Any

import orjson

from inferc.compiler.plan import UNKNOWN
from inferc.runtime.dialects import anthropic, gemini, openai_chat, openai_responses
from inferc.runtime.dialects.adapt import Adapted, adapt
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.requests import events as e

REQUEST_ASKED, CHUNK_ASKED = 100, 20
"""Microseconds that a request, and a piece of a stream, may take in each direction."""

CALL = {"id": "call_a", "type": "function"}
CALL |= {"function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
TURN = [
    {"role": "user", "content": "What is the weather in Paris, and what shall I wear?" * 4},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_a", "content": '{"temperature": 21.0, "sky": "clear"}'},
    {"role": "assistant", "content": "It is 21 degrees and clear; a shirt will do." * 4},
]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": SCHEMA}}
SYSTEM = {"role": "system", "content": "Be brief. " * 20}
BODY: dict[str, Any] = {
    "model": "m",
    "messages": [SYSTEM, *TURN, *TURN, {"role": "user", "content": "Thanks."}],
    "tools": [TOOL],
    "temperature": 0.5,
    "max_completion_tokens": 500,
    "stream": True,
}


def best(work: Callable[[], object], number: int = 500) -> float:
    """Microseconds that `work` takes."""
    return min(timeit.repeat(work, number=number, repeat=7)) / number * 1e6


def line(what: str, microseconds: float, floor: float, asked: float) -> None:
    verdict = "" if microseconds <= asked else f"   MORE THAN {asked}"
    print(f"{what:42} {microseconds:7.1f} us   {microseconds / floor:5.1f} x JSON{verdict}")


def requests() -> None:
    body = orjson.dumps(BODY)
    read = openai_chat.read_request(loads(body))
    there = adapt(read, UNKNOWN, client="openai_chat", provider="anthropic")
    assert isinstance(there, Adapted)
    claude = dumps(anthropic.write_request(there.conversation))
    floor = best(lambda: orjson.dumps(orjson.loads(body)))
    print(f"{'JSON alone: parse and write':42} {floor:7.1f} us")
    for what, work in {
        "openai_chat: read": lambda: openai_chat.read_request(loads(body)),
        "openai_chat: write": lambda: dumps(openai_chat.write_request(read)),
        "anthropic: read": lambda: anthropic.read_request(loads(claude)),
        "anthropic: write": lambda: dumps(anthropic.write_request(there.conversation)),
        "gemini: write": lambda: dumps(gemini.write_request(read)),
        "adapt: the same dialect": lambda: adapt(read, UNKNOWN, client="openai_chat", provider="openai_chat"),
        "adapt: to anthropic": lambda: adapt(read, UNKNOWN, client="openai_chat", provider="anthropic"),
    }.items():
        line(what, best(work), floor, REQUEST_ASKED)


def chunks() -> None:
    events = [e.Started("1", "m"), *[e.TextDelta("some words")] * 200, e.Finished("stop")]
    streams: dict[str, tuple[Callable[[], Any], Callable[[], AnswerReader] | None]] = {
        "openai_chat": (
            lambda: openai_chat.OpenAIChatWriter("m", 1),
            lambda: openai_chat.OpenAIChatReader(PlainFailures()),
        ),
        "anthropic": (
            lambda: anthropic.AnthropicWriter("m"),
            lambda: anthropic.AnthropicReader(PlainFailures()),
        ),
        "openai_responses": (
            lambda: openai_responses.ResponsesWriter(openai_chat.read_request(BODY), 1),
            None,
        ),
    }
    for dialect, (make_writer, make_reader) in streams.items():

        def write(make_writer: Callable[[], Any] = make_writer) -> bytes:
            writer = make_writer()
            return b"".join([writer.write(event) for event in events]) + bytes(writer.end())

        told = SseParser().feed(write())
        data = [event.data for event in told if event.data.startswith(b"{")]
        floor = best(lambda data=data: [orjson.dumps(orjson.loads(each)) for each in data], 20) / len(data)
        line(f"{dialect}: write a piece", best(write, 20) / len(events), floor, CHUNK_ASKED)
        if make_reader is not None:

            def read(make_reader: Callable[[], AnswerReader] = make_reader, told: list[Any] = told) -> None:
                reader = make_reader()
                for event in told:
                    reader.read(event)

            line(f"{dialect}: read a piece", best(read, 20) / len(told), floor, CHUNK_ASKED)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    requests()
    chunks()
