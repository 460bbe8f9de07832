"""Answers as the gateway sends them: JSON, other bytes, and the headers beside them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from ...dialects.rate_limit_headers import (
    anthropic_limits,
    openai_limits,
    openai_lines,
    tells_limits,
    tighter,
    write_anthropic,
    write_openai,
)
from ...http.header_lines import header_lines
from ...http.whole_answer import JSON, OCTETS, WholeAnswer, WithLines, fields_of
from ...requests.foreign_text import one_line
from ...requests.trace import Trace, cost_of
from ...requests.upstream import Left, Upstream
from ..incoming.head import REQUEST_ID_HEADER

DEPLOYMENT_HEADER = "x-inferc-deployment"
REPLICA_HEADER = "x-inferc-replica"
ADAPTED_HEADER = "x-inferc-adapted"
UNTOLD_HEADER = "x-inferc-untold"

_MOST_PLACES, _MOST_PLACE = 10, 100
ATTEMPTS_HEADER = "x-inferc-attempts"
CACHE_HEADER = "x-inferc-cache"
COST_HEADER = "x-inferc-cost"
"""Dollars; of an answer in one piece, whose cost is known before it is sent."""
UPSTREAM_ID_HEADER = "x-inferc-upstream-request-id"
_ANTHROPICS_ID = "request-id"

_SENT = 1 << 18
"""Bytes that are handed to a connection at once."""
_COST_LINE, _ID_LINE, _UPSTREAM_ID_LINE = (
    b"%b: %%b\r\n" % name.encode() for name in (COST_HEADER, REQUEST_ID_HEADER, UPSTREAM_ID_HEADER)
)
_ID_LINES = b"%b%b: %%b\r\n" % (_ID_LINE, _ANTHROPICS_ID.encode())
"""As Anthropic's clients want it."""
_OWN_ID = f"req_{secrets.token_hex(8)}%08x"
_numbers = count(1)


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`value` as a JSON response."""
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


async def in_turns(pieces: Iterable[bytes | memoryview]) -> list[bytes | memoryview]:
    """All pieces. The event loop has its turn between those of a large answer."""
    rest = iter(pieces)
    found = [next(rest, b"")]
    for piece in rest:
        found.append(piece)
        if len(piece) >= _SENT:
            await asyncio.sleep(0)
    return found


def json_response(told: tuple[bytes | memoryview, ...], trace: Trace, name: str) -> web.Response:
    """A response of JSON to a request for `name`."""
    if len(told) == 1 or sum(map(len, told)) < _SENT:
        return WholeAnswer(told, lines_answered(trace, name))
    return answer_of(told, answered_by(trace, name), JSON)


def octets_response(
    told: tuple[bytes | memoryview, ...], lines: bytes, trace: Trace, name: str
) -> web.Response:
    """The same of bytes that are no JSON. lines: of the head, beside those that all answers have."""
    if sum(map(len, told)) >= _SENT:
        return answer_of(told, answered_by(trace, name) | dict(fields_of(lines)), OCTETS)
    said = lines_answered(trace, name)
    return WholeAnswer(told, lines + (said if isinstance(said, bytes) else header_lines(said))).as_octets()


def answer_of(
    pieces: Sequence[bytes | memoryview], headers: dict[str, str], content_type: str
) -> web.Response:
    """A response whose body is sent piece by piece, as fast as its client reads it."""
    headers["Content-Length"] = str(sum(map(len, pieces)))
    return web.Response(body=_sent(pieces), headers=headers, content_type=content_type)


async def _sent(pieces: Sequence[bytes | memoryview]) -> AsyncIterator[memoryview]:
    for piece in pieces:
        for at in range(0, len(piece), _SENT):
            yield memoryview(piece)[at : at + _SENT]


def name_request(name: str | None, *, as_anthropic: bool = False) -> dict[str, str]:
    """The headers that name a request: as its client calls it, if it does, or else anew."""
    ids = new_ids() if name is None else {REQUEST_ID_HEADER: name}
    if as_anthropic:
        ids[_ANTHROPICS_ID] = ids[REQUEST_ID_HEADER]
    return ids


def add_ids(response: web.StreamResponse, ids: Mapping[str, str]) -> None:
    """Name the request in the answer to it, by what `name_request` gave."""
    if not isinstance(response, WithLines) or response.lines is None:
        response.headers.update(ids)
    else:
        name = ids[REQUEST_ID_HEADER].encode()
        response.lines += _ID_LINE % name if len(ids) == 1 else _ID_LINES % (name, name)


def new_ids() -> dict[str, str]:
    """The headers of a request that nobody has named."""
    return {REQUEST_ID_HEADER: _OWN_ID % next(_numbers)}


def answered_by(
    trace: Trace, name: str, *, streams: bool = False, as_anthropic: bool = False
) -> dict[str, str]:
    """Headers that say who answered a request for `name`, after how many attempts, and what it cost.

    streams: the answer only begins: nobody knows what it will have cost.
    """
    cost = cost_of(trace.spans) if trace.spans and not streams else None
    headers = _plainly(trace.deployment or name, trace.replica, trace.tries(), cost)
    if trace.adapted:
        headers |= adapted(trace.adapted)
    if trace.cached:
        headers[CACHE_HEADER] = "hit"
    if trace.upstream is not None:
        add_said(headers, trace.upstream, as_anthropic)
    return headers


def _plainly(deployment: str, replica: int | None, attempts: int, cost: float | None) -> dict[str, str]:
    """Of an answer of which no more is to be said."""
    headers = {DEPLOYMENT_HEADER: deployment}
    if replica is not None:
        headers[REPLICA_HEADER] = str(replica)
    headers[ATTEMPTS_HEADER] = str(attempts)
    if cost is not None:
        headers[COST_HEADER] = _dollars(cost)
    return headers


def _dollars(cost: float) -> str:
    return f"{cost:.12f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=4096)  # all but the cost is the same in nearly all answers
def _plain_lines(deployment: str, replica: int | None, attempts: int, cost: float | None) -> bytes:
    return header_lines(_plainly(deployment, replica, attempts, cost))


def lines_answered(
    trace: Trace, name: str, *, streams: bool = False, as_anthropic: bool = False
) -> bytes | dict[str, str]:
    """What `answered_by` gives, as lines where it is no more than most answers say."""
    upstream = trace.upstream
    if trace.adapted or trace.cached or (upstream is not None and upstream.headers):
        return answered_by(trace, name, streams=streams, as_anthropic=as_anthropic)
    cost = cost_of(trace.spans) if trace.spans and not streams else None
    deployment, attempts = trace.deployment or name, trace.tries()
    if upstream is None:  # a local model always costs the same
        return _plain_lines(deployment, trace.replica, attempts, cost)
    lines = [_plain_lines(deployment, trace.replica, attempts, None)]
    if cost is not None:
        lines.append(_COST_LINE % _dollars(cost).encode())
    if upstream.request_id is not None:
        lines.append(_UPSTREAM_ID_LINE % upstream.request_id.encode())  # which `read_upstream` has looked at
    return b"".join(lines)


def add_said(headers: dict[str, str], upstream: Upstream, as_anthropic: bool) -> None:
    """The provider's own id, and what is left of its limits, in the words of the client's protocol."""
    if upstream.request_id is not None:
        headers[UPSTREAM_ID_HEADER] = upstream.request_id
    said = upstream.headers
    if said:
        headers |= anthropic_limits(said, time.time()) if as_anthropic else openai_limits(said)


def tell_own_limits(
    response: web.StreamResponse, left: Left, ids: Mapping[str, str], trace: Trace | None
) -> None:
    """Say in `response` what is left of the limits of a client's own key, where that is less than it says."""
    as_anthropic = _ANTHROPICS_ID in ids
    if isinstance(response, WithLines) and response.lines is not None and not as_anthropic:
        upstream = None if trace is None else trace.upstream
        if upstream is None or not upstream.headers:  # it says nothing
            response.lines += openai_lines(left)
            return
    headers = response.headers
    less = left.remaining()
    if tells_limits(headers):
        less = tighter(less, headers)
    headers.update(write_anthropic(less, time.time()) if as_anthropic else write_openai(less))


def untold(names: Sequence[str]) -> dict[str, str]:
    """The header that names what of an answer the client's protocol has no word for; none where that is
    nothing."""
    return _naming(UNTOLD_HEADER, names) if names else {}


def adapted(places: Sequence[str]) -> dict[str, str]:
    """The header that names what of a request was changed, or left out."""
    return _naming(ADAPTED_HEADER, places)


def _naming(header: str, places: Sequence[str]) -> dict[str, str]:
    named = ", ".join(one_line(place, _MOST_PLACE) for place in places[:_MOST_PLACES])
    if len(places) > _MOST_PLACES:
        named += f", and {len(places) - _MOST_PLACES} more"
    return {header: named.encode("ascii", "backslashreplace").decode("ascii")}
