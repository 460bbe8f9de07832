"""What a base URL may be."""

from __future__ import annotations

from urllib.parse import urlsplit


def no_base_url(endpoint: str) -> tuple[str, str, str] | None:
    """Why requests cannot go to `endpoint`, in short, and what to do; None where they can.

    No text holds what may be secret in it.
    """
    try:
        url = urlsplit(endpoint)
        has_host = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return "`endpoint` is no URL", "host or port make no sense", 'write `endpoint = "https://host/v1"`'
    if "@" in (url.netloc or url.path.partition("/")[0]):
        return (
            "`endpoint` holds a user name or a password, which plans and logs would show",
            "remove what stands before the `@`",
            'give the key with `api_key = env("…")`; a password for the host is not supported',
        )
    if url.query or url.fragment:
        return (
            "`endpoint` holds a query, behind which no path can be added",
            "remove everything from the `?` or `#` on",
            'give a key with `api_key = env("…")`, and the version of an Azure API with `api_version`',
        )
    if url.scheme not in ("http", "https"):
        return f"`{endpoint}` is no URL", "expected `https://…`", f'write `endpoint = "https://{endpoint}"`'
    if not has_host:
        return (
            f"`{endpoint}` names no host",
            "expected `https://host/…`",
            'write `endpoint = "https://host/v1"`',
        )
    return None
