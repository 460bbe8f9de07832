"""Conversations made fit for a model: providers get nothing that they refuse, and nothing is lost unsaid."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given, strategies as st

from inferc.compiler.plan import UNKNOWN, Capabilities
from inferc.compiler.plan.codec import plan_converter
from inferc.compiler.plan.dialects import AT_OPENAI
from inferc.runtime.dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from inferc.runtime.dialects.adapt import (
    Adapted,
    AsJsonText,
    Checked,
    StructuredByTool,
    Unsuitable,
    adapt,
)
from inferc.runtime.dialects.adapt.structured import ASK_FOR_JSON
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.replicas.remote.passthrough.rules import Straight
from inferc.runtime.requests import events as e
from inferc.runtime.requests.conversation import Conversation
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.parts import Text
from tests.support.conversations import anthropic_bodies, openai_bodies
from tests.support.official_types import check_anthropic, check_bedrock, check_gemini, check_openai_chat
from tests.support.rows import each_row
from tests.support.strict import problems

Json = dict[str, Any]

READ = {
    "openai_chat": openai_chat.read_request,
    "anthropic": anthropic.read_request,
    "openai_responses": openai_responses.read_request,
}
WRITE = {
    "openai_chat": openai_chat.write_request,
    "anthropic": anthropic.write_request,
    "gemini": gemini.write_request,
    "bedrock": bedrock.write_request,
}
TYPES = {
    "openai_chat": check_openai_chat,
    "anthropic": check_anthropic,
    "gemini": check_gemini,
    "bedrock": check_bedrock,
}

USER = {"role": "user", "content": "Hello."}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
OLD_CLAUDE = Capabilities(json_schema=False, thinks="budget", efforts=(), least_thinking=1024)
NEW_CLAUDE = Capabilities(
    refused_sampling=("temperature", "top_p", "top_k"),
    thinks="adaptive",
    efforts=("low", "medium", "high", "xhigh", "max"),
    greatest_output=64000,
)

CAPABILITIES = st.builds(
    Capabilities,
    thinks=st.sampled_from([None, "no", "effort", "budget", "adaptive", "level"]),
    json_schema=st.sampled_from([None, False, True]),
    least_thinking=st.just(1024),
    can_rest=st.sampled_from([None, False, True]),
    greatest_output=st.sampled_from([None, 8192]),
    most_stop=st.sampled_from([None, 1]),
)
"""Of an imagined model: what it says of itself goes into the request."""


def openai(*messages: Any, **more: Any) -> Json:
    return {"model": "m", "messages": list(messages) or [USER], **more}


def ask(
    body: Json, to: str, can: Capabilities = UNKNOWN, *, client: str = "openai_chat", **more: Any
) -> Adapted | Unsuitable:
    return adapt(READ[client](body), can, client=client, provider=to, **more)


def sent(body: Json, to: str, can: Capabilities = UNKNOWN, **more: Any) -> Json:
    """What the provider gets for a request that suits its model."""
    found = ask(body, to, can, **more)
    assert isinstance(found, Adapted), found
    return written(found.conversation, to)


def written(conversation: Conversation, to: str) -> Json:
    body: Json = loads(dumps(WRITE[to](conversation)))
    return body


def taken(body: Json, to: str, can: Capabilities = UNKNOWN) -> Adapted:
    """A request whose model does without what it cannot do."""
    found = ask(body, to, can, unsupported="drop")
    assert isinstance(found, Adapted), found
    return found


def refused(body: Json, to: str, can: Capabilities = UNKNOWN, **more: Any) -> list[str]:
    found = ask(body, to, can, **more)
    assert isinstance(found, Unsuitable), found
    return [problem.where for problem in found.problems]


def is_imaginary(can: Capabilities, to: str) -> bool:
    """Levels are Google's, budgets are not OpenAI's: no model says so of itself."""
    return (to in ("anthropic", "bedrock") and can.thinks == "level") or (
        to == "openai_chat" and can.thinks not in (None, "no")
    )


HOW: tuple[Literal["error", "drop"], ...] = ("error", "drop")


@given(body=openai_bodies(), can=CAPABILITIES)
def test_openai_s_requests_are_taken_or_refused_by_name(body: Json, can: Capabilities) -> None:
    for to, unsupported in product(("anthropic", "gemini", "bedrock"), HOW):
        _taken_or_refused(body, "openai_chat", to, can, unsupported)


@given(body=anthropic_bodies(), can=CAPABILITIES)
def test_anthropic_s_requests_are_taken_or_refused_by_name(body: Json, can: Capabilities) -> None:
    for to, unsupported in product(("openai_chat", "gemini", "bedrock"), HOW):
        its = can if to != "openai_chat" else can.over(Capabilities(refused_sampling=("top_k", "min_p")))
        _taken_or_refused(body, "anthropic", to, its, unsupported)


def _taken_or_refused(body: Json, client: str, to: str, can: Capabilities, unsupported: Any) -> None:
    if is_imaginary(can, to):
        return
    found = ask(body, to, can, client=client, unsupported=unsupported)
    if isinstance(found, Unsuitable):
        assert all(problem.where and problem.why for problem in found.problems)
        return
    said = _judged(to, dumps(WRITE[to](found.conversation)))
    _nothing_is_lost(body, said, [note.where for note in found.notes])


@lru_cache(maxsize=len(WRITE))
def _judged(to: str, text: bytes) -> str:
    """A request that its provider takes. What suits a model is the same with either answer to what does not,
    and is judged once."""
    request = loads(text)
    TYPES[to](request)
    assert problems(to, request) == []
    return dumps(request).decode()


def _nothing_is_lost(body: Json, said: str, noted: list[str]) -> None:
    """Every text of the client is in the request, or the notes say what became of it."""
    for number, message in enumerate(body["messages"]):
        content = message["content"]
        for block in [{"text": content}] if isinstance(content, str) else content or ():
            text = block.get("text") or ""
            if message["role"] == "assistant":
                text = text.rstrip()  # there is a note where its turn begins
            words = text if text.strip() else ""
            if words and not any(f"messages[{number}]" in where for where in noted):
                assert orjson.dumps(words).decode()[1:-1] in said or _as_json(words, said)


def _as_json(words: str, said: str) -> bool:
    """A tool's result that is JSON is sent as the value that it is."""
    try:
        return orjson.dumps(orjson.loads(words)).decode() in said
    except orjson.JSONDecodeError:
        return False


