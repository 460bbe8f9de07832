"""When a certificate is valid, as its file in PEM says it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17
_VALIDITY = 3
"""Its place in what is signed, behind number, algorithm and issuer, without the version (RFC 5280)."""


def why_not_now(pem: bytes, now: datetime) -> str | None:
    """Why the first certificate in `pem` is refused at `now`; None: it is valid, or cannot be read."""
    from base64 import b64decode  # few files name certificates

    try:
        begin, end = _validity(b64decode(pem.partition(_BEGIN)[2].partition(_END)[0]))
    except (ValueError, IndexError):
        return None
    if now > end:
        return f"it has expired on {end:%Y-%m-%d}"
    return f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC" if now < begin else None


def _validity(der: bytes) -> tuple[datetime, datetime]:
    """Raises ValueError, IndexError."""
    [(_, whole)] = _elements(der)
    [(_, content), *_] = _elements(whole)
    signed = [each for each in _elements(content) if each[0] != _VERSION]
    begin, end = (_time(*each) for each in _elements(signed[_VALIDITY][1]))
    return begin, end


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents of what stands one behind the other."""
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size >= 0x80:
            digits = size & 0x7F
            size, at = int.from_bytes(der[at : at + digits]), at + digits
        yield tag, der[at : at + size]
        at += size


def _time(tag: int, text: bytes) -> datetime:
    said = text.decode("ascii")
    if tag == _UTC_TIME:  # of two digits, of which those from 50 are of 19…
        said = ("19" if said >= "50" else "20") + said
    return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
