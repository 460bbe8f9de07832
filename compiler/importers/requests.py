"""Parameters of requests, which most systems call as OpenAI does: they count where the client is silent."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...dsl.secrets.texts import veiled
from ...dsl.units import Duration
from .draft import Block, Deployment, Draft
from .foreign import Node
from .literals import Code
from .secrets import left_out, variable_for
from .tables import Table, To, Unfit, apply, number, positive, text, texts, truth, whole, words

_SECRET = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
"""Names of headers that hold what nobody else may know."""

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_READERS = {
    "max_tokens": positive,
    "max_completion_tokens": positive,
    "temperature": number,
    "top_p": number,
    "top_k": positive,
    "min_p": number,
    "frequency_penalty": number,
    "presence_penalty": number,
    "stop": texts,
    "n": positive,
    "logprobs": truth,
    "top_logprobs": whole,
    "reasoning_effort": words(**{word: word for word in _EFFORTS}),
    "verbosity": words(low="low", medium="medium", high="high"),
    "parallel_tool_calls": truth,
    "user": text,
    "dimensions": positive,
}


def _seed(draft: Draft, block: Block, node: Node) -> None:
    """Where chance starts; Mistral has a word of its own for it."""
    if block.label_of("runtime") == "mistral" and isinstance(node.value, int):
        block.put("request.defaults.extra_body.random_seed", node.value, node)
        draft.kept(node)
    else:
        apply(To("request.defaults.seed", whole), node, draft, block)


DEFAULTS: Table = {
    **{name: To(f"request.defaults.{name}", read) for name, read in _READERS.items()},
    "seed": _seed,
    "max_completion_tokens": To("request.defaults.max_tokens", positive),
    "max_output_tokens": To("request.defaults.max_tokens", positive),
    "stop_sequences": To("request.defaults.stop", texts),
}
"""Rules for the parameters under their own names."""


def _forced(draft: Draft, block: Block, node: Node) -> None:
    """A field of the body that has no word of its own, whatever the client says."""
    put_body(draft, block, ("request", "force", "extra_body", node.key), node)


FORCED: Table = {
    **{
        name: To(rule.path.replace("defaults", "force"), rule.read)
        for name, rule in DEFAULTS.items()
        if isinstance(rule, To)
    },
    "seed": To("request.force.seed", whole),
    "*": _forced,
}
"""The same for parameters that count whatever the client says."""


def body(draft: Draft, block: Block, node: Node) -> None:
    """Further fields of the body."""
    path = ("request", "defaults", "extra_body")
    for key, inner in node.entries.items():
        name, rule = node.key, DEFAULTS.get(key)
        if name == "extra_body" and isinstance(rule, To):
            apply(rule, inner, draft, block)
        else:
            put_body(draft, block, (*path, key) if name == "extra_body" else (*path, name, key), inner)
    if node.key == "extra_body" and not node.entries:
        is_none = node.value in (None, {})
        draft.lost(None if is_none else node, "fields of a body have names", block.remarks)
    elif not node.entries:
        put_body(draft, block, (*path, node.key), node)
    draft.kept(node)


def put_body(draft: Draft, block: Block, path: tuple[str, ...], node: Node) -> None:
    """Put a value of a body, and what lies in it, under their own names."""
    for key, inner in node.entries.items():
        put_body(draft, block, (*path, key), inner)
    if _holds_null(node.items):
        draft.lost(node, "a list holds no `null` here", block.remarks)
    elif node.value == {}:
        draft.lost(node, "a field of a body that holds nothing cannot be said here", block.remarks)
    elif not node.entries:
        if node.value is not None:
            block.put(path, node.plain(), node)
        draft.kept(node)


def _holds_null(items: Sequence[Node]) -> bool:
    return any(each.value is None or _holds_null((*each.entries.values(), *each.items)) for each in items)


def header(draft: Draft, block: Block, node: Node) -> None:
    """A header that each request has; one that holds a key takes it from the environment."""
    name = node.key
    put_header(draft, block, name, node)


def put_header(draft: Draft, block: Block, name: str, node: Node, value: object = None) -> None:
    """The same, under its name. value: what to write, when it is not the text at `node`."""
    if value is None:
        try:
            value = text(node)
        except Unfit as unfit:
            draft.lost(node, str(unfit), block.remarks)
            return
    is_text = isinstance(value, str) and not isinstance(value, Code)
    if is_text and (_SECRET.search(name) or veiled(str(value)) != value):
        value = left_out(draft, node, variable_for(name), block)
    block.put(("runtime", "headers", name), value, node)
    draft.kept(node)


def cache(made: Deployment, time: Duration, *nodes: Node) -> None:
    """Answer equal requests again, as other gateways do: whoever asks, and whatever chance had a part in."""
    made.put("cache.ttl", time, *nodes)
    made.put("cache.shared", True)
    if made.label_of("task") in ("", "chat"):
        made.put("cache.sampled", True)