WITHOUT_MEDIA = {"openai_chat": openai_bodies(media=False), "anthropic": anthropic_bodies(media=False)}


@pytest.mark.parametrize("client", WITHOUT_MEDIA)
@given(data=st.data())
def test_what_suits_goes_on_as_it_came(client: str, data: st.DataObject) -> None:
    body = data.draw(WITHOUT_MEDIA[client])
    found = ask(body, client, client=client)
    if isinstance(found, Adapted) and not found.notes and client == "openai_chat":
        assert written(found.conversation, client) == written(READ[client](body), client)


def test_nothing_is_assumed_of_a_model_of_which_nothing_is_known() -> None:
    read = openai_chat.read_request(openai(temperature=2, top_k=3, n=4, seed=1, stop=["a"] * 9, new_field=1))
    assert adapt(read, UNKNOWN, client="openai_chat", provider="openai_chat") == Adapted(read)


# ---- sampling


def test_of_fields_that_go_one_at_a_time_the_one_that_asks_for_nothing_goes() -> None:
    can = Capabilities(one_of_sampling=(("temperature", "top_p"),))
    request = sent(openai(temperature=0.2, top_p=1), "anthropic", can)
    assert (request.get("temperature"), request.get("top_p")) == (0.2, None)
    assert sent(openai(temperature=1, top_p=0.9), "anthropic", can)["top_p"] == 0.9
    assert refused(openai(temperature=0.2, top_p=0.9), "anthropic", can) == ["top_p"]


def test_sampling_that_a_model_does_not_heed_is_left_out_and_told() -> None:
    found = ask(
        openai(temperature=0.2, top_p=1), "gemini", Capabilities(ignored_sampling=("temperature", "top_p"))
    )
    assert isinstance(found, Adapted)
    assert "generationConfig" not in written(found.conversation, "gemini")
    assert [(note.where, note.what) for note in found.notes] == [
        ("temperature", "left out: the model does not heed it")
    ]


def test_sampling_that_a_model_has_not_is_refused_unless_it_asks_for_nothing() -> None:
    assert refused(openai(temperature=0.2), "anthropic", NEW_CLAUDE) == ["temperature"]
    assert "temperature" not in sent(openai(temperature=1, top_p=1.0), "anthropic", NEW_CLAUDE)
    assert "temperature" not in sent(openai(temperature=0.2), "anthropic", NEW_CLAUDE, unsupported="drop")
    assert refused(openai(temperature=1.5), "anthropic") == ["temperature"]


def test_fields_that_are_refused_are_named_in_the_order_of_those_that_there_are() -> None:
    can = Capabilities(refused_sampling=("logit_bias", "presence_penalty", "top_p", "temperature"))
    fields = {"logit_bias": {"1": 1}, "presence_penalty": 1, "top_p": 0.5, "temperature": 0.5}
    for asked in (fields, dict(reversed(fields.items()))):
        names = refused(openai(**asked), "openai_chat", can)
        assert names == ["temperature", "top_p", "presence_penalty", "logit_bias"]


