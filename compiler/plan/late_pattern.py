"""Regular expressions that are compiled when they are first used, and as this Python needs them."""

from ...dsl.late_pattern import late_pattern
from ...dsl.possessive import possessive

__all__ = ["late_pattern", "possessive"]
