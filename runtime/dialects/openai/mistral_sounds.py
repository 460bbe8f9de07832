"""What Mistral answers of sounds, in OpenAI's words.

Sources: mistralai 3.7.0 (PyPI): client/models/speech*.py, transcriptionstream*.py; OpenAI API reference
(audio).
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable
from typing import Any

import orjson

from ..server_sent_events import Event

_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "pcm": "audio/pcm",
}
_RENAMED = {
    "speech.audio.delta": ("speech.audio.delta", {"audio_data": "audio"}),
    "transcription.text.delta": ("transcript.text.delta", {"text": "delta"}),
    "transcription.segment": ("transcript.text.segment", {"speaker_id": "speaker"}),
    "transcription.done": ("transcript.text.done", {}),
}
"""Events of streams, and the fields in them that have another name."""


def sound_in(body: bytes, form: object) -> tuple[bytes, str] | None:
    """The sound that a whole answer holds as base64, and its type; None where it holds none.

    form: the `response_format` that was asked for.
    """
    try:
        answer = orjson.loads(body)
        data = answer.get("audio_data") if isinstance(answer, dict) else None
        if not isinstance(data, str):
            return None
        return b64decode(data, validate=True), _TYPES.get(str(form or "mp3"), "application/octet-stream")
    except (orjson.JSONDecodeError, Error):
        return None


def written(events: Iterable[Event]) -> bytes:
    """Events of a stream as OpenAI writes them; those that it does not have stay as they are."""
    made = b""
    for event in events:
        name, data = event.name, event.data
        try:
            told: Any = orjson.loads(data)
        except orjson.JSONDecodeError:
            told = None
        if isinstance(told, dict) and (change := _RENAMED.get(str(told.get("type")))) is not None:
            kind, fields = change
            told = {fields.get(key, key): value for key, value in told.items()} | {"type": kind}
            name, data = kind.encode(), orjson.dumps(told)
        data = data.replace(b"\n", b"\ndata: ")
        made += (b"event: %b\n" % name if name else b"") + b"data: %b\n\n" % data
    return made
