"""Whether an endpoint can be reached: a connection opened and closed, nothing sent."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable

from yarl import URL

from .....compiler.plan import ProviderKind, RemotePoolPlan
from .proxy import NoProxy, proxy_at, proxy_for

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 2.0
"""Seconds that an endpoint has to accept a connection."""


async def name_unreachable(plans: Iterable[RemotePoolPlan], *, strict: bool) -> list[str]:
    """One sentence for each deployment whose endpoint cannot be reached: logged, or returned if `strict`.

    Servers that were launched answered already, and plugins know their own ways.
    """
    checked = [
        plan
        for plan in plans
        if not (plan.provider is ProviderKind.CUSTOM or plan.is_launched or names_user(plan.endpoint))
    ]
    ways = list(dict.fromkeys((plan.endpoint, plan.proxy) for plan in checked))
    asked = (why_unreachable(endpoint, proxy) for endpoint, proxy in ways)
    reasons = dict(zip(ways, await asyncio.gather(*asked), strict=True))
    problems = [
        f"deployment `{plan.deployment}`: its endpoint {plan.endpoint} cannot be reached: {reason}"
        for plan in checked
        if (reason := reasons[plan.endpoint, plan.proxy])
    ]
    if strict:
        return problems
    for problem in problems:
        log.warning("%s; its requests will fail until it can be", problem)
    return []


def names_user(endpoint: str) -> bool:
    """Whether a user name or a password stands in front of the host, so that it must not be shown."""
    return "@" in endpoint.partition("://")[2].partition("/")[0]


async def why_unreachable(endpoint: str, through: str | None = None) -> str | None:
    """Why nobody answers at `endpoint`, in words; None when somebody does.

    through: the proxy that a plan names. Where one is on the way, it is the one to be reached: it may know
    hosts that nobody here knows.
    """
    url = URL(endpoint)
    try:
        proxy = proxy_for(endpoint) if through is None else proxy_at(through, None)
    except NoProxy as error:
        return str(error)
    who = ""
    if proxy is not None:
        url, who = proxy.url, f"the proxy {proxy.where}: "
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(url.host, url.port)
    except TimeoutError:
        return f"{who}no answer within {CONNECT_TIMEOUT:g} s"
    except socket.gaierror:
        return f"{who}there is no host `{url.host}`"
    except (OSError, UnicodeError) as error:
        return who + _reason(error)
    writer.close()
    return None


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(getattr(error, "strerror", None) or error)
