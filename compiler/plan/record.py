"""How classes of values are made, for those who know plans and nothing of the language."""

from ...dsl.record import define as define, fields as fields, frozen as frozen

new_tuple = tuple.__new__
"""Makes a NamedTuple of all its fields, in a quarter of the time of its own constructor."""
