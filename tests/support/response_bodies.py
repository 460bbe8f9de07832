"""Generated requests for OpenAI's responses, in the shapes that OpenAI documents."""

from __future__ import annotations

from hypothesis import strategies as st

from .conversations import ARGUMENTS, EFFORTS, IDS, NAMES, PNG, SAID, SCHEMAS, WORDS, Json, fields, some

TEXT = st.fixed_dictionaries({"type": st.just("input_text"), "text": SAID})
IMAGE = st.fixed_dictionaries(
    {
        "type": st.just("input_image"),
        "image_url": st.sampled_from([f"data:image/png;base64,{PNG}", "https://example.com/a.png"]),
    },
    optional={"detail": st.sampled_from(["auto", "low"])},
)
FILE = st.sampled_from(
    [
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
    ]
)
SAID_BEFORE = st.fixed_dictionaries(
    {"type": st.just("output_text"), "text": SAID},
    optional={"annotations": st.just([]), "logprobs": st.just([])},
) | st.just({"type": "refusal", "refusal": "No."})
THOUGHT = st.fixed_dictionaries(
    {
        "type": st.just("reasoning"),
        "id": st.just("rs_1"),
        "summary": st.lists(st.just({"type": "summary_text", "text": "hm"}), max_size=1),
    },
    optional={
        "encrypted_content": st.sampled_from(
            ["gAAAA", "anthropic:sig", "anthropic.redacted:EmwK", "gemini:c2ln"]
        ),
        "status": st.just("completed"),
    },
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
                items.append({"role": "user", "content": said} | draw(fields(type=st.just("message"))))
            case "assistant":
                items += draw(st.lists(THOUGHT | SEARCHED, max_size=1))
                items.append(
                    {"type": "message", "role": "assistant", "content": draw(some(SAID_BEFORE))}
                    | draw(fields(id=st.just(f"msg_{turn}"), status=st.just("completed")))
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
    return call | draw(fields(id=st.just(f"fc_{id}"), status=st.just("completed")))


FUNCTION = st.fixed_dictionaries(
    {"type": st.just("function"), "name": NAMES, "parameters": SCHEMAS, "strict": st.booleans()},
    optional={"description": WORDS},
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
    st.fixed_dictionaries(
        {"type": st.just("json_schema"), "name": NAMES, "schema": SCHEMAS},
        optional={"strict": st.booleans(), "description": WORDS},
    ),
)
OPTIONS = fields(
    instructions=SAID,
    temperature=st.sampled_from([0, 0.5, 1, 2]),
    top_p=st.sampled_from([0.1, 1]),
    top_logprobs=st.integers(0, 3),
    max_output_tokens=st.integers(16, 5000),
    reasoning=fields(effort=EFFORTS, summary=st.sampled_from(["auto", "concise"])),
    text=fields(format=FORMATS, verbosity=st.sampled_from(["low", "medium"])),
    truncation=st.sampled_from(["auto", "disabled"]),
    metadata=st.just({"run": "7"}),
    user=st.sampled_from(["u-1", "ann@example.com"]),
    include=st.just(["reasoning.encrypted_content"]),
    store=st.just(False),
    service_tier=st.just("auto"),
    prompt_cache_key=st.just("k"),
    safety_identifier=st.just("s"),
    max_tool_calls=st.just(3),
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
        choice = st.sampled_from(["auto", "none", "required", named, allowed])
        body |= draw(fields(tool_choice=choice, parallel_tool_calls=st.booleans()))
    if tools := tools + draw(st.just([]) | st.lists(HOSTED, max_size=1)):
        body["tools"] = tools
    return body
