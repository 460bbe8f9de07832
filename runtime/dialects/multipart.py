"""Forms with files in them, `multipart/form-data`: taken apart, and put together again. Source: RFC 7578."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from attrs import evolve

from ...compiler.plan.late_pattern import late_pattern
from ..requests.errors import BadRequest
from ..requests.request import Part

MAX_PARTS = 64
_MAX_HEAD = 4 << 10
_HEADER = late_pattern(rb"[\w!#$%&'*+.^`|~-]+:[^\x00-\x08\x0a-\x1f\x7f]*", re.ASCII)
_PARAMETER = late_pattern(r'[;\s]+(?:([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|((?!")[^;]*))\s*)?')
_DISPOSITION = b"content-disposition:"
_BOUNDARY = f"inferc-{secrets.token_hex(16)}"

CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
"""Of the forms that are written."""


def read_form(body: bytes, content_type: str) -> tuple[Part, ...]:
    """The parts of `body`. Raises BadRequest."""
    boundary = _parameters(content_type).get("boundary", "")
    if not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise _broken("its `Content-Type` names no boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise BadRequest(f"the body has more than {MAX_PARTS} parts", param="body")
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise _broken("it does not end with its boundary")
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
    lines = head.split(b"\r\n")
    if not all(map(_HEADER.fullmatch, lines)):
        raise _broken("one of its parts has headers that are none")
    said = [line for line in lines if line.lower().startswith(_DISPOSITION)]
    # What has two names, or one in parts, would be one field for us and another one for the provider.
    parameters = _parameters(said[0].decode("utf-8", "replace")) if len(said) == 1 else {}
    name = parameters.get("name")
    if not name or any(each.startswith("name*") for each in parameters):
        raise _broken("one of its parts has no name, or several")
    return Part(name, head, content)


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header, read once from left to right; none where one is broken, or there twice."""
    found: dict[str, str] = {}
    at = header.find(";")
    while 0 <= at < len(header):
        match = _PARAMETER.match(header, at)
        if match is None:
            return {}
        at = match.end()
        name, quoted, plain = match.groups()
        if name is None:
            continue
        name = name.lower()
        if name in found:
            return {}
        found[name] = plain.rstrip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return found


def _broken(why: str) -> BadRequest:
    return BadRequest(f"the body is no form: {why}", param="body")
