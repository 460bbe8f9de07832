"""A whole answer with each field that its provider documents, for the clients of each protocol."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from inferc.runtime.dialects import anthropic, openai_responses
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.openai_chat import OpenAIChatReader
from inferc.runtime.dialects.openai_chat.write_answer import OpenAIChatWriter, write_whole
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.dialects.untold import OF_THE_SERVER
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.replicas.remote.chat_answers import read_events
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.request import ChatRequest

from ...support.rows import each_row
from .reference import MESSAGES, NAMES, Json, plan, read

ANSWERED = [name for name in NAMES if "answer" in read(name)]
CLIENTS = ("openai_chat", "openai_responses", "anthropic")
OTHERWISE = {"usage", "created", "id"}
"""What other protocols count, or call, in their own way."""

SEALED = re.compile(r"openai_chat(?:\.redacted)?:([\w+/=]+)")
"""What clients send back to its provider, who alone reads it."""


def asked(client: str, stream: bool) -> ChatRequest:
    if client == "openai_chat":
        return ChatRequest({"model": "it", "messages": MESSAGES, "stream": stream}, stream)
    body: Json = {"model": "it", "stream": stream}
    if client == "anthropic":
        body |= {"messages": MESSAGES, "max_tokens": 100}
        return said_in(client, body, anthropic.read_request(body))
    body |= {"input": "Give me json."}
    return said_in(client, body, openai_responses.read_request(body))


def as_stream(whole: Json) -> bytes:
    """The answer as a stream of one chunk that says it, and one that ends it."""
    said = json.loads(json.dumps({**whole, "object": "chat.completion.chunk"}))
    for choice in said["choices"]:
        choice["delta"] = choice.pop("message")
        choice["finish_reason"], reason = None, choice["finish_reason"]
        for index, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call["index"] = index
    end = {**whole, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in (said, end)) + b"data: [DONE]\n\n"


def told(name: str, client: str, stream: bool) -> tuple[bytes, tuple[str, ...]]:
    """What a client gets of the provider's answer, and what it is said not to get."""
    whole, request = read(name)["answer"]["whole"], asked(client, stream)
    made = plan(name, read(name)["chat"]["model"])
    chats, classifier, writer = Chats(made), Classifier(made, None), ChatWriter(request)
    if not stream:
        chunk = chats.whole(json.dumps(whole).encode(), chats.fit(request), classifier)
        return writer.whole(chunk), writer.untold
    pieces, error = read_events(
        chats.reader(request, chats.fit(request), classifier),
        SseParser().feed(as_stream(whole)),
        closing=True,
    )
    assert error is None
    return b"".join(map(writer.write, pieces)) + writer.end(), writer.untold


def leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values that stand there once, with their places; words of the protocol are none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("type", "object", "role", "finish_reason", "index", "bytes"):
                yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, at)
    elif at[-1:] == ("arguments",):
        yield from leaves(json.loads(value), at)
    elif value is not None and not isinstance(value, bool):
        yield at, value


def missing(name: str, got: bytes) -> Iterator[tuple[str, ...]]:
    """The places whose values a client has not got."""
    text = got.decode()
    plain = text + json.dumps(json.loads(text) if text.startswith("{") else text, ensure_ascii=False)
    for sealed in SEALED.findall(text):
        plain += b64decode(sealed).decode()
    for place, value in leaves(read(name)["answer"]["whole"]):
        written = json.dumps(value, ensure_ascii=False)
        found = written.strip('"') if isinstance(value, str) else written
        if found not in plain and found.replace('\\"', '\\\\\\"') not in plain:
            yield place


@each_row("stream", [False, True])
@each_row("client", CLIENTS)
@each_row("name", ANSWERED)
def test_nothing_of_an_answer_is_gone_in_silence(name: str, client: str, stream: bool) -> None:
    got, untold = told(name, client, stream)
    told_of = {*untold, *OF_THE_SERVER}
    for name_of_event, field in (
        ("citation", "annotations"),
        ("image", "images"),
        ("content_parts", "content"),
    ):
        told_of |= {field} if name_of_event in untold else set()
    if client != "openai_chat":
        told_of |= OTHERWISE
    gone = {".".join(place) for place in missing(name, got) if not told_of.intersection(place)}
    assert gone == set()


@each_row("name", ANSWERED)
def test_an_answer_that_is_written_anew_has_all_that_it_had(name: str) -> None:
    whole = read(name)["answer"]["whole"]
    reader = OpenAIChatReader(PlainFailures())
    events = reader.read_whole(json.dumps(whole).encode())
    assert {".".join(place) for place in missing(name, write_whole(fold(events), 0))} <= {"created"}
    writer = OpenAIChatWriter("it", 0, include_usage=True)
    reader = OpenAIChatReader(PlainFailures())
    streamed = [event for chunk in SseParser().feed(as_stream(whole)) for event in reader.read(chunk)]
    written = b"".join(map(writer.write, streamed)) + writer.end()
    assert {".".join(place) for place in missing(name, written)} <= {"created"}


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_come_in_openais_shape_where_a_provider_has_another(stream: bool) -> None:
    body = {"model": "it", "messages": MESSAGES, "logprobs": True, "top_logprobs": 2, "seed": 7}
    request = ChatRequest(body | {"stream": stream}, stream)
    made = plan("together", read("together")["chat"]["model"])
    chats, classifier, writer = Chats(made), Classifier(made, None), ChatWriter(request)
    sent = json.loads(chats.fit(request).body)
    assert (sent["logprobs"], sent["seed"]) == (2, 7)
    assert "top_logprobs" not in sent
    whole = read("together")["answer"]["whole"]
    if stream:
        told = SseParser().feed(as_stream(whole))
        pieces, _ = read_events(chats.reader(request, chats.fit(request), classifier), told, closing=True)
        got = b"".join(map(writer.write, pieces))
    else:
        got = writer.whole(chats.whole(json.dumps(whole).encode(), chats.fit(request), classifier))
    assert b'{"token":"Words","logprob":-0.375,' in got


@pytest.mark.parametrize("stream", [False, True])
def test_words_that_come_in_parts_are_a_text_for_clients_of_openais(stream: bool) -> None:
    got, _ = told("mistral", "openai_chat", stream)
    said = json.loads(got.splitlines()[0].removeprefix(b"data: "))["choices"][0][
        "delta" if stream else "message"
    ]
    assert said["content"] == "Words at Mistral."
    assert said["reasoning_content"] == "Thoughts at Mistral."
    assert [part["type"] for part in said["content_parts"]] == ["reference"]
