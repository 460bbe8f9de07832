"""Values that do not change: type checkers see to it, and nothing does while programs run.

What `attrs.frozen` does to keep them costs five times as much as the rest of making one, several times for
each request.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as frozen
else:
    from attrs import define

    frozen = partial(define, unsafe_hash=True)

new_tuple = tuple.__new__
"""Makes a tuple with names, without the function of Python that checks how many values it has."""

__all__ = ["frozen", "new_tuple"]
