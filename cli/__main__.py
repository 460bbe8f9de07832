"""`python -m inferc.cli`."""

from .main import entry

entry()
