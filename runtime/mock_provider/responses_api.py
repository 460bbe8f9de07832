"""OpenAI's responses, as the mock provider speaks them.

Nothing is kept: `previous_response_id` finds nothing. Sources: OpenAI API reference (responses, responses
streaming events), OpenAI's guide to reasoning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from .answers import CREATED, Answer, Call, hash_id, pieces
from .api import RequestPath
from .openai_api import OpenAIApi, choose, schema_in
from .parsed_request import Asked, MockError, describe, wanted

Json = dict[str, Any]


class ResponsesApi(OpenAIApi):
    """Responses: other bodies than chat completions, the same keys, errors and limits."""

    name = "responses"

    def read(self, request: RequestPath, body: Json) -> Asked:
        if (kept := body.get("previous_response_id")) is not None:
            what = f"Previous response with id '{kept}' not found."
            raise MockError(400, what, "previous_response_not_found")
        asked = Asked(model=wanted(body, "model", str), stream=bool(body.get("stream")))
        asked.system = body.get("instructions") or ""
        asked.overhear(asked.system)
        given = body.get("input")
        for item in [{"role": "user", "content": given}] if isinstance(given, str) else given or ():
            _hear(asked, item)
        for tool in body.get("tools") or ():
            if tool.get("type") == "function":
                asked.tools[tool["name"]] = tool.get("parameters") or {}
        choose(asked, body.get("tool_choice") or "auto")
        asked.one_call = body.get("parallel_tool_calls") is False
        asked.schema = schema_in((body.get("text") or {}).get("format"))
        asked.max_tokens = body.get("max_output_tokens")
        asked.effort = (body.get("reasoning") or {}).get("effort") or ""
        asked.wants_encrypted = "reasoning.encrypted_content" in (body.get("include") or ())
        return asked

    def whole(self, asked: Asked, answer: Answer) -> Json:
        return _response(asked, answer, _items(asked, answer), done=True)

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        made = list(_events(asked, answer))
        return [
            b"event: %b\ndata: %b\n\n"
            % (each["type"].encode(), orjson.dumps({**each, "sequence_number": number}))
            for number, each in enumerate(made)
        ]

    def error_event(self, error: MockError) -> bytes:
        told = {"type": "error", "code": error.code or None, "message": error.message, "param": None}
        return b"event: error\ndata: %b\n\n" % orjson.dumps({**told, "sequence_number": 0})


def _hear(asked: Asked, item: Json) -> None:
    match item.get("type", "message"):
        case "message":
            content = item.get("content")
            parts: list[Json] = content if isinstance(content, list) else [{"text": content}]
            text = " ".join(str(part["text"]) for part in parts if "text" in part)
            if item.get("role") != "user":
                asked.overhear(text)
                if item.get("role") in ("system", "developer"):
                    asked.system = f"{asked.system} {text}".strip()
                return
            asked.hear(text)
            asked.media = [_media(part) for part in parts if "image_url" in part or "file_data" in part]
        case "function_call_output":
            said = item["output"] if isinstance(item["output"], str) else ""
            asked.overhear(said)
            asked.results.append(said)
        case "reasoning":
            kept = item.get("encrypted_content")
            if kept is not None and kept != _sealed(item["id"]):
                raise MockError(
                    400, "The encrypted content could not be verified.", "invalid_encrypted_content"
                )
            asked.thoughts += 1


def _media(part: Json) -> str:
    url = str(part.get("image_url") or part["file_data"])
    kind, found, data = url.removeprefix("data:").partition(";base64,")
    return describe(kind, data) if found else url


def _items(asked: Asked, answer: Answer) -> list[Json]:
    items: list[Json] = []
    if answer.reasoning_tokens:
        id = f"rs_{answer.id}"
        thought: Json = {"id": id, "type": "reasoning", "summary": []}
        items.append(thought | ({"encrypted_content": _sealed(id)} if asked.wants_encrypted else {}))
    if answer.text or not answer.calls:
        said = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        message = {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [said]})
    return items + [_call(call) for call in answer.calls]


def _call(call: Call) -> Json:
    return {
        "id": f"fc_{call.id}",
        "type": "function_call",
        "call_id": f"call_{call.id}",
        "name": call.name,
        "arguments": orjson.dumps(call.arguments).decode(),
        "status": "completed",
    }


def _sealed(id: str) -> str:
    return hash_id("a thought", id)


def _response(asked: Asked, answer: Answer, output: list[Json], *, done: bool) -> Json:
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish)
    ended = "completed" if cut is None else "incomplete"
    usage = {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": answer.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": CREATED,
        "status": ended if done else "in_progress",
        "error": None,
        "incomplete_details": {"reason": cut} if done and cut else None,
        "instructions": asked.system or None,
        "max_output_tokens": asked.max_tokens,
        "metadata": {},
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": not asked.one_call,
        "previous_response_id": None,
        "reasoning": {"effort": asked.effort or None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if done else None,
    }


_BEGUN: dict[str, Json] = {
    "message": {"content": [], "status": "in_progress"},
    "function_call": {"arguments": "", "status": "in_progress"},
}
"""What items that are only beginning have in place of what they will."""


def _events(asked: Asked, answer: Answer) -> Iterator[Json]:
    yield {"type": "response.created", "response": _response(asked, answer, [], done=False)}
    yield {"type": "response.in_progress", "response": _response(asked, answer, [], done=False)}
    items = _items(asked, answer)
    for index, item in enumerate(items):
        at = {"output_index": index}
        begun = {**item, **_BEGUN.get(item["type"], {})}
        yield {"type": "response.output_item.added", **at, "item": begun}
        place = {**at, "item_id": item["id"]}
        if item["type"] == "message":
            yield from _text(item["content"][0], {**place, "content_index": 0})
        elif item["type"] == "function_call":
            half = len(item["arguments"]) // 2
            for part in (item["arguments"][:half], item["arguments"][half:]):
                yield {"type": "response.function_call_arguments.delta", **place, "delta": part}
            told = {"name": item["name"], "arguments": item["arguments"]}
            yield {"type": "response.function_call_arguments.done", **place, **told}
        yield {"type": "response.output_item.done", **at, "item": item}
    response = _response(asked, answer, items, done=True)
    yield {"type": f"response.{response['status']}", "response": response}


def _text(part: Json, place: Json) -> Iterator[Json]:
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}
