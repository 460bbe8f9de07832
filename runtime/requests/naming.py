"""Requests under another name of their model."""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve

from .request import ChatRequest, CompletionRequest, PassedRequest, Request

R = TypeVar("R", bound=Request)


def named(request: R, model: str) -> R:
    """`request` with `model` in place of the name that its client used; it says nothing else."""
    if isinstance(request, PassedRequest):
        return evolve(request, model=model)
    if isinstance(request, CompletionRequest):
        return evolve(request, body={**request.body, "model": model})
    if not isinstance(request, ChatRequest):
        return request
    if request.said is None:
        return evolve(request, given={**request.body, "model": model})
    said = request.said
    native = {**said.native, "model": model} if said.native and "model" in said.native else said.native
    conversation = evolve(said.conversation, model=model)
    return evolve(request, said=evolve(said, conversation=conversation, native=native))
