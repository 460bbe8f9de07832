"""Images, sounds and files in a message: where their bytes are, and what they are."""

from __future__ import annotations

import re
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from ...requests.errors import BadRequest

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,", re.ASCII)


@frozen
class Media:
    """Bytes in base64, or the URL where they are; one of the two is empty.

    type: the media type; None for a URL whose end does not tell. where: its place in the request.
    """

    type: str | None
    data: str = field(repr=False)
    url: str
    where: str


def image_part(part: dict[str, Any], where: str) -> Media:
    """An `image_url` part. Raises BadRequest."""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    place = f"{where}.image_url.url"
    if not isinstance(url, str):
        raise BadRequest(f"`{place}` must be text", param=place, code="wrong_type")
    return _media(url, place)


def audio_part(part: dict[str, Any], where: str) -> Media:
    """An `input_audio` part. Raises BadRequest."""
    audio = part.get("input_audio")
    data, kind = (audio.get("data"), audio.get("format")) if isinstance(audio, dict) else (None, None)
    place = f"{where}.input_audio"
    if not isinstance(data, str) or not isinstance(kind, str):
        raise BadRequest(f"`{place}` must have `data` and `format`, both text", param=place)
    return Media(f"audio/{kind}", data, "", place)


def file_part(part: dict[str, Any], where: str) -> Media:
    """A `file` part with its bytes in it. Raises BadRequest."""
    file = part.get("file")
    place = f"{where}.file.file_data"
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(data, str):
        message = f"`{place}` must hold the file as a data URL: only OpenAI knows the files uploaded there"
        raise BadRequest(message, param=place)
    return _media(data, place)


def _media(url: str, where: str) -> Media:
    if header := _DATA_URL.match(url):
        return Media(header[1].lower(), url[header.end() :], "", where)
    if url.startswith(("https://", "http://")):
        return Media(guess_type(urlsplit(url).path)[0], "", url, where)
    raise BadRequest(f"`{where}` must be an https URL or `data:…;base64,…`", param=where)