def test_an_address_does_not_go_to_anthropic() -> None:
    found = ask(openai(user="ann@example.com"), "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["user"]
    assert "metadata" not in written(found.conversation, "anthropic")
    assert sent(openai(user="u-1"), "anthropic")["metadata"] == {"user_id": "u-1"}


@pytest.mark.parametrize("user", ["u" * 1_000_000, "@u" * 500_000, "+1" * 500_000, "u@" + "u" * 1_000_000])
def test_looking_for_an_address_takes_no_longer_than_reading(user: str) -> None:
    assert len(sent(openai(user=user), "anthropic")["metadata"]["user_id"]) == 64  # a digest


def test_the_limit_has_the_name_that_the_model_knows() -> None:
    can = Capabilities(token_limit="max_completion_tokens")
    assert sent(openai(max_tokens=9), "openai_chat", can)["max_completion_tokens"] == 9
    assert sent(openai(max_completion_tokens=9), "openai_chat")["max_completion_tokens"] == 9
    assert sent(openai(), "anthropic", NEW_CLAUDE)["max_tokens"] == 64000
    assert sent(openai(max_tokens=77), "anthropic", NEW_CLAUDE)["max_tokens"] == 77


# ---- thinking


@each_row(
    ("effort", "can", "thinking", "words"),
    [
        ("high", NEW_CLAUDE, {"type": "adaptive"}, "high"),
        ("minimal", NEW_CLAUDE, {"type": "adaptive"}, "low"),
        ("none", NEW_CLAUDE, {"type": "disabled"}, None),
        ("low", OLD_CLAUDE, {"type": "enabled", "budget_tokens": 1024}, None),
        ("high", OLD_CLAUDE, {"type": "enabled", "budget_tokens": 24576}, None),
        ("none", OLD_CLAUDE, {"type": "disabled"}, None),
    ],
)
def test_effort_is_asked_for_as_the_model_knows_it(
    effort: str, can: Capabilities, thinking: Any, words: str | None
) -> None:
    request = sent(openai(reasoning_effort=effort), "anthropic", can)
    assert request["thinking"] == thinking
    assert request.get("output_config", {}).get("effort") == words
    assert problems("anthropic", request) == []


@pytest.mark.parametrize(
    ("efforts", "effort", "said"),
    [
        (("none", "high"), "low", "high"),
        (("none", "high"), "medium", "high"),
        (("none", "high"), "minimal", "none"),
        (("none", "low", "high"), "minimal", "none"),
        (("none",), "high", None),
    ],
)
def test_who_asks_for_thoughts_is_not_told_that_there_are_none(
    efforts: tuple[str, ...], effort: str, said: str | None
) -> None:
    found = ask(
        openai(reasoning_effort=effort), "openai_chat", Capabilities(thinks="effort", efforts=efforts)
    )
    assert isinstance(found, Adapted)
    assert written(found.conversation, "openai_chat").get("reasoning_effort") == said
    assert [note.where for note in found.notes] == ["reasoning_effort"]


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    can = Capabilities(thinks="no")
    assert refused(openai(reasoning_effort="low"), "anthropic", can) == ["reasoning_effort"]
    assert "thinking" not in sent(openai(reasoning_effort="none"), "anthropic", can)
    asked = {**openai(), "max_tokens": 2000, "output_config": {"effort": "high"}}
    as_it_sees_fit = {**asked, "thinking": {"type": "adaptive"}}
    assert "reasoning_effort" not in sent(as_it_sees_fit, "openai_chat", can, client="anthropic")
    budget = {**asked, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert refused(budget, "openai_chat", can, client="anthropic") == ["thinking"]


def test_a_budget_that_does_not_fit_the_answer_is_refused() -> None:
    assert refused(openai(reasoning_effort="low", max_tokens=500), "anthropic", OLD_CLAUDE) == [
        "reasoning_effort"
    ]
    request = sent(openai(reasoning_effort="high", max_tokens=3000), "anthropic", OLD_CLAUDE)
    assert request["thinking"]["budget_tokens"] == 2999


def test_anthropic_s_budget_is_an_effort_for_openai_s_models() -> None:
    body = {
        "model": "m",
        "max_tokens": 9000,
        "messages": [USER],
        "thinking": {"type": "enabled", "budget_tokens": 8000},
    }
    assert sent(body, "openai_chat", client="anthropic")["reasoning_effort"] == "medium"


def test_a_level_and_a_budget_are_gemini_s() -> None:
    for can, wanted in (
        (Capabilities(thinks="level"), {"thinkingLevel": "low"}),
        (Capabilities(thinks="budget"), {"thinkingBudget": 1024}),
    ):
        request = sent(openai(reasoning_effort="low"), "gemini", can)
        assert request["generationConfig"]["thinkingConfig"] == wanted


# ---- history


def called(id: str = "c", arguments: str = "{}", **more: Any) -> Json:
    call = {"id": id, "type": "function", "function": {"name": "now", "arguments": arguments}, **more}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def result(id: str = "c", content: Any = "12:00") -> Json:
    return {"role": "tool", "tool_call_id": id, "content": content}


def test_ids_that_repeat_become_their_own_and_stay_as_the_conversation_grows() -> None:
    messages = [USER, called(), result(), USER, called(), result(content="12:01")]
    request = sent(openai(*messages), "anthropic")
    assert problems("anthropic", request) == []
    longer = sent(
        openai(*messages, {"role": "assistant", "content": "So."}, USER, called(), result()), "anthropic"
    )
    assert longer["messages"][: len(request["messages"])] == request["messages"]
    assert problems("anthropic", longer) == []


def test_ids_in_foreign_characters_are_written_anew() -> None:
    request = sent(openai(USER, called("x:1/2"), result("x:1/2")), "anthropic")
    [use], [answer] = (message["content"] for message in request["messages"][1:])
    assert use["id"] == answer["tool_use_id"] != "x:1/2"


def test_what_another_provider_put_on_its_answers_is_taken_out() -> None:
    signed = called(extra_content={"google": {"thought_signature": "AAAA"}})
    request = sent(openai(USER, signed, result()), "openai_chat")
    check_openai_chat(request)
    marked = {
        "role": "system",
        "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
    }
    check_openai_chat(sent(openai(marked, USER), "openai_chat"))
    kept = sent(openai(marked, USER), "openai_chat", Capabilities(cache_marks="cache_control"))
    assert kept["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_signatures_go_back_to_who_made_them() -> None:
    signed = called(extra_content={"google": {"thought_signature": "AAAA"}})
    [call] = sent(openai(USER, signed, result()), "gemini")["contents"][1]["parts"]
    assert call["thoughtSignature"] == "AAAA"
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    thought = called(extra_content={"anthropic": {"thinking": thoughts}})
    assert sent(openai(USER, thought, result()), "anthropic")["messages"][1]["content"][0] == thoughts[0]
    assert "hm" not in str(sent(openai(USER, thought, result()), "gemini"))


def test_claudes_thoughts_before_words_go_back_to_it_alone_and_first() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
    ]
    said = {"role": "assistant", "content": "Noon.", "reasoning_content": "hm"}
    said["extra_content"] = {"anthropic": {"thinking": thoughts}}
    content = sent(openai(USER, said, USER), "anthropic")["messages"][1]["content"]
    assert content == [*thoughts, {"type": "text", "text": "Noon."}]
    assert problems("anthropic", sent(openai(USER, said, USER), "anthropic")) == []
    told = sent(openai(USER, said, USER), "openai_chat")
    assert told["messages"][1] == {"role": "assistant", "content": "Noon."}
    assert "hm" not in str(sent(openai(USER, said, USER), "gemini"))


def test_a_picture_that_gemini_made_goes_back_to_it_with_its_signature() -> None:
    picture = {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,R0dH"},
        "extra_content": {"google": {"thought_signature": "AAAA"}},
    }
    made = {"inlineData": {"mimeType": "image/png", "data": "R0dH"}, "thoughtSignature": "AAAA"}
    words = {"type": "text", "text": "Here."}
    for said in ({"content": "Here.", "images": [picture]}, {"content": [words, picture]}):
        history = openai(USER, {"role": "assistant", **said}, USER)
        assert sent(history, "gemini")["contents"][1]["parts"] == [{"text": "Here."}, made]
        assert "AAAA" not in str(sent(history, "anthropic"))
    unsigned = {"role": "assistant", "content": None, "images": [{"image_url": picture["image_url"]}]}
    [part] = sent(openai(USER, unsigned, USER), "gemini")["contents"][1]["parts"]
    assert part == {"inlineData": made["inlineData"]}


def test_an_image_of_an_answer_that_is_none_is_named() -> None:
    said = {"role": "assistant", "content": "Here.", "images": [{"image_url": {"url": 7}}]}
    with pytest.raises(BadRequest) as caught:
        sent(openai(USER, said, USER), "gemini")
    assert caught.value.param == "messages[1].images[0].image_url.url"


def test_a_call_of_another_model_gets_the_mark_of_a_lost_signature() -> None:
    can = Capabilities(call_signature="skip_thought_signature_validator")
    [call] = sent(openai(USER, called(), result()), "gemini", can)["contents"][1]["parts"]
    assert call["thoughtSignature"] == "skip_thought_signature_validator"


DEEPSEEK = Capabilities(
    thinks_unasked=True,
    rests_by="thinking",
    calls_need_thoughts=True,
    forced_tools_with_thoughts=False,
    tool_choice_with_thoughts=False,
)
RESTS = {"type": "disabled"}


def claude_thought(text: str, signature: str) -> Json:
    """A call after a thought, as clients of Anthropic send it back."""
    thought = {"type": "thinking", "thinking": text, "signature": signature}
    call = {"type": "tool_use", "id": "c", "name": "now", "input": {}}
    done = {"type": "tool_result", "tool_use_id": "c", "content": "12:00"}
    turns = [USER, {"role": "assistant", "content": [thought, call]}, {"role": "user", "content": [done]}]
    tool = {"name": "now", "input_schema": {"type": "object"}}
    return {"model": "m", "max_tokens": 9, "messages": turns, "tools": [tool]}


def test_calls_go_back_with_their_thoughts_or_to_a_model_that_does_not_think() -> None:
    for client, thought in (
        ("openai_chat", openai(USER, called() | {"reasoning_content": "hm"}, result(), tools=[TOOL])),
        ("anthropic", claude_thought("hm", "")),
    ):
        request = sent(thought, "openai_chat", DEEPSEEK, client=client)
        assert request["messages"][1]["reasoning_content"] == "hm"
        assert "thinking" not in request
    for client, lost in (
        ("openai_chat", openai(USER, called(), result(), tools=[TOOL])),
        ("anthropic", claude_thought("hm", "signed")),
    ):
        assert sent(lost, "openai_chat", DEEPSEEK, client=client)["thinking"] == RESTS
    assert "thinking" not in sent(openai(USER, tools=[TOOL]), "openai_chat", DEEPSEEK)


@pytest.mark.parametrize("kind", [{"type": "adaptive"}, {"type": "between_tools"}])
def test_how_claude_thinks_is_not_said_to_a_model_that_does_not(kind: Json) -> None:
    how = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    body = {"model": "m", "max_tokens": 9, "messages": [USER], "thinking": {**kind, **how}}
    found = ask(body, "anthropic", Capabilities(thinks="no"), client="anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["thinking"]
    assert "thinking" not in written(found.conversation, "anthropic")
    assert sent(body, "anthropic", client="anthropic")["thinking"] == {**kind, **how}


def test_a_model_that_cannot_be_told_what_to_call_while_it_thinks_is_told_not_to_think() -> None:
    chosen = {
        choice: sent(openai(USER, tools=[TOOL], tool_choice=choice), "openai_chat", DEEPSEEK)
        for choice in ("auto", "none", "required")
    }
    assert chosen["required"]["tool_choice"] == "required"
    assert chosen["required"]["thinking"] == RESTS
    assert all("tool_choice" not in chosen[choice] for choice in ("auto", "none"))
    assert ["tools" in request for request in chosen.values()] == [True, False, True]
    asked = openai(USER, tools=[TOOL], tool_choice="required", reasoning_effort="high")
    assert refused(asked, "openai_chat", DEEPSEEK) == ["tool_choice"]


@each_row("to", ["anthropic", "gemini", "bedrock"])
@each_row(
    ("messages", "kept"),
    [
        ([USER, {"role": "assistant", "content": ""}, {"role": "user", "content": "two"}], ["Hello.", "two"]),
        ([USER, {"role": "assistant", "content": None, "refusal": "No."}, USER], ["No."]),
        ([{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]}], ["x"]),
        (
            [{"role": "system", "content": ""}, {"role": "system", "content": "Be brief."}, USER],
            ["Be brief."],
        ),
        ([{"role": "system", "content": "Say hello."}], ["Say hello."]),
        ([USER, {"role": "system", "content": "Now be brief."}, USER], ["Now be brief."]),
        ([USER, *2 * [{"role": "system", "content": "Now be brief."}], USER], ["Now be brief."]),
        ([USER, {"role": "assistant", "content": None, "refusal": "No. "}], ["No."]),
    ],
)
def test_what_is_empty_or_in_the_wrong_place_does_not_end_a_conversation(
    to: str, messages: list[Json], kept: list[str]
) -> None:
    for can in (UNKNOWN, Capabilities(system_prompts="after_user")):
        request = sent(openai(*messages), to, can)
        assert problems(to, request) == []
        assert all(text in str(request) for text in kept)


LITELLMS = {
    "provider_specific_fields": {"a": 1},
    "thinking_blocks": [],
    "reasoning_details": [{"text": "hm"}],
}
"""What clients have beside an answer, and send back with it."""


@pytest.mark.parametrize("can", [AT_OPENAI, Capabilities(message_fields=("refusal",))])
def test_what_others_put_beside_an_answer_does_not_reach_who_refuses_it(
    can: Capabilities,
) -> None:
    history = openai(USER, called() | LITELLMS | {"annotations": [], "refusal": None}, result())
    assert sent(history, "openai_chat", can)["messages"][1] == called()
    assert not Straight(can, is_openais=True).takes(history)


def test_what_is_cached_for_long_stands_before_what_is_not() -> None:
    long, short = ({"type": "ephemeral", **more} for more in ({"ttl": "1h"}, {}))

    def marked(mark: Any) -> Json:
        return {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": mark}]}

    answer = {"role": "assistant", "content": "So."}
    mixed = openai(marked(long), answer, marked(short), answer, marked(long))
    found = ask(mixed, "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["messages[4].content[0].cache_control.ttl"]
    messages = written(found.conversation, "anthropic")["messages"]
    assert [turn["content"][0]["cache_control"] for turn in messages[::2]] == [long, short, short]
    request = sent(openai(marked(long), tools=[TOOL | {"cache_control": short}]), "anthropic")
    assert request["messages"][0]["content"][0]["cache_control"] == short
    in_order = ask(openai(marked(long), answer, marked(short)), "anthropic")
    assert isinstance(in_order, Adapted)
    assert in_order.notes == ()


MARK: Json = {"cache_control": {"type": "ephemeral"}}
LONG, EMPTY = {"type": "text", "text": "long"}, {"type": "text", "text": ""}
MARKED_ENDS: list[Json] = [
    {"role": "user", "content": [LONG, {**EMPTY, **MARK}]},
    {"role": "user", "content": [LONG, EMPTY], **MARK},
    {"role": "assistant", "content": [LONG], "refusal": "No.", **MARK},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No.", **MARK}]},
]


@pytest.mark.parametrize("message", MARKED_ENDS)
def test_a_mark_stays_where_a_message_ends_whatever_that_ends_with(message: Json) -> None:
    said = "No." if message["role"] == "assistant" else "long"
    for to in ("anthropic", "bedrock"):
        turns = sent(openai(USER, message, USER), to)["messages"]
        [blocks] = [turn["content"] for turn in turns if said in str(turn)]
        [place] = [number for number, block in enumerate(blocks) if block.get("text") == said]
        assert "cache_control" in blocks[place] or "cachePoint" in blocks[place + 1]


@pytest.mark.parametrize(("type", "points"), [("text/csv", 0), ("application/pdf", 1)])
@pytest.mark.parametrize("end", [{"type": "text", "text": " ", **MARK}, None])
def test_no_mark_comes_behind_a_document_that_bears_none(type: str, points: int, end: Json | None) -> None:
    file = {"type": "file", "file": {"file_data": f"data:{type};base64,YQ==", "filename": "a"}}
    content = [LONG, {**file, **MARK}] if end is None else [LONG, file, end]
    assert str(sent(openai({"role": "user", "content": content}), "bedrock")).count("cachePoint") == points


def test_no_words_stand_beside_results_where_the_model_takes_none() -> None:
    history = openai(USER, called(), result(), {"role": "user", "content": "Go on."})
    request = sent(history, "bedrock", Capabilities(user_after_results=False))
    assert problems("bedrock", request) == []
    kinds = [[*map(next, map(iter, turn["content"]))] for turn in request["messages"]]
    assert kinds == [["text"], ["toolUse"], ["toolResult"], ["text"], ["text"]]


def test_a_second_result_of_a_call_is_named() -> None:
    twice = openai(USER, called(), result(), result(content="12:01"))
    assert refused(twice, "anthropic") == ["messages[3]"]


def test_a_call_without_its_result_is_named() -> None:
    assert refused(openai(USER, called(), USER), "anthropic") == ["messages[1].tool_calls[0]"]
    assert refused(openai(USER, result()), "anthropic") == ["messages[1]"]


def test_media_that_a_tool_gave_go_beside_its_result() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    use = {"type": "tool_use", "id": "t", "name": "now", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "see"}, image]}
    body = {"model": "m", "max_tokens": 9, "messages": [USER, {"role": "assistant", "content": [use]}]}
    body["messages"].append({"role": "user", "content": [answer]})
    request = sent(body, "openai_chat", client="anthropic")
    assert [message["role"] for message in request["messages"]] == ["user", "assistant", "tool", "user"]
    check_openai_chat(request)


def test_media_of_a_type_that_the_model_does_not_read_are_named() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = openai({"role": "user", "content": [image, sound]})
    assert refused(body, "anthropic") == ["messages[0].content[0]", "messages[0].content[1]"]
    jpg = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}}
    [block] = sent(openai({"role": "user", "content": [jpg]}), "anthropic")["messages"][0]["content"]
    assert block["source"]["media_type"] == "image/jpeg"


