"""What Anthropic's Messages API refuses.

Sources: Messages API reference; guides to tool use, extended thinking, structured outputs and vision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ID = re.compile(r"[a-zA-Z0-9_-]+")
"""`tool_use.id`: Messages API reference."""

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Guide to vision."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
"""`metadata.user_id` must not tell who it is: Messages API reference."""

LEAST_BUDGET = 1024
"""Guide to extended thinking."""

BOUNDS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    }
)
"""Keywords that structured outputs and strict tools do not take: guide to structured outputs."""


def problems(body: Any) -> list[str]:
    """All that is wrong with `body`."""
    return [*_fields(body), *_tools(body), *_messages(body)]


def _fields(body: Any) -> Iterator[str]:
    if body.get("max_tokens", 0) < 1:
        yield "max_tokens must be at least 1"
    if EMAIL.search((body.get("metadata") or {}).get("user_id") or ""):
        yield "metadata.user_id must not be an e-mail address"
    if not 0 <= body.get("temperature", 0) <= 1:
        yield "temperature must be from 0 to 1"
    thinking = body.get("thinking") or {}
    budget = thinking.get("budget_tokens")
    if budget is not None and not LEAST_BUDGET <= budget < body["max_tokens"]:
        yield "thinking.budget_tokens must be at least 1024 and below max_tokens"
    if thinking.get("type") in ("enabled", "adaptive"):
        if body.get("temperature", 1) != 1 or "top_k" in body:
            yield "thinking goes with neither temperature nor top_k"
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "thinking goes without a forced tool"
    if any(not text.strip() for text in body.get("stop_sequences") or ()):
        yield "stop_sequences: each must contain non-whitespace"
    system = body.get("system")
    for block in [{"text": system}] if isinstance(system, str) else system or ():
        if not block["text"].strip():
            yield "system: text content blocks must be non-empty"
    format = (body.get("output_config") or {}).get("format")
    if format is not None:
        yield from schema(format["schema"], "output_config.format.schema")


def _tools(body: Any) -> Iterator[str]:
    names = [tool["name"] for tool in body.get("tools") or ()]
    if len(set(names)) < len(names):
        yield "tools: names must be unique"
    for tool in body.get("tools") or ():
        if tool.get("input_schema", {}).get("type") != "object":
            yield f"tools.{tool['name']}.input_schema.type must be object"
        if tool.get("strict"):
            yield from schema(tool["input_schema"], f"tools.{tool['name']}")
    choice = body.get("tool_choice")
    if choice is not None and not names:
        yield "tool_choice may only be specified while providing tools"
    if choice is not None and choice["type"] == "tool" and choice["name"] not in names:
        yield f"tool_choice: there is no tool {choice['name']}"


def _messages(body: Any) -> Iterator[str]:
    if not body["messages"]:
        yield "messages: at least one message is required"
    seen: set[str] = set()
    waiting: set[str] = set()
    for number, message in enumerate(body["messages"]):
        content, where = message["content"], f"messages.{number}"
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks:
            yield f"{where}: content must not be empty"
        for block in blocks:
            yield from _block(block, where)
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if waiting - set(results):
            yield f"{where}: tool_use ids without tool_result blocks immediately after"
        if set(results) - waiting:
            yield f"{where}: tool_result without its tool_use in the previous message"
        kinds = [block["type"] for block in blocks]
        if kinds != sorted(kinds, key=lambda kind: kind != "tool_result") and results:
            yield f"{where}: tool_result blocks must come first"
        if len(set(calls)) < len(calls) or seen & set(calls):
            yield f"{where}: tool_use ids must be unique"
        seen, waiting = seen | set(calls), set(calls)


def _block(block: Any, where: str) -> Iterator[str]:
    if block["type"] == "text" and not block["text"].strip():
        yield f"{where}: text content blocks must contain non-whitespace text"
    if block["type"] == "tool_use" and not ID.fullmatch(block["id"]):
        yield f"{where}: tool_use.id must match {ID.pattern}"
    source = block.get("source") or {}
    if block["type"] == "image" and source.get("media_type", "image/png") not in IMAGE_TYPES:
        yield f"{where}: no such media type"
    if block["type"] == "thinking" and not block["signature"]:
        yield f"{where}: invalid signature in thinking block"
    for inner in block.get("content") or () if block["type"] == "tool_result" else ():
        if isinstance(inner, dict):
            yield from _block(inner, where)


def schema(value: Any, where: str) -> Iterator[str]:
    """What is outside of the subset that structured outputs and strict tools take."""
    if isinstance(value, list):
        for inner in value:
            yield from schema(inner, where)
    if not isinstance(value, dict):
        return
    kinds = value.get("type") if isinstance(value.get("type"), list) else [value.get("type")]
    if "object" in kinds and value.get("additionalProperties") is not False:
        yield f"{where}: additionalProperties must be false"
    if lost := value.keys() & BOUNDS:
        yield f"{where}: {', '.join(sorted(lost))} not supported"
    for name in ("items", "anyOf", "allOf"):
        yield from schema(value.get(name), where)
    for name in ("properties", "$defs", "definitions"):
        for inner in (value.get(name) or {}).values():
            yield from schema(inner, where)
