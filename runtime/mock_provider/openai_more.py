"""What OpenAI has beside chats and vectors: completions, moderations, speech, transcriptions, images."""

from __future__ import annotations

from base64 import b64encode
from struct import pack
from typing import Any

from orjson import dumps

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


def speech_events(sound: bytes, words: int) -> list[bytes]:
    """A sound in two pieces, as `stream_format = "sse"` has it."""
    half = len(sound) // 2
    usage = {"input_tokens": words, "output_tokens": 10 * words, "total_tokens": 11 * words}
    pieces = [
        {"type": "speech.audio.delta", "audio": b64encode(each).decode()}
        for each in (sound[:half], sound[half:])
    ]
    return _events([*pieces, {"type": "speech.audio.done", "usage": usage}])


def transcription(body: dict[str, Any]) -> dict[str, Any] | str:
    """What is heard in a file, in the form that is asked for. Raises MockError."""
    if not isinstance(body.get("file"), bytes):
        raise MockError(400, "`file` is missing")
    text = f"A sound of {len(body['file'])} bytes."
    usage = {"type": "duration", "seconds": 1}
    match body.get("response_format") or "json":
        case "text":
            return f"{text}\n"
        case "srt":
            return f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n"
        case "vtt":
            return f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n"
        case "verbose_json":
            segment = {"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": text, "tokens": [1, 2]}
            segment |= {
                "temperature": 0.0,
                "avg_logprob": -0.1,
                "compression_ratio": 1.0,
                "no_speech_prob": 0.0,
            }
            told = {"task": "transcribe", "language": "english", "duration": 1.0, "text": text}
            return {**told, "segments": [segment], "usage": usage}
        case "diarized_json":
            segment = {"id": "seg_1", "type": "transcript.text.segment", "start": 0.0, "end": 1.0}
            segments = [{**segment, "speaker": "A", "text": text}]
            return {"task": "transcribe", "duration": 1.0, "text": text, "segments": segments, "usage": usage}
    return {"text": text, "usage": usage}


def transcript_events(told: dict[str, Any]) -> list[bytes]:
    """What is heard, word by word, and its segments where they have speakers."""
    words = told["text"].split(" ")
    pieces = [
        {"type": "transcript.text.delta", "delta": f" {word}" if index else word}
        for index, word in enumerate(words)
    ]
    segments = told.get("segments", ())
    done = {"type": "transcript.text.done", "text": told["text"], "usage": told["usage"]}
    return _events([*pieces, *segments, done])


def image_events(kind: str, drawn: dict[str, Any], body: dict[str, Any]) -> list[bytes]:
    """A picture that becomes clear in as many steps as are wanted. kind: what events are called."""
    head = {"created_at": drawn["created"], "size": "1024x1024", "quality": "low", "background": "opaque"}
    head |= {"output_format": "png", "b64_json": _PIXEL}
    partial = [
        {"type": f"{kind}.partial_image", "partial_image_index": index, **head}
        for index in range(body.get("partial_images") or 0)
    ]
    return _events([*partial, {"type": f"{kind}.completed", **head, "usage": drawn["usage"]}])


def _events(made: list[dict[str, Any]]) -> list[bytes]:
    return [b"event: %b\ndata: %b\n\n" % (each["type"].encode(), dumps(each)) for each in made]


def images(body: dict[str, Any]) -> dict[str, Any]:
    """As many pictures as are wanted. Raises MockError."""
    prompt, count = str(body.get("prompt") or ""), body.get("n") or 1
    if not isinstance(count, int) or not 1 <= count <= 10:
        raise MockError(400, "`n` must be from 1 to 10")
    taken = len(prompt.split())
    usage = {
        "input_tokens": taken,
        "output_tokens": 10 * count,
        "total_tokens": taken + 10 * count,
        "input_tokens_details": {"text_tokens": taken, "image_tokens": 0},
    }
    return {"created": 1700000000, "data": [{"b64_json": _PIXEL}] * count, "usage": usage}
