"""From a conversation to the body of Converse.

Sources: Amazon Bedrock API reference (Converse, DocumentBlock, ToolConfiguration), Amazon Bedrock user guide
(prompt caching, structured output, Claude's and Nova's parameters).
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from ....compiler.plan.late_pattern import late_pattern
from ...requests.conversation import Conversation, FunctionTool, ThinkingWanted, ToolChoice, Turn
from ...requests.errors import BadRequest
from ...requests.parts import (
    CacheMark,
    Media,
    Part,
    RedactedThinking,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    own,
    path,
)
from ..exact_json import dumps
from ..tool_arguments import arguments_object

Json = dict[str, Any]

DIALECT = "bedrock"

SIGNED_BY = "anthropic"
"""Whose thoughts are taken back, with their signature."""

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
"""Media types, and the words for them."""

SILENCE = "."
"""What stands beside documents that nobody says anything to, and where a tool gave nothing: a text is
needed."""

_NOT_IN_NAMES = late_pattern(r"[^A-Za-z0-9\s()\[\]-]+")
_SPACES = late_pattern(r"\s+")
_MOST_NAME = 200


def write_request(conversation: Conversation, *, vendor: str = "anthropic") -> Json:
    """The body for `conversation`. vendor: who made the model, and says how it is asked to think.

    Raises BadRequest for what Converse has no word for."""
    c = conversation
    system, turns = c.lead()
    writer = _Writer()
    body: Json = {"messages": [writer.message(turn) for turn in turns]}
    if system:
        body["system"] = [block for text in system for block in _marked({"text": text.text}, text.cache)]
    config: Json = {}
    if c.max_tokens is not None:
        config["maxTokens"] = c.max_tokens
    for ours, theirs in (("temperature", "temperature"), ("top_p", "topP")):
        if (value := getattr(c.sampling, ours)) is not None:
            config[theirs] = value
    if c.stop:
        config["stopSequences"] = list(c.stop)
    if config:
        body["inferenceConfig"] = config
    if c.tools:
        body["toolConfig"] = _tools(c, caches=vendor != "amazon")
    output: Json = {}
    if c.format is not None and c.format.schema is not None:
        output["textFormat"] = _format(c)
    more: Json = {}
    if c.sampling.top_k is not None:
        more |= (
            {"inferenceConfig": {"topK": c.sampling.top_k}}
            if vendor == "amazon"
            else {"top_k": c.sampling.top_k}
        )
    if c.thinking is not None:
        more |= _thinking(c.thinking, vendor)
    if more:
        body["additionalModelRequestFields"] = more
    if output:
        body["outputConfig"] = output
    return body | own(c.extras, DIALECT)


class _Writer:
    """Writes turns in their order, for no two documents may have one name."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def message(self, turn: Turn) -> Json:
        blocks = [block for part in turn.parts for block in self._blocks(part)]
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            blocks.append({"text": SILENCE})
        return {"role": turn.role, "content": blocks}

    def _blocks(self, part: Part) -> list[Json]:
        """The block for `part`, and behind it where the cache ends."""
        match part:
            case Text() | Refusal():
                block: Json = {"text": part.text}
            case ToolCall():
                input = arguments_object(part.arguments)
                block = {"toolUse": {"toolUseId": part.id, "name": part.name, "input": input}}
            case ToolResult():
                block = {"toolResult": self._result(part)}
            case Media():
                block = self._media(part)
                if part.kind == "document":
                    block["document"] |= own(part.extras, DIALECT)
            case Thinking(signature=str(signature)):
                return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": signature}}}]
            case Thinking():
                return [{"reasoningContent": {"reasoningText": {"text": part.text}}}]
            case RedactedThinking():
                return [{"reasoningContent": {"redactedContent": part.data}}]
            case Sealed(dialect="bedrock"):
                return [dict(part.value)]
            case _:
                raise unwritable(part)
        return _marked(block, getattr(part, "cache", None))

    def _result(self, result: ToolResult) -> Json:
        content = [
            block for part in result.parts for block in self._blocks(part) if "cachePoint" not in block
        ]
        written: Json = {"toolUseId": result.id, "content": content or [{"text": SILENCE}]}
        return written | {"status": "error"} if result.is_error else written

    def _media(self, media: Media) -> Json:
        type, source = media.type or "", {"bytes": media.data}
        match media.kind:
            case _ if media.url:
                raise unwritable(media)
            case "image" if type in IMAGES:
                return {"image": {"format": IMAGES[type], "source": source}}
            case "document" if media.text:
                source = {"bytes": b64encode(media.text.encode()).decode()}
                return {"document": {"format": "txt", "name": self._name(media), "source": source}}
            case "document" if type in DOCUMENTS:
                return {"document": {"format": DOCUMENTS[type], "name": self._name(media), "source": source}}
            case "video" if type in VIDEOS:
                return {"video": {"format": VIDEOS[type], "source": source}}
            case _:
                raise unwritable(media)

    def _name(self, media: Media) -> str:
        """A name of the characters that are taken, which no other document has."""
        told = _SPACES.sub(" ", _NOT_IN_NAMES.sub(" ", media.name or "")).strip()[: _MOST_NAME - 10]
        name = told = told or "document"
        for number in range(2, len(self._names) + 3):
            if name not in self._names:
                break
            name = f"{told} {number}"
        self._names.add(name)
        return name


