"""The address of files in the playground: the part behind `#`, as `src/links.ts` reads it."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping


def fragment(files: Mapping[str, str], open: str) -> str:
    """`#1/…` for these files, of which `open` is shown first."""
    text = json.dumps({"files": dict(files), "open": open}, ensure_ascii=False, separators=(",", ":"))
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(text.encode()) + packer.flush()
    return "#1/" + urlsafe_b64encode(packed).decode().rstrip("=")
