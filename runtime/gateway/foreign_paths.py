"""Paths of protocols that are not served, and what their clients are told in place of a list of all paths."""

from __future__ import annotations

from ...compiler.plan.late_pattern import late_pattern

_INSTEAD = "is not served: use a client of OpenAI's, whose base URL ends with /v1, or one of Anthropic's"
_OF_OTHERS = (
    (
        late_pattern(r":(?:(?:g|streamG)enerateContent|countTokens|(?:e|batchE)mbedContents?)\Z"),
        f"Gemini's protocol {_INSTEAD}",
    ),
    (
        late_pattern(r"\A/api/(?:chat|generate|tags|embed|embeddings|show|ps|version|pull)\Z"),
        f"Ollama's protocol {_INSTEAD}",
    ),
    (late_pattern(r"/fim/completions\Z"), "what stands between two texts is filled in by no model here"),
)


def told_of_path(path: str) -> str | None:
    """What is said of a path that others serve; None for all else."""
    return next((told for form, told in _OF_OTHERS if form.search(path)), None)
