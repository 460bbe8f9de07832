"""What a base URL may be."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_ADDED = ("/chat/completions", "/embeddings")
"""Paths of requests, with which no address ends that others stand behind."""


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
        scheme = "http" if endpoint.startswith(("localhost", "127.")) else "https"
        meant = f"{scheme}://{endpoint}"
        return f"`{endpoint}` is no URL", f"expected `{scheme}://…`", f'write `endpoint = "{meant}"`'
    if not has_host:
        return (
            f"`{endpoint}` names no host",
            "expected `https://host/…`",
            'write `endpoint = "https://host/v1"`',
        )
    added = next((each for each in _ADDED if url.path.rstrip("/").endswith(each)), None)
    if added is not None:
        return (
            f"`{endpoint}` is an address of one kind of request, and more is put behind it",
            f"`{added}` is added to it",
            f'write `endpoint = "{endpoint.rstrip("/").removesuffix(added)}"`',
        )
    if {"$", "{"} & {*url.netloc}:
        return (
            f"`{endpoint}` names no host",
            "nothing is put in here",
            'write `let host = env("HOST")` above, and `"https://${host}/v1"`',
        )
    return None


def no_proxy_url(proxy: str) -> tuple[str, str, str] | None:
    """Why `proxy` is no address of an HTTP proxy, in short, and what to do; None where it is one."""
    try:
        url = urlsplit(proxy)
        has_host = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        has_host = False
    if not has_host or url.scheme not in ("http", "https"):
        return (
            "`proxy` is no address of an HTTP proxy",
            "expected `http://host:port`",
            'write `"http://proxy:3128"`',
        )
    if "@" in url.netloc:
        return (
            "`proxy` holds a user name or a password, which plans and logs would show",
            "remove what stands before the `@`",
            'give them with `proxy_login = env("…")`, as `user:password`',
        )
    if url.path not in ("", "/") or url.query or url.fragment:
        return (
            "`proxy` has a path, and proxies have none",
            "remove what follows the port",
            'write `"http://proxy:3128"`',
        )
    return None


def no_token_url(endpoint: str) -> tuple[str, str, str] | None:
    """Why a token cannot be shown at `endpoint`, in short, and what to do; None where it can: over TLS, or on
    this machine."""
    if no_base_url(endpoint) is not None:
        return (
            "that is no address at which tokens are exchanged",
            "expected `https://host/path`",
            "write it without a password and without a query",
        )
    url = urlsplit(endpoint)
    host = url.hostname or ""
    if url.scheme == "https" or host == "localhost" or _is_loopback(host):
        return None
    return (
        "the workload's token would be shown to everybody on the way",
        "expected `https://…`",
        "tokens are exchanged over TLS, or on this machine",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
