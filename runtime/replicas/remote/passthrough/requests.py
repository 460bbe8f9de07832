"""Requests that pass as they came, with the model's name in them, to servers of OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any, NamedTuple

import orjson

from .....compiler.plan import ProviderKind, RemotePoolPlan, WireFormat
from .....compiler.plan.late_pattern import late_pattern
from ....dialects import exact_json, multipart
from ....dialects.fields import as_number, count, told_cost
from ....dialects.openai import completion_forms, mistral_sounds
from ....dialects.openai.endpoint_fields import EndpointFields
from ....dialects.openai_chat.chunk_shapes import ChunkShapes
from ....dialects.provider_errors.classify import Classifier
from ....dialects.reader import DONE, Failures, parse_object
from ....dialects.server_sent_events import EVENT_STREAM, Event, SseParser
from ....dialects.surrogates import without_halves
from ....requests.answer import ChatChunk, PassedChunk
from ....requests.errors import BadRequest, Incapable, RequestError
from ....requests.request import CompletionRequest, PassedRequest
from ....requests.usage import Usage, is_believable
from ..chat_answers import read_events, sent_in, wants_usage
from ..chat_targets import model_named
from .answers import read_whole
from .streams import PassingReader

JSON = "application/json"
COMPACT = "/responses/compact"


class Outgoing(NamedTuple):
    """What to POST: the path below the endpoint, the body, and its type."""

    path: str
    body: bytes
    content_type: str = JSON


class Passed:
    """Asks the model of `plan`."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._fields = EndpointFields(plan)
        self._is_mistrals = plan.provider is ProviderKind.MISTRAL
        self._counts = plan.budget is not None or plan.rate_limits.tokens_per_minute is not None
        self._shapes = ChunkShapes()

    def left_out(self, request: CompletionRequest | PassedRequest) -> tuple[str, ...]:
        """The names of the fields of which the provider is told nothing. Raises BadRequest."""
        path = self._path(request)
        if isinstance(request, PassedRequest) and request.form:
            return self._fields.check(path, self._fields.values(path, request.form))
        return self._fields.check(path, request.body)

    def request(self, request: CompletionRequest | PassedRequest) -> Outgoing:
        """The request to send. Raises Incapable, and BadRequest for what cannot be sent on."""
        plan, path = self._plan, self._path(request)
        asked = request.model if isinstance(request, PassedRequest) else request.body.get("model", "")
        model = model_named(plan, asked)
        if isinstance(request, PassedRequest) and request.form:
            form = multipart.with_text(self._fields.form(path, request.form), "model", model)
            return Outgoing(self._fields.path(path), multipart.write_form(form), multipart.CONTENT_TYPE)
        body = {**self._fields.body(path, request.body), "model": model}
        if isinstance(request, CompletionRequest) and not request.stream:
            body.pop("stream_options", None)
        elif isinstance(request, CompletionRequest) and self._counts:
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        try:
            return Outgoing(self._fields.path(path), exact_json.dumps(body))
        except orjson.JSONEncodeError as error:
            raise BadRequest(f"the request cannot be sent on: {error}") from None

    def _path(self, request: CompletionRequest | PassedRequest) -> str:
        """Where the provider answers such requests. Raises Incapable."""
        plan = self._plan
        path = request.path if isinstance(request, PassedRequest) else "/completions"
        if plan.wire is not WireFormat.OPENAI:
            raise Incapable(
                f"{plan.provider} (deployment `{plan.deployment}`) has no `{path}`", param="model"
            )
        if path == COMPACT and not plan.responses:
            who = f"{plan.provider} (deployment `{plan.deployment}`)"
            raise Incapable(f"{who} is not asked in responses, and has no `{path}`", param="model")
        return path

    def answer(self, request: PassedRequest, body: bytes, classifier: Classifier) -> PassedChunk:
        """A whole answer in JSON; a sound in it is what OpenAI answers. Raises RequestError."""
        body = without_halves(body)
        usage = _usage_in(parse_object(body, classifier))
        if self._is_mistrals and request.path == "/audio/speech":
            sound = mistral_sounds.sound_in(body, request.body.get("response_format"))
            if sound is not None:
                return PassedChunk(*sound, usage)
        return PassedChunk(body, JSON, usage)

    def pieces(self, content_type: str, classifier: Classifier) -> Pieces:
        """What reads an answer of that type as it comes."""
        return Pieces(content_type, classifier, mistral_sounds.written if self._is_mistrals else None)

    def whole(self, body: bytes, classifier: Classifier, *, streamed: bool) -> ChatChunk:
        """A whole completion. streamed: the provider sent a stream. Raises RequestError."""
        if streamed:
            reader = PassingReader(classifier, hide_usage=False)
            chunks, error = read_events(reader, sent_in(body, classifier), closing=True)
            if error is not None or not reader.ended:
                raise error or classifier.malformed("the stream was cut off")
            told = (parse_object(each.data, classifier) for each in chunks if isinstance(each, ChatChunk))
            body = orjson.dumps(completion_forms.gathered(told))
        return read_whole(without_halves(body), classifier)

    def in_chunks(self, request: CompletionRequest, whole: ChatChunk) -> Iterator[ChatChunk]:
        """A completion that came in one piece, for a client that waits for a stream."""
        said, usage = completion_forms.in_chunks(orjson.loads(whole.data), usage=wants_usage(request))
        yield ChatChunk(orjson.dumps(said), more=True, upstream=whole.upstream)
        yield ChatChunk(b"" if usage is None else orjson.dumps(usage), whole.usage)

    def reader(self, request: CompletionRequest, classifier: Classifier) -> PassingReader:
        """What reads a streamed completion."""
        hides = self._counts and not wants_usage(request)
        return PassingReader(classifier, hide_usage=hides, shapes=self._shapes)


