"""The fixture `inferc_server`, which pytest finds where inferc is installed; it loads nothing before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    import os

    from .server import MockedServer


class StartServer(Protocol):
    """Starts a file; what it starts is stopped when the test ends."""

    def __call__(
        self,
        path: str | os.PathLike[str],
        script: Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> MockedServer:
        """Serve the file on a free port, with a mock provider behind all its remote deployments.

        path: relative to the root of the project that is tested. script, strict: of the provider, as
        `inferc.mock_provider` takes them. settings: values of parameters.
        """


@pytest.fixture
def inferc_server(pytestconfig: pytest.Config) -> Iterator[StartServer]:
    """Serve `.infer` files or plans before scripted providers: `inferc_server("chat.infer").base_url`."""
    from . import plans
    from .mock_provider import mock_provider
    from .server import MockedServer, serve

    with ExitStack() as stack:

        def start(
            path: str | os.PathLike[str],
            script: Mapping[str, Any] | None = None,
            *,
            strict: bool = False,
            settings: Mapping[str, Any] | None = None,
        ) -> MockedServer:
            file = pytestconfig.rootpath / Path(path)
            plan = plans.load(file) if settings is None else plans.compile(file, settings=settings)
            provider = stack.enter_context(mock_provider(script, strict=strict))
            server = stack.enter_context(serve(provider.behind(plan)))
            return MockedServer(server.url, server.plan, provider)

        yield start
