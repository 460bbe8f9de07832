"""What OpenAI's reference says of the fields of requests that pass as they came: all others pass unseen.

Source: https://platform.openai.com/docs/api-reference: audio, images, moderations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...requests.errors import BadRequest
from ...requests.request import Part
from .requests import mistyped, required

_NEEDED_FILES = {
    "/audio/transcriptions": "file",
    "/audio/translations": "file",
    "/images/edits": "image",
    "/images/variations": "image",
}
_NEEDED_TEXTS = {"/audio/speech": "input", "/images/generations": "prompt"}
_INSTEAD = ("url", "file_url", "file_id")
"""What stands for a file at Groq and Mistral."""
_MOST_NUMBER = 64
"""Characters of a number in a form."""


def check_form(path: str, form: Iterable[Part]) -> None:
    """Raises BadRequest, which names the field."""
    parts = list(form)
    needed = _NEEDED_FILES.get(path)
    if needed is not None:
        found = [part for part in parts if part.name in (needed, f"{needed}[]")]
        if not found and not any(part.name in _INSTEAD for part in parts):
            raise BadRequest(f"`{needed}` is missing; it must be a file", param=needed, code="missing_field")
        if not all(map(_is_file, found)):
            raise BadRequest(
                f"`{needed}` must be a file, with a `filename`, not text", param=needed, code="wrong_type"
            )
    for part in parts:
        name = part.name
        if name == "model" and _is_file(part):
            raise BadRequest("`model` must be text, not a file", param=name, code="wrong_type")
        kind = _KINDS.get(name)
        if kind is not None and not (len(part.content) <= _MOST_NUMBER and _reads(kind, part.content)):
            raise BadRequest(f"`{name}` must be {_SAID[kind]}", param=name, code="wrong_type")


def check_body(path: str, body: Mapping[str, Any]) -> None:
    """Raises BadRequest, which names the field."""
    if path in _NEEDED_FILES and path.startswith("/audio"):
        raise BadRequest("`file` is missing: send a form with it", param="file", code="missing_field")
    if path in _NEEDED_TEXTS:
        required(dict(body), _NEEDED_TEXTS[path], str)
    if path == "/moderations" and body.get("input") is None:
        raise BadRequest("`input` is missing; it must be text or a list", param="input", code="missing_field")
    for name, kind in _KINDS.items():
        value = body.get(name)
        takes = (int, float) if kind is float else (kind,)
        if value is not None and type(value) not in takes:
            raise mistyped(name, kind, value)


def _is_file(part: Part) -> bool:
    return b"filename" in part.head.lower()


def _reads(kind: type, content: bytes) -> bool:
    try:
        return _READ[kind](content.decode().strip())
    except ValueError:
        return False


_KINDS: Mapping[str, type] = {"n": int, "stream": bool, "temperature": float, "speed": float}
_SAID = {int: "a whole number", bool: "true or false", float: "a number"}
_READ: Mapping[type, Callable[[str], bool]] = {
    int: lambda text: text.removeprefix("-").isdecimal(),
    bool: lambda text: text.lower() in ("true", "false", "1", "0"),
    float: lambda text: math.isfinite(float(text)),
}
