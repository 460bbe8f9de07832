"""A provider to talk to without a key: a real HTTP server that answers OpenAI's API deterministically."""

from .app import MockOptions, Stats, build_app
from .faults import Fault, parse_fault
from .serve import serve_mock

__all__ = ["Fault", "MockOptions", "Stats", "build_app", "parse_fault", "serve_mock"]
