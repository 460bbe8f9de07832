"""`python -m inferc`."""

from .cli.main import entry

entry()