def test_fields_that_only_one_dialect_knows_are_named() -> None:
    assert refused(openai(web_search_options={}), "anthropic") == ["web_search_options"]
    assert refused(openai(made_up=1), "gemini") == ["made_up"]
    found = ask(openai(store=True, modalities=["text"], verbosity="medium"), "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["store"]


def test_what_the_client_only_hopes_for_is_left_out_and_named() -> None:
    found = ask(openai(verbosity="low"), "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["verbosity"]
    assert sent(openai(verbosity="low"), "openai_chat")["verbosity"] == "low"
    mistral = Capabilities(seed_field="random_seed")
    assert sent(openai(seed=0), "openai_chat", mistral)["random_seed"] == 0
    found = ask(openai(seed=-1), "openai_chat", mistral)  # Mistral's begins at 0
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["seed"]
    assert not {"seed", "random_seed"} & written(found.conversation, "openai_chat").keys()


def test_a_refusal_names_every_field_in_the_client_s_words() -> None:
    body = {
        "model": "m",
        "max_tokens": 9000,
        "messages": [USER],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "container": "c",
    }
    found = ask(body, "gemini", Capabilities(thinks="no"), client="anthropic")
    assert isinstance(found, Unsuitable)
    error = found.error("gemini (deployment `g`)")
    assert (error.param, error.code, error.status) == ("thinking", "unsupported_parameter", 400)
    assert "`container`" in error.message


# ---- tools and structured output


def test_tools_are_brought_to_what_the_provider_takes() -> None:
    open_schema = {"properties": {"age": {"type": "integer", "minimum": 0}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": open_schema, "strict": True}}
    [made] = sent(openai(tools=[tool]), "anthropic")["tools"]
    assert made["strict"] is True
    assert made["input_schema"]["additionalProperties"] is False
    assert "minimum" in made["input_schema"]["properties"]["age"]["description"]


def test_choices_without_tools_are_left_out() -> None:
    request = sent(openai(tool_choice="auto", parallel_tool_calls=True), "openai_chat")
    assert not request.keys() & {"tool_choice", "parallel_tool_calls"}


NAMED = {"type": "function", "function": {"name": "now"}}


def test_of_allowed_tools_the_others_are_left_out() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
    request = sent(openai(tools=[TOOL, other], tool_choice=choice), "anthropic")
    assert ([tool["name"] for tool in request["tools"]], request["tool_choice"]) == (
        ["now"],
        {"type": "auto"},
    )


def test_of_allowed_tools_the_others_are_left_out_where_a_server_has_no_word_for_that() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
    body = openai(tools=[TOOL, other], tool_choice=choice)
    assert sent(body, "openai_chat")["tool_choice"]["type"] == "allowed_tools"
    request = sent(body, "openai_chat", Capabilities(allowed_tools=False))
    assert ([tool["function"]["name"] for tool in request["tools"]], request["tool_choice"]) == (
        ["now"],
        "auto",
    )


@pytest.mark.parametrize("stored", [True, False])
def test_metadata_go_to_openai_s_chats_with_those_that_it_stores(stored: bool) -> None:
    found = ask(openai(metadata={"run": "7"}, store=stored), "openai_chat", AT_OPENAI)
    assert isinstance(found, Adapted)
    assert ("metadata" in written(found.conversation, "openai_chat")) is stored
    assert [note.where for note in found.notes] == [] if stored else ["metadata"]


def test_ids_that_are_too_long_for_openai_become_shorter_ones() -> None:
    long = "ws_" + 62 * "6"
    request = sent(openai(USER, called(long), result(long)), "openai_chat", AT_OPENAI)
    ids = request["messages"][1]["tool_calls"][0]["id"], request["messages"][2]["tool_call_id"]
    assert ids[0] == ids[1] != long
    assert len(ids[0]) <= 40
    kept = sent(openai(USER, called(long[:40]), result(long[:40])), "openai_chat", AT_OPENAI)
    assert kept["messages"][1]["tool_calls"][0]["id"] == long[:40]
    assert not Straight(AT_OPENAI, is_openais=True).takes(openai(USER, called(long), result(long)))
    assert Straight(AT_OPENAI, is_openais=True).takes(openai(USER, called(long[:40]), result(long[:40])))


def test_after_calls_bedrock_cannot_be_told_to_call_none() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    assert refused(openai(USER, called(), result(), tools=[other], tool_choice="none"), "bedrock") == [
        "tool_choice"
    ]


def test_parts_that_a_server_does_not_have_are_named() -> None:
    kept = {"type": "file", "file": {"file_id": "file-1"}}
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    marked = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = openai({"role": "user", "content": [marked, kept, sound]})
    assert sent(body, "openai_chat")["messages"][0]["content"] == [marked, kept, sound]
    can = Capabilities(part_kinds=("text", "image_url"), cache_marks="no")
    assert refused(body, "openai_chat", can) == ["messages[0].content[1]", "messages[0].content[2]"]
    dropped = ask(body, "openai_chat", can, unsupported="drop")
    assert isinstance(dropped, Adapted)
    assert written(dropped.conversation, "openai_chat")["messages"] == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([USER], [[{"type": "text", "text": "Hello."}, {"type": "text", "text": ASK_FOR_JSON}]]),
        ([{"role": "user", "content": "Give me Json."}], ["Give me Json."]),
        ([{"role": "assistant", "content": "Hm."}], [ASK_FOR_JSON, "Hm."]),
    ],
)
def test_json_is_spoken_of_where_a_server_wants_that(messages: list[Json], said: list[Any]) -> None:
    body = openai(*messages, response_format={"type": "json_object"})
    request = sent(body, "openai_chat", Capabilities(json_word=True))
    assert [message["content"] for message in request["messages"]] == said


def test_json_is_spoken_of_in_the_input_of_responses_beside_their_instructions() -> None:
    image = {"type": "input_image", "image_url": "https://example.com/a.png"}
    format = {"text": {"format": {"type": "json_object"}}}
    can = Capabilities(json_word=True)
    for content in ([image], [{"type": "input_text", "text": "hi"}]):
        asked = [{"role": "user", "content": content}]
        body = {"model": "m", "instructions": "Be JSON.", "input": asked, **format}
        found = adapt(
            openai_responses.read_request(body), can, client="openai_responses", provider="openai_responses"
        )
        assert isinstance(found, Adapted)
        request = openai_responses.write_request(found.conversation)
        assert request["instructions"] == "Be JSON."
        assert ASK_FOR_JSON in str(request["input"])


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_json_is_refused_beside_tools_where_a_model_has_not_both(kind: str) -> None:
    format = {"type": kind, "json_schema": {"name": "a", "schema": PERSON}}
    body = openai(tools=[TOOL], response_format=format)
    assert refused(body, "gemini", Capabilities(schema_with_tools=False)) == ["response_format"]


PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}


def structured(schema: Json = PERSON) -> Json:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}}


