"""Each field that Cohere, Voyage, Jina, Text Embeddings Inference and OpenAI document for embeddings and
rerankings, alone in a request, in front of each wire. `retrieval.json` says what becomes of it; what is not
there is refused by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import EmbedRequest, RerankRequest

from ...support.rows import each_row
from .reference import plan

TABLE = Path(__file__).parent / "retrieval.json"
SAID: Any = json.loads(TABLE.read_text("utf-8"))

MODELS: dict[str, dict[str, tuple[str, str, str]]] = {
    "embed": {
        "openai": ("openai", "text-embedding-3-small", "embed"),
        "gemini": ("gemini", "gemini-embedding-001", "batch_embed"),
        "vertex": ("vertex", "gemini-embedding-001", "predict"),
        "titan v2": ("bedrock", "amazon.titan-embed-text-v2:0", "titan"),
        "cohere v3": ("bedrock", "cohere.embed-english-v3", "cohere_embed"),
        "cohere v4": ("bedrock", "cohere.embed-v4:0", "cohere_embed_v4"),
    },
    "rerank": {
        "cohere": ("bedrock", "cohere.rerank-v3-5:0", "cohere_rerank"),
        "amazon": ("bedrock", "amazon.rerank-v1:0", "amazon_rerank"),
    },
}
"""Wire, model, and the shape of the strict mock."""


def sent(kind: str, name: str, options: Any) -> Any:
    """What the provider is sent, and whether the strict mock takes it."""
    wire, model, shape = MODELS[kind][name]
    request: EmbedRequest | RerankRequest
    if kind == "rerank":
        request = RerankRequest("q", ("a", "b"), options)
    else:
        dimensions = options.get("dimensions")
        rest = {option: value for option, value in options.items() if option != "dimensions"}
        request = EmbedRequest(("a",), dimensions, options=rest)
    body = loads(retrieval_of(plan(wire, model)).request(request).body)
    if wire != "openai":  # which says itself what it does not know
        assert [error.message for error in table(wire).complaints(shape, model, body)] == []
    return body


def became(kind: str, name: str, field: str, value: Any) -> str:
    try:
        made = sent(kind, name, {field: value})
    except BadRequest as error:
        return "refused" if error.param == field else f"an error about {error.param}"
    plain = sent(kind, name, {})
    for key in ("requests", "instances"):
        if key in made:
            made, plain = {**made, **made[key][0]}, {**plain, **plain[key][0]}
            del made[key], plain[key]
    new = [key for key, value in made.items() if plain.get(key) != value]
    return f"as {', '.join(new)}" if new else "left out"


@each_row(("kind", "name"), [(kind, name) for kind in MODELS for name in MODELS[kind]])
def test_what_becomes_of_each_field_is_as_the_table_says(kind: str, name: str) -> None:
    found = {field: became(kind, name, field, value) for field, value in SAID[kind]["fields"].items()}
    assert {field: fate for field, fate in found.items() if fate != "refused"} == SAID[kind]["fates"][name]