class Pieces:
    """The pieces of an answer of that type, in which the usage is looked for.

    rewrites: what writes its events, where they are not to stay as they came.
    """

    def __init__(
        self,
        content_type: str,
        failures: Failures,
        rewrites: Callable[[Iterable[Event]], bytes] | None = None,
    ) -> None:
        self.content_type = content_type
        self._failures = failures
        self._begun = False
        self._rewrites = rewrites
        self._parser = SseParser() if content_type.startswith(EVENT_STREAM) else None
        self._is_text = self._parser is None and content_type.startswith(_TEXTS)
        self._is_unfinished = False
        self._failure: RequestError | None = None
        self._last = b""

    def piece(self, data: bytes) -> PassedChunk:
        """More of it. Raises EventTooLarge, and RequestError where it begins with an error."""
        usage = None
        if self._parser is not None:
            events = self._parser.feed(data)
            if events and not self._begun and b'"error"' in events[0].data:
                parse_object(events[0].data, self._failures)
            self._begun = True
            for event in events:
                self._follow(event)
                if b'"usage"' in event.data:
                    usage = usage_in(event.data) or usage
            if self._rewrites is not None:
                data = self._rewrites(events)
        elif self._is_text:
            usage = self._heard(data)
        return PassedChunk(data, self.content_type, usage)

    def end(self) -> bytes:
        """What is left when the answer has ended without ending its last event. Raises RequestError where an
        answer of a kind that says when it is done has not said so."""
        if self._parser is None:
            return b""
        events = self._parser.close()
        for event in events:
            self._follow(event)
        if self._failure is not None:
            raise self._failure
        if self._is_unfinished:
            raise self._failures.malformed("the stream ended without the event that says it is done")
        return b"" if self._rewrites is None else self._rewrites(events)

    def _follow(self, event: Event) -> None:
        """Whether the answer has its end, as far as events of its kind tell; others need none."""
        if event.data == DONE:
            self._is_unfinished = False
        elif event.name == b"error" or event.data.startswith(b'{"error"'):
            try:
                parse_object(event.data, self._failures)
            except RequestError as error:
                self._failure = error
        elif (found := _kind_of(event.data)) is not None:
            self._is_unfinished = found not in _ENDS

    def _heard(self, data: bytes) -> Usage | None:
        """How long a sound was, by the last of its subtitles so far."""
        seen = self._last + data
        self._last = seen[-_LONGEST_TIME:]
        ends = _SUBTITLE_END.findall(seen)
        if not ends:
            return None
        hours, minutes, seconds = (float(each.replace(b",", b".") or 0) for each in ends[-1])
        heard = _milliseconds(3600 * hours + 60 * minutes + seconds)
        return Usage(0, audio_ms=heard) if heard else None


def _kind_of(data: bytes) -> bytes | None:
    """The type of an event that belongs to an answer with an end; a picture in it is not read."""
    at = data.find(_TYPE)
    while at >= 0:
        if found := _PART.match(data, at):
            return found[1]
        at = data.find(_TYPE, at + 1)
    return None


_TYPE = b'"type"'
_PART = late_pattern(
    rb'"type"\s*:\s*"((?:speech\.audio|transcript\.text|transcription|image_generation|image_edit)\.[a-z._]+)"'
)
"""Events of OpenAI's and Mistral's answers that come in parts. Quotes in a text have a backslash before them,
so that nothing that is said or drawn looks so."""
_ENDS = frozenset(
    {
        *(b"speech.audio.done", b"transcript.text.done", b"transcription.done"),
        *(b"image_generation.completed", b"image_edit.completed"),
    }
)
"""Sources: OpenAI API reference (streaming of audio and images); mistralai 3.7.0 (PyPI)."""
_TEXTS = ("text/plain", "text/vtt", "application/x-subrip")
_LONGEST_TIME = 32
_SUBTITLE_END = late_pattern(rb"--> (?:(\d{1,3}):)?(\d\d):(\d\d[.,]\d{3})")
"""Of SubRip and WebVTT, which tell nothing else of how long a sound was."""


def usage_in(data: bytes) -> Usage | None:
    """The usage in an answer, or in the last event of one, as images and transcriptions have it."""
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return _usage_in(answer) if isinstance(answer, dict) else None


def _usage_in(answer: dict[str, Any]) -> Usage | None:
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
        reasoning_tokens=count(out, "reasoning_tokens"),
        cache_write_tokens=count(in_, "cache_write_tokens"),
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
