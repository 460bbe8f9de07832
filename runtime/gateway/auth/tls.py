"""The certificate of the gateway, read from files and read again when they change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from ....compiler.plan import Tls
from ...concurrency.tasks import repeated
from ...regular_file import stamp
from ...replicas.remote.transport.certificates import warn_of_times, why_no_authority, why_unusable
from ...requests.errors import StartError

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0
"""Seconds between two looks at the files."""


class Certificate:
    """What a gateway shows to its clients. Raises StartError.

    context: for connections; those that come after a change get what has changed.
    """

    def __init__(self, tls: Tls, base_dir: Path) -> None:
        self._tls = tls
        self._base_dir = base_dir
        self._seen = self._state()
        self.context = self._load()

    def look(self) -> bool:
        """Whether the files hold another certificate, which is shown from now on. Blocks.

        One that cannot be used is said in the log, and the one before is shown.
        """
        state = self._state()
        if state == self._seen:
            return False
        try:
            self._load()
        except StartError as error:
            if state != self._seen:
                log.error("%s; the certificate from before is shown", error)
            self._seen = state
            return False
        self._seen = state
        self.context.load_cert_chain(*self._files())
        log.info("gateway: the certificate has changed")
        return True

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        certificate, key = self._files()
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise StartError(
                f"gateway: the certificate {self._tls.cert.name} with the key {self._tls.key.name} cannot be "
                f"used: {why_unusable(error)}"
            ) from None
        warn_of_times(certificate, "gateway")
        authority = self._tls.client_ca
        if authority is not None:
            try:
                context.load_verify_locations(self._base_dir / authority.name)
            except (OSError, ValueError) as error:
                raise StartError(
                    f"gateway: the certificate {authority.name} of clients cannot be used: "
                    f"{why_no_authority(error)}"
                ) from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _files(self) -> tuple[Path, Path]:
        return self._base_dir / self._tls.cert.name, self._base_dir / self._tls.key.name

    def _state(self) -> tuple[tuple[int, ...] | None, ...]:
        """What changes when one of the files does."""
        return tuple(map(stamp, self._files()))


def following(certificates: list[Certificate]) -> AbstractAsyncContextManager[None]:
    """While the block runs, look at the files of the last of `certificates` now and then."""

    async def look() -> None:
        for each in certificates[-1:]:
            await asyncio.to_thread(each.look)

    return repeated(look, LOOK_EVERY, "certificate of the gateway")


def _no_password() -> str:
    raise ValueError("the key is encrypted: write it without a password, and let only its owner read it")
