"""inferc from Python: check and compile files, ask what they declare, and serve them.

What is named here is kept: see `docs/python.md`. All of it is imported when it is first used.
"""

import sys

if sys.version_info < (3, 11):  # installers say so themselves; this is a checkout, run as it is
    sys.exit(
        "error: inferc needs Python 3.11 or newer; %s is %d.%d" % (sys.executable, *sys.version_info[:2])
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.answer import Answer as Answer
    from .api.checking import CheckError as CheckError
    from .api.checking import Finding as Finding
    from .api.checking import Findings as Findings
    from .api.checking import check as check
    from .api.executor import Executor as Executor
    from .api.mock_provider import MockProvider as MockProvider
    from .api.mock_provider import mock_provider as mock_provider
    from .api.plans import Plan as Plan
    from .api.plans import compile as compile
    from .api.plans import load as load
    from .api.server import MockedServer as MockedServer
    from .api.server import Server as Server
    from .api.server import serve as serve
    from .api.sync_executor import SyncExecutor as SyncExecutor
    from .compiler.plan.codec import PlanError as PlanError
    from .dsl.version import __version__ as __version__
    from .runtime.requests.errors import RequestError as RequestError
    from .runtime.requests.errors import StartError as StartError

_HOMES = {
    "Answer": ".api.answer",
    "CheckError": ".api.checking",
    "Executor": ".api.executor",
    "Finding": ".api.checking",
    "Findings": ".api.checking",
    "MockProvider": ".api.mock_provider",
    "MockedServer": ".api.server",
    "Plan": ".api.plans",
    "PlanError": ".compiler.plan.codec",
    "RequestError": ".runtime.requests.errors",
    "Server": ".api.server",
    "StartError": ".runtime.requests.errors",
    "SyncExecutor": ".api.sync_executor",
    "__version__": ".dsl.version",
    "check": ".api.checking",
    "compile": ".api.plans",
    "load": ".api.plans",
    "mock_provider": ".api.mock_provider",
    "serve": ".api.server",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
