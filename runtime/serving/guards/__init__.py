"""Guards: code of the user's that sees requests before all else, and answers after it."""

from .door import Guards
from .guard import Guard, GuardCounters

__all__ = ["Guard", "GuardCounters", "Guards"]
