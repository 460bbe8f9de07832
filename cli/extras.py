"""How an extra of inferc is installed."""

from __future__ import annotations

import json


def pip_install(extra: str) -> str:
    """The command for it; where inferc was installed from a folder, it names that, as pip's record says."""
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        record = json.loads(metadata.distribution("inferc").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        record = {}
    if "dir_info" not in record:
        return f"pip install 'inferc[{extra}]'"
    folder = unquote(urlsplit(record.get("url", "")).path)
    editable = "-e " if record["dir_info"].get("editable") else ""
    return f"pip install {editable}'{folder}[{extra}]'"