def _marked(block: Json, mark: CacheMark | None) -> list[Json]:
    return [block] if mark is None else [block, _cache_point(mark)]


def _cache_point(mark: CacheMark) -> Json:
    """Where the cache ends. It is kept for five minutes or an hour."""
    point: Json = {"type": "default"}
    if mark.ttl is not None:
        point["ttl"] = mark.ttl if mark.field == "cache_control" else "1h"
    return {"cachePoint": point}


def _tools(c: Conversation, *, caches: bool) -> Json:
    tools: list[Json] = []
    for tool in c.tools:
        if not isinstance(tool, FunctionTool):
            if tool.dialect != DIALECT:
                raise BadRequest(f"`{path(tool.at)}` is known to {tool.dialect} alone", param=path(tool.at))
            tools.append(dict(tool.value))
            continue
        spec: Json = {"name": tool.name}
        if tool.description:
            spec["description"] = tool.description
        spec["inputSchema"] = {"json": tool.parameters or {"type": "object", "properties": {}}}
        if tool.strict is not None:
            spec["strict"] = tool.strict
        tools += _marked({"toolSpec": spec}, tool.cache if caches else None)
    config: Json = {"tools": tools}
    match c.tool_choice:
        case ToolChoice("required", (name,)):
            config["toolChoice"] = {"tool": {"name": name}}
        case ToolChoice("required"):
            config["toolChoice"] = {"any": {}}
    return config


def _format(c: Conversation) -> Json:
    assert c.format is not None
    schema: Json = {"schema": dumps(c.format.schema).decode()}
    if c.format.name is not None:
        schema["name"] = c.format.name
    if c.format.description is not None:
        schema["description"] = c.format.description
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _thinking(thinking: ThinkingWanted, vendor: str) -> Json:
    """How each vendor's models are asked to think."""
    if vendor == "amazon":
        if thinking.is_off or thinking.effort is None:
            return {}
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": thinking.effort}}
    if vendor == "openai":
        return {} if thinking.effort is None else {"reasoning_effort": thinking.effort}
    made: Json = {}
    match thinking.mode:
        case "budget":
            made["thinking"] = {"type": "enabled", "budget_tokens": thinking.budget}
        case "adaptive":
            made["thinking"] = {"type": "adaptive"}
        case "off":
            made["thinking"] = {"type": "disabled"}
    if made and thinking.mode != "off" and thinking.shown is not None:
        made["thinking"]["display"] = "summarized" if thinking.shown else "omitted"
    if thinking.effort is not None:
        made["output_config"] = {"effort": thinking.effort}
    return made


def unwritable(part: Part) -> BadRequest:
    """The error for a part that Converse has no word for."""
    what = part.kind if isinstance(part, Media) else type(part).__name__
    place = path(part.at) or "messages"
    return BadRequest(f"`{place}`: {what} in this form cannot be sent to Bedrock", param=place)
