"""Providers whose prefixes LiteLLM's users know and that have no runtime here: what to write for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from ..late_pattern import late_pattern
from ..record import frozen

_FILE = Path(__file__).with_name("litellm_providers.json")
_BLANK = late_pattern(r"\b[A-Z]{4,}\b")

_THROUGH_PROXY = (
    "no runtime here speaks its protocol: ask LiteLLM's proxy for it, with `runtime litellm {{ endpoint = "
    '"http://127.0.0.1:4000/v1" }}` and the name that the proxy has for it'
)

_SAYS = {
    "proxy": _THROUGH_PROXY,
    "login": f"it wants a person to log in, and {_THROUGH_PROXY}",
    "media": "it makes or hears pictures, sound and films with a protocol of its own: ask it directly",
    "documents": "it reads documents with a protocol of its own: ask it directly",
    "store": "it is a store of vectors and no model: ask it directly",
    "search": "it searches the web and is no model: ask it directly",
    "prompts": "it keeps prompts and is no model: write the prompt into a pipeline",
    "agent": "agents are asked with protocols of their own: ask it directly, or through LiteLLM's proxy",
    "plugin": 'a provider of your own is a plug-in: `runtime custom("{name}") {{ … }}`',
    "routing": "what chooses between models is a `route` here",
    "vertex": "of Vertex AI, Gemini, Claude and embeddings are asked here, with `project` and `region`; for "
    "others, ask LiteLLM's proxy, with `runtime litellm {{ endpoint = … }}`",
}
"""What to do about those that no endpoint makes into an OpenAI-compatible one."""


@frozen(slots=False)
class OtherProvider:
    """prefix: what LiteLLM writes before its models. endpoint, key: where it speaks OpenAI's protocol, and
    the variable that customarily holds its key. other: why it cannot be asked, a word of `_SAYS`."""

    prefix: str
    endpoint: str | None = None
    key: str | None = None
    other: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the endpoint has a part that each customer fills in."""
        return self.endpoint is not None and _BLANK.search(self.endpoint) is not None

    def block(self) -> str | None:
        """The runtime that asks it; None where there is none."""
        if self.endpoint is None:
            return None
        key = f', api_key = env("{self.key}")' if self.key is not None else ""
        return f'runtime openai_compatible {{ endpoint = "{self.endpoint}"{key} }}'

    def advice(self, model: str) -> str:
        """What to write to have `model` answered by it, in a sentence without its end."""
        name, block = model.removeprefix(f"{self.prefix}/"), self.block()
        return (
            f'write `model = "{name}"` and `{block}`' if block else _SAYS[str(self.other)].format(name=name)
        )


@cache
def other_providers() -> dict[str, OtherProvider]:
    """All of them, by their prefixes, which have no slash here."""
    return {prefix: OtherProvider(prefix, **row) for prefix, row in _rows().items()}


def find_other(model: str) -> OtherProvider | None:
    """The provider that the prefix of a model's name stands for, where no runtime here does."""
    prefix, slash, name = model.partition("/")
    row = _rows().get(prefix) if slash and name else None
    return OtherProvider(prefix, **row) if row is not None else None


@cache
def _rows() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = orjson.loads(_FILE.read_bytes())["providers"]
    return rows
