"""The files of the page. They hold nothing of what is served here: everyone may read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from ....compiler.plan.record import frozen

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
INDEX = "index.html"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Scripts and styles come from these files alone, and nothing goes anywhere else."""


@frozen
class Asset:
    """One file, as it is sent."""

    body: bytes
    headers: Mapping[str, str]


@cache
def assets() -> Mapping[str, Asset]:
    """All of them, by their names."""
    found = {}
    for each in sorted(Path(__file__).with_name("static").iterdir()):
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind is not None:
            body = each.read_bytes()
            tag = f'"{sha256(body).hexdigest()[:20]}"'
            found[each.name] = Asset(body, {**HEADERS, "Content-Type": kind, "ETag": tag})
    return found


def sent(request: web.Request, asset: Asset) -> web.Response:
    """`asset`, or that the browser has it already."""
    if request.headers.get("If-None-Match") == asset.headers["ETag"]:
        return web.Response(status=304, headers=asset.headers)
    return web.Response(body=asset.body, headers=asset.headers)
