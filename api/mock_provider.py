"""A provider on this machine that needs no key, while a block of a script or a test runs."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from ..runtime.mock_provider import MockOptions, Stats, serve_mock
from ..runtime.mock_provider.scripted_answers import parse_script
from .loop_thread import Ready, Stopping, served


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
