"""Servers of models that inferc starts: the command for each, with the options of another system as flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .foreign import Node, Scalar

PORT = "{port}"

_COMMANDS: dict[str, tuple[str, ...]] = {
    "vllm": ("vllm", "serve", "{model}", "--port", PORT),
    "mistralrs": ("mistralrs", "serve", "--port", PORT, "-m", "{model}"),
}
"""By runtime: how its server is started. Others have no server of their own."""


def command(runtime: str, model: str, more: Sequence[str] = ()) -> list[str] | None:
    """The command that starts the server of a runtime, None where there is none."""
    known = _COMMANDS.get(runtime)
    return [model if part == "{model}" else part for part in known] + list(more) if known else None


def flags(options: Mapping[str, Node]) -> list[str]:
    """`tensor_parallel_size = 4` as `--tensor-parallel-size 4`; what is true is a flag alone."""
    out: list[str] = []
    for name, node in options.items():
        flag = f"--{name.replace('_', '-')}"
        if node.value is True:
            out.append(flag)
        elif node.value not in (None, False):
            out += [flag, *(_shown(item.value) for item in node.items or (node,))]
    return out


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Scalar) else ""
