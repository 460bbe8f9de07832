"""Generated requests for OpenAI's responses, in the shapes that OpenAI documents."""

from __future__ import annotations

from hypothesis import strategies as st

from .conversations import ARGUMENTS, EFFORTS, IDS, NAMES, PNG, SAID, SCHEMAS, WORDS, some
from .objects import Json, objects

TEXT = objects({"type": "input_text", "text": SAID})
IMAGE = objects(
    {
        "type": "input_image",
        "image_url": [f"data:image/png;base64,{PNG}", "https://example.com/a.png"],
    },
    detail=["auto", "low"],
)
FILE = st.sampled_from(
    [
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
    ]
)
SAID_BEFORE = objects({"type": "output_text", "text": SAID}, annotations=[[]], logprobs=[[]]) | st.just(
    {"type": "refusal", "refusal": "No."}
)
THOUGHT = objects(
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [[], [{"type": "summary_text", "text": "hm"}]],
    },
    encrypted_content=["gAAAA", "anthropic:sig", "anthropic.redacted:EmwK", "gemini:c2ln"],
    status="completed",
)
SEARCHED = st.just(
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
)


@st.composite
def input_items(draw: st.DrawFn) -> list[Json]:
    """Items in an order that OpenAI takes: each call is answered at once, and thoughts come before what was
    thought."""
    items: list[Json] = []
    for turn in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["system", "developer", "user", "user", "assistant", "calls", "custom"])):
            case "system" | "developer" as role:
                items.append({"role": role, "content": draw(SAID | some(TEXT))})
            case "user":
                said = draw(SAID | some(TEXT | IMAGE | FILE))
                items.append({"role": "user", "content": said} | draw(objects({}, type="message")))
            case "assistant":
                items += draw(st.lists(THOUGHT | SEARCHED, max_size=1))
                items.append(
                    {"type": "message", "role": "assistant", "content": draw(some(SAID_BEFORE))}
                    | draw(objects({}, id=f"msg_{turn}", status="completed"))
                )
            case "calls":
                items += draw(st.lists(THOUGHT, max_size=1))
                ids = [f"{draw(IDS)}_{turn}{n}" for n in range(draw(st.integers(1, 2)))]
                items += [_call(draw, id) for id in ids]
                for id in ids:
                    output = draw(SAID | some(TEXT | IMAGE))
                    items.append({"type": "function_call_output", "call_id": id, "output": output})
            case _:
                call = {"call_id": f"c_{turn}", "name": "patch", "input": draw(SAID)}
                items.append({"type": "custom_tool_call", **call})
                done = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": draw(SAID)}
                items.append(done)
    return items


def _call(draw: st.DrawFn, id: str) -> Json:
    call = {"type": "function_call", "call_id": id, "name": draw(NAMES), "arguments": draw(ARGUMENTS)}
    return call | draw(objects({}, id=f"fc_{id}", status="completed"))


FUNCTION = objects(
    {"type": "function", "name": NAMES, "parameters": SCHEMAS, "strict": [False, True]},
    description=WORDS,
)
HOSTED = st.sampled_from(
    [
        {"type": "web_search"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "custom", "name": "patch"},
    ]
)
FORMATS = st.one_of(
    st.just({"type": "text"}),
    st.just({"type": "json_object"}),
    objects(
        {"type": "json_schema", "name": NAMES, "schema": SCHEMAS},
        strict=[False, True],
        description=WORDS,
    ),
)
OPTIONS = objects(
    {},
    instructions=SAID,
    temperature=[0, 0.5, 1, 2],
    top_p=[0.1, 1],
    top_logprobs=st.integers(0, 3),
    max_output_tokens=st.integers(16, 5000),
    reasoning=objects({}, effort=EFFORTS, summary=["auto", "concise"]),
    text=objects({}, format=FORMATS, verbosity=["low", "medium"]),
    truncation=["auto", "disabled"],
    metadata={"run": "7"},
    user=["u-1", "ann@example.com"],
    include=[["reasoning.encrypted_content"]],
    store=False,
    service_tier="auto",
    prompt_cache_key="k",
    safety_identifier="s",
    max_tool_calls=3,
    stream=st.just(True),
)


@st.composite
def responses_bodies(draw: st.DrawFn) -> Json:
    """Bodies of `POST /v1/responses`."""
    body: Json = {"model": "m", "input": draw(SAID | input_items()), **draw(OPTIONS)}
    tools = draw(st.lists(FUNCTION, max_size=2, unique_by=lambda tool: tool["name"]))
    if tools:
        named = {"type": "function", "name": tools[0]["name"]}
        allowed = {"type": "allowed_tools", "mode": "auto", "tools": [named]}
        choice = ["auto", "none", "required", named, allowed]
        body |= draw(objects({}, tool_choice=choice, parallel_tool_calls=[False, True]))
    if tools := tools + draw(st.just([]) | st.lists(HOSTED, max_size=1)):
        body["tools"] = tools
    return body
