"""Amazon Bedrock's Converse and ConverseStream, as the mock provider speaks them.

Signatures are not checked: the mock provider has no secrets. Sources: Amazon Bedrock API reference (Converse,
ConverseStream), AWS SDKs, event stream encoding.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from .answers import Answer, Call, effort_of, pieces, sign, thought_of
from .api import RequestPath
from .limits import Room
from .parsed_request import Asked, MockError, describe, refuse_unknown, wanted
from .strict import fields_of

STREAM = "application/vnd.amazon.eventstream"

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "guardrail_intervened",
    "context_window": "model_context_window_exceeded",
}
_EXCEPTIONS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/[a-z0-9-]+/bedrock/aws4_request,")


class BedrockApi:
    """Converse."""

    name = "bedrock"
    stream_type = STREAM

    def key(self, headers: Mapping[str, str]) -> str:
        shown = headers.get("Authorization", "")
        signed = _SIGNED.match(shown)
        return signed[1] if signed else shown.removeprefix("Bearer ").strip() * shown.startswith("Bearer ")

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        refuse_unknown(body, fields_of("bedrock", "chat"))
        asked = Asked(model=request.match_info["model"], stream=request.path.endswith("/converse-stream"))
        system = [block["text"] for block in body.get("system") or () if "text" in block]
        asked.system = " ".join(system)
        asked.overhear(asked.system)
        for message in wanted(body, "messages", list):
            _hear(asked, message)
        config = body.get("inferenceConfig") or {}
        asked.max_tokens, asked.stop = config.get("maxTokens"), config.get("stopSequences") or []
        tools = body.get("toolConfig") or {}
        for tool in tools.get("tools") or ():
            if (spec := tool.get("toolSpec")) is not None:
                asked.tools[spec["name"]] = spec["inputSchema"]["json"]
        choice = tools.get("toolChoice") or {}
        asked.tool_mode = (
            choice["tool"]["name"] if "tool" in choice else "required" if "any" in choice else "auto"
        )
        form = (body.get("outputConfig") or {}).get("textFormat")
        asked.schema = orjson.loads(form["structure"]["jsonSchema"]["schema"]) if form else None
        asked.effort = _effort(body.get("additionalModelRequestFields") or {})
        return asked

    def whole(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.reasoning_tokens:
            content.append({"reasoningContent": {"reasoningText": _thought(answer)}})
        content += [{"text": answer.text}] if answer.text else []
        content += ({"toolUse": _call(call) | {"input": call.arguments}} for call in answer.calls)
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _STOP_REASONS.get(answer.finish, answer.finish),
            "usage": _usage(answer),
            "metrics": {"latencyMs": 1},
        }

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        events = [_event("messageStart", role="assistant")]
        blocks: list[tuple[dict[str, Any] | None, list[dict[str, Any]]]] = []
        if answer.reasoning_tokens:
            thought = _thought(answer)
            deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(thought["text"])]
            blocks.append((None, [*deltas, {"reasoningContent": {"signature": thought["signature"]}}]))
        if answer.text:
            blocks.append((None, [{"text": piece} for piece in pieces(answer.text)]))
        blocks += [({"toolUse": _call(call)}, _argument_deltas(call)) for call in answer.calls]
        for index, (start, deltas) in enumerate(blocks):
            if start is not None:
                events.append(_event("contentBlockStart", start=start, contentBlockIndex=index))
            events += (_event("contentBlockDelta", delta=delta, contentBlockIndex=index) for delta in deltas)
            events.append(_event("contentBlockStop", contentBlockIndex=index))
        events.append(_event("messageStop", stopReason=_STOP_REASONS.get(answer.finish, answer.finish)))
        events.append(_event("metadata", usage=_usage(answer), metrics={"latencyMs": 1}))
        return events

    def error(self, error: MockError) -> dict[str, Any]:
        return {"message": error.message}

    def error_headers(self, error: MockError) -> dict[str, str]:
        return {"x-amzn-ErrorType": f"{_exception(error.status)}:http://internal.amazon.com/"}

    def error_event(self, error: MockError) -> bytes:
        kind = _exception(error.status)
        headers = {":message-type": "exception", ":exception-type": kind[0].lower() + kind[1:]}
        return encoded(headers, orjson.dumps(self.error(error)))

    def room_headers(self, room: Room) -> dict[str, str]:
        return {}


def _exception(status: int) -> str:
    return _EXCEPTIONS.get(status, "InternalServerException" if status >= 500 else "ValidationException")


def _hear(asked: Asked, message: dict[str, Any]) -> None:
    blocks = message["content"]
    text = " ".join(block["text"] for block in blocks if "text" in block)
    if message["role"] == "system":
        asked.system = f"{asked.system} {text}".strip()
        asked.overhear(text)
        return
    if message["role"] == "assistant":
        thoughts = [
            block["reasoningContent"]["reasoningText"]
            for block in blocks
            if "reasoningText" in block.get("reasoningContent", {})
        ]
        for thought in thoughts:
            if thought.get("signature") != sign(thought["text"]):
                raise MockError(400, "messages: Invalid `signature` in `thinking` block")
            asked.thoughts += 1
        asked.overhear(text)
        return
    results = [
        " ".join(part["text"] for part in block["toolResult"]["content"] if "text" in part)
        for block in blocks
        if "toolResult" in block
    ]
    if results and not text:
        asked.results += results
        asked.overhear(" ".join(results))
        return
    asked.hear(text)
    for block in blocks:
        for kind in ("image", "document", "video", "audio"):
            if (media := block.get(kind)) is not None:
                asked.media.append(_media(f"{kind}/{media.get('format', 'txt')}", media["source"]))


def _media(kind: str, source: dict[str, Any]) -> str:
    if "bytes" in source:
        return describe(kind, source["bytes"])
    return f"{kind}, {source.get('text') or (source.get('s3Location') or {}).get('uri', '')}"


def _effort(more: dict[str, Any]) -> str:
    """How much it thinks: Claude's word for it, or Nova's."""
    if (nova := more.get("reasoningConfig")) is not None:
        return str(nova.get("maxReasoningEffort", ""))
    thinking = more.get("thinking") or {}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return ""
    budget = thinking.get("budget_tokens")
    told = (more.get("output_config") or {}).get("effort")
    return told or ("high" if budget is None else effort_of(budget))


def _usage(answer: Answer) -> dict[str, int]:
    read, written = answer.cached_tokens, answer.cache_write_tokens
    return {
        "inputTokens": answer.prompt_tokens - read - written,
        "outputTokens": answer.completion_tokens,
        "totalTokens": answer.prompt_tokens + answer.completion_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def _thought(answer: Answer) -> dict[str, str]:
    text, signature = thought_of(answer)
    return {"text": text, "signature": signature}


def _call(call: Call) -> dict[str, Any]:
    return {"toolUseId": f"tooluse_{call.id}", "name": call.name}


def _argument_deltas(call: Call) -> list[dict[str, Any]]:
    text = orjson.dumps(call.arguments).decode()
    half = len(text) // 2
    return [{"toolUse": {"input": part}} for part in (text[:half], text[half:])]


def _event(kind: str, **fields: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encoded(headers, orjson.dumps(fields))


def encoded(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream."""
    told = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(told) + len(payload), len(told))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + told + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", 7, len(value)) + value
