"""Colours of a picture: light fills under dark text, told apart by people who see no red or green.

The hues are those of Okabe and Ito. Shapes and words say the same, so no meaning hangs on a colour.
"""

from __future__ import annotations

from ...dsl.record import frozen
from .model import ClusterKind, Look


@frozen
class Colours:
    """Of one kind of vertex or frame, as `#rrggbb`."""

    fill: str
    line: str
    text: str = "#000000"


VERTICES: dict[Look, Colours] = {
    Look.KEY: Colours("#fff7d6", "#8a6d00"),
    Look.INPUT: Colours("#ffffff", "#000000"),
    Look.LOCAL: Colours("#fbe6bf", "#9c6500"),
    Look.REMOTE: Colours("#d3e9f8", "#0072b2"),
    Look.ROUTE: Colours("#cdeee2", "#00785a"),
    Look.PIPELINE: Colours("#e4e4f7", "#4b4ba5"),
    Look.STEP: Colours("#f2f2f2", "#555555"),
    Look.EXTERN: Colours("#f4dfeb", "#a34d7d"),
    Look.BUILTIN: Colours("#eeeeee", "#555555"),
    Look.CHOICE: Colours("#fbf8c8", "#7a7300"),
    Look.VALUE: Colours("#ffffff", "#777777"),
    Look.CACHE: Colours("#eeeeee", "#555555"),
    Look.NOTE: Colours("#ffffff", "#ffffff"),
}

WRONG = Colours("#ffe3de", "#c1121f", "#7a0c14")
"""Of what comes where it may not, whatever it is; its lines are thick, too."""

FRAMES: dict[ClusterKind, Colours] = {
    ClusterKind.PIPELINE: Colours("#fafafa", "#888888"),
    ClusterKind.BLOCK: Colours("#f2f2f2", "#999999"),
    ClusterKind.PARALLEL: Colours("#fafafa", "#555555"),
    ClusterKind.MODELS: Colours("#fafafa", "#888888"),
    ClusterKind.CLIENTS: Colours("#fafafa", "#888888"),
    ClusterKind.LEGEND: Colours("#ffffff", "#cccccc"),
}
