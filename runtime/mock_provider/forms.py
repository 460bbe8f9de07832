"""Requests that are forms, with files in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from .parsed_request import MockError


async def read_form(request: web.Request) -> dict[str, Any]:
    """The fields of a form: files as bytes, those of a list together, numbers as such. Raises MockError."""
    try:
        form = await request.post()
    except (ValueError, HttpProcessingError, web.HTTPException) as error:
        raise MockError(400, f"The body is no form: {error}") from None
    fields: dict[str, Any] = {}
    for name, value in form.items():
        told = value.file.read() if isinstance(value, web.FileField) else _TYPED.get(name, str)(str(value))
        name, is_list = name.partition("[")[::2]
        fields[name] = [*fields.get(name, ()), told] if is_list else told
    return fields


def _number(text: str) -> Any:
    """`text` as the number that it is; text else."""
    try:
        number = float(text) if len(text) < _MOST_DIGITS else text
    except ValueError:
        return text
    return int(number) if isinstance(number, float) and number.is_integer() else number


_MOST_DIGITS = 20
_TYPED: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("n", "temperature", "output_compression", "partial_images", "frame_count"), _number),
    "stream": lambda text: {"true": True, "false": False}.get(text.lower(), text),
}
"""Fields of forms that are no texts."""
