"""The proxy between this machine and a provider, as a plan or the environment names it.

HTTPS_PROXY and HTTP_PROXY, or ALL_PROXY for both, and NO_PROXY for hosts and networks that are reached
without; in small letters, too. One that is there and empty is no proxy. What is on this machine is always
reached without.
"""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.request import getproxies_environment

from attrs import field
from yarl import URL

from .....compiler.plan import RemotePoolPlan, no_proxy_url
from .....compiler.plan.record import frozen
from ....requests.errors import StartError
from ....secrets.secret import read_document

log = logging.getLogger(__name__)

SCHEMES = ("http", "https")
_OF_PASSWORDS = (
    ": in a password, write `%2F` for `/`, `%3F` for `?`, `%23` for `#`, `%5B` for `[`, `%40` for `@` "
    "and `%25` for `%`"
)


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
    kind = "all"
    if url.scheme in told or _is_off(url.scheme):
        kind = url.scheme
    written = told.get(kind, "").strip()
    host = url.raw_host  # with international names as they are resolved: `xn--…`
    if host is None or not written or _is_here(host):
        return None
    if any(_names(each, host, url.port) for each in told.get("no", "").replace(",", " ").split()):
        return None
    name = f"{kind.upper()}_PROXY"
    try:
        proxy = URL(written if "://" in written else f"http://{written}")
    except ValueError:
        raise NoProxy(f"{name} in the environment is no address of a proxy{_OF_PASSWORDS}") from None
    if "@" in f"{proxy.path}{proxy.query_string}{proxy.fragment}":  # a password was cut at a sign of URLs
        raise NoProxy(f"{name} in the environment has an `@` behind its host{_OF_PASSWORDS}")
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


def _is_off(kind: str) -> bool:
    """Whether the environment says that there is no proxy for `kind`, which holds for ALL_PROXY, too."""
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return any(os.environ.get(name, "?").strip() == "" for name in names)


def _names(listed: str, host: str, port: int | None) -> bool:
    """Whether what NO_PROXY lists is that host: `host` and all below it, `*.host` those below it, an address,
    a network, `*`; each with a port for that port alone. As curl and Go read it."""
    if listed == "*":
        return True
    name, only = _split_port(listed)
    if only is not None and only != port:
        return False
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    below = name.removeprefix("*").removeprefix(".")
    if not below.isascii():
        try:
            below = URL.build(scheme="http", host=below).raw_host or ""
        except ValueError:  # no name of a host
            return False
    return bool(below) and (host.endswith(f".{below}") or (host == below and not name.startswith("*")))


def _split_port(listed: str) -> tuple[str, int | None]:
    """A name, address or network, which may stand in brackets, and the port behind it, if there is one."""
    if listed.startswith("["):
        name, _, rest = listed[1:].partition("]")
        if rest.startswith("/"):
            return name + rest, None
        digits = rest.removeprefix(":")
    elif listed.count(":") == 1:
        name, _, digits = listed.partition(":")
    else:
        return listed, None
    return name, int(digits[:6]) if digits.isdecimal() else None  # no port has six


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