@pytest.mark.parametrize("name", ["schema", "value"])
def test_a_schema_beside_json_mode_as_others_take_it_there_is_one(name: str) -> None:
    body = openai(response_format={"type": "json_object", name: PERSON})
    assert "age" in str(sent(body, "anthropic"))
    assert sent(body, "openai_chat")["response_format"]["json_schema"]["schema"] == PERSON
    for format in (body["response_format"], 5, "json_object", [{"type": "json_object"}]):
        assert not Straight(AT_OPENAI, is_openais=True).takes(openai(response_format=format))


def test_a_schema_is_closed_and_what_it_lost_is_checked_here() -> None:
    found = ask(openai(**structured()), "anthropic")
    assert isinstance(found, Adapted)
    [note] = found.notes
    assert isinstance(note, Checked)
    assert note.schema == PERSON
    request = written(found.conversation, "anthropic")
    assert problems("anthropic", request) == []
    assert list(request["output_config"]["format"]["schema"]["properties"]) == ["age"]


def test_of_one_of_several_schemas_only_one_may_fit_which_is_checked_here() -> None:
    found = ask(openai(**structured({"oneOf": [{"type": "string"}, {"type": "integer"}]})), "anthropic")
    assert isinstance(found, Adapted)
    [note] = found.notes
    assert (isinstance(note, Checked), "oneOf" in note.what) == (True, True)


