"""The language: text to syntax tree, the model that files declare, and diagnostics.

The names below are imported when they are used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .convert import converter
    from .deployment import Deployment, Replica
    from .diagnostics import Diagnostic
    from .kinds import (
        BudgetAction,
        CapacityKind,
        ExecutionProvider,
        JitterKind,
        Pooling,
        ProviderKind,
        RuntimeKind,
        TaskKind,
        TransportKind,
    )
    from .parsing.parser import Parsed, parse
    from .policies import (
        Budget,
        CapacityPolicy,
        CircuitBreakerConfig,
        Price,
        RateLimits,
        RetryPolicy,
        Scaling,
        Serving,
        Timeouts,
    )
    from .problems import Problem
    from .ranges import Range
    from .runtimes import RuntimeConfig, SecretRef
    from .source import Source, Span
    from .tasks import EmbedTask, Task
    from .units import Duration, Money, Percent, Size
    from .version import __version__

_HOMES: dict[str, str] = {
    "Budget": "policies",
    "BudgetAction": "kinds",
    "CapacityKind": "kinds",
    "CapacityPolicy": "policies",
    "CircuitBreakerConfig": "policies",
    "Deployment": "deployment",
    "Diagnostic": "diagnostics",
    "Duration": "units",
    "EmbedTask": "tasks",
    "ExecutionProvider": "kinds",
    "JitterKind": "kinds",
    "Money": "units",
    "Parsed": "parsing.parser",
    "Percent": "units",
    "Pooling": "kinds",
    "Price": "policies",
    "Problem": "problems",
    "ProviderKind": "kinds",
    "Range": "ranges",
    "RateLimits": "policies",
    "Replica": "deployment",
    "RetryPolicy": "policies",
    "RuntimeConfig": "runtimes",
    "RuntimeKind": "kinds",
    "SecretRef": "runtimes",
    "Scaling": "policies",
    "Serving": "policies",
    "Size": "units",
    "Source": "source",
    "Span": "source",
    "Task": "tasks",
    "TaskKind": "kinds",
    "Timeouts": "policies",
    "TransportKind": "kinds",
    "__version__": "version",
    "converter": "convert",
    "parse": "parsing.parser",
}

__all__ = [
    "Budget",
    "BudgetAction",
    "CapacityKind",
    "CapacityPolicy",
    "CircuitBreakerConfig",
    "Deployment",
    "Diagnostic",
    "Duration",
    "EmbedTask",
    "ExecutionProvider",
    "JitterKind",
    "Money",
    "Parsed",
    "Percent",
    "Pooling",
    "Price",
    "Problem",
    "ProviderKind",
    "Range",
    "RateLimits",
    "Replica",
    "RetryPolicy",
    "RuntimeConfig",
    "RuntimeKind",
    "Scaling",
    "SecretRef",
    "Serving",
    "Size",
    "Source",
    "Span",
    "Task",
    "TaskKind",
    "Timeouts",
    "TransportKind",
    "__version__",
    "converter",
    "parse",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
