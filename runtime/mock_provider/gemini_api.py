"""Gemini's API as the mock provider speaks it: `generateContent`, on AI Studio's paths and on Vertex's.

Sources: Gemini API reference (generateContent), Google API error model, Gemini thought signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .answers import LOGPROB, Answer, Call, effort_of, pieces
from .api import RequestPath
from .limits import Room
from .parsed_request import Asked, MockError, describe, refuse_unknown, wanted
from .strict import fields_of

SIGNATURE = "bW9jayBzaWduYXR1cmU="
"""The thought signature of every first call; models from Gemini 3 on want one back."""

_FINISH_REASONS = {"length": "MAX_TOKENS", "context_window": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC = "type.googleapis.com/google.rpc."


class GeminiApi:
    """generateContent and streamGenerateContent."""

    name = "gemini"
    stream_type = "text/event-stream"

    def key(self, headers: Mapping[str, str]) -> str:
        shown = headers.get("x-goog-api-key", "") or headers.get("Authorization", "").removeprefix("Bearer ")
        return shown.strip()

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        provider = "vertex" if "/publishers/google/" in request.path else "gemini"
        refuse_unknown(body, fields_of(provider, "chat"))
        config = body.get("generationConfig") or {}
        refuse_unknown(config, fields_of(provider, "GenerationConfig"), "generationConfig.")
        asked = Asked(model=request.match_info["model"])
        asked.stream = request.match_info["method"] == "streamGenerateContent"
        asked.system = _text((body.get("systemInstruction") or {}).get("parts") or [])
        asked.overhear(asked.system)
        for content in wanted(body, "contents", list):
            _hear(asked, content)
        for tool in body.get("tools") or []:
            for declared in tool.get("functionDeclarations") or ():
                schema = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
                asked.tools[declared["name"]] = schema
        asked.tool_mode = _tool_mode((body.get("toolConfig") or {}).get("functionCallingConfig") or {})
        asked.schema = config.get("responseJsonSchema") or config.get("responseSchema")
        if asked.schema is None and config.get("responseMimeType") == "application/json":
            asked.schema = {}
        asked.n = config.get("candidateCount") or 1
        asked.max_tokens = config.get("maxOutputTokens")
        asked.stop = config.get("stopSequences") or []
        thinking = config.get("thinkingConfig") or {}
        asked.effort = thinking.get("thinkingLevel") or effort_of(thinking.get("thinkingBudget", 0))
        asked.logprobs = config.get("logprobs") or 0 if config.get("responseLogprobs") else None
        return asked

    def whole(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        parts = [{"text": answer.text}] if answer.text else []
        return _response(asked, answer, parts + _calls(answer), finish=True)

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        parts = [[{"text": piece}] for piece in pieces(answer.text)] if answer.text else []
        parts += [[call] for call in _calls(answer)]
        last = len(parts) - 1
        return [
            _event(_response(asked, answer, part, finish=index == last))
            for index, part in enumerate(parts or [[{"text": ""}]])
        ]

    def error(self, error: MockError) -> dict[str, Any]:
        body: dict[str, Any] = {
            "code": error.status,
            "message": error.message,
            "status": _STATUSES.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT"),
            "details": [],
        }
        if error.code == "insufficient_quota":
            violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"}
            body["details"].append({"@type": f"{_RPC}QuotaFailure", "violations": [violation]})
        if error.wait:
            body["details"].append({"@type": f"{_RPC}RetryInfo", "retryDelay": f"{error.wait:g}s"})
        return {"error": body}

    def error_headers(self, error: MockError) -> dict[str, str]:
        return {}

    def error_event(self, error: MockError) -> bytes:
        return _event(self.error(error))

    def room_headers(self, room: Room) -> dict[str, str]:
        return {}


def _hear(asked: Asked, content: dict[str, Any]) -> None:
    parts = content.get("parts") or []
    text = _text(parts)
    if content.get("role") == "model":
        asked.overhear(text)
        calls = [part for part in parts if "functionCall" in part]
        if (
            calls
            and "thoughtSignature" not in calls[0]
            and not asked.model.startswith(("gemini-1", "gemini-2"))
        ):
            raise MockError(400, "Function call is missing a thought_signature in functionCall parts.")
        return
    results = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    if results and not text:
        said = [str(each.get("output", orjson.dumps(each).decode())) for each in results]
        asked.results += said
        asked.overhear(" ".join(said))
        return
    asked.hear(text)
    for part in parts:
        if "inlineData" in part:
            asked.media.append(describe(part["inlineData"]["mimeType"], part["inlineData"]["data"]))
        elif "fileData" in part:
            asked.media.append(part["fileData"]["fileUri"])


def _text(parts: list[dict[str, Any]]) -> str:
    return " ".join(part["text"] for part in parts if "text" in part)


def _tool_mode(config: dict[str, Any]) -> str:
    names = config.get("allowedFunctionNames")
    if names:
        return str(names[0])
    return {"ANY": "required", "NONE": "none"}.get(config.get("mode", "AUTO"), "auto")


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [_call(call, first=number == 0) for number, call in enumerate(answer.calls)]


def _call(call: Call, *, first: bool) -> dict[str, Any]:
    part = {"functionCall": {"id": f"fc_{call.id}", "name": call.name, "args": call.arguments}}
    return part | {"thoughtSignature": SIGNATURE} if first else part


def _response(asked: Asked, answer: Answer, parts: list[dict[str, Any]], *, finish: bool) -> dict[str, Any]:
    candidates = []
    for index in range(asked.n):
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": index}
        if finish:
            candidate["finishReason"] = _FINISH_REASONS.get(answer.finish, "STOP")
        if asked.logprobs is not None:
            candidate["logprobsResult"] = _logprobs(asked.logprobs, _text(parts))
        candidates.append(candidate)
    said = answer.completion_tokens - answer.reasoning_tokens
    usage = {
        "promptTokenCount": answer.prompt_tokens,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": answer.reasoning_tokens,
        "totalTokenCount": answer.prompt_tokens + answer.completion_tokens,
        "cachedContentTokenCount": answer.cached_tokens,
    }
    return {
        "candidates": candidates,
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": answer.id,
    }


def _logprobs(top: int, text: str) -> dict[str, Any]:
    chosen = [{"token": piece, "tokenId": 1, "logProbability": LOGPROB} for piece in pieces(text)]
    return {
        "chosenCandidates": chosen,
        "topCandidates": [{"candidates": [token] * min(top, 1)} for token in chosen],
    }


def _event(response: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(response) + b"\r\n\r\n"