def test_a_pattern_that_nothing_can_be_held_to_is_named() -> None:
    name = {"type": "string", "pattern": "^(?=a)b"}
    found = ask(openai(**structured({"type": "object", "properties": {"a": name}})), "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["response_format", "response_format.pattern"]
    assert "^(?=a)b" in found.notes[1].what


def test_a_schema_of_which_nothing_is_lost_is_not_checked() -> None:
    whole = PERSON | {"properties": {"age": {"type": "integer"}}}
    found = ask(openai(**structured(whole)), "anthropic")
    assert isinstance(found, Adapted)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("more", "can"),
    [
        (structured(), OLD_CLAUDE),
        (structured({"type": "object", "additionalProperties": {"type": "string"}}), UNKNOWN),
        ({"response_format": {"type": "json_object"}}, UNKNOWN),
    ],
)
def test_without_structured_output_a_function_must_be_called(more: Json, can: Capabilities) -> None:
    found = ask(openai(**more), "anthropic", can)
    assert isinstance(found, Adapted)
    note = next(note for note in found.notes if isinstance(note, StructuredByTool))
    request = written(found.conversation, "anthropic")
    assert request["tool_choice"] == {"type": "tool", "name": note.tool}
    assert request["tools"][0]["input_schema"]["type"] == "object"
    events = [
        e.Started("a", "m"),
        e.TextDelta("I answer:"),
        e.ToolCallBegun(0, "t", note.tool),
        e.ToolCallDelta(0, '{"age"'),
        e.ToolCallDelta(0, ": 7}"),
        e.ToolCallDone(0),
        e.Finished("tool_calls"),
    ]
    convert = AsJsonText(note.tool).convert
    [choice] = fold(each for event in events for each in convert(event)).choices
    assert (choice.parts, choice.reason) == ((Text('{"age": 7}'),), "stop")


