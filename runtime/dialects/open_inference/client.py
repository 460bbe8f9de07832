"""Tensors and texts to classify, as another inferc is asked for them, and as it answers.

Sources: the Open Inference Protocol (v2) with the binary tensor extension of Triton; `/v1/classify` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from ...requests.answer import ClassifyChunk, Label, LabelledSpan, TensorChunk
from ...requests.errors import BadRequest
from ...requests.request import ClassifyRequest, TensorRequest
from ...requests.tensor import Tensor
from ...requests.usage import Usage
from ..json_pieces import json_pieces
from ..provider_errors.classify import Classifier
from ..reader import parse_object
from .bodies import read_outputs
from .tensors import binary_values, json_values

JSON_SIZE = "Inference-Header-Content-Length"
"""The header that says how many bytes of a body are JSON; tensors follow."""


class InferenceRequest(NamedTuple):
    """What to POST: a path below the address of the server, and the body with its type."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    content_type: str | None = None


def write_request(request: TensorRequest | ClassifyRequest, model: str) -> InferenceRequest:
    """`request` to the model that the server calls `model`. Raises BadRequest."""
    if isinstance(request, ClassifyRequest):
        return InferenceRequest("/v1/classify", _classify_body(request, model), {})
    attached = [binary_values(tensor) for tensor in request.inputs]
    inputs = [
        _described(tensor) | {"parameters": {"binary_data_size": len(data)}}
        for tensor, data in zip(request.inputs, attached, strict=True)
    ]
    asked: dict[str, Any] = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    if request.outputs:
        asked["outputs"] = [{"name": name} for name in request.outputs]
    head = orjson.dumps(asked)
    return InferenceRequest(
        f"/v2/models/{quote(model, safe='')}/infer",
        b"".join((head, *attached)),
        {JSON_SIZE: str(len(head))},
        "application/octet-stream",
    )


def read_tensors(body: bytes, headers: Mapping[str, str], classifier: Classifier) -> TensorChunk:
    """The answer to a `TensorRequest`. Raises RequestError."""
    try:
        return TensorChunk(read_outputs(body, headers.get(JSON_SIZE)))
    except BadRequest as error:
        raise classifier.malformed(f"the answer is no inference response: {error}") from None


def read_labels(body: bytes, classifier: Classifier) -> ClassifyChunk:
    """The answer to a `ClassifyRequest`. Raises RequestError."""
    answer = parse_object(body, classifier)
    try:
        rows = answer["data"]
        usage = Usage(int(answer["usage"]["prompt_tokens"]))
        if any("entities" in row for row in rows):
            spans = tuple(tuple(LabelledSpan(**each) for each in row["entities"]) for row in rows)
            return ClassifyChunk((), usage, spans=spans)
        return ClassifyChunk(tuple(tuple(Label(**each) for each in row["labels"]) for row in rows), usage)
    except (KeyError, TypeError, ValueError):
        raise classifier.malformed("the answer holds no labels") from None


def _classify_body(request: ClassifyRequest, model: str) -> bytes:
    asked: dict[str, Any] = {"model": model}
    if request.inputs:
        asked["inputs"] = [_described(each) | {"data": json_values(each)} for each in request.inputs]
    else:
        asked["input"] = request.texts
    if request.top_k is not None:
        asked["top_k"] = request.top_k
    try:
        return b"".join(json_pieces(asked))
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"the request cannot be sent on: {error}") from None


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.values.shape)}
