"""What is wrong on the way to a provider is said with the place and with what helps."""

from __future__ import annotations

import errno
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from inferc.runtime.replicas.remote.transport.network_errors import told_of
from inferc.runtime.replicas.remote.transport.proxy import Proxy
from inferc.runtime.requests.errors import Backpressure, NetworkError, ServerError

from ..support.rows import each_row

ENDPOINT = "https://llm.internal:8443/v1"
PROXY = Proxy(URL("http://proxy:3128"), {"Proxy-Authorization": "Basic c2VjcmV0"})
KEY = ConnectionKey("llm.internal", 8443, True, True, None, None, None)


def refused_by_proxy(status: int) -> aiohttp.ClientError:
    info = aiohttp.RequestInfo(URL(ENDPOINT), "CONNECT", CIMultiDictProxy(CIMultiDict()), URL(ENDPOINT))
    return aiohttp.ClientHttpProxyError(info, (), status=status)


def untrusted(code: int, said: str) -> aiohttp.ClientError:
    error: Any = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = code, said
    return aiohttp.ClientConnectorCertificateError(KEY, error)


@contextmanager
def without_descriptors() -> Iterator[None]:
    """A process that can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_name_that_could_not_be_looked_up_for_want_of_descriptors_is_not_said_to_be_unknown() -> None:
    error = aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "Name or service not known"))
    with without_descriptors():
        told = told_of(error, ENDPOINT, None, launched=False)
    assert told == (Backpressure, "cannot be connected to from here: Too many open files", None)


def broken(cause: OSError) -> aiohttp.ClientError:
    error = aiohttp.ClientOSError(*cause.args)
    error.__cause__ = cause
    return error


ALERT: Any = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
ALERT.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"


@each_row(
    ("error", "proxy", "kind", "said"),
    [
        (refused_by_proxy(407), PROXY, ServerError, "the proxy proxy:3128 wants another user and password"),
        (refused_by_proxy(401), PROXY, ServerError, "`proxy_login`"),
        (refused_by_proxy(403), PROXY, ServerError, "answered 403 when it was asked for llm.internal:8443"),
        (refused_by_proxy(502), PROXY, NetworkError, "proxy:3128 answered 502"),
        (untrusted(10, "certificate has expired"), None, NetworkError, "has expired; it has to be renewed"),
        (untrusted(62, "Hostname mismatch."), None, NetworkError, "by a name that its certificate is for"),
        (
            untrusted(85, "Missing Authority Key Identifier"),
            None,
            NetworkError,
            "Identifier; Python 3.13 and",
        ),
        (untrusted(20, "unable to get local issuer"), None, NetworkError, "`tls { ca = file(…) }`"),
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "refused")),
            PROXY,
            NetworkError,
            "cannot be reached at the proxy proxy:3128: Connection refused",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "Name or service not known")),
            None,
            NetworkError,
            f"{ENDPOINT}: there is no such host",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_AGAIN, "Temporary failure")),
            None,
            NetworkError,
            f"{ENDPOINT}: no server that knows names answers now",
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.EMFILE, "Too many open files")),
            None,
            Backpressure,
            "cannot be connected to from here: Too many open files",
        ),
        (broken(ALERT), None, NetworkError, "it asks for a certificate: name one with `tls { cert = file(…)"),
        (
            aiohttp.ClientOSError(*ALERT.args),
            None,
            NetworkError,
            "(TLSV13_ALERT_CERTIFICATE_REQUIRED); it asks",
        ),
        (
            aiohttp.ClientOSError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:2580)"),
            None,
            NetworkError,
            "it refuses the certificate that it was shown",
        ),
        (broken(OSError(errno.ECONNRESET, "reset")), None, NetworkError, "Connection reset by peer"),
    ],
)
def test_it_says_where_and_what_to_do(
    error: aiohttp.ClientError, proxy: Proxy | None, kind: type[Exception], said: str
) -> None:
    found, what, _ = told_of(error, ENDPOINT, proxy, launched=False)
    assert found is kind
    assert said in what
    assert "c2VjcmV0" not in what
