"""AWS's signatures: each request is signed, with credentials that a file names or that AWS's own tools find.

botocore signs, finds credentials, and renews those that end. What it does over the network is done in a
thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .....compiler.plan import AwsAccess, RemotePoolPlan, SecretRef
from ....requests.errors import NetworkError, RequestError, StartError
from ....secrets.secret import LiveSecret, Secret, read_secret
from .authorizer import RENEW_EVERY, Authorization

log = logging.getLogger(__name__)

_TRY_AGAIN = 10.0
_NAMED = ("access_key_id", "secret_access_key", "session_token")


class AwsAuthorizer:
    """Signs with the credentials that count now. base_dir: where secret files are looked up."""

    def __init__(self, plan: RemotePoolPlan, base_dir: Path) -> None:
        assert plan.aws is not None
        self._plan = plan
        self._aws: AwsAccess = plan.aws
        self._base_dir = base_dir
        self._owner = f"deployment `{plan.deployment}`"
        self._named: list[LiveSecret] = []
        self._found: Any = None
        self._signer: Any = None
        self._current: Authorization | None = None
        self._frozen: Any = None
        self._renewing: asyncio.Task[None] | None = None
        self._renewable_at = self._refusable_at = 0.0
        self._version = 0

    async def start(self) -> None:
        if self._aws.access_key_id is not None:
            self._named = [
                await LiveSecret.opened(
                    ref, self._base_dir, partial(read_secret, ref, self._base_dir, self._owner)
                )
                for ref in self._refs()
            ]
            self._use_named()
        else:
            self._found, first = await asyncio.to_thread(self._find)
            self._use(first)

    async def stop(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def version(self) -> int:
        self._follow()
        return self._version

    async def authorize(self) -> Authorization:
        self._follow()
        if self._found is not None and self._is_stale():
            await self._renew()
        assert self._current is not None
        return self._current

    async def refused(self, used: Authorization) -> bool:
        if used is not self._current:
            return True
        changed = [secret.read_again() for secret in self._named]
        now = asyncio.get_running_loop().time()
        if not any(changed) and now < self._refusable_at:
            return False
        self._refusable_at = now + RENEW_EVERY
        if self._found is None:
            self._use_named()
            return any(changed)
        try:
            self._found, new = await asyncio.to_thread(self._find)
        except StartError as error:
            log.warning("%s; the credentials that were there before stay in use", error)
            return False
        before = self._frozen
        self._use(new)
        return bool(self._frozen != before)

    def _refs(self) -> list[SecretRef]:
        return [ref for name in _NAMED if (ref := getattr(self._aws, name)) is not None]

    def _follow(self) -> None:
        now = asyncio.get_running_loop().time()
        looked = [each.look(now) for each in self._named if each.may_change]
        if any(looked):
            self._use_named()

    def _use_named(self) -> None:
        from botocore.credentials import ReadOnlyCredentials

        values = [each.secret.reveal() for each in self._named]
        key, secret, token = (*values, None)[:3]
        self._use(ReadOnlyCredentials(key, secret, token), self._named[0].secret.origin)

    def _is_stale(self) -> bool:
        """Whether the credentials end soon, or have ended."""
        needed = getattr(self._found, "refresh_needed", None)
        return needed is not None and bool(needed())

    async def _renew(self) -> None:
        """Wait for new credentials where the last have ended; else they are asked for beside the requests."""
        loop = asyncio.get_running_loop()
        ended = bool(self._found.refresh_needed(refresh_in=0))
        if self._renewing is None or self._renewing.done():
            if not ended and loop.time() < self._renewable_at:
                return
            self._renewable_at = loop.time() + _TRY_AGAIN
            self._renewing = asyncio.create_task(self._ask())
        if ended:
            await asyncio.shield(self._renewing)
            if self._found.refresh_needed(refresh_in=0):
                raise self._error(
                    NetworkError, "AWS gives no new credentials in place of those that have ended"
                )

    async def _ask(self) -> None:
        try:
            self._use(await asyncio.to_thread(self._found.get_frozen_credentials))
        except Exception as error:  # botocore lets errors of every kind through
            log.warning("%s: no new AWS credentials: %s", self._owner, type(error).__name__)

    def _find(self) -> tuple[Any, Any]:
        """What AWS's own tools would use, and the credentials that it has now.

        Variables, files, a role that is assumed, the role of the container or the machine. Raises StartError.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import Session

        logging.getLogger("botocore.credentials").setLevel(logging.ERROR)  # what fails is told here
        try:
            session = Session(profile=self._aws.profile)
            if session.get_config_variable("region") is None:  # of the service that gives roles
                session.set_config_variable("region", self._aws.region)
            found = session.get_credentials()
            first = found and found.get_frozen_credentials()  # a role is assumed here
        except (BotoCoreError, ClientError, ValueError, OSError) as error:
            raise StartError(f"{self._owner}: the AWS credentials cannot be read: {error}") from None
        if found is None:
            raise StartError(
                f"{self._owner}: no AWS credentials were found, neither in the environment "
                "(AWS_ACCESS_KEY_ID, AWS_PROFILE), nor in AWS's files, nor from the machine; or name them: "
                '`access_key_id = env("…")` and `secret_access_key = env("…")`'
            )
        return found, first

    def _use(self, credentials: Any, origin: str = "AWS's own configuration") -> None:
        """Sign with `credentials` from now on."""
        if self._current is not None and credentials == self._frozen:
            return
        self._version += self._current is not None
        self._frozen = credentials
        shown = Secret(credentials.token or credentials.access_key, origin)
        self._current = Authorization(secret=shown, sign=partial(sign, credentials, self._aws))

    def _error(self, kind: type[RequestError], what: str) -> RequestError:
        return kind(f"{self._owner}: {what}", deployment=self._plan.deployment, provider=self._plan.provider)


def sign(credentials: Any, aws: AwsAccess, url: str, body: bytes, content_type: str) -> Mapping[str, str]:
    """The headers of one request that show who sends it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", url, {"Content-Type": content_type}, body)
    SigV4Auth(credentials, aws.service, aws.region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name != "Content-Type"}
