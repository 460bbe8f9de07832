"""How classes of values are made, for those who know plans and nothing of the language."""

from ...dsl.record import define as define, frozen as frozen
