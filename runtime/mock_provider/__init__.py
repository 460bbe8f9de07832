"""A provider to talk to without a key: a real HTTP server that answers as OpenAI, Anthropic and Gemini do."""

from .app import build_app
from .faults import Fault, FaultKind, parse_fault
from .options import MockOptions
from .scripted_answers import ScriptError, load_script
from .serve import serve_mock
from .stats import Stats

__all__ = [
    "Fault",
    "FaultKind",
    "MockOptions",
    "ScriptError",
    "Stats",
    "build_app",
    "load_script",
    "parse_fault",
    "serve_mock",
]
