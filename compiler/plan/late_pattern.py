"""Regular expressions that are compiled when they are first used, for those who run plans."""

from ...dsl.late_pattern import late_pattern

__all__ = ["late_pattern"]
