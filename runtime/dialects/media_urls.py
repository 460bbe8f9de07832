"""Where the bytes of media are: in the request, as a data URL, or at an address."""

from __future__ import annotations

import re
from functools import lru_cache
from mimetypes import guess_type
from urllib.parse import urlsplit

from ...compiler.plan.late_pattern import late_pattern

_DATA_URL = late_pattern(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,", re.ASCII)


def split_data_url(url: str) -> tuple[str, str] | None:
    """The media type and the base64 of a data URL; None where `url` is none."""
    found = _DATA_URL.match(url)
    return (found[1].lower(), url[found.end() :]) if found else None


@lru_cache(1024)
def type_of_url(url: str) -> str | None:
    """The media type that the end of `url` tells; None where it does not."""
    return guess_type(urlsplit(url).path)[0]


def data_url(type: str | None, data: str) -> str:
    """`data`, which is base64, as a URL."""
    return f"data:{type or 'application/octet-stream'};base64,{data}"
