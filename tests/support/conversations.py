"""Generated requests, in the shapes that OpenAI and Anthropic document, and generated answers."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st

from inferc.runtime.requests import events as e
from inferc.runtime.requests.usage import Usage

from .objects import Json, objects

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SAID = st.sampled_from(["", " ", "Hello.", "two\nlines", "naïve ☃", "1.0"]) | WORDS
NAMES = st.sampled_from(["now", "search", "get_weather"])
IDS = st.sampled_from(["call_1", "toolu_2", "x:y/z", "00000000", "call_1 ", "ws_" + 62 * "6"])
PNG = "iVBORw0KGgo="
NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), st.text(max_size=3) | st.booleans(), max_size=2).map(
    lambda value: orjson.dumps(value).decode()
) | st.sampled_from(["{}", '{"a": 1.0}', '{"n": 12345678901234567890123}', '{"deep": {"a": [1, null]}}'])
SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "string"}}},
    {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]},
    {"type": "object", "properties": {}, "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "string"}},
    {
        "type": "object",
        "properties": {"all": {"type": "array", "items": {"$ref": "#/$defs/one"}, "maxItems": 3}},
        "$defs": {"one": {"type": "object", "properties": {"kind": {"enum": ["x", "y"]}}}},
    },
]
EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=1, max_size=3)


# ---- OpenAI's chat completions

BREAKPOINTS = [{"mode": "explicit"}, {"mode": "explicit", "ttl": "12h"}]


def _part(kind: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return objects({"type": kind, kind: value}, prompt_cache_breakpoint=BREAKPOINTS)


TEXT_PART = _part("text", SAID)
IMAGE_PART = _part(
    "image_url",
    objects(
        {"url": [f"data:image/png;base64,{PNG}", "https://example.com/a.png", "https://x.org/i"]},
        detail=["auto", "low"],
    ),
)
AUDIO_PART = _part("input_audio", st.just({"data": "UklGRg==", "format": "wav"}))
FILE_PART = _part(
    "file",
    st.just({"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"})
    | st.just({"file_id": "file-1"}),
)


TEXT = SAID | some(TEXT_PART)
RESULT = TEXT | st.just('{"temperature": 21.0}')
ANY_CONTENT = SAID | some(st.one_of(TEXT_PART, IMAGE_PART, AUDIO_PART, FILE_PART))
NAMED = objects({}, name="ann")
ROLES = st.sampled_from(["system", "developer", "user", "user", "assistant", "calls", "refusal"])
SAID_OR_NOTHING = st.none() | SAID


@st.composite
def openai_messages(draw: st.DrawFn, *, media: bool = True) -> list[Json]:
    """Messages in an order that OpenAI takes: each call is answered at once."""
    messages: list[Json] = []
    for _ in range(draw(st.integers(1, 5))):
        match draw(ROLES):
            case "system" | "developer" as role:
                messages.append({"role": role, "content": draw(TEXT)})
            case "user":
                user = {"role": "user", "content": draw(ANY_CONTENT if media else TEXT)}
                messages.append(user | draw(NAMED))
            case "assistant":
                messages.append({"role": "assistant", "content": draw(TEXT)})
            case "refusal":
                messages.append({"role": "assistant", "content": None, "refusal": draw(SAID)})
            case _:
                calls = [_openai_call(draw, f"_{n}") for n in range(draw(st.integers(1, 2)))]
                messages.append({"role": "assistant", "content": draw(SAID_OR_NOTHING), "tool_calls": calls})
                for call in calls:
                    messages.append({"role": "tool", "tool_call_id": call["id"], "content": draw(RESULT)})
    return messages


def _openai_call(draw: st.DrawFn, suffix: str) -> Json:
    function = {"name": draw(NAMES), "arguments": draw(ARGUMENTS)}
    return {"id": draw(IDS) + suffix, "type": "function", "function": function}


OPENAI_TOOL = objects({"name": NAMES}, description=WORDS, parameters=SCHEMAS, strict=[False, True]).map(
    lambda function: {"type": "function", "function": function}
)

OPENAI_FORMATS = st.one_of(
    st.just({"type": "text"}),
    st.just({"type": "json_object"}),
    objects({"name": NAMES, "schema": SCHEMAS}, strict=[False, True], description=WORDS).map(
        lambda inner: {"type": "json_schema", "json_schema": inner}
    ),
)

OPENAI_OPTIONS = objects(
    {},
    temperature=[0, 0.5, 1, 1.0, 2],
    top_p=[0.1, 1],
    frequency_penalty=[0, 0.5],
    presence_penalty=[0, -1],
    seed=st.integers(0, 9),
    logit_bias=[{}, {"50256": -100}],
    max_completion_tokens=st.integers(1, 5000),
    reasoning_effort=EFFORTS,
    verbosity=["low", "medium"],
    stop=some(st.sampled_from(["\n", "END"])),
    n=st.integers(1, 2),
    user=["u-1", "ann@example.com"],
    metadata={"run": "7"},
    response_format=OPENAI_FORMATS,
    store=[False, True],
    service_tier="auto",
    prompt_cache_key="k",
    safety_identifier="s",
    modalities=[["text"]],
    prediction=st.just({"type": "content", "content": "x"}),
)


STREAMED = st.just({"stream": True}) | st.just(
    {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}
)
OPENAI_TOOLS = st.lists(OPENAI_TOOL, max_size=2, unique_by=lambda tool: tool["function"]["name"])
OPENAI_CHOICE = objects(
    {},
    tool_choice=["auto", "none", "required", "named", "allowed"],
    parallel_tool_calls=[False, True],
)


@st.composite
def openai_bodies(draw: st.DrawFn, *, media: bool = True) -> Json:
    """Bodies of `POST /v1/chat/completions`."""
    body: Json = {"model": "m", "messages": draw(openai_messages(media=media)), **draw(OPENAI_OPTIONS)}
    if draw(st.booleans()):
        body |= draw(STREAMED)
    if draw(st.booleans()):
        body |= {"logprobs": True, "top_logprobs": 2} if draw(st.booleans()) else {"logprobs": False}
    if tools := draw(OPENAI_TOOLS):
        name = tools[0]["function"]["name"]
        named = {"type": "function", "function": {"name": name}}
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}
        body["tools"] = tools
        body |= draw(OPENAI_CHOICE)
        if "tool_choice" in body:
            choice = body["tool_choice"]
            body["tool_choice"] = {"named": named, "allowed": allowed}.get(choice, choice)
    return body


# ---- Anthropic's messages

CACHE_CONTROL = [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}]


def _block(kind: str, **values: Any) -> st.SearchStrategy[Json]:
    return objects({"type": kind, **values}, cache_control=CACHE_CONTROL)


TEXT_BLOCK = _block("text", text=SAID)
IMAGE_BLOCK = _block(
    "image",
    source=[
        {"type": "base64", "media_type": "image/png", "data": PNG},
        {"type": "url", "url": "https://example.com/a.png"},
    ],
)
DOCUMENT_BLOCK = _block(
    "document",
    source=[
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        {"type": "text", "media_type": "text/plain", "data": "a document"},
    ],
)
FILE_BLOCK = _block("image", source={"type": "file", "file_id": "f1"})
THOUGHT = st.just({"type": "thinking", "thinking": "hm", "signature": "sig"}) | st.just(
    {"type": "redacted_thinking", "data": "EmwK"}
)
SEARCH = st.just(
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
)


BLOCKS = some(st.one_of(TEXT_BLOCK, IMAGE_BLOCK, DOCUMENT_BLOCK, FILE_BLOCK))
TEXT_BLOCKS = some(TEXT_BLOCK)
ANSWERED = st.lists(THOUGHT | TEXT_BLOCK | SEARCH, max_size=2)
ANSWERED_TEXT = st.lists(TEXT_BLOCK, max_size=2)
INPUTS = ARGUMENTS.filter(lambda text: "123456" not in text).map(orjson.loads)


def _result(block: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return objects({}, content=SAID | some(block), is_error=[False, True], cache_control=CACHE_CONTROL)


RESULTS = _result(TEXT_BLOCK | IMAGE_BLOCK)
TEXT_RESULTS = _result(TEXT_BLOCK)


@st.composite
def anthropic_messages(draw: st.DrawFn, *, media: bool = True) -> list[Json]:
    """Messages in an order that Anthropic takes: sides alternate, results of tools come first."""
    messages: list[Json] = []
    asked: list[str] = []
    for turn in range(draw(st.integers(1, 3))):
        results = [
            {"type": "tool_result", "tool_use_id": id} | draw(RESULTS if media else TEXT_RESULTS)
            for id in asked
        ]
        said: Any = draw(BLOCKS if media else TEXT_BLOCKS)
        if not results and draw(st.booleans()):
            said = draw(SAID)
        messages.append({"role": "user", "content": [*results, *said] if results else said})
        content: list[Json] = draw(ANSWERED if media else ANSWERED_TEXT)
        asked = [f"toolu_{turn}{n}" for n in range(draw(st.integers(0, 2)))]
        for id in asked:
            content.append({"type": "tool_use", "id": id, "name": draw(NAMES), "input": draw(INPUTS)})
        if not content:
            break
        messages.append({"role": "assistant", "content": content})
    if asked and messages[-1]["role"] == "assistant":
        messages.pop()
    return messages


ANTHROPIC_TOOL = objects(
    {"name": NAMES, "input_schema": SCHEMAS},
    description=WORDS,
    strict=[False, True],
    cache_control=CACHE_CONTROL,
)

THINKING = [
    {"type": "enabled", "budget_tokens": 1024},
    {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
    {"type": "adaptive", "display": "summarized"},
    {"type": "disabled"},
]


ANTHROPIC_OPTIONS = objects(
    {},
    system=SAID | TEXT_BLOCKS,
    temperature=[0, 0.5, 1],
    top_p=[0.1, 1],
    top_k=st.integers(1, 40),
    stop_sequences=some(st.sampled_from(["\n", "END"])),
    thinking=THINKING,
    metadata={"user_id": "u-1"},
    output_config=objects(
        {},
        effort=["low", "high", "max"],
        format=[{"type": "json_schema", "schema": schema} for schema in SCHEMAS],
    ).filter(bool),
    stream=True,
    service_tier="auto",
    container=st.just("c1"),
)
ANTHROPIC_TOOLS = st.lists(ANTHROPIC_TOOL, max_size=2, unique_by=lambda tool: tool["name"])
ANTHROPIC_CHOICE = st.none() | st.sampled_from(
    [{"type": "auto"}, {"type": "any", "disable_parallel_tool_use": True}, {"type": "tool"}, {"type": "none"}]
)


@st.composite
def anthropic_bodies(draw: st.DrawFn, *, media: bool = True) -> Json:
    """Bodies of `POST /v1/messages`."""
    body: Json = {
        "model": "m",
        "max_tokens": draw(st.integers(2048, 9000)),
        "messages": draw(anthropic_messages(media=media)),
        **draw(ANTHROPIC_OPTIONS),
    }
    if tools := draw(ANTHROPIC_TOOLS):
        body["tools"] = tools
        if choice := draw(ANTHROPIC_CHOICE):
            named = {"name": tools[0]["name"]} if choice["type"] == "tool" else {}
            body["tool_choice"] = choice | named
    return body


# ---- answers


THOUGHTS = some(st.sampled_from(["a", "b c", "☃"]))
PIECES = some(WORDS.filter(bool))


@st.composite
def answers(draw: st.DrawFn, *, thoughts: bool = True) -> list[e.Event]:
    """The events of one answer with one choice, of a provider that speaks Anthropic's dialect."""
    found: list[e.Event] = [e.Started("msg_1", "model-1")]
    calls = 0
    if thoughts and draw(st.booleans()):
        found += [e.ThinkingDelta(piece, "anthropic") for piece in draw(THOUGHTS)]
        found += [e.ThinkingSigned("sig", "anthropic"), e.PartEnded()]
    for kind in draw(st.lists(st.sampled_from(["text", "call"]), max_size=3)):
        if kind == "text":
            found += [e.TextDelta(piece) for piece in draw(PIECES)]
            found.append(e.PartEnded())
        else:
            found.append(e.ToolCallBegun(calls, f"call_{calls}", draw(NAMES)))
            arguments = draw(ARGUMENTS)
            cut = draw(st.integers(0, len(arguments)))
            found += [e.ToolCallDelta(calls, piece) for piece in (arguments[:cut], arguments[cut:]) if piece]
            found.append(e.ToolCallDone(calls))
            calls += 1
    prompt, cached = draw(st.integers(10, 99)), draw(st.integers(0, 9))
    found.append(e.UsageKnown(Usage(prompt, draw(st.integers(0, 99)), cached_tokens=cached)))
    found.append(e.Finished("tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))))
    return found
