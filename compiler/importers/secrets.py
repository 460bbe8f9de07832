"""Keys in foreign files: what names an environment variable goes on so, and a key itself is left out."""

from __future__ import annotations

import re
from functools import cache

from ...dsl.other_providers import other_providers
from ...dsl.presets import PRESETS
from ..checks.endpoints import HOSTED
from .draft import Block, Draft
from .foreign import Node
from .literals import Code, env

PLACEHOLDERS = frozenset(
    {"none", "null", "dummy", "empty", "na", "n/a", "not-needed", "not-required", "no-key", "no-key-required"}
    | {"fake", "fake-key", "fake-api-key", "placeholder", "unused", "anything", "ignored", "key", "test"}
    | {"sk-no-key-required", "sk-no-key", "sk-fake", "sk-dummy", "sk-none", "token-abc123"}
    | {"lm-studio", "ollama", "vllm", "local"}
)
"""What people write where a client insists on a key that nobody reads."""


_NAMES = re.compile(r"(^|[-_])(token|key|secret|password|passwd|credentials?)$", re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Whether a variable of this name holds what nobody else may know."""
    return _NAMES.search(name) is not None


def variable_for(*parts: str) -> str:
    """The name of an environment variable made of what a key is for."""
    name = re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def variable_at(block: Block, variable: str) -> str:
    """`variable`, or another one where a vendor's key is customarily in that, and the file has an address of
    its own: so that it is not sent there."""
    return f"OWN_{variable}" if block.has("runtime.endpoint") and variable in _of_vendors() else variable


@cache
def _of_vendors() -> frozenset[str]:
    """The variables that hold vendors' keys here or elsewhere: many are named after the vendor's prefix."""
    prefixes = [*other_providers(), *(each for preset in PRESETS.values() for each in preset.prefixes)]
    named = [each.key for each in other_providers().values() if each.key is not None]
    return frozenset({*HOSTED.values(), *named, *(variable_for(each, "api_key") for each in prefixes)})


def left_out(draft: Draft, node: Node, variable: str, block: Block) -> Code:
    """What stands for the key that is written at `node`: it is never repeated."""
    variable = variable_at(block, variable)
    draft.changed(
        node,
        f"a key does not stand in a file: put it into the environment variable {variable}, and replace it, "
        "since it was written down",
        block.remarks,
    )
    return env(variable)


def is_placeholder(text: str) -> bool:
    return text.strip().lower() in PLACEHOLDERS or set(text.strip()) <= set("x*.-")
