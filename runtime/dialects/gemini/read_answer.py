"""From answers of Gemini's `generateContent` to events, whole and streamed.

Sources: Gemini API reference (GenerateContentResponse), Vertex AI reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from secrets import token_hex
from typing import Any

from attrs import evolve

from ....compiler.plan import WireFormat
from ....compiler.plan.service_tiers import tier_in
from ...requests import events as e
from ...requests.parts import NOTHING, Media, Sealed
from ...requests.usage import Usage
from ..exact_json import dumps
from ..fields import MOST_SEARCHES, count
from ..ids import make_id
from ..reader import AnswerReader
from ..sealed_texts import SIGNATURE
from .write_request import DIALECT

Json = dict[str, Any]

REASONS: dict[str, e.Reason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "CONTINUATION": "length",
    "MODEL_ARMOR": "content_filter",
    "OTHER": "content_filter",
}
"""Why the model stopped; what is new to this table counts as `stop`."""

BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "NO_IMAGE",
    }
)
"""Why the model failed: the answer is an error, which another try may not meet."""

_READ = frozenset({"candidates", "usageMetadata", "responseId", "modelVersion"})
_READ_OF_CANDIDATE = frozenset(
    {"content", "finishReason", "index", "logprobsResult", "groundingMetadata", "citationMetadata"}
)
"""Fields of answers and of their candidates that are read here; others are told as they are."""

_READ_OF_TEXT = frozenset({"text", "thought", SIGNATURE})

_KINDS = {"image": "image", "audio": "audio", "video": "video"}


class GeminiReader(AnswerReader):
    """Each event is a response with what is new.

    There is no end marker: a stream is whole when it ends after every candidate has said why it stopped. What
    says it before there is more to come has said it too early: Gemini 1.5 did with each piece, newer ones do
    where they ran a tool, and some servers in between where a piece is empty. Sources:
    https://github.com/MartialBE/one-hub/issues/402, https://github.com/0xPlaygrounds/rig/pull/2328,
    https://github.com/router-for-me/CLIProxyAPI/issues/5651.
    """

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._id = ""
        self._told: Json = {}
        self._calls: dict[int, int] = {}
        self._ends: dict[int, e.Reason | None] = {}
        self._searched: set[str] = set()
        self._usage: Json = {}
        self._model = ""

    def _read_object(self, value: Json) -> Iterator[e.Event]:
        reason = (value.get("promptFeedback") or {}).get("blockReason")
        if reason and reason != "BLOCKED_REASON_UNSPECIFIED":
            error = {"code": "content_filter", "message": f"the prompt was blocked: {reason}"}
            raise self._failures.in_band(error)
        if not self._id:
            self._id = str(value.get("responseId") or token_hex(12))
            self._model = str(value.get("modelVersion") or "")
            yield e.Started(self._id, self._model)
        if more := {name: v for name, v in value.items() if name not in _READ and v != self._told.get(name)}:
            self._told |= more  # which each event says again
            yield e.FieldsMade(DIALECT, more, "answer")
        for position, candidate in enumerate(value.get("candidates") or ()):
            yield from self._candidate(candidate, candidate.get("index") or position)
        if isinstance(usage := value.get("usageMetadata"), dict):
            self._usage = {**self._usage, **usage}  # the last one may leave out what one before told
            yield from self._tell(self._usage, self._used, DIALECT)

    def _used(self, usage: Json) -> Usage:
        """With what was searched for, which stands in the answer: until Gemini 3, an answer is one search.

        Source: Gemini API, pricing, grounding with Google Search.
        """
        found = read_usage(usage)
        if not self._searched:
            return found
        most = 1 if self._model.startswith(("gemini-1", "gemini-2")) else MOST_SEARCHES
        return evolve(found, searches=min(len(self._searched), most))

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        yield from self._read_object(value)
        if not self._ends:
            raise self._failures.malformed("the answer has no candidates")
        if not all(self._ends.values()):
            raise self._failures.malformed("the answer does not say why it ended")
        yield from self._finish()

    def _close(self) -> Iterable[e.Event]:
        if not self._ends or not all(self._ends.values()):
            raise self._failures.malformed("the stream was cut off")
        self.ended = True
        return self._finish()

    def _finish(self) -> Iterator[e.Event]:
        for index, reason in self._ends.items():
            calls = reason == "stop" and self._calls.get(index)
            yield e.Finished("tool_calls" if calls else reason or "stop", index)

    def _candidate(self, candidate: Json, index: int) -> Iterator[e.Event]:
        self._ends.setdefault(index, None)
        tokens = read_logprobs(candidate.get("logprobsResult"))
        for part in (candidate.get("content") or {}).get("parts") or ():
            for event in self._part(part, index):
                if tokens and isinstance(event, e.TextDelta):
                    event, tokens = e.TextDelta(event.text, index, tokens), ()
                yield event
        if tokens:
            yield e.TextDelta("", index, tokens)
        grounding = candidate.get("groundingMetadata") or {}
        self._searched.update(filter(None, map(str, grounding.get("webSearchQueries") or ())))
        for chunk in grounding.get("groundingChunks") or ():
            web = chunk.get("web") or {}
            yield e.Cited(DIALECT, chunk, web.get("uri"), web.get("title"), index)
        for cited in (candidate.get("citationMetadata") or {}).get("citations") or ():
            yield e.Cited(DIALECT, cited, cited.get("uri"), cited.get("title"), index)
        more = {name: v for name, v in candidate.items() if name not in _READ_OF_CANDIDATE and v}
        if rest := {name: v for name, v in grounding.items() if name != "groundingChunks"}:
            more["groundingMetadata"] = rest
        if sum := (candidate.get("logprobsResult") or {}).get("logProbabilitySum"):
            more["logProbabilitySum"] = sum
        if more:
            yield e.FieldsMade(DIALECT, more, "choice", index)
        reason = candidate.get("finishReason")
        if not reason or reason == "FINISH_REASON_UNSPECIFIED":
            return
        if reason in BROKEN:
            raise self._failures.malformed(f"the model failed to make its answer: {reason}")
        if self._ends[index] in (None, "stop"):
            self._ends[index] = REASONS.get(reason, "stop")

    def _part(self, part: Json, index: int) -> Iterator[e.Event]:
        signature = part.get(SIGNATURE)
        match part:
            case {"thought": True}:
                if text := part.get("text"):
                    yield e.ThinkingDelta(text, DIALECT, index)
                if more := {name: v for name, v in part.items() if name not in _READ_OF_TEXT and v}:
                    yield e.FieldsMade(DIALECT, more, "message", index)
                if signature:
                    yield e.ThinkingSigned(signature, DIALECT, index)
            case {"text": str(text)}:
                if text:
                    yield e.TextDelta(text, index)
                if more := {name: v for name, v in part.items() if name not in _READ_OF_TEXT and v}:
                    yield e.FieldsMade(DIALECT, more, "message", index)
                if signature:
                    yield e.TextSigned(signature, DIALECT, index)
            case {"functionCall": call}:
                number = self._calls.get(index, 0)
                self._calls[index] = number + 1
                id = call.get("id") or make_id(self._id, str(index), str(number), call["name"])
                extras = {DIALECT: {SIGNATURE: signature}} if signature else NOTHING
                yield e.ToolCallBegun(number, id, call["name"], index, extras)
                yield e.ToolCallDelta(number, dumps(call.get("args") or {}).decode(), index)
                yield e.ToolCallDone(number, index)
            case {"inlineData": blob}:
                type = str(blob.get("mimeType") or "")
                kind: Any = _KINDS.get(type.split("/")[0], "document")
                extras = {DIALECT: {SIGNATURE: signature}} if signature else NOTHING
                name = blob.get("displayName")
                yield e.MediaMade(Media(kind, type, blob["data"], name=name, extras=extras), index)
            case _ if signature and len(part) == 1:
                yield e.TextSigned(signature, DIALECT, index)
            case _:
                yield e.SealedMade(Sealed(DIALECT, part), index)


def read_logprobs(result: Any) -> tuple[Json, ...]:
    """The log probabilities of tokens, in OpenAI's shape."""
    if not result:
        return ()
    chosen = result.get("chosenCandidates") or []
    tops = [step.get("candidates") or [] for step in result.get("topCandidates") or []]
    tops += [[]] * (len(chosen) - len(tops))
    return tuple(
        _token(token) | {"top_logprobs": [_token(other) for other in top]}
        for token, top in zip(chosen, tops, strict=False)
    )


