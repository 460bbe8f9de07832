"""Local servers that the executor starts, watches and stops."""

from .command import launch_of
from .server import START_TIMEOUT, LaunchedServer

__all__ = ["START_TIMEOUT", "LaunchedServer", "launch_of"]
