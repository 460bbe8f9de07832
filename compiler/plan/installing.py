"""How an extra of inferc is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_TOOLS = {"uv-receipt.toml": "uv tool install", "pipx_metadata.json": "pipx install --force"}
"""Those that install a program by itself, by what they leave in its environment."""


def pip_install(extra: str) -> str:
    """The command for it, of what installed inferc: pip, uv or pipx; where that was from a folder, it names
    that, as the record of the installation says."""
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        inferc = metadata.distribution("inferc")
        record = json.loads(inferc.read_text("direct_url.json") or "{}")
        installer = (inferc.read_text("INSTALLER") or "").strip()
    except (metadata.PackageNotFoundError, ValueError):
        record, installer = {}, ""
    command = "uv pip install" if installer == "uv" else "pip install"
    for receipt, tool in _TOOLS.items():
        if Path(sys.prefix, receipt).exists():
            command = tool
    if "dir_info" not in record:
        return f"{command} 'inferc[{extra}]'"
    folder = unquote(urlsplit(record.get("url", "")).path)
    editable = "-e " if record["dir_info"].get("editable") else ""
    return f"{command} {editable}'{folder}[{extra}]'"