def test_structured_output_by_a_function_is_refused_where_it_cannot_be() -> None:
    assert refused(openai(tools=[TOOL], **structured()), "anthropic", OLD_CLAUDE) == ["response_format"]
    body = openai(reasoning_effort="low", **structured())
    assert refused(body, "anthropic", OLD_CLAUDE) == ["response_format"]


def test_a_schema_without_bottom_is_no_traceback() -> None:
    schema: Json = {"type": "string"}
    for _ in range(300):
        schema = {"type": "array", "items": schema}
    found = ask(openai(**structured({"type": "object", "properties": {"a": schema}})), "anthropic")
    assert (
        any(isinstance(note, StructuredByTool) for note in found.notes)
        if isinstance(found, Adapted)
        else found
    )


DEFS = {"by_id": {"properties": {"id": {"type": "integer"}}, "required": ["id", "kind"]}}


@pytest.mark.parametrize(
    ("schema", "flat"),
    [
        (
            {"oneOf": [{"$ref": "#/$defs/by_id"}, {"properties": {"id": {"type": "string"}}}], "$defs": DEFS},
            {"properties": {"id": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}, "$defs": DEFS},
        ),
        (
            {"allOf": [{"required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
            {"properties": {"b": {}}, "required": ["a", "b"]},
        ),
        (
            {"properties": {"a": {}}, "anyOf": [{"required": ["a", "b"]}, {"required": ["a"]}]},
            {"properties": {"a": {}}, "required": ["a"]},
        ),
        ({"anyOf": "nonsense", "oneOf": [True, 1]}, {}),
    ],
)
def test_anthropic_gets_no_union_at_the_top_of_a_schema(schema: Json, flat: Json) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    found = ask(openai(USER, tools=[tool]), "anthropic")
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["tools[0].function.parameters"]
    [written_tool] = written(found.conversation, "anthropic")["tools"]
    assert written_tool["input_schema"] == {"type": "object", **flat}


ONLY_AT_REST = Capabilities(
    thinks_unasked=True,
    chat_tools_with_thoughts=False,
    refused_with_thoughts=("temperature",),
    efforts=("none", "low"),
)


def test_functions_that_are_declared_among_what_is_said_are_those_of_the_request() -> None:
    """Codex declares them so, and not all of them beside the input."""
    wait = {"type": "function", "name": "wait", "parameters": {"type": "object", "properties": {}}}
    declared = {"type": "additional_tools", "role": "developer", "tools": [wait]}
    body = {"model": "m", "input": [declared, {"role": "user", "content": "hi"}]}
    for to in ("openai_chat", "anthropic", "gemini", "bedrock"):
        said = sent(body, to, client="openai_responses")
        assert dumps(said["toolConfig" if to == "bedrock" else "tools"]).count(b'"wait"') == 1
        assert len(said["contents" if to == "gemini" else "messages"]) == 1
    as_it_came = ask(body, "openai_responses", client="openai_responses")
    assert isinstance(as_it_came, Adapted)
    assert openai_responses.write_request(as_it_came.conversation)["input"][0] == declared
    body["input"][0]["tools"] = [wait, {"type": "computer"}]  # type: ignore[index]
    assert refused(body, "anthropic", client="openai_responses") == ["input[0].tools[1]"]


REFERRING: Json = {
    "type": "object",
    "title": "All",
    "properties": {
        "one": {"$ref": "#/$defs/One", "title": "One", "description": "which one", "default": None},
        "$ref": {"type": "string", "title": "a name like any other"},
        "some": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/One", "type": "object"}]}},
    },
    "$defs": {"One": {"type": "object", "title": "One", "properties": {"next": {"$ref": "#/$defs/One"}}}},
}
PLAINLY = {
    **REFERRING,
    "properties": {
        "one": {"$ref": "#/$defs/One", "description": "which one", "default": None},
        "$ref": {"type": "string", "title": "a name like any other"},
        "some": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/One"}]}},
    },
}


def test_gemini_gets_references_with_nothing_beside_them_that_it_does_not_take() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": REFERRING}}
    format = {"type": "json_schema", "json_schema": {"name": "n", "schema": REFERRING}}
    found = ask(openai(tools=[tool], response_format=format), "gemini")
    assert isinstance(found, Adapted)
    body = written(found.conversation, "gemini")
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == PLAINLY
    assert body["generationConfig"]["responseJsonSchema"] == PLAINLY
    assert {note.where for note in found.notes} == {"tools[0].function.parameters", "response_format"}
    assert all("`title`, `type` left out beside `$ref`" in note.what for note in found.notes)
    assert sent(openai(tools=[tool]), "openai_chat")["tools"] == [tool]


def test_a_model_that_thinks_unasked_rests_where_functions_and_thoughts_do_not_go_together() -> None:
    found = ask(openai(USER, tools=[TOOL]), "openai_chat", ONLY_AT_REST)
    assert isinstance(found, Adapted)
    assert [note.where for note in found.notes] == ["reasoning_effort"]
    assert sent(openai(USER, tools=[TOOL]), "openai_chat", ONLY_AT_REST)["reasoning_effort"] == "none"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"temperature": 0.2}, "temperature"),
        ({"tools": [TOOL], "reasoning_effort": "low"}, "reasoning_effort"),
    ],
)
def test_what_goes_only_without_thoughts_is_refused_beside_them(more: Json, field: str) -> None:
    found = ask(openai(USER, **more), "openai_chat", ONLY_AT_REST)
    assert isinstance(found, Unsuitable)
    assert [problem.where for problem in found.problems] == [field]
    assert isinstance(
        ask(openai(USER, **{**more, "reasoning_effort": "none"}), "openai_chat", ONLY_AT_REST), Adapted
    )


