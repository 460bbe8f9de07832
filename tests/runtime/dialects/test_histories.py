"""What a provider wants back with the history comes back to it, through whatever client: the official clients
put each answer together, whole and streamed, and send it as it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

from inferc.compiler.plan import UNKNOWN, Capabilities
from inferc.runtime.dialects.adapt import Adapted, adapt
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.registry import CLIENT_SIDES, PROVIDER_SIDES
from inferc.runtime.dialects.server_sent_events import Event as StreamEvent, SseParser
from inferc.runtime.dialects.untold import untold
from inferc.runtime.replicas.remote.passthrough.rules import Straight
from inferc.runtime.requests import events as e
from tests.support.rows import each_row
from tests.support.strict import of_all_models, problems

Json = dict[str, Any]

ASKED: dict[str, Json] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "Hello."}]},
    "openai_responses": {"model": "m", "input": "Hello."},
    "anthropic": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello."}]},
}
WAYS = [(client, streamed) for client in CLIENT_SIDES for streamed in (False, True)]
BLOCK_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def read(provider: str, answer: list[Json] | Json) -> list[e.Event]:
    """The events of a whole answer, or of the chunks of one."""
    reader = PROVIDER_SIDES[provider].reader(PlainFailures())
    if isinstance(answer, dict):
        return reader.read_whole(orjson.dumps(answer))
    told = [event for each in answer for event in reader.read(StreamEvent(b"", orjson.dumps(each)))]
    return told + reader.close()


def taken(client: str, events: list[e.Event], *, streamed: bool) -> list[Json]:
    """What the client of that protocol keeps of an answer, to send it back."""
    side = CLIENT_SIDES[client]
    asked = side.read_request(ASKED[client])
    if not streamed:
        whole = orjson.loads(side.whole(asked, 1, fold(events)))
        if client == "openai_chat":
            return [whole["choices"][0]["message"]]
        return whole["output"] if client == "openai_responses" else [_said(whole)]
    writer = side.stream(asked, 1)
    told = SseParser().feed(b"".join(map(writer.write, events)) + writer.end())
    if client == "openai_responses":
        return list(orjson.loads(told[-1].data)["response"]["output"])
    if client == "anthropic":
        message: Message | None = None
        pieces: dict[Any, Any] = {}
        for event in told:
            made = BLOCK_EVENT.validate_json(event.data)
            message = accumulate_event(event=made, current_snapshot=message, json_bufs=pieces)  # type: ignore[arg-type]
        assert message is not None
        return [_said(message.model_dump(mode="json", exclude_unset=True))]
    state = ChatCompletionStreamState()
    for event in told[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(event.data))
    return [_plain(state.current_completion_snapshot.choices[0].message.model_dump(exclude_unset=True))]


def _said(message: Json) -> Json:
    return {name: message[name] for name in ("role", "content")}


def _plain(message: Json) -> Json:
    """Without what the client puts into its own objects."""
    message.pop("parsed", None)
    for call in message.get("tool_calls") or ():
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return message


def asked_again(client: str, provider: str, kept: list[Json], can: Capabilities = UNKNOWN) -> Json:
    """The request in which the client goes on."""
    calls = [call for item in kept for call in _calls(item)]
    done: list[Json] = []
    if client == "anthropic":
        done = [{"type": "tool_result", "tool_use_id": id, "content": "12:00"} for id in calls]
        done = [{"role": "user", "content": [*done, {"type": "text", "text": "Go on."}]}]
        body = {**ASKED[client], "messages": [*ASKED[client]["messages"], *kept, *done]}
    elif client == "openai_chat":
        done = [{"role": "tool", "tool_call_id": id, "content": "12:00"} for id in calls]
        done.append({"role": "user", "content": "Go on."})
        body = {**ASKED[client], "messages": [*ASKED[client]["messages"], *kept, *done]}
    else:
        done = [{"type": "function_call_output", "call_id": id, "output": "12:00"} for id in calls]
        begun = {"role": "user", "content": "Hello."}
        body = {**ASKED[client], "input": [begun, *kept, *done, {"role": "user", "content": "Go on."}]}
    found = adapt(CLIENT_SIDES[client].read_request(body), can, client=client, provider=provider)
    assert isinstance(found, Adapted)
    sent: Json = loads(dumps(PROVIDER_SIDES[provider].write_request(found.conversation)))
    if provider == "openai_chat" and can is OPENROUTER:
        assert not [*of_all_models("openrouter").complaints("chat", "", sent)]
    elif provider != "openai_chat" or can is UNKNOWN:
        assert problems(provider, sent) == []
    return sent


def _calls(item: Json) -> list[str]:
    if item.get("type") == "function_call":
        return [item["call_id"]]
    content = item.get("content")
    blocks = content if isinstance(content, list) else []
    found = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return [*found, *(call["id"] for call in item.get("tool_calls") or ())]


def events_of_all(events: list[e.Event], client: str) -> list[str]:
    return [name for event in events for name in untold(event, client)]


# ---- Gemini's signatures

SIGNED: list[Json] = [
    {"text": "I look.", "thoughtSignature": "AAAA"},
    {"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": "BBBB"},
    {"functionCall": {"id": "c2", "name": "now", "args": {"a": 1}}},
]


def gemini(parts: list[Json], reason: str | None = "STOP") -> Json:
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
    return {
        "responseId": "r",
        "modelVersion": "gemini-3-pro",
        "candidates": [candidate | ({"finishReason": reason} if reason else {})],
    }


@each_row(("client", "streamed"), WAYS)
def test_geminis_signatures_of_words_and_calls_come_back_to_it(client: str, streamed: bool) -> None:
    events = read("gemini", gemini(SIGNED))
    assert events_of_all(events, client) == []
    kept = taken(client, events, streamed=streamed)
    assert asked_again(client, "gemini", kept)["contents"][1]["parts"] == SIGNED
    for other in PROVIDER_SIDES.keys() - {"gemini"}:
        request = dumps(asked_again(client, other, kept)).decode()
        assert "I look." in request
        assert "AAAA" not in request
        assert "BBBB" not in request


def thought(words: str) -> Json:
    return {"type": "thinking", "thinking": words, "signature": f"of {words}"}


USED = {"type": "tool_use", "id": "c1", "name": "now", "input": {}}
SAID = {"type": "text", "text": "I look."}
ORDERS = [
    [thought("one"), SAID, USED],
    [thought("one"), SAID, thought("two"), USED],
    [SAID, thought("one"), USED],
    [thought("one"), thought("two"), SAID, thought("three"), USED, thought("four"), {**USED, "id": "c2"}],
    [thought("one"), USED, thought("two"), {**USED, "id": "c2"}],
]


@each_row(("client", "streamed"), WAYS)
@each_row("blocks", ORDERS)
def test_claudes_thoughts_come_back_to_it_in_their_places_among_words_and_calls(
    client: str, streamed: bool, blocks: list[Json]
) -> None:
    answer = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude", "content": blocks,
        "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    kept = taken(client, read("anthropic", answer), streamed=streamed)
    assert asked_again(client, "anthropic", kept)["messages"][1]["content"] == blocks


@each_row(("client", "streamed"), WAYS)
@each_row("last", [{"text": "", "thoughtSignature": "AAAA"}, {"thoughtSignature": "AAAA"}])
def test_a_signature_at_the_end_of_geminis_stream_is_that_of_the_words(
    client: str, streamed: bool, last: Json
) -> None:
    chunks = [gemini([{"text": "Hel"}], None), gemini([{"text": "lo."}], None), gemini([last])]
    kept = taken(client, read("gemini", chunks), streamed=streamed)
    again = asked_again(client, "gemini", kept)
    assert again["contents"][1]["parts"] == [{"text": "Hello.", "thoughtSignature": "AAAA"}]


@each_row(("client", "streamed"), WAYS)
def test_a_signature_without_words_comes_back_alone(client: str, streamed: bool) -> None:
    parts: list[Json] = [{"text": "", "thoughtSignature": "AAAA"}, SIGNED[2]]
    kept = taken(client, read("gemini", gemini(parts)), streamed=streamed)
    assert asked_again(client, "gemini", kept)["contents"][1]["parts"] == parts


@pytest.mark.parametrize("client", ["anthropic", "openai_responses"])
def test_each_words_of_gemini_keep_their_own_signature(client: str) -> None:
    parts = [{"text": text, "thoughtSignature": text} for text in ("AAAA", "BBBB")]
    for streamed in (False, True):
        kept = taken(client, read("gemini", gemini(parts)), streamed=streamed)
        assert asked_again(client, "gemini", kept)["contents"][1]["parts"] == parts


@each_row(("client", "streamed"), WAYS)
def test_google_gets_its_signatures_back_where_it_speaks_as_openai_does(client: str, streamed: bool) -> None:
    google = {"extra_content": {"google": {"thought_signature": "AAAA"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}, **google}
    message = {"role": "assistant", "content": "I look.", "tool_calls": [call], **google}
    kept = taken(client, read("openai_chat", completion(message)), streamed=streamed)
    can = Capabilities(returned_fields=("extra_content",))
    assert asked_again(client, "openai_chat", kept, can)["messages"][1] == message
    assert "AAAA" not in str(asked_again(client, "openai_chat", kept))


# ---- OpenRouter's details of thoughts

DETAILS: list[Json] = [
    {
        "type": "reasoning.summary",
        "summary": "Sum.",
        "id": "rs_1",
        "format": "openai-responses-v1",
        "index": 0,
    },
    {
        "type": "reasoning.encrypted",
        "data": "c2Vj",
        "id": "rs_1",
        "format": "openai-responses-v1",
        "index": 1,
    },
    {"type": "reasoning.text", "text": "I think.", "signature": "c2ln", "id": None, "index": 2},
    {"type": "reasoning.text", "text": None, "signature": "bm8=", "index": 3},
    {"type": "reasoning.server_tool_call", "tool_name": "web", "arguments": "{}", "result": "r", "index": 4},
]
OPENROUTER = Capabilities(returned_fields=("reasoning_details",))


def completion(message: Json) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def chunks(*deltas: Json) -> list[Json]:
    told = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    told.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    return [{"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [each]} for each in told]


@each_row(("client", "streamed"), WAYS)
def test_openrouters_details_of_thoughts_come_back_to_it_unchanged(client: str, streamed: bool) -> None:
    message = {"role": "assistant", "content": "So.", "reasoning": "Sum.\nI think."}
    events = read("openai_chat", completion({**message, "reasoning_details": DETAILS}))
    assert events_of_all(events, client) == []
    kept = taken(client, events, streamed=streamed)
    again = asked_again(client, "openai_chat", kept, OPENROUTER)["messages"][1]
    assert again["reasoning_details"] == DETAILS
    assert "reasoning_content" not in again or client == "openai_chat"
    if client != "openai_chat":
        others = Capabilities(thoughts_in_history=False)
        assert asked_again(client, "openai_chat", kept, others)["messages"][1] == {
            "role": "assistant",
            "content": "So.",
        }
        thinks = asked_again(client, "openai_chat", kept, Capabilities(thoughts_in_history=True))
        assert thinks["messages"][1]["reasoning_content"] == "Sum.I think."
    for other in PROVIDER_SIDES.keys() - {"openai_chat"}:
        assert "c2" not in dumps(asked_again(client, other, kept)).decode()


@each_row(("client", "streamed"), WAYS)
def test_details_that_come_in_pieces_are_put_together(client: str, streamed: bool) -> None:
    def text(piece: str, **more: Any) -> Json:
        detail = {
            "type": "reasoning.text",
            "text": piece,
            "index": 0,
            "format": "anthropic-claude-v1",
            **more,
        }
        return {"reasoning": piece or None, "reasoning_details": [detail]}

    hidden = {"type": "reasoning.encrypted", "data": "c2Vj", "index": 1}
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    told = chunks(
        {"role": "assistant", "content": "", **text("I ")},
        text("think."),
        text("", signature="c2ln"),
        {"content": "So."},
        {"tool_calls": [call], "reasoning_details": [hidden]},
    )
    events = read("openai_chat", told)
    assert "".join(event.text for event in events if isinstance(event, e.ThinkingDelta)) == "I think."
    kept = taken(client, events, streamed=streamed)
    again = asked_again(client, "openai_chat", kept, OPENROUTER)["messages"][1]
    whole = {"type": "reasoning.text", "text": "I think.", "index": 0, "format": "anthropic-claude-v1"}
    assert again["reasoning_details"] == [{**whole, "signature": "c2ln"}, hidden]
    assert (again["content"], len(again["tool_calls"])) == ("So.", 1)


def test_thoughts_beside_details_that_say_something_else_are_told_too() -> None:
    message = {"role": "assistant", "content": "So.", "reasoning": "Aloud.", "reasoning_details": DETAILS[:1]}
    events = read("openai_chat", completion(message))
    thoughts = [event.text for event in events if isinstance(event, e.ThinkingDelta)]
    assert sorted(thoughts) == ["Aloud.", "Sum."]


@pytest.mark.parametrize(
    "sealed", ["openai_chat:!", "openai_chat:bm8=", "openai_chat:W10=", "gemini:", "x:y"]
)
def test_a_seal_that_nobody_made_does_not_end_a_conversation(sealed: str) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": sealed}
    hidden = {"type": "redacted_thinking", "data": sealed}
    kept = [{"role": "assistant", "content": [thought, hidden, {"type": "text", "text": "So."}]}]
    for provider in PROVIDER_SIDES:
        assert "So." in str(asked_again("anthropic", provider, kept, OPENROUTER))


# ---- thoughts that Mistral signed

OPENAI = Capabilities(message_fields=("refusal",), thoughts_in_history=False)
MISTRAL = Capabilities(
    part_kinds=("text", "thinking"),
    thoughts_in_history=False,
    message_fields=("prefix",),
    user_after_results=False,
)
NOW = {"id": "abcdefghi", "type": "function", "function": {"name": "now", "arguments": "{}"}}


def thinking(words: str, **more: Any) -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": words}] if words else [], **more}


SIGNED_PARTS = [thinking("I think.", signature="c2ln"), {"type": "text", "text": "So."}]


def sent_to_mistral(client: str, events: list[e.Event], *, streamed: bool) -> Json:
    """The answer as the client sends it back, which is seen by nobody else."""
    assert events_of_all(events, client) == []
    kept = taken(client, events, streamed=streamed)
    others = [(other, UNKNOWN) for other in PROVIDER_SIDES if other != "openai_chat"]
    for other, can in [*others, ("openai_chat", OPENROUTER), ("openai_chat", OPENAI)]:
        assert "c2ln" not in dumps(asked_again(client, other, kept, can)).decode()
    sent = asked_again(client, "openai_chat", kept, MISTRAL)
    assert not [*of_all_models("mistral").complaints("chat", "", sent)]
    message: Json = sent["messages"][1]
    return message


@each_row(("client", "streamed"), WAYS)
def test_thoughts_that_mistral_signed_come_back_to_it_alone(client: str, streamed: bool) -> None:
    events = read("openai_chat", completion({"role": "assistant", "content": SIGNED_PARTS}))
    assert sent_to_mistral(client, events, streamed=streamed)["content"] == SIGNED_PARTS


@each_row(("client", "streamed"), WAYS)
@each_row(
    "pieces",
    [
        [thinking("I "), thinking("think.", signature="c2ln")],
        [thinking("I ", signature="c2ln"), thinking("think.")],
        [thinking("I "), thinking("think."), thinking("", signature="c2ln")],
        [thinking("I ", signature="c2ln"), thinking("think.", signature="c2ln", closed=True)],
    ],
)
@each_row("words", ["So.", [{"type": "text", "text": "So."}]])
def test_mistrals_signature_may_come_with_any_piece(
    client: str, streamed: bool, pieces: list[Json], words: Any
) -> None:
    told = chunks(*({"content": [piece]} for piece in pieces), {"content": words}, {"tool_calls": [NOW]})
    message = sent_to_mistral(client, read("openai_chat", told), streamed=streamed)
    assert message["content"] == SIGNED_PARTS
    assert len(message["tool_calls"]) == 1


@each_row(("client", "streamed"), WAYS)
def test_signed_thoughts_before_a_call_stand_before_it(client: str, streamed: bool) -> None:
    message = {"role": "assistant", "content": SIGNED_PARTS[:1], "tool_calls": [NOW]}
    sent = sent_to_mistral(client, read("openai_chat", completion(message)), streamed=streamed)
    assert sent["content"] == SIGNED_PARTS[:1]


@each_row(("client", "streamed"), WAYS)
def test_thoughts_that_nobody_signed_are_told_and_not_kept(client: str, streamed: bool) -> None:
    events = read(
        "openai_chat", completion({"role": "assistant", "content": [thinking("hm"), SIGNED_PARTS[1]]})
    )
    assert sum(isinstance(event, e.ThinkingDelta) for event in events) == 1
    kept = taken(client, events, streamed=streamed)
    assert "reasoning_details" not in kept[0]
    assert asked_again(client, "openai_chat", kept, MISTRAL)["messages"][1]["content"] == "So."


def test_who_sends_details_of_mistral_and_openrouter_loses_neither() -> None:
    mine = {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "mistral.thinking"}
    kept = [{"role": "assistant", "content": "So.", "reasoning_details": [mine, DETAILS[1]]}]
    sent = asked_again("openai_chat", "openai_chat", kept, OPENROUTER)["messages"][1]
    assert sent["reasoning_details"] == [DETAILS[1]]
    assert sent["reasoning_content"] == "hm"
    straight = Straight(OPENROUTER, is_openais=False)
    again = {"model": "m", "messages": [*kept, {"role": "user", "content": "Go on."}]}
    assert not straight.takes(again)
    kept[0]["reasoning_details"] = [DETAILS[1]]
    assert straight.takes(again)


# ---- calls as they were told before there were tools


@pytest.mark.parametrize("client", ["anthropic", "openai_responses"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_in_the_words_that_openai_gave_up_is_a_call(client: str, streamed: bool) -> None:
    message = {"role": "assistant", "content": None, "function_call": {"name": "now", "arguments": '{"a":1}'}}
    in_pieces = chunks(
        {"role": "assistant", "function_call": {"name": "now", "arguments": ""}},
        {"function_call": {"arguments": '{"a"'}},
        {"function_call": {"arguments": ":1}"}},
    )
    answers: tuple[Json | list[Json], ...] = (completion(message), in_pieces)
    for answer in answers:
        events = read("openai_chat", answer)
        assert events_of_all(events, client) == []
        assert [event.reason for event in events if isinstance(event, e.Finished)] == ["tool_calls"]
        kept = taken(client, events, streamed=streamed)
        [call] = asked_again(client, "openai_chat", kept)["messages"][1]["tool_calls"]
        assert call["function"] == {"name": "now", "arguments": '{"a":1}'}


def test_a_call_that_is_told_in_both_words_is_one_call() -> None:
    function = {"name": "now", "arguments": "{}"}
    call = {"index": 0, "id": "c1", "type": "function", "function": function}
    events = read("openai_chat", chunks({"tool_calls": [call], "function_call": function}))
    assert [event.id for event in events if isinstance(event, e.ToolCallBegun)] == ["c1"]
