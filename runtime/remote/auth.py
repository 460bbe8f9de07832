"""How a request shows its credential: one header, made anew where the credential can change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ...compiler.plan import AuthScheme

Authorizer = Callable[[], Awaitable[Mapping[str, str]]]
"""The headers that carry the credential, asked for before each request. Raises RequestError."""

_HEADERS: dict[AuthScheme, tuple[str, str]] = {
    AuthScheme.BEARER: ("Authorization", "Bearer "),
    AuthScheme.GOOGLE_OAUTH: ("Authorization", "Bearer "),
    AuthScheme.API_KEY: ("api-key", ""),
    AuthScheme.X_API_KEY: ("x-api-key", ""),
    AuthScheme.X_GOOG_API_KEY: ("x-goog-api-key", ""),
}


def credential_headers(scheme: AuthScheme, credential: str) -> dict[str, str]:
    """The header in which a key or an access token is shown."""
    name, prefix = _HEADERS[scheme]
    return {name: prefix + credential}
