"""What went wrong on the way to a provider, where, and what may help."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import aiohttp
from yarl import URL

from ....dialects.provider_errors.classify import ASKS_USER
from ....requests.errors import (
    Backpressure,
    NetworkError,
    RequestError,
    ServerDown,
    ServerError,
    StaleConnection,
)
from .certificates import is_tls, why_tls
from .connector import why_unreadable
from .proxy import Proxy

_NO_WAY = (400, 401, 403, 404, 405, 407, 451)
"""What a proxy answers that answers the same the next time."""

_RENEW = "it has to be renewed, or the clock of this machine is wrong"
_NAMES = "ask it by a name that its certificate is for"
_FORM = "Python 3.13 and newer want that: have it made anew, or trust its authority by `tls { ca = file(…) }`"
_HELPS = dict.fromkeys(range(80, 94), _FORM) | {9: _RENEW, 10: _RENEW, 62: _NAMES, 64: _NAMES}
"""By OpenSSL's codes: not in the form of RFC 5280, not yet valid, expired, another host, another address."""
_TRUST = "trust certificates of your own with `tls { ca = file(…) }`, or SSL_CERT_FILE"

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What is used up on this machine, descriptors or memory: no fault of a provider."""

WAS_KEPT = "was_kept"
"""What is true of an error on a connection that had answered before, and had not begun to answer again."""

Told = tuple[type[RequestError], str, bool | None]
"""The class, what comes behind the name of the provider, and whether it is worth another try; None: as the
class says."""


def told_of(error: aiohttp.ClientError, endpoint: str, proxy: Proxy | None, *, launched: bool) -> Told:
    """launched: whether the server was started here."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return _of_proxy(error.status, endpoint, proxy)
        case aiohttp.ClientConnectorCertificateError():
            why = error.certificate_error
            said = str(getattr(why, "verify_message", "") or why).rstrip(".")
            helps = _HELPS.get(getattr(why, "verify_code", 0), _TRUST)
            what = f"cannot be trusted at {error.host}:{error.port}: {said}; {helps}"
        case aiohttp.ClientConnectorSSLError():
            what = f"cannot be reached at {endpoint}: {why_tls(error.os_error)}"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            if isinstance(error.os_error, socket.gaierror):
                number = _used_up()  # glibc calls a name unknown where it cannot open what it asks
            if number in _OURS:
                return Backpressure, f"cannot be connected to from here: {os.strerror(number)}", None
            reason = _reason(error.os_error)
            where = f"{error.host}:{error.port}" if launched else endpoint
            if proxy is not None:
                where = f"the proxy {proxy.where}"
            elif not launched and error.host != URL(endpoint).raw_host:
                where = f"the proxy {error.host}:{error.port}"
            what = f"cannot be reached at {where}: {reason}"
            if launched and number == errno.ECONNREFUSED:
                return ServerDown, what, None
        case aiohttp.ClientOSError():
            what = f"broke the connection off: {_broken(error)}"
        case aiohttp.ServerDisconnectedError():
            what = "closed the connection before it answered"
        case aiohttp.ClientPayloadError():
            what = "broke off in the middle of its answer"
        case aiohttp.ClientResponseError():
            return ServerError, why_unreadable(error), False
        case _:
            what = f"could not be talked to: {type(error).__name__}"
    return StaleConnection if getattr(error, WAS_KEPT, False) else NetworkError, what, None


def _used_up() -> int | None:
    """What is used up on this machine, as `errno` calls it; None: nothing is."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno
    return None


def _of_proxy(status: int, endpoint: str, proxy: Proxy | None) -> Told:
    """What a proxy says to a connection through it."""
    where = "the proxy on the way" if proxy is None else f"the proxy {proxy.where}"
    if status in (401, 407):
        return ServerError, f"cannot be reached: {where} {ASKS_USER}", False
    url = URL(endpoint)
    what = f"cannot be reached: {where} answered {status} when it was asked for {url.host}:{url.port}"
    if status == 403:
        what += ": it lets nobody there"
    return (ServerError, what, False) if status in _NO_WAY else (NetworkError, what, None)


def _broken(error: aiohttp.ClientOSError) -> str:
    """Why an open connection ended: a server that speaks TLS 1.3 refuses a client only now."""
    for each in (error.__cause__, error):
        if isinstance(each, OSError) and is_tls(each):
            return why_tls(each)
    return os.strerror(error.errno) if error.errno and error.errno > 0 else why_tls(error)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        again = error.errno == socket.EAI_AGAIN
        return "no server that knows names answers now" if again else "there is no such host"
    if isinstance(error, ssl.SSLError) or not (error.errno and error.errno > 0):
        return why_tls(error)
    return os.strerror(error.errno)
