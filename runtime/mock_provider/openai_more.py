"""What OpenAI has beside chats and vectors: completions, moderations, speech, transcriptions, images."""

from __future__ import annotations

from base64 import b64encode
from struct import pack
from typing import Any

from .parsed_request import MockError, wanted

_PIXEL = b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060"
        "000000050001a5f645400000000049454e44ae426082"
    )
).decode()
"""A picture of one pixel, as PNG in base64."""


def completion(model: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The answer, and the tokens it took. Raises MockError."""
    prompt = body.get("prompt")
    many = isinstance(prompt, list) and not (prompt and isinstance(prompt[0], int))
    prompts: list[Any] = prompt if many and isinstance(prompt, list) else [prompt]
    if not prompts or not all(isinstance(each, str | list) for each in prompts):
        raise MockError(400, "`prompt` must be a text, token ids, or a list of them")
    texts = [each if isinstance(each, str) else f"{len(each)} tokens" for each in prompts]
    said = [f"{text if body.get('echo') else ''}You said: {text}" for text in texts]
    taken = sum(len(text.split()) for text in texts)
    given = sum(len(text.split()) for text in said)
    choices = [
        {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"}
        for index, text in enumerate(said)
    ]
    usage = {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}
    head = {"id": "cmpl-mock", "object": "text_completion", "created": 1700000000, "model": model}
    return {**head, "choices": choices, "usage": usage}, taken + given


def moderation(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Texts that hold the word `violence` are flagged for it. Raises MockError."""
    given = body.get("input")
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str | dict) for text in texts):
        raise MockError(400, "`input` must be a text or a list of texts")
    results = []
    for text in texts:
        is_bad = "violence" in str(text)
        results.append(
            {
                "flagged": is_bad,
                "categories": {"violence": is_bad},
                "category_scores": {"violence": 0.9 if is_bad else 0.01},
            }
        )
    return {"id": "modr-mock", "model": model, "results": results}


def speech(body: dict[str, Any]) -> bytes:
    """A tenth of a second of silence for each word, as WAV. Raises MockError."""
    samples = bytes(1600 * len(wanted(body, "input", str).split()))
    form = pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"WAVEfmt " + pack("<I", len(form)) + form + b"data" + pack("<I", len(samples)) + samples
    return b"RIFF" + pack("<I", len(chunks)) + chunks


def transcription(body: dict[str, Any]) -> dict[str, Any]:
    """What is heard in a file. Raises MockError."""
    if not isinstance(body.get("file"), bytes):
        raise MockError(400, "`file` is missing")
    return {"text": f"A sound of {len(body['file'])} bytes.", "usage": {"type": "duration", "seconds": 1}}


def images(body: dict[str, Any]) -> dict[str, Any]:
    """As many pictures as are wanted. Raises MockError."""
    prompt, count = wanted(body, "prompt", str), body.get("n") or 1
    if not isinstance(count, int) or not 1 <= count <= 10:
        raise MockError(400, "`n` must be from 1 to 10")
    taken = len(prompt.split())
    usage = {"input_tokens": taken, "output_tokens": 10 * count, "total_tokens": taken + 10 * count}
    return {"created": 1700000000, "data": [{"b64_json": _PIXEL}] * count, "usage": usage}
