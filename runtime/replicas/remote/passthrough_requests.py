"""Requests that pass as they came, with the model's name in them, to servers of OpenAI's protocol."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import orjson

from ....compiler.plan import RemotePoolPlan, WireFormat
from ...dialects import multipart
from ...dialects.fields import as_number, count, told_cost
from ...dialects.openai_chat.chunk_shapes import ChunkShapes
from ...dialects.provider_errors.classify import Classifier
from ...dialects.server_sent_events import SseParser
from ...requests.answer import ChatChunk, PassedChunk
from ...requests.errors import BadRequest, Incapable
from ...requests.request import CompletionRequest, PassedRequest
from ...requests.usage import Usage, is_believable
from .chat_targets import model_named
from .passthrough_answers import PassingReader, read_whole

JSON = "application/json"
_EVENTS = "text/event-stream"


class Outgoing(NamedTuple):
    """What to POST: the path below the endpoint, the body, and its type."""

    path: str
    body: bytes
    content_type: str = JSON


class Passed:
    """Asks the model of `plan`."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._counts = plan.budget is not None or plan.rate_limits.tokens_per_minute is not None
        self._shapes = ChunkShapes()

    def request(self, request: CompletionRequest | PassedRequest) -> Outgoing:
        """The request to send. Raises Incapable, and BadRequest for what cannot be sent on."""
        plan = self._plan
        path = request.path if isinstance(request, PassedRequest) else "/completions"
        if plan.wire is not WireFormat.OPENAI:
            raise Incapable(
                f"{plan.provider} (deployment `{plan.deployment}`) has no `{path}`", param="model"
            )
        asked = request.model if isinstance(request, PassedRequest) else request.body.get("model", "")
        model = model_named(plan, asked)
        if isinstance(request, PassedRequest) and request.form:
            form = multipart.with_text(request.form, "model", model)
            return Outgoing(path, multipart.write_form(form), multipart.CONTENT_TYPE)
        body: dict[str, Any] = {**request.body, "model": model}
        if isinstance(request, CompletionRequest) and request.stream and self._counts:
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        try:
            return Outgoing(path, orjson.dumps(body))
        except orjson.JSONEncodeError as error:
            raise BadRequest(f"the request cannot be sent on: {error}") from None

    def whole(self, body: bytes, classifier: Classifier) -> ChatChunk:
        """A whole completion. Raises RequestError."""
        return read_whole(body, classifier)

    def reader(self, request: CompletionRequest, classifier: Classifier) -> PassingReader:
        """What reads a streamed completion."""
        options = request.body.get("stream_options")
        wants = isinstance(options, dict) and bool(options.get("include_usage"))
        return PassingReader(classifier, hide_usage=self._counts and not wants, shapes=self._shapes)


class Pieces:
    """The pieces of an answer of that type, in which the usage is looked for."""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        self._parser = SseParser() if content_type.startswith(_EVENTS) else None

    def piece(self, data: bytes) -> PassedChunk:
        """More of it. Raises EventTooLarge."""
        usage = None
        if self._parser is not None:
            for event in self._parser.feed(data):
                if b'"usage"' in event.data:
                    usage = usage_in(event.data) or usage
        return PassedChunk(data, self.content_type, usage)


def usage_in(data: bytes) -> Usage | None:
    """The usage in an answer, or in the last event of one, as images and transcriptions have it."""
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(answer, dict):
        return None
    usage, images = answer.get("usage"), _images(answer)
    if not isinstance(usage, dict):
        heard = _milliseconds(answer.get("duration")) if "text" in answer else 0
        return Usage(0, audio_ms=heard, images=images) if heard or images else None
    if not is_believable(usage):
        return None
    taken, given = (count(usage, name) or count(usage, older) for name, older in _NAMES)
    in_, out = (
        usage.get(f"{side}_token_details") or usage.get(f"{side}_tokens_details")
        for side in ("input", "output")
    )
    made = count(out, "image_tokens") or (given if images and not isinstance(out, dict) else 0)
    found = Usage(
        taken,
        given,
        cached_tokens=count(in_, "cached_tokens"),
        audio_tokens=count(in_, "audio_tokens"),
        audio_ms=_milliseconds(usage.get("seconds" if usage.get("type") == "duration" else _MISTRALS)),
        image_tokens=count(in_, "image_tokens"),
        image_answer_tokens=made,
        images=images,
        told_cost=told_cost(usage),
    )
    return found if found != Usage(0) else None


def _images(answer: dict[str, Any]) -> int:
    """How many pictures were made."""
    if answer.get("type") in ("image_generation.completed", "image_edit.completed"):
        return 1
    data = answer.get("data")
    listed = data if isinstance(data, list) else ()
    return sum(isinstance(each, dict) and not each.keys().isdisjoint(_PICTURES) for each in listed)


def _milliseconds(seconds: Any) -> int:
    """How long a sound was; 0 where that is not told, or cannot be."""
    length = as_number(seconds)
    return ceil(length * 1000) if 0 < length <= LONGEST_SOUND else 0


_PICTURES = ("b64_json", "url")
_MISTRALS = "prompt_audio_seconds"
LONGEST_SOUND = 86_400.0
"""Seconds of a sound that a provider may tell."""

_NAMES = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
