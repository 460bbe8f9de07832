"""`POST /v1/classify`: texts as `input`, or tensors as `inputs`; the labels that fit best."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from attrs import asdict

from ...dialects.openai.requests import count_in, required, texts_in
from ...requests.answer import ClassifyChunk, Label, LabelledSpan
from ...requests.errors import BadRequest
from ...requests.request import ClassifyRequest
from ...requests.trace import Trace
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..incoming.head import priority_of
from ..outgoing.answers import answered_by, json_answer

_NUMBERS = (
    "send texts, or, to a model without a tokenizer, tensors as `inputs`, each with `name`, `datatype`, "
    "`shape` and `data`"
)


async def answer_classify(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The labels of each text, or of each row of the tensors. Raises RequestError."""
    body = await read_object(request)
    name = required(body, "model", str)
    top_k = count_in(body, "top_k")
    if "inputs" in body and "input" in body:
        raise BadRequest("send texts as `input` or tensors as `inputs`, not both", param="inputs")
    if "inputs" in body:
        from ...dialects.open_inference.bodies import read_inputs

        classify = ClassifyRequest(inputs=read_inputs(body, None), top_k=top_k)
    else:
        classify = ClassifyRequest(texts=texts_in(body, "input", _NUMBERS), top_k=top_k)
    trace = Trace(spans=[])
    chunk = await exchange.answer(name, exchange.call(classify, priority_of(request), request.headers), trace)
    assert isinstance(chunk, ClassifyChunk)
    tokens = chunk.usage.prompt_tokens
    found = "labels" if chunk.spans is None else "entities"
    rows: Sequence[Sequence[Label | LabelledSpan]] = chunk.rows if chunk.spans is None else chunk.spans
    answer = {
        "object": "list",
        "model": name,
        "data": [
            {"object": "classification", "index": index, found: [asdict(each) for each in row]}
            for index, row in enumerate(rows)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_answer(answer, headers=answered_by(trace, name))
