"""Sending an answer, and the ways in which that can go wrong."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .faults import Fault, FaultKind

_PARTS = 4
END_MARKERS = (b"data: [DONE]\n\n", b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
BROKEN = b'data: {"broken": \n\n'


async def deliver(
    request: web.Request,
    parts: list[bytes],
    *,
    content_type: str,
    headers: dict[str, str],
    gap: float,
    fault: Fault | None,
    error: bytes,
) -> web.StreamResponse:
    """Send `parts` one after the other, `gap` seconds apart, until `fault` comes in between.

    error: what stands in the answer instead, where the fault is an error inside a success.
    """
    if fault is not None and fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.seconds)
        fault = None
    if fault is not None and fault.kind is FaultKind.NO_DONE:
        parts, fault = [part for part in parts if part not in END_MARKERS], None
    response = web.StreamResponse(headers={"Content-Type": content_type, **headers})
    await response.prepare(request)
    at = min(fault.after, len(parts) - 1) if fault is not None else None
    for number, part in enumerate(parts):
        if number == at and fault is not None:
            match fault.kind:
                case FaultKind.STALL:
                    await asyncio.sleep(fault.seconds)
                case FaultKind.CUT:
                    return _cut(request, response)
                case FaultKind.MALFORMED:
                    part = BROKEN
                case FaultKind.ERROR:
                    await response.write(error)
                    break
        if fault is not None and fault.kind is FaultKind.SPLIT:
            await _write_bytewise(response, part)
        else:
            await response.write(part)
        if gap > 0:
            await asyncio.sleep(gap)
    await response.write_eof()
    return response


def in_parts(body: bytes) -> list[bytes]:
    """A body that is sent whole, in parts, so that something can go wrong in between."""
    size = max(len(body) // _PARTS, 1)
    return [body[start : start + size] for start in range(0, len(body), size)]


def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection in the middle."""
    response.force_close()
    if request.transport is not None:
        request.transport.close()
    return response


async def _write_bytewise(response: web.StreamResponse, data: bytes) -> None:
    """Each byte on its own, so that every character of several bytes is cut apart."""
    for position in range(len(data)):
        await response.write(data[position : position + 1])
        await asyncio.sleep(0)
