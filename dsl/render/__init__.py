"""Diagnostics as something to read: for a person at a terminal, or for a program.

Only the module of the format that is asked for is imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Diagnostic, count
from ..word_enum import WordEnum


class OutputFormat(WordEnum):
    """The formats in which diagnostics can be written."""

    TERMINAL = "terminal"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def render(
    diagnostics: Sequence[Diagnostic],
    format: OutputFormat,
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """All `diagnostics` in `format`, in the order given; what is not empty ends with a newline.

    `color` and `width` (columns; 100 unless told) matter to the terminal only.
    """
    match format:
        case OutputFormat.TERMINAL:
            from .terminal import render_terminal

            return render_terminal(diagnostics, color=color, width=width)
        case OutputFormat.JSON:
            from .as_json import render_json

            return render_json(diagnostics)
        case OutputFormat.SARIF:
            from .sarif import render_sarif

            return render_sarif(diagnostics)
        case OutputFormat.GITHUB:
            from .github import render_github

            return render_github(diagnostics)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """The counts as a phrase, such as `2 errors, 1 warning`; empty when there is nothing to count."""
    return ", ".join(
        f"{number} {severity}{'' if number == 1 else 's'}"
        for severity, number in count(diagnostics).items()
        if number
    )