def _token(token: Json) -> Json:
    text = str(token.get("token", ""))
    return {"token": text, "logprob": token.get("logProbability", 0.0), "bytes": list(text.encode())}


def read_usage(counts: Json) -> Usage:
    """Gemini counts thoughts beside the answer, and cached tokens inside the prompt, but not always.

    Source: https://github.com/BerriAI/litellm/issues/39125.
    """
    thoughts, cached = count(counts, "thoughtsTokenCount"), count(counts, "cachedContentTokenCount")
    asked = count(counts, "promptTokenCount")
    given, made = counts.get("promptTokensDetails"), counts.get("candidatesTokensDetails")
    return Usage(
        asked + (cached if cached > asked else 0) + count(counts, "toolUsePromptTokenCount"),
        count(counts, "candidatesTokenCount") + thoughts,
        cached_tokens=cached,
        reasoning_tokens=thoughts,
        audio_tokens=max(_of("AUDIO", given) - _of("AUDIO", counts.get("cacheTokensDetails")), 0),
        audio_answer_tokens=_of("AUDIO", made),
        image_answer_tokens=_of("IMAGE", made),
        tier=tier_in(counts, WireFormat.GEMINI),
    )


def _of(modality: str, details: Any) -> int:
    """The tokens that are sound, or pictures, in a list by modality."""
    listed = details if isinstance(details, list) else ()
    return sum(count(each, "tokenCount") for each in listed if _modality(each) == modality)


def _modality(each: Any) -> Any:
    return each.get("modality") if isinstance(each, dict) else None
