"""A provider on this machine that needs no key, while a block of a script or a test runs."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve

from ..compiler.plan import (
    AuthScheme,
    AwsAccess,
    DeploymentPlan,
    LateText,
    ProviderKind,
    RemotePoolPlan,
    SecretRef,
    WireFormat,
)
from ..dsl.record import frozen
from ..runtime.mock_provider import MockOptions, Stats, serve_mock
from ..runtime.mock_provider.scripted_answers import parse_script
from ..runtime.mock_provider.strict import PROVIDERS
from .checking import Source
from .loop_thread import Ready, Stopping, served
from .plans import Plan, inside, plan_of

_KEY = SecretRef.env("INFERC_MOCK_KEY")
_IN_PATH = ("/openai/deployments/", "/publishers/")
"""Of endpoints whose path says what is asked for."""


@frozen
class MockProvider:
    """A provider that answers as OpenAI, Anthropic, Gemini and Bedrock do, and takes any key.

    url: without a version: endpoints that speak as OpenAI does are at `url + "/v1"`.
    """

    url: str
    _stats: Stats

    @property
    def requests(self) -> int:
        """How many came."""
        return self._stats.requests

    def behind(self, source: Source | Plan) -> Plan:
        """The plan, or that of a file, with this provider in place of all others.

        Servers are not launched, and no key of theirs is needed; models on this machine stay as they are, and
        so does code of one's own.
        """
        os.environ.setdefault(_KEY.name, "any")
        plan = plan_of(source)
        changed = inside(plan)
        deployments = tuple(map(self._instead_of, changed.deployments))
        return evolve(plan, plan=evolve(changed, deployments=deployments))

    def _instead_of(self, deployment: DeploymentPlan) -> DeploymentPlan:
        if not isinstance(deployment, RemotePoolPlan) or deployment.target is not None:
            return deployment
        at = "" if isinstance(deployment.endpoint, LateText) else urlsplit(deployment.endpoint).path
        if not any(each in at for each in _IN_PATH):
            named = deployment.provider in PROVIDERS and deployment.provider is not ProviderKind.OPENAI
            at = f"/{deployment.provider}/v1" if named else "/v1"
            at = at if deployment.wire is WireFormat.OPENAI else ""
        is_oauth = deployment.auth is AuthScheme.GOOGLE_OAUTH
        aws = deployment.aws
        return evolve(
            deployment,
            endpoint=self.url + at,
            auth=AuthScheme.BEARER if is_oauth else deployment.auth,
            api_key=() if aws is not None else (_KEY,),
            credentials=None,
            identity=None,
            aws=None if aws is None else AwsAccess(aws.region, aws.service, None, _KEY, _KEY),
            launch=None,
            tls=None,
            proxy=None,
            proxy_login=None,
        )

    def counts(self) -> dict[str, Any]:
        """What came and what was answered: requests, tokens, statuses, by model and by key."""
        return dict(self._stats.json())


@contextmanager
def mock_provider(
    script: Mapping[str, Any] | None = None, *, strict: bool = False, port: int = 0
) -> Iterator[MockProvider]:
    """Serve it while the block runs, in a thread.

    script: faults, limits and answers, as `inferc mock-provider --script` reads them. strict: refuse what the
    real providers refuse. Raises ValueError for a script that cannot be used.
    """
    stats = Stats()
    options = MockOptions(strict=strict)
    if script is not None:
        options = options.following(parse_script(dict(script)))

    def serving(ready: Ready, stopping: Stopping) -> Coroutine[Any, Any, None]:
        return serve_mock(port, options, ready=ready, stats=stats, stopping=stopping)

    with served(serving, "mock provider") as url:
        yield MockProvider(url, stats)
