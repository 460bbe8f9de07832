"""Anthropic's API as the mock provider speaks it: messages.

Sources: Anthropic Messages API reference, Anthropic streaming messages guide, Anthropic API errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from .answers import Answer, Call, effort_of, pieces, sign, thought_of
from .api import RequestPath
from .limits import Room
from .parsed_request import Asked, MockError, describe, refuse_unknown, wanted
from .strict import fields_of

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "context_window": "model_context_window_exceeded",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicApi:
    """Messages."""

    name = "anthropic"
    stream_type = "text/event-stream"

    def key(self, headers: Mapping[str, str]) -> str:
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        return (headers.get("x-api-key", "") or bearer).strip()

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        if not request.headers.get("anthropic-version"):
            raise MockError(400, "anthropic-version: header is required")
        return self._read(body, wanted(body, "model", str), "anthropic")

    def _read(self, body: dict[str, Any], model: str, provider: str) -> Asked:
        refuse_unknown(body, fields_of(provider, "chat"))
        if (body.get("thread") or {}).get("type") == "continue":
            raise MockError(404, "no thread is kept", "thread_not_found")
        asked = Asked(model=model, stream=bool(body.get("stream")))
        asked.max_tokens = wanted(body, "max_tokens", int)
        asked.system = _text(body.get("system"))
        asked.overhear(asked.system)
        for message in wanted(body, "messages", list):
            _hear(asked, message)
        for tool in body.get("tools") or []:
            if tool.get("type") in (None, "custom"):  # others are run at Anthropic, or have no schema
                refuse_unknown(tool, fields_of(provider, "Tool"), "tools.")
                asked.tools[tool["name"]] = tool["input_schema"]
        choice = body.get("tool_choice") or {"type": "auto"}
        asked.tool_mode = choice.get("name") or {"any": "required"}.get(choice["type"], choice["type"])
        asked.one_call = bool(choice.get("disable_parallel_tool_use"))
        config = body.get("output_config") or {}
        asked.schema = (config.get("format") or {}).get("schema")
        asked.effort = _effort(body.get("thinking") or {}, config)
        asked.stop = body.get("stop_sequences") or []
        return asked

    def whole(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = [_thought(answer)] if answer.reasoning_tokens else []
        content += [{"type": "text", "text": answer.text}] if answer.text else []
        content += (_block(call) | {"input": call.arguments} for call in answer.calls)
        return _message(asked, answer, content, _STOP_REASONS.get(answer.finish, answer.finish))

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        start = _message(asked, answer, [], None)
        start["usage"]["output_tokens"] = 1
        del start["usage"]["output_tokens_details"]
        events = [_event("message_start", message=start), _event("ping")]
        blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        if answer.reasoning_tokens:
            thought = _thought(answer)
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(thought["thinking"])]
            deltas.append({"type": "signature_delta", "signature": thought["signature"]})
            blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
        if answer.text:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
            blocks.append(({"type": "text", "text": ""}, deltas))
        for call in answer.calls:
            blocks.append((_block(call) | {"input": {}}, _argument_deltas(call)))
        for index, (block, deltas) in enumerate(blocks):
            events.append(_event("content_block_start", index=index, content_block=block))
            events += (_event("content_block_delta", index=index, delta=delta) for delta in deltas)
            events.append(_event("content_block_stop", index=index))
        delta = {"stop_reason": _STOP_REASONS.get(answer.finish, answer.finish), "stop_sequence": None}
        details = {"thinking_tokens": answer.reasoning_tokens}
        usage = {"output_tokens": answer.completion_tokens, "output_tokens_details": details}
        events.append(_event("message_delta", delta=delta, usage=usage))
        events.append(_event("message_stop"))
        return events

    def error(self, error: MockError) -> dict[str, Any]:
        said: dict[str, Any] = {"type": _ERROR_TYPES.get(error.status, "api_error"), "message": error.message}
        if error.code.startswith("thread_"):
            said["details"] = {"error_code": error.code}
        return {"type": "error", "error": said, "request_id": "req_mock"}

    def error_headers(self, error: MockError) -> dict[str, str]:
        return {}

    def error_event(self, error: MockError) -> bytes:
        return b"event: error\ndata: " + orjson.dumps(self.error(error)) + b"\n\n"

    def room_headers(self, room: Room) -> dict[str, str]:
        headers = {}
        now = datetime.now(UTC)
        for what, limit, left, reset in (
            ("requests", room.requests, room.requests_left, room.requests_reset),
            ("tokens", room.tokens, room.tokens_left, room.tokens_reset),
        ):
            if limit is not None:
                headers[f"anthropic-ratelimit-{what}-limit"] = str(limit)
                headers[f"anthropic-ratelimit-{what}-remaining"] = str(left)
                at = (now + timedelta(seconds=reset)).isoformat(timespec="seconds").replace("+00:00", "Z")
                headers[f"anthropic-ratelimit-{what}-reset"] = at
        return headers


class AnthropicOnVertexApi(AnthropicApi):
    """The same on Vertex: an access token, the model in the path, the version in the body.

    Source: Anthropic's docs, Claude on Vertex AI.
    """

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        if body.get("anthropic_version") != "vertex-2023-10-16":
            raise MockError(400, "anthropic_version: Input should be 'vertex-2023-10-16'")
        if bool(body.get("stream")) != (request.match_info["method"] == "streamRawPredict"):
            raise MockError(400, "stream: streamRawPredict is for streams, and rawPredict is not")
        model = request.match_info["model"]
        return self._read(body, model, "vertex_anthropic")


def _hear(asked: Asked, message: dict[str, Any]) -> None:
    content, role = message.get("content"), message.get("role")
    if role == "system":
        asked.system = f"{asked.system} {_text(content)}".strip()
        asked.overhear(_text(content))
        return
    if role not in ("user", "assistant"):
        raise MockError(400, f"messages: Unexpected role {role!r}")
    text = _text(content)
    blocks = content if isinstance(content, list) else []
    results = [_text(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
    for block in blocks:
        if block.get("type") == "thinking":
            if block.get("signature") != sign(block["thinking"]):
                raise MockError(400, "messages: Invalid `signature` in `thinking` block")
            asked.thoughts += 1
    if role == "assistant":
        asked.overhear(text)
    elif results and not text:
        asked.results += results
        asked.overhear(" ".join(results))
    else:
        asked.hear(text)
        asked.media = [_media(block["source"]) for block in blocks if isinstance(block.get("source"), dict)]


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(block["text"] for block in content if block.get("type") == "text")
    return ""


def _media(source: dict[str, Any]) -> str:
    for name in ("url", "file_id"):
        if name in source:
            return str(source[name])
    if "data" not in source:
        return _text(source.get("content"))
    return describe(source["media_type"], source["data"])


def _message(
    asked: Asked, answer: Answer, content: list[dict[str, Any]], stop_reason: str | None
) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": answer.prompt_tokens - answer.cached_tokens - answer.cache_write_tokens,
            "cache_creation_input_tokens": answer.cache_write_tokens,
            "cache_read_input_tokens": answer.cached_tokens,
            "output_tokens": answer.completion_tokens,
            "output_tokens_details": {"thinking_tokens": answer.reasoning_tokens},
        },
    }


def _thought(answer: Answer) -> dict[str, Any]:
    thinking, signature = thought_of(answer)
    return {"type": "thinking", "thinking": thinking, "signature": signature}


def _effort(thinking: dict[str, Any], config: dict[str, Any]) -> str:
    """How much it thinks. Source: extended thinking, adaptive thinking."""
    if thinking.get("type") not in ("enabled", "adaptive"):
        return ""
    budget = thinking.get("budget_tokens")
    return config.get("effort") or ("high" if budget is None else effort_of(budget))


def _block(call: Call) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name}


def _argument_deltas(call: Call) -> list[dict[str, Any]]:
    """The arguments in two parts, after an empty one; none at all where there are no arguments."""
    if not call.arguments:
        return []
    text = orjson.dumps(call.arguments).decode()
    half = len(text) // 2
    return [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:half], text[half:])]


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"
