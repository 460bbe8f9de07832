"""Answers with the status of a success that say otherwise, in OpenAI's shape.

Source: OpenRouter, API reference, errors: a choice may have failed, and a stream may end with one that has.
"""

from __future__ import annotations

from typing import Any

import orjson

from .faults import Fault, FaultKind


def spoilt(whole: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """A whole answer, spoilt: its choices failed, or there are none."""
    if fault.kind is FaultKind.NO_CHOICES:
        return {**whole, "choices": []}
    error = {"code": fault.status, "message": "Upstream error from Mock"}
    return {**whole, "choices": [_failed(choice, error) for choice in whole.get("choices", ())]}


def spoilt_answer(body: bytes, fault: Fault) -> bytes:
    """The same of a body; as it is, where it is in another shape."""
    whole = orjson.loads(body)
    return orjson.dumps(spoilt(whole, fault)) if isinstance(whole, dict) and "choices" in whole else body


def spoilt_events(events: list[bytes], fault: Fault) -> list[bytes]:
    """A streamed answer that ends in a failed choice, or has no choices at all."""
    chunks = [(event, _chunk(event)) for event in events]
    if fault.kind is FaultKind.NO_CHOICES:
        return [event for event, chunk in chunks if not (chunk and chunk.get("choices"))]
    begun, rest = chunks[: fault.after], chunks[fault.after :]
    spoken = next((chunk for _, chunk in rest if chunk and chunk.get("choices")), None)
    made = [event for event, _ in begun]
    if spoken is not None:
        error = {"code": fault.status, "message": "Upstream error from Mock"}
        failed = {**spoken, "error": error, "choices": [_failed(each, error) for each in spoken["choices"]]}
        made.append(b"data: " + orjson.dumps(failed) + b"\n\n")
    return [*made, *(event for event, chunk in rest[-1:] if chunk is None)]


def _failed(choice: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    return {**choice, "finish_reason": "error", "error": error}


def _chunk(event: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(event.removeprefix(b"data: "))
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
