"""A run as a picture: requests and failures, latencies, and how full everything was, over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from ...runtime.simulation.runs import Run
from .shown import clock

_WIDTH, _PANEL, _LEFT, _GAP = 720, 120, 70, 46
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_MOST_LIMITS = 6

Line = tuple[str, Sequence[float | None]]
Panel = tuple[str, Sequence[Line], float, str]
"""What it shows, its lines, the least that its height stands for, and the unit: `%`, or as it is."""


def svg(run: Run, title: str) -> str:
    """The picture; it needs no other file."""
    width = run.seconds / len(run.windows)
    panels: list[Panel] = [
        (
            "requests per second",
            [
                ("all", [window.count * run.scale / width for window in run.windows]),
                ("failed", [window.failures * run.scale / width for window in run.windows]),
            ],
            0.0,
            "",
        ),
        (
            "seconds until answered",
            [
                ("p50", [window.percentile(0.5) for window in run.windows]),
                ("p99", [window.percentile(0.99) for window in run.windows]),
            ],
            0.0,
            "",
        ),
        (
            "used of each limit",
            [
                (f"{each.kind} of {each.of}", each.shares)
                for each in run.looked[:_MOST_LIMITS]
                if each.peak > 0
            ],
            1.0,
            "%",
        ),
    ]
    return picture(title, panels, run.seconds)


def picture(title: str, panels: Sequence[Panel], seconds: float) -> str:
    """Panels of lines over `seconds`, as one picture."""
    height = 40 + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 160} {height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for number, (name, lines, least, unit) in enumerate(panels):
        parts += _panel(40 + number * (_PANEL + _GAP), name, lines, least, unit, seconds)
    return "\n".join((*parts, "</svg>")) + "\n"


def _panel(
    top: int, name: str, lines: Sequence[Line], least: float, unit: str, seconds: float
) -> Iterator[str]:
    most = max((value or 0.0 for _, values in lines for value in values), default=0.0)
    most = max(most, least) or 1.0
    bottom = top + _PANEL
    yield f'<text x="{_LEFT}" y="{top - 4}" fill="#57606a">{escape(name)}</text>'
    yield f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_PANEL}" fill="none" stroke="#d0d7de"/>'
    for share in (0.0, 0.5, 1.0):
        value = most * share
        label = f"{value:.0%}" if unit == "%" else f"{value:.3g}"
        y = bottom - share * _PANEL
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end" fill="#57606a">{label}</text>'
    for index, (line, values) in enumerate(lines):
        colour = _COLOURS[index % len(_COLOURS)]
        step = _WIDTH / max(len(values) - 1, 1)
        points = [
            f"{_LEFT + number * step:.1f},{bottom - min(value / most, 1.0) * _PANEL:.1f}"
            for number, value in enumerate(values)
            if value is not None
        ]
        if points:
            yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        right, y = _LEFT + _WIDTH + 8, top + 14 + index * 16
        yield f'<text x="{right}" y="{y}" fill="{colour}">{escape(line)}</text>'
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LEFT + share * _WIDTH
        at = clock(share * seconds)
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" fill="#57606a">{at}</text>'
