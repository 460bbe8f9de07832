"""The way to a remote runtime: headers that requests have, certificates, and proxies."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import SecretSource
from ...dsl.late_pattern import late_pattern
from ...dsl.late_text import is_unknown
from ...dsl.runtimes import (
    AnthropicConfig,
    OpenAIConfig,
    RemoteConfig,
)
from ...dsl.source import Span
from ...dsl.urls import no_proxy_url
from ..declare import Declared

_HEADER = late_pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")

_TAKEN = frozenset(
    (*_KEYS, "host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding")
)
"""Headers that requests have anyway, in small letters."""


def check_headers(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """What becomes a header must be one line of plain characters, and none that requests have anyway."""
    path = ("runtime_config", "headers")
    for name, value in config.headers.items():
        if _HEADER.fullmatch(name) is None:
            found.error(
                "E0316",
                f"`{name}` is no name of a header",
                declared.span(*path, name),
                help="names have letters, digits and `-`, such as `X-Team`",
            )
        elif name.lower() in _TAKEN:
            found.error(
                "E0316",
                f"`{name}` is set with each request already",
                declared.span(*path, name),
                help='give a key with `api_key = env("…")`' if name.lower() in _KEYS else "remove it",
            )
        else:
            _header(declared.span(*path, name), name, value, "write it in one line, without umlauts", found)
    sent: tuple[str, ...] = ("organization", "project") if isinstance(config, OpenAIConfig) else ()
    if isinstance(config, AnthropicConfig) and config.aws is not None:
        sent = ("workspace",)
    for name in sent:
        value = getattr(config, name)
        if value is not None:
            advice = "copy the id from the provider's settings"
            _header(declared.span("runtime_config", name), name, value, advice, found)


def _header(span: Span, name: str, value: str, advice: str, found: Diagnostics) -> None:
    if not is_unknown(value) and not (value.isascii() and value.isprintable() and value.strip()):
        message = f"`{name}` is sent as a header: one line of plain ASCII characters"
        found.error("E0316", message, span, "cannot be sent", help=advice)


def check_way(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """Certificates and proxies on the way to the endpoint."""
    here, tls = "runtime_config", config.tls
    for name in ("ca", "cert", "key") if tls is not None else ():
        ref = getattr(tls, name)
        if ref is not None and ref.source is not SecretSource.FILE:
            found.error(
                "E0301",
                f"`{name}` is a file",
                declared.span(here, "tls", name),
                "not a file",
                help=f'write `{name} = file("path.pem")`',
            )
    for one, other in (("cert", "key"), ("key", "cert")):
        if declared.wrote(here, "tls", one) and not declared.wrote(here, "tls", other):
            found.error(
                "E0308",
                f"`{one}` needs `{other}` beside it",
                declared.span(here, "tls", one),
                f"`{other}` is missing",
                help=f'add `{other} = file("…")`: the key without a password',
            )
    plain = config.endpoint is not None and not is_unknown(config.endpoint)
    if tls is not None and plain and str(config.endpoint).startswith("http://"):
        found.error(
            "E0308",
            "`tls` means nothing for an endpoint that begins with `http://`",
            declared.span(here, "tls"),
            secondary=[Label(declared.span(here, "endpoint"), "is asked without TLS")],
            help="write the endpoint with `https://`, or remove `tls`",
        )
    proxy = config.proxy
    if proxy is not None and not is_unknown(proxy) and (problem := no_proxy_url(proxy)) is not None:
        found.error("E0313", problem[0], declared.span(here, "proxy"), problem[1], help=problem[2])
    if config.proxy_login is not None and proxy is None:
        found.error(
            "E0308",
            "`proxy_login` needs `proxy` beside it",
            declared.span(here, "proxy_login"),
            "`proxy` is missing",
            help='add `proxy = "http://…"`',
        )
