"""Are the files of certificates there, are they such files, valid today, and each of its key?"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..dsl.certificate_times import why_not_now
from ..dsl.diagnostics import Diagnostics
from ..dsl.files import read_regular
from ..dsl.kinds import SecretSource
from ..dsl.late_text import is_unknown
from ..dsl.runtimes import SecretRef
from ..dsl.source import Span
from .modules import reason, where_is

_MOST = 8 << 20
_BEGINNING = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN TRUSTED CERTIFICATE-----")
_DER = b"\x30\x82"
_OF_ANOTHER = ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""What OpenSSL says of a key that belongs to another certificate, of the same algorithm or not."""
_WHAT = {
    "ca": "the file of authorities",
    "client_ca": "the file of authorities",
    "cert": "the certificate",
    "key": "the key",
}


def check_certificate(ref: SecretRef, name: str, span: Span, found: Diagnostics) -> None:
    """What the field `name` names, where it names a file.

    A key with its certificate, and what lies outside of the folder, may be only where the plan runs: that it
    is missing here is a warning.
    """
    if ref.source is not SecretSource.FILE or is_unknown(ref.name) or span.source.path is None:
        return
    path, what = span.source.folder / ref.name, _WHAT[name]
    elsewhere = name in ("cert", "key") or os.path.isabs(ref.name) or ".." in Path(ref.name).parts
    try:
        if not os.path.lexists(path) and elsewhere:
            found.warning(
                "W0444",
                f"{what} is not on this machine",
                span,
                "not found",
                help=f"have it at `{path}` where it runs: without it, the server does not start",
            )
            return
        if name == "key":
            if not path.is_file() or not os.access(path, os.R_OK):
                raise OSError(0, "it is no file that this user can read")
            return
        data = read_regular(path, _MOST)
    except (OSError, ValueError) as error:
        found.error(
            "E0443",
            f"{what} cannot be used: {reason(error)}",
            span,
            help=where_is(path, ref.name),
        )
        return
    if not any(each in data for each in _BEGINNING):
        is_der = data.startswith(_DER)
        found.error(
            "E0443",
            f"{what} cannot be used: it has no certificate in PEM",
            span,
            "expected `-----BEGIN CERTIFICATE-----`",
            help=f"it is in DER: `openssl x509 -inform der -in {path.name} -out {path.stem}.pem` makes it PEM"
            if is_der
            else "name the file that holds it, or export it as PEM",
        )
        return
    if name == "cert" and (why := why_not_now(data, datetime.now(UTC))):
        found.warning(
            "W0446",
            f"the other side refuses the certificate: {why}",
            span,
            help="renew it, or set the clock of this machine: a new one is shown without a new start",
        )


def check_pair(cert: SecretRef | None, key: SecretRef | None, span: Span, found: Diagnostics) -> None:
    """Whether a key that is here belongs to its certificate. span: where the key is named."""
    refs = (cert, key)
    if span.source.path is None or any(
        ref is None or ref.source is not SecretSource.FILE or is_unknown(ref.name) for ref in refs
    ):
        return
    certificate, private = (span.source.folder / ref.name for ref in refs if ref is not None)
    if not (certificate.is_file() and private.is_file()):
        return
    import ssl

    with suppress(OSError, ValueError):  # what else is wrong is said of each file, and at the start
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, private, password=_no_password)
        except ssl.SSLError as error:
            if error.reason in _OF_ANOTHER:
                found.error(
                    "E0443",
                    "the key cannot be used: it belongs to another certificate",
                    span,
                    help=f"name the key for which `{certificate.name}` was issued",
                )


def _no_password() -> str:
    raise ValueError
