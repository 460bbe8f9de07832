"""The proxy between this machine and a provider, as a plan or the environment names it.

HTTPS_PROXY and HTTP_PROXY, or ALL_PROXY for both, and NO_PROXY for hosts and networks that are reached
without; in small letters, too. What is on this machine is always reached without.
"""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.request import getproxies_environment, proxy_bypass

from attrs import field
from yarl import URL

from ....compiler.plan import RemotePoolPlan, no_proxy_url
from ....compiler.plan.record import frozen
from ...requests.errors import StartError
from ...secret import read_document

log = logging.getLogger(__name__)

SCHEMES = ("http", "https")


class NoProxy(Exception):
    """What the environment says is no proxy that can be used."""


@frozen
class Proxy:
    """url: without a password. headers: what it is shown."""

    url: URL
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def where(self) -> str:
        """Host and port, for messages."""
        return f"{self.url.host}:{self.url.port}"


def proxy_for(endpoint: str) -> Proxy | None:
    """The proxy on the way to `endpoint`. Raises NoProxy."""
    if not any(name[-6:].lower() == "_proxy" for name in os.environ):
        return None  # which takes a tenth of reading all of it
    url = URL(endpoint)
    told = getproxies_environment()
    kind = url.scheme if url.scheme in told else "all"
    if url.host is None or kind not in told or _is_here(url.host):
        return None
    if proxy_bypass(url.authority) or proxy_bypass(url.host) or _is_in(url.host, told.get("no", "")):
        return None
    name = f"{kind.upper()}_PROXY"
    try:
        written = told[kind]
        proxy = URL(written if "://" in written else f"http://{written}")
    except ValueError:
        raise NoProxy(f"{name} in the environment is no address of a proxy") from None
    if proxy.scheme not in SCHEMES or not proxy.host:
        raise NoProxy(
            f"{name} in the environment must be `http://host:port`: no other kind of proxy is spoken to"
        )
    headers = {}
    if proxy.user is not None:
        shown = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        headers = {"Proxy-Authorization": f"Basic {shown}"}
    return Proxy(URL.build(scheme=proxy.scheme, host=proxy.host, port=proxy.port), headers)


def proxy_of(plan: RemotePoolPlan, base_dir: Path, endpoint: str | None = None) -> Proxy | None:
    """The proxy that the plan names, or else the environment for its endpoint. Raises StartError.

    base_dir: where secret files are looked up. endpoint: another one than the plan's.
    """
    owner, login = f"deployment `{plan.deployment}`", None
    if plan.proxy_login is not None:
        login = read_document(plan.proxy_login, base_dir, owner, "user:password of its proxy").reveal()
    try:
        proxy = proxy_for(endpoint or plan.endpoint) if plan.proxy is None else proxy_at(plan.proxy, login)
    except NoProxy as error:
        raise StartError(f"{owner}: {error}") from None
    if proxy is not None:
        what = "requests" if endpoint is None else "requests for tokens"
        log.info("%s: its %s go through the proxy %s", owner, what, proxy.where)
    return proxy


def proxy_at(address: str, login: str | None) -> Proxy:
    """The proxy at an address that a plan names. Raises NoProxy."""
    if problem := no_proxy_url(address):
        raise NoProxy(f"{problem[0]}: {problem[2]}")
    url = URL(address)
    headers = {}
    if login is not None:
        headers = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}
    return Proxy(URL.build(scheme=url.scheme, host=url.host or "", port=url.port), headers)


def _is_in(host: str, listed: str) -> bool:
    """Whether the address `host` belongs to one of the networks in a list. As curl and Go read NO_PROXY."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for each in listed.split(","):
        try:
            if address in ip_network(each.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
