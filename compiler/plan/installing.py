"""How an extra of inferc is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_TOOLS = {"uv-receipt.toml": "uv tool install", "pipx_metadata.json": "pipx install --force"}
"""Those that install a program by itself, by what they leave in its environment."""


def pip_install(extra: str) -> str:
    """The command for it, of what installed inferc: pip, uv or pipx; where that was from a folder, it names
    that, as the record of the installation says, if it is still there."""
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

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
    folder = url2pathname(urlsplit(record.get("url", "")).path)
    if "dir_info" not in record or not Path(folder).is_dir():  # as in an image that was built in two stages
        return f"{command} 'inferc[{extra}]'"
    editable = "-e " if record["dir_info"].get("editable") else ""
    return f"{command} {editable}'{folder}[{extra}]'"
