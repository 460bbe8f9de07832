"""Guards: code of the user's that sees requests before all else, and answers after it."""

from .door import GuardedModel, Guards
from .guard import Guard, GuardCounters

__all__ = ["Guard", "GuardCounters", "GuardedModel", "Guards"]
