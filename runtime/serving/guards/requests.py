"""The texts of requests: found, and exchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ...dialects.chats import said_in
from ...dialects.registry import CLIENT_SIDES
from ...requests.request import (
    ChatRequest,
    ClassifyRequest,
    CompletionRequest,
    EmbedRequest,
    Part,
    PassedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from ...requests.tensor import Tensor
from .texts import Texts, is_word

if TYPE_CHECKING:
    import numpy


def with_texts(request: Request, texts: Texts) -> Request:
    """`request` with what `texts` makes of its texts; itself where they are the same. Raises RequestError."""
    match request:
        case ChatRequest(said=None):
            body = texts(request.body)
            return request if body is request.body else ChatRequest(body, request.stream)
        case ChatRequest(said=said):
            assert said is not None
            assert said.native is not None  # nobody has seen the request yet
            body = texts(said.native)
            if body is said.native:
                return request
            return said_in(said.dialect, body, CLIENT_SIDES[said.dialect].read_request(body), said.headers)
        case CompletionRequest():
            if _holds_numbers(request.body.get("prompt")):
                texts.unread += 1
            body = texts(request.body)
            return request if body is request.body else CompletionRequest(body, request.stream)
        case PassedRequest():
            body = texts(request.body)
            form = tuple(_part(part, texts) for part in request.form)
            return (
                request
                if body is request.body and form == request.form
                else evolve(request, body=body, form=form)
            )
        case EmbedRequest():
            texts.unread += bool(request.token_ids)
            return evolve(request, texts=texts(request.texts), options=texts(request.options))
        case RerankRequest():
            query, documents = texts.text(request.query), texts(request.documents)
            return evolve(request, query=query, documents=documents, options=texts(request.options))
        case ClassifyRequest():
            inputs = with_tensor_texts(request.inputs, texts)
            return evolve(request, texts=texts(request.texts), inputs=inputs)
        case TensorRequest():
            return evolve(request, inputs=with_tensor_texts(request.inputs, texts))


def with_tensor_texts(tensors: Iterable[Tensor], texts: Texts, *, numbers: bool = True) -> tuple[Tensor, ...]:
    """`tensors` with other texts. numbers: those that are no texts cannot be read."""
    return tuple(_tensor(each, texts, numbers) for each in tensors)


def _tensor(tensor: Tensor, texts: Texts, numbers: bool) -> Tensor:
    if tensor.datatype != "BYTES":
        texts.unread += numbers
        return tensor
    values: numpy.ndarray[Any, Any] = tensor.values.copy()
    flat = values.reshape(-1)
    for index, item in enumerate(flat):
        if (text := _decoded(item)) is None:
            texts.unread += 1
        else:
            flat[index] = texts.text(text).encode()
    return evolve(tensor, values=values)


def _part(part: Part, texts: Texts) -> Part:
    text = None if b"filename" in part.head.lower() else _decoded(part.content)
    if text is None:
        texts.unread += 1
        return part
    if part.name in ("model", "stream", "response_format", "temperature", "n", "size") and is_word(text):
        return part
    changed = texts.text(text)
    return part if changed is text else evolve(part, content=changed.encode())


def _decoded(data: Any) -> str | None:
    if isinstance(data, str):
        return data
    try:
        return bytes(data).decode()
    except UnicodeDecodeError:
        return None


def _holds_numbers(prompt: Any) -> bool:
    """Whether `prompt` holds token ids."""
    while isinstance(prompt, list) and prompt:
        prompt = prompt[0]
    return isinstance(prompt, int)
