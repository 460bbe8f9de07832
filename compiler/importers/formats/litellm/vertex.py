"""Gemini, Claude and embeddings on Vertex AI, as LiteLLM's files say where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .....dsl.catalogues.inference import match_runtime
from ...draft import Block, Deployment, Draft
from ...foreign import Node
from ...literals import Code, env, text as quoted
from ...providers import ANY_OF_VERTEX
from ...secrets import left_out
from ...tables import Unfit
from .surroundings import PREFIX, Surroundings

_REGION = "us-central1"
"""Where LiteLLM looks for Vertex when nothing is said."""

_BEHIND = re.compile(r"(https?://[^/?#]+)(?:/|/v1(?:beta1)?/?|/v1(?:beta1)?/projects/.*)?")
"""An address in front of Vertex, and what LiteLLM puts behind it if the file does not."""


def aim_at_vertex(
    made: Deployment, model: str, given: Mapping[str, Node], around: Surroundings, draft: Draft
) -> bool:
    """Gemini, Claude and embeddings on Vertex; other models there have no runtime."""
    runtime = "anthropic" if model.startswith("claude") else "gemini"
    if model == "*":
        draft.changed(given.get("model"), ANY_OF_VERTEX, made.remarks)
    elif match_runtime(f"vertex_ai/{model}") is None:
        return False
    made.put("model", model)
    block = made.runtime(runtime)
    for theirs, ours in (("project", "project"), ("location", "region")):
        named = (
            *map(given.get, (f"vertex_{theirs}", f"vertex_ai_{theirs}")),
            around.library.get(f"vertex_{theirs}"),
        )
        node = next((each for each in named if each is not None), None)
        value = around.expression(node, draft) if node is not None else None
        if node is not None and ours == "region" and isinstance(value, Code):
            value = _REGION
            draft.changed(node, "the region of Vertex stands in the file: write yours", made.remarks)
        if node is not None:
            block.put(ours, value, node)
            draft.kept(node)
    if (base := given.get("api_base") or given.get("base_url")) is not None:
        _vertex_address(block, made, base, given.get("use_psc_endpoint_format"), around, draft)
    if not block.has("region"):
        block.put("region", _REGION)
    if not block.has("project"):
        block.put("project", env("VERTEXAI_PROJECT"))
    if (node := given.get("vertex_credentials") or given.get("vertex_ai_credentials")) is not None:
        value = str(node.value)
        if value.startswith(PREFIX):
            variable = value.removeprefix(PREFIX)
            says = f"here {variable} holds the JSON of the account itself: for its path, write `file(…)`"
            draft.changed(node, says, made.remarks)
            block.put("credentials", env(variable), node)
        elif value.lstrip().startswith("{"):
            block.put("credentials", left_out(draft, node, "VERTEX_CREDENTIALS", made), node)
        else:
            block.put("credentials", Code(f"file({quoted(value)})"), node)
            draft.kept(node)
    return True


def _vertex_address(
    block: Block, made: Deployment, base: Node, private: Node | None, around: Surroundings, draft: Draft
) -> None:
    """What stands in front of Vertex. Raises Unfit for paths that are not Vertex's own.

    Source: LiteLLM's `VertexBase._check_custom_proxy`.
    """
    address = around.expression(base, draft)
    found = _BEHIND.fullmatch(str(address))
    if private is not None and private.value is not False:
        raise Unfit("an endpoint of Private Service Connect has paths of its own")
    if isinstance(address, Code):
        draft.changed(base, "here the address ends before `/v1/projects`", made.remarks)
    elif found is None:
        raise Unfit("behind this address, Vertex is not asked at `/v1/projects/…`")
    block.put("endpoint", address if found is None else found[1], base)
    draft.kept(base, private)
