"""Requests for embeddings, as AI Studio and Vertex take them.

Sources: Gemini API reference (batchEmbedContents, TaskType), Vertex AI reference (text embeddings: task_type,
title, autoTruncate, outputDimensionality).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...requests.errors import BadRequest
from ...requests.request import EmbedRequest
from ..field_check import SENT, Dropped, Handling, Refused
from .options import wants_all

EMBED_FIELDS: dict[str, Handling] = {
    "input_type": SENT,
    "task": SENT,
    "task_type": SENT,
    "output_dimension": SENT,
    "title": SENT,
    "truncate": SENT,
    "truncation": SENT,
    "user": Dropped("Gemini does not ask who it answers"),
    "priority": Dropped("the queue is that of Cohere's own service"),
    "normalized": Refused("Gemini says whether vectors have the length 1"),
    "late_chunking": Refused("each text has a vector of its own", (False,)),
}
"""What becomes of the fields beside the texts and their dimensions; all others are refused."""

_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "search_query": "RETRIEVAL_QUERY",
    "retrieval.query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "passage": "RETRIEVAL_DOCUMENT",
    "search_document": "RETRIEVAL_DOCUMENT",
    "retrieval.passage": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "separation": "CLUSTERING",
    "text-matching": "SEMANTIC_SIMILARITY",
}
"""What Cohere, Voyage, NVIDIA and Jina call the use of a text, in Google's words."""

_GOOGLES = (
    *dict.fromkeys(_TASKS.values()),
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
)


def vertex_body(request: EmbedRequest) -> dict[str, Any]:
    """The body of `predict`. Raises BadRequest."""
    task, title = _task(request.options), request.options.get("title")
    fixed = ({"task_type": task} if task else {}) | ({"title": title} if title else {})
    parameters: dict[str, Any] = {}
    if request.dimensions is not None:
        parameters["outputDimensionality"] = request.dimensions
    if wants_all(request.options):
        parameters["autoTruncate"] = False
    body: dict[str, Any] = {"instances": [{"content": text, **fixed} for text in request.texts]}
    return body | ({"parameters": parameters} if parameters else {})


def studio_body(request: EmbedRequest, model: str) -> dict[str, Any]:
    """The body of `batchEmbedContents`. Raises BadRequest."""
    if wants_all(request.options):
        name = "truncate" if "truncate" in request.options else "truncation"
        raise BadRequest(
            f"`{name}`: AI Studio does not say where it cuts a text", param=name, code="unsupported"
        )
    task, title = _task(request.options), request.options.get("title")
    fixed: dict[str, Any] = {"model": f"models/{model}"}
    fixed |= ({"taskType": task} if task else {}) | ({"title": title} if title else {})
    if request.dimensions is not None:
        fixed["outputDimensionality"] = request.dimensions
    return {"requests": [fixed | {"content": {"parts": [{"text": text}]}} for text in request.texts]}


def _task(options: Mapping[str, Any]) -> str | None:
    """What the texts are for, in Google's words. Raises BadRequest."""
    for name in ("task_type", "input_type", "task"):
        value = options.get(name)
        if value is None:
            continue
        task = _TASKS.get(value.lower(), value.upper()) if isinstance(value, str) else None
        if task not in _GOOGLES:
            raise BadRequest(f"`{name}` must be one of {', '.join((*_TASKS, *_GOOGLES))}", param=name)
        return task
    return None
