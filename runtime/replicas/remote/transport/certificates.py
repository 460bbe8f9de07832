"""Certificates on the way to an endpoint: the authorities that are trusted, and the one that is shown."""

from __future__ import annotations

import logging
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from .....compiler.plan import EndpointTls, SecretRef, why_not_now
from ....regular_file import stamp
from ....requests.errors import StartError
from ....requests.foreign_text import one_line

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0
"""Seconds between two looks at the files."""


class Certificates:
    """What `tls` says, for the connections of one replica. Raises StartError.

    context: connections that are opened after a change get what has changed. An authority that was trusted
    once is trusted until the next start.
    """

    def __init__(self, tls: EndpointTls, base_dir: Path, owner: str) -> None:
        self._tls = tls
        self._base_dir = base_dir
        self._owner = owner
        self._next_look = 0.0
        self._seen = self._state()
        self.context = (
            ssl.create_default_context() if tls.ca is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
        self._load(self.context)
        self._warn()

    def look(self, now: float) -> None:
        """Take over files that have changed; what cannot be used is said, and what was there before stays."""
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            self._load(self.context)
        except StartError as error:
            log.error("%s; the certificates from before are used", error)
        else:
            log.info("%s: its certificates have changed", self._owner)
            self._warn()

    def _warn(self) -> None:
        if self._tls.cert is not None:
            warn_of_times(self._path(self._tls.cert), self._owner)

    def _load(self, context: ssl.SSLContext) -> None:
        tls = self._tls
        if tls.ca is not None:
            try:
                context.load_verify_locations(self._path(tls.ca))
            except (OSError, ValueError) as error:
                what = f"the authorities in {tls.ca.name} cannot be used"
                raise self._unusable(what, why_no_authority(error)) from None
        if tls.cert is None or tls.key is None:
            return
        try:
            context.load_cert_chain(self._path(tls.cert), self._path(tls.key), password=_no_password)
        except (OSError, ValueError) as error:
            what = f"the certificate {tls.cert.name} with the key {tls.key.name} cannot be used"
            raise self._unusable(what, why_unusable(error)) from None

    def _unusable(self, what: str, why: str) -> StartError:
        return StartError(f"{self._owner}: {what}: {why}")

    def _path(self, ref: SecretRef) -> Path:
        return self._base_dir / ref.name

    def _state(self) -> list[tuple[int, ...] | None]:
        """What changes when one of the files does."""
        refs = (self._tls.ca, self._tls.cert, self._tls.key)
        return [stamp(self._path(ref)) for ref in refs if ref is not None]


def _no_password() -> str:
    raise ValueError("the key is encrypted: write it without a password, and let only its owner read it")


def warn_of_times(certificate: Path, owner: str) -> None:
    """Say in the log that a certificate, which can be used, is refused today."""
    try:
        why = why_not_now(certificate.read_bytes(), datetime.now(UTC))
    except OSError:
        return
    if why is not None:
        log.warning("%s: the other side refuses the certificate %s: %s", owner, certificate.name, why)


_REASONS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "NO_CERTIFICATE_ASSIGNED": "the key belongs to another certificate",
    "NO_CERTIFICATE_OR_CRL_FOUND": "it has no certificate in PEM",
    "NO_START_LINE": "it has no certificate, or no key, in PEM",
    "CERTIFICATE_LINES_MISSING": "it has no certificate in PEM",
}


def why_no_authority(error: OSError | ValueError) -> str:
    """Why a file of authorities cannot be used, in words."""
    return why_unusable(error, "it has no certificate in PEM")


def why_unusable(
    error: OSError | ValueError,
    unread: str = "the one holds no certificate in PEM, or the other no key",
) -> str:
    """Why files of certificates and keys cannot be used, in words. unread: of what OpenSSL cannot even begin
    to read."""
    if not isinstance(error, ssl.SSLError):
        return getattr(error, "strerror", None) or str(error)
    reason: str | None = error.reason
    if not reason:
        return unread
    return _REASONS.get(reason, one_line(reason.lower().replace("_", " "), 100))


_SAID = re.compile(r"\[\w+(?:: (\w+))?\] ")
"""How what OpenSSL says begins: with its library, and the reason."""
_ASKS = "; it asks for a certificate: name one with `tls { cert = file(…), key = file(…) }`"
_MAY_ASK = _ASKS.replace("asks for", "may want")
_REFUSES = "; it refuses the certificate that it was shown: that of `tls { cert, key }`"
_MEANS = {
    "CERTIFICATE_REQUIRED": _ASKS,
    "HANDSHAKE_FAILURE": _MAY_ASK,
    "BAD_CERT": _MAY_ASK,
    "closed": _MAY_ASK,
    "ALERT_UNKNOWN_CA": _REFUSES,
    "ALERT_CERTIFICATE_": _REFUSES,
    "ALERT_UNSUPPORTED_CERT": _REFUSES,
    "ALERT_ACCESS_DENIED": _REFUSES,
}
"""By a part of the reason; alerts are what the other side says."""


def is_tls(error: OSError) -> bool:
    """Whether `error` is one of OpenSSL, of which aiohttp may leave no more than the words."""
    return isinstance(error, ssl.SSLError) or (len(error.args) > 1 and bool(_SAID.match(str(error.args[1]))))


def why_tls(error: OSError) -> str:
    """What went wrong between the two sides of a TLS connection, and what may help."""
    said = str(getattr(error, "reason", None) or error)
    if not is_tls(error) and said:
        return said
    if found := _SAID.search(said):
        said = found[1] or said
    said = said or "the other side closed the connection"
    advice = next((advice for part, advice in _MEANS.items() if part in said), "")
    return f"TLS failed ({one_line(said, 100)}){advice}"
