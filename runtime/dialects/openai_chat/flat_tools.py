"""Tools that are declared as responses declare them: Cursor sends such to chat completions, too.

Sources: https://github.com/BerriAI/litellm/pull/34029, https://github.com/jwadow/kiro-gateway/pull/49 (2026).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_BESIDE = frozenset({"type", "cache_control"})
"""What stands beside a function, too."""


def nested(tool: Any) -> Any:
    """`tool`, or the choice of one, as chat completions have it."""
    match tool:
        case {"type": "function" | "custom" as kind, "name": str()} if kind not in tool:
            said: Json = {name: value for name, value in tool.items() if name not in _BESIDE}
        case _:
            return tool
    if "input_schema" in said:
        said["parameters"] = said.pop("input_schema")
    match said.get("format"):
        case {"type": "grammar", "syntax": syntax, **rest}:
            said["format"] = {"type": "grammar", "grammar": {"syntax": syntax, **rest}}
    return {name: value for name, value in tool.items() if name in _BESIDE} | {kind: said}
