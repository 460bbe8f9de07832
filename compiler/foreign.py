"""What settings of a provider are called elsewhere, and how they are written here."""

from __future__ import annotations

from ..dsl import syntax as s
from ..dsl.deployment import Deployment
from ..dsl.diagnostics import Edit, Fix
from ..dsl.runtimes import RemoteConfig
from .merge import Section, Setting

_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("api_base", "base_url", "url"), ("endpoint",)),
    **dict.fromkeys(("timeout", "request_timeout"), ("timeouts", "request")),
    **dict.fromkeys(("num_retries", "retries", "max_retries"), ("retry", "max_retries")),
    **dict.fromkeys(("rpm", "requests_per_minute"), ("rate_limits", "requests_per_minute")),
    **dict.fromkeys(("tpm", "tokens_per_minute"), ("rate_limits", "tokens_per_minute")),
}
"""Their places in the block of a remote runtime."""


def written_here(setting: Setting, section: Section, cls: type) -> tuple[str, list[Fix]] | None:
    """How a field that does not exist is written, and the change to that; None for what nobody else has."""
    path = _NAMES.get(setting.node.name.text)
    if path is None or not (cls is Deployment or issubclass(cls, RemoteConfig)):
        return None
    form = f"{path[0]} = …" if len(path) == 1 else f"{path[0]} {{ {path[1]} = … }}"
    if cls is Deployment:
        return f"write `{form}` in the block of its runtime: `runtime openai {{ {form} }}`", []
    is_taken = path[0] in section.settings or path[0] in section.sections
    if is_taken or isinstance(setting.node.value, s.Bad):
        return f"write `{form}`", []
    node, scope = setting.node, setting.scope
    name = scope.module.span(node.name.start, node.name.end)
    if len(path) == 1:
        return f"write `{form}`", [Fix(f"write `{form}`", (Edit(name, path[0]),), safe=False)]
    before = scope.module.span(node.name.start, node.value.start)
    behind = scope.module.span(node.end, node.end)
    edits = (Edit(before, f"{path[0]} {{ {path[1]} = "), Edit(behind, " }"))
    return f"write `{form}`", [Fix(f"write `{form}`", edits, safe=False)]
