"""Forms with files in them, `multipart/form-data`: taken apart, and put together again. Source: RFC 7578."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from email.message import Message
from email.parser import HeaderParser

from attrs import evolve

from ..requests.errors import BadRequest
from ..requests.request import Part

MAX_PARTS = 64
_MAX_HEAD = 4 << 10
_HEADER = re.compile(rb"[\w!#$%&'*+.^`|~-]+:[^\x00-\x08\x0a-\x1f\x7f]*", re.ASCII)
_BOUNDARY = f"inferc-{secrets.token_hex(16)}"

CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
"""Of the forms that are written."""


def read_form(body: bytes, content_type: str) -> tuple[Part, ...]:
    """The parts of `body`. Raises BadRequest."""
    kind = Message()
    kind["Content-Type"] = content_type
    boundary = kind.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise _broken("its `Content-Type` names no boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise _broken("it does not end with its boundary")
    if len(pieces) > MAX_PARTS + 2:
        raise BadRequest(f"the body has more than {MAX_PARTS} parts", param="body")
    return tuple(map(_part, pieces[1:-1]))


def write_form(parts: Iterable[Part]) -> bytes:
    """The body with these parts; `CONTENT_TYPE` goes with it."""
    lines: list[bytes] = []
    for part in parts:
        lines += (b"--%b" % _BOUNDARY.encode(), part.head, b"", part.content)
    return b"\r\n".join((*lines, b"--%b--" % _BOUNDARY.encode(), b""))


def text_of(parts: Iterable[Part], name: str) -> str | None:
    """The text of the first field `name`. Raises BadRequest where it is no text."""
    for part in parts:
        if part.name == name:
            try:
                return part.content.decode()
            except UnicodeDecodeError:
                raise BadRequest(f"`{name}` must be text", param=name, code="wrong_type") from None
    return None


def with_text(parts: Iterable[Part], name: str, text: str) -> tuple[Part, ...]:
    """`parts` with another text in each field `name`; with the field, where there was none."""
    changed = tuple(evolve(part, content=text.encode()) if part.name == name else part for part in parts)
    if any(part.name == name for part in changed):
        return changed
    head = f'Content-Disposition: form-data; name="{name}"'.encode()
    return (*changed, Part(name, head, text.encode()))


def _part(piece: bytes) -> Part:
    head, found, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not found or len(head) > _MAX_HEAD:
        raise _broken("one of its parts has no headers, or too many")
    if not all(_HEADER.fullmatch(line) for line in head.split(b"\r\n")):
        raise _broken("one of its parts has headers that are none")
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    name = headers.get_param("name", header="Content-Disposition")
    if not isinstance(name, str) or not name:
        raise _broken("one of its parts has no name")
    return Part(name, head, content)


def _broken(why: str) -> BadRequest:
    return BadRequest(f"the body is no form: {why}", param="body")
