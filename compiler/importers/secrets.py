"""Keys in foreign files: what names an environment variable goes on so, and a key itself is left out."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlsplit

from ...dsl.catalogues.other_providers import other_providers
from ...dsl.catalogues.presets import HOSTED, PRESETS
from ...dsl.kinds import ProviderKind
from ..targets import ENDPOINTS
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
    address = block.value("runtime.endpoint")
    hosts = _of_vendors().get(variable) if address is not None else None
    is_own = hosts is None or (not isinstance(address, Code) and host_of(str(address)) in hosts)
    return variable if is_own else f"OWN_{variable}"


def host_of(address: str) -> str | None:
    """The host of an address; None for what is none."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


@cache
def _of_vendors() -> dict[str, set[str | None]]:
    """The variables that hold vendors' keys here or elsewhere, many of them named after the vendor's prefix:
    the hosts that their keys are for."""
    others, presets = other_providers(), PRESETS.values()
    addresses: list[tuple[str | None, str | None]] = [(each.key, each.endpoint) for each in others.values()]
    addresses += [(variable_for(prefix, "api_key"), each.endpoint) for prefix, each in others.items()]
    addresses += [(name, ENDPOINTS.get(ProviderKind(kind.value))) for kind, name in HOSTED.items()]
    addresses += [
        (variable_for(name, "api_key"), each.endpoint) for each in presets for name in each.prefixes
    ]
    hosts: dict[str, set[str | None]] = {}
    for variable, address in addresses:
        if variable is not None:
            hosts.setdefault(variable, set()).update([host_of(address)] if address else [])
    return hosts


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
