"""Hosts and ports that requests go to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ...dsl.kinds import AuthScheme
from ...dsl.late_text import LateText
from ...dsl.record import frozen
from ...dsl.runtimes import SecretRef
from ..plan import Plan, RemotePoolPlan
from ..plan.reach import values_in
from ..plan.split import is_local


@frozen
class Endpoint:
    """A host and port that the gateway sends requests to."""

    host: str
    port: int


def address_of(url: str) -> Endpoint | None:
    """Host and port of `url`; None where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return Endpoint(parts.hostname, port or (443 if parts.scheme == "https" else 80))


def connections(plan: Plan) -> Iterator[Endpoint | None]:
    """Where a gateway connects to, beside its models; None: the environment says where."""
    urls: list[str] = [plan.gateway.jwt.jwks] if plan.gateway.jwt is not None else []
    for each in plan.deployments:
        if isinstance(each, RemotePoolPlan) and not is_local(each):
            urls.append(each.endpoint if each.proxy is None else each.proxy)
            if each.identity is not None and each.proxy is None:
                urls.append(each.identity.endpoint)
            if each.auth is AuthScheme.GOOGLE_OAUTH or (
                each.aws is not None and each.aws.access_key_id is None
            ):
                yield None  # a machine's own identity is asked for at an address of its cloud
    if any(isinstance(each, SecretRef) and each.source.is_fetched for each in values_in(plan)):
        yield None
    for url in urls:
        if not isinstance(url, LateText) or url.is_complete:
            yield address_of(url)
        if isinstance(url, LateText) and url.variables:
            yield None