# ---- the table


def test_capabilities_are_part_of_plans() -> None:
    told = plan_converter().unstructure(NEW_CLAUDE)
    assert plan_converter().structure(orjson.loads(orjson.dumps(told)), Capabilities) == NEW_CLAUDE


def test_a_model_s_own_capabilities_stand_over_those_of_its_dialect() -> None:
    base = Capabilities(refused_sampling=("seed",), most_stop=4, tools=True)
    both = Capabilities(refused_sampling=("top_k",), tools=False).over(base)
    assert both == Capabilities(refused_sampling=("seed", "top_k"), most_stop=4, tools=False)


@pytest.mark.parametrize("pattern", ["[a-zA-Z0-9]{9}", "never"])
def test_calls_get_ids_of_the_provider_s_kind_and_no_pattern_takes_for_ever(pattern: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    history = [USER, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1"}]
    history[2]["content"] = "noon"
    body = sent(openai(*history, tools=[TOOL]), "openai_chat", Capabilities(call_ids=pattern))
    [written] = body["messages"][1]["tool_calls"]
    assert len(written["id"]) == 9
    assert body["messages"][2]["tool_call_id"] == written["id"]


ASKS_FOR_A_PICTURE = openai(modalities=["text", "image"])


def test_a_picture_is_asked_for_in_gemini_s_words() -> None:
    draws = Capabilities(writes=("text", "image"))
    body = sent(ASKS_FOR_A_PICTURE, "gemini", draws)
    assert body["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}
    assert problems("gemini", body) == []
    assert sent(ASKS_FOR_A_PICTURE, "openai_chat", draws)["modalities"] == ["text", "image"]


@pytest.mark.parametrize("to", WRITE)
def test_what_a_model_does_not_write_cannot_be_asked_for(to: str) -> None:
    writes_text = Capabilities(writes=("text",))
    assert refused(ASKS_FOR_A_PICTURE, to, writes_text) == ["modalities"]
    left = sent(ASKS_FOR_A_PICTURE, to, writes_text, unsupported="drop")
    assert "image" not in orjson.dumps(left).decode().lower()
    assert [note.where for note in taken(ASKS_FOR_A_PICTURE, to, writes_text).notes] == ["modalities"]
    assert not Straight(writes_text, is_openais=True).takes(ASKS_FOR_A_PICTURE)


@pytest.mark.parametrize("to", ["anthropic", "bedrock"])
def test_text_alone_can_be_asked_for_everywhere(to: str) -> None:
    assert taken(openai(modalities=["text"]), to).notes == ()
    assert refused(ASKS_FOR_A_PICTURE, to) == ["modalities"]


def test_a_provider_without_the_field_is_not_asked() -> None:
    lacks = Capabilities(lacking_fields=("modalities",))
    assert refused(ASKS_FOR_A_PICTURE, "openai_chat", lacks) == ["modalities"]
    assert "modalities" not in sent(openai(modalities=["text"]), "openai_chat", lacks)


def test_a_model_that_must_hear_or_speak_is_not_asked_in_text_alone() -> None:
    speaks = Capabilities(writes=("text", "audio"), needs_audio=True)
    sound = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
    assert refused(openai(), "openai_chat", speaks) == ["modalities"]
    assert not Straight(speaks, is_openais=True).takes(openai())
    for body in (openai(modalities=["text", "audio"]), openai({"role": "user", "content": [sound]})):
        assert taken(body, "openai_chat", speaks).notes == ()


@pytest.mark.parametrize("to", ["anthropic", "gemini", "bedrock"])
def test_a_function_that_is_told_twice_goes_once_and_two_of_one_name_are_refused(to: str) -> None:
    """Source: https://github.com/router-for-me/CLIProxyAPI/issues/4244."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    other = {"type": "function", "function": {"name": "f", "description": "Another one."}}
    twice = str(sent(openai(tools=[tool, tool]), to))
    assert twice.count("'f'") == str(sent(openai(tools=[tool]), to)).count("'f'")
    assert refused(openai(tools=[tool, other]), to) == ["tools[1].function.name"]
