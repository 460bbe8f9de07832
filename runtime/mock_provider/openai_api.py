"""OpenAI's API as the mock provider speaks it: chat completions, on OpenAI's paths and on Azure's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from .answers import CREATED, LOGPROB, Answer, pieces
from .api import RequestPath
from .limits import Room, duration
from .parsed_request import Asked, MockError, describe, wanted


class OpenAIApi:
    """Chat completions."""

    name = "openai"
    stream_type = "text/event-stream"

    def key(self, headers: Mapping[str, str]) -> str:
        shown = headers.get("Authorization", "").removeprefix("Bearer ")
        return (shown or headers.get("api-key", "")).strip()

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        model = request.match_info.get("deployment") or wanted(body, "model", str)
        asked = Asked(model=model, stream=bool(body.get("stream")))
        asked.include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        for message in wanted(body, "messages", list):
            if isinstance(message, dict):
                _hear(asked, message)
        for tool in body.get("tools") or []:
            if "function" not in tool and tool["type"] != "function":
                continue  # a tool that the provider runs itself
            function = tool["function"]
            asked.tools[function["name"]] = function.get("parameters") or {}
        choose(asked, body.get("tool_choice") or "auto")
        asked.one_call = body.get("parallel_tool_calls") is False
        asked.schema = schema_in(body.get("response_format"))
        asked.n = body.get("n") or 1
        asked.max_tokens = body.get("max_completion_tokens") or body.get("max_tokens")
        stop = body.get("stop") or []
        asked.stop = [stop] if isinstance(stop, str) else stop
        asked.effort = body.get("reasoning_effort") or ""
        asked.logprobs = body.get("top_logprobs") or 0 if body.get("logprobs") else None
        return asked

    def whole(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = [_call(call.id, call.name, call.arguments) for call in answer.calls]
        else:
            message["content"] = answer.text
        choices = [
            {
                "index": index,
                "message": message,
                "finish_reason": _finish(answer),
                "logprobs": _logprobs(asked, pieces(answer.text)),
            }
            for index in range(asked.n)
        ]
        return _envelope("chat.completion", asked, answer, choices) | {"usage": _usage(answer)}

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        made = [
            _envelope("chat.completion.chunk", asked, answer, [choice])
            for index in range(asked.n)
            for choice in _deltas(asked, answer, index)
        ]
        if asked.include_usage:
            for chunk in made:
                chunk["usage"] = None
            made.append(_envelope("chat.completion.chunk", asked, answer, []) | {"usage": _usage(answer)})
        return [*(_event(chunk) for chunk in made), b"data: [DONE]\n\n"]

    def error(self, error: MockError) -> dict[str, Any]:
        kind = "invalid_request_error" if error.status < 500 else "server_error"
        return {"error": {"message": error.message, "type": kind, "param": None, "code": error.code or None}}

    def error_headers(self, error: MockError) -> dict[str, str]:
        return {}

    def error_event(self, error: MockError) -> bytes:
        return _event(self.error(error))

    def room_headers(self, room: Room) -> dict[str, str]:
        headers = {}
        for what, limit, left, reset in (
            ("requests", room.requests, room.requests_left, room.requests_reset),
            ("tokens", room.tokens, room.tokens_left, room.tokens_reset),
        ):
            if limit is not None:
                headers[f"x-ratelimit-limit-{what}"] = str(limit)
                headers[f"x-ratelimit-remaining-{what}"] = str(left)
                headers[f"x-ratelimit-reset-{what}"] = duration(reset)
        return headers


def text_of(content: object) -> str:
    """The text of a message, whose parts may be images and more."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if isinstance(part, dict) and "text" in part)
    return ""


def choose(asked: Asked, choice: object) -> None:
    """Keep to the choice of a tool, in either of OpenAI's shapes; tools of free text are called by nobody."""
    match choice:
        case {"type": "allowed_tools", "mode": str(mode), "tools": [*allowed]} | {
            "type": "allowed_tools",
            "allowed_tools": {"mode": str(mode), "tools": [*allowed]},
        }:
            names = {(each.get("function") or each).get("name") for each in allowed}
            asked.tools = {name: schema for name, schema in asked.tools.items() if name in names}
        case str(mode) | {"type": "function", "name": str(mode)} | {"function": {"name": str(mode)}}:
            pass
        case _:
            mode = "auto"
    asked.tool_mode = mode


def _hear(asked: Asked, message: dict[str, Any]) -> None:
    content, role = message.get("content"), message.get("role")
    text = text_of(content)
    if role == "user":
        asked.hear(text)
        asked.media = (
            [_media(part) for part in content if "image_url" in part] if isinstance(content, list) else []
        )
        return
    asked.overhear(text)
    if role in ("system", "developer"):
        asked.system = f"{asked.system} {text}".strip()
    elif role == "tool":
        asked.results.append(text)


def _media(part: dict[str, Any]) -> str:
    url = str(part["image_url"]["url"])
    if not url.startswith("data:"):
        return url
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return describe(kind, data)


def schema_in(form: object) -> dict[str, Any] | None:
    """The schema that an answer is asked to fit, in either of OpenAI's shapes; empty for any JSON."""
    match form:
        case {"type": "json_schema", "schema": dict(schema)}:
            return schema
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case {"type": "json_object"}:
            return {}
        case _:
            return None


def _deltas(asked: Asked, answer: Answer, index: int) -> Iterator[dict[str, Any]]:
    """The role, each piece of text, each call in two parts, and the end."""

    def choice(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"index": index, "delta": delta, "finish_reason": None, **more}

    yield choice({"role": "assistant", "content": "" if not answer.calls else None})
    if answer.text:
        for piece in pieces(answer.text):
            said = _logprobs(asked, [piece])
            yield choice({"content": piece}, logprobs=said) if said else choice({"content": piece})
    for number, call in enumerate(answer.calls):
        begun = _call(call.id, call.name, None)
        yield choice({"tool_calls": [{"index": number, **begun}]})
        arguments = orjson.dumps(call.arguments).decode()
        half = len(arguments) // 2
        for part in (arguments[:half], arguments[half:]):
            yield choice({"tool_calls": [{"index": number, "function": {"arguments": part}}]})
    yield {"index": index, "delta": {}, "finish_reason": _finish(answer)}


def _call(id: str, name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
    written = "" if arguments is None else orjson.dumps(arguments).decode()
    return {"id": f"call_{id}", "type": "function", "function": {"name": name, "arguments": written}}


def _finish(answer: Answer) -> str:
    return {"stop_sequence": "stop", "context_window": "length"}.get(answer.finish, answer.finish)


def _logprobs(asked: Asked, said: list[str]) -> dict[str, Any] | None:
    if asked.logprobs is None:
        return None
    content = []
    for piece in said:
        token = {"token": piece, "logprob": LOGPROB, "bytes": list(piece.encode())}
        content.append({**token, "top_logprobs": [token] * min(asked.logprobs, 1)})
    return {"content": content, "refusal": None}


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
    }


def _envelope(kind: str, asked: Asked, answer: Answer, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": kind,
        "created": CREATED,
        "model": asked.model,
        "choices": choices,
    }


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
