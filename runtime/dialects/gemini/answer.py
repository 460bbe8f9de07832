"""From Gemini's answers to OpenAI's, whole and streamed.

Thoughts are not shown: OpenAI's shape has no place for them. They are counted as reasoning tokens. The
signature of a thought goes with its tool call as `extra_content`, as Google's own OpenAI service does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import orjson
from attrs import define, field

from ...requests.answer import ChatChunk
from ...requests.errors import ContentFiltered, RequestError, ServerError
from ...requests.request import ChatRequest
from ...requests.usage import Usage
from ..openai.chat_answers import ChunkMaker, completion, message, tool_call
from ..provider_errors.classify import Classifier
from ..server_sent_events import Event
from ..wire import malformed, parse_object, whole

FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "OTHER": "content_filter",
}
"""Why the model stopped, in OpenAI's words; what is new to this table counts as `stop`."""

BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    }
)
"""Why the model failed: the answer is an error, which another try may not meet."""


@define
class _Said:
    """What the parts of a candidate say, all together or in one event."""

    text: str = ""
    calls: list[dict[str, Any]] = field(factory=list)


def read_response(answer: dict[str, Any], model: str, classifier: Classifier) -> ChatChunk:
    """A whole answer. Raises RequestError."""
    candidates = _candidates(answer, classifier)
    if not candidates:
        raise malformed(classifier, "the answer has no candidates")
    return completion(
        _id(answer),
        str(answer.get("modelVersion") or model),
        [_choice(candidate, index, classifier) for index, candidate in enumerate(candidates)],
        _usage(answer),
    )


def _choice(candidate: dict[str, Any], index: int, classifier: Classifier) -> dict[str, Any]:
    said = _said(candidate, 0)
    return {
        "index": candidate.get("index", index),
        "message": message(said.text, said.calls),
        "logprobs": _logprobs(candidate),
        "finish_reason": _finish_reason(candidate.get("finishReason"), bool(said.calls), classifier),
    }


class GeminiReader:
    """Reads one stream: each event is a response with what is new.

    There is no end marker: a stream is whole when it ends after every candidate has said why it stopped.
    """

    def __init__(self, request: ChatRequest, model: str, classifier: Classifier) -> None:
        self.ended = False
        self._request = request
        self._model = model
        self._classifier = classifier
        self._maker: ChunkMaker | None = None
        self._calls: dict[int, int] = {}
        self._finished: dict[int, bool] = {}
        self._usage = Usage(0)

    def read(self, event: Event) -> Iterable[ChatChunk]:
        answer = parse_object(event.data, self._classifier)
        if self._maker is None:
            self._maker = ChunkMaker(
                self._request, _id(answer), str(answer.get("modelVersion") or self._model)
            )
        if "usageMetadata" in answer:
            self._usage = _usage(answer)
        pieces: list[ChatChunk] = []
        for position, candidate in enumerate(_candidates(answer, self._classifier)):
            pieces += self._candidate(self._maker, candidate, whole(candidate.get("index")) or position)
        return pieces

    def close(self) -> Iterable[ChatChunk]:
        if self._maker is None or not self._finished or not all(self._finished.values()):
            return ()
        self.ended = True
        return (self._maker.usage(self._usage),)

    def _candidate(self, maker: ChunkMaker, candidate: dict[str, Any], index: int) -> Iterable[ChatChunk]:
        if index not in self._finished:
            self._finished[index] = False
            self._calls[index] = 0
            yield maker.delta({"role": "assistant", "content": ""}, index)
        said = _said(candidate, self._calls[index])
        if said.text:
            yield maker.delta({"content": said.text}, index, _logprobs(candidate))
        if said.calls:
            numbered = [{"index": n, **call} for n, call in enumerate(said.calls, self._calls[index])]
            self._calls[index] += len(numbered)
            yield maker.delta({"tool_calls": numbered}, index)
        reason = candidate.get("finishReason")
        if reason and not self._finished[index]:
            finish = _finish_reason(reason, bool(self._calls[index]), self._classifier)
            self._finished[index] = True
            yield maker.finish(finish, index)


def _candidates(answer: dict[str, Any], classifier: Classifier) -> list[dict[str, Any]]:
    """The candidates. Raises ContentFiltered where the prompt was blocked."""
    feedback = answer.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if reason:
        raise _error(classifier, ContentFiltered, f"blocked the prompt: {reason}")
    candidates = answer.get("candidates") or []
    if not isinstance(candidates, list) or not all(isinstance(each, dict) for each in candidates):
        raise malformed(classifier, "the candidates are no objects")
    return candidates


def _said(candidate: dict[str, Any], calls_before: int) -> _Said:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    said = _Said()
    for part in parts or []:
        match part:
            case {"thought": True}:
                pass
            case {"text": str(text)}:
                said.text += text
            case {"functionCall": {"name": str(name), **call}}:
                arguments = orjson.dumps(call.get("args") or {}).decode()
                made = call.get("id") or _call_id(name, arguments, calls_before + len(said.calls))
                signature = part.get("thoughtSignature")
                extra = {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}
                said.calls.append(tool_call(str(made), name, arguments, **extra))
    return said


def _call_id(name: str, arguments: str, number: int) -> str:
    """An id for a call that came without one, which Gemini's older models send."""
    return "call_" + hashlib.sha256(f"{number}\0{name}\0{arguments}".encode()).hexdigest()[:24]


def _finish_reason(reason: object, calls: bool, classifier: Classifier) -> str:
    if reason in BROKEN:
        raise _error(classifier, ServerError, f"failed to make its answer: {reason}")
    if not reason or reason == "FINISH_REASON_UNSPECIFIED":
        raise malformed(classifier, "the answer does not say why it ended")
    finish = FINISH_REASONS.get(str(reason), "stop")
    return "tool_calls" if calls and finish == "stop" else finish


def _logprobs(candidate: dict[str, Any]) -> dict[str, Any] | None:
    result = candidate.get("logprobsResult")
    if not isinstance(result, dict):
        return None
    chosen = result.get("chosenCandidates") or []
    steps = result.get("topCandidates") or []
    tops = [step.get("candidates") or [] for step in steps] + [[]] * (len(chosen) - len(steps))
    content = [
        _token(token) | {"top_logprobs": [_token(other) for other in top]}
        for token, top in zip(chosen, tops, strict=False)
    ]
    return {"content": content, "refusal": None}


def _token(token: dict[str, Any]) -> dict[str, Any]:
    text = str(token.get("token", ""))
    return {"token": text, "logprob": token.get("logProbability", 0.0), "bytes": list(text.encode())}


def _usage(answer: dict[str, Any]) -> Usage:
    """Gemini counts thoughts beside the answer, and cached tokens inside the prompt."""
    counts = answer.get("usageMetadata")
    if not isinstance(counts, dict):
        return Usage(0)
    thoughts = whole(counts.get("thoughtsTokenCount"))
    return Usage(
        whole(counts.get("promptTokenCount")) + whole(counts.get("toolUsePromptTokenCount")),
        whole(counts.get("candidatesTokenCount")) + thoughts,
        cached_tokens=whole(counts.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )


def _id(answer: dict[str, Any]) -> str:
    return f"chatcmpl-{answer.get('responseId') or uuid4().hex}"


def _error(classifier: Classifier, kind: type[RequestError], what: str) -> RequestError:
    plan = classifier.plan
    return kind(f"{classifier.who} {what}", deployment=plan.deployment, provider=plan.provider)
