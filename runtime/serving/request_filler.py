"""Parameters that a deployment adds to its requests: those that the client leaves open, and those that always
count."""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs
from attrs import evolve

from ...compiler.plan import DeploymentPlan, RemotePoolPlan, RequestParameters
from ..requests.conversation import SAMPLING, Conversation, ThinkingWanted
from ..requests.request import ChatRequest, CompletionRequest, EmbedRequest, Request, Said

SAID_AS: dict[str, tuple[str, ...]] = {
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "reasoning_effort": ("reasoning_effort", "reasoning", "thinking"),
}
"""Parameters that clients may say under one of several names."""


_FIELDS = {"reasoning_effort": "thinking"}
"""What a conversation calls a parameter, where it has another name."""


class RequestFiller:
    """Adds the parameters of a plan's `request`; `extra_body` goes into the provider's own body."""

    def __init__(self, plan: DeploymentPlan) -> None:
        settings = plan.request
        limit = plan.capabilities.token_limit if isinstance(plan, RemotePoolPlan) else None
        self._names = {"max_tokens": limit or "max_tokens"}
        self._defaults = _said(settings.defaults) if settings is not None else {}
        self._force = _said(settings.force) if settings is not None else {}

    def fill(self, request: Request) -> Request:
        """The request as it goes out."""
        match request:
            case ChatRequest(said=Said() as said):
                changed = evolve(said, conversation=self._conversation(said.conversation), native=None)
                return ChatRequest(None, request.stream, changed)
            case ChatRequest():
                return evolve(request, given=self._body(request.body))
            case CompletionRequest():
                return evolve(request, body=self._body(request.body))
            case EmbedRequest():
                wanted = request.dimensions or self._defaults.get("dimensions")
                return evolve(request, dimensions=self._force.get("dimensions", wanted))
        return request

    def _conversation(self, conversation: Conversation) -> Conversation:
        """The same for what was said in another protocol than OpenAI's."""
        changed: dict[str, Any] = {}
        sampling: dict[str, Any] = {}
        for name, value in (self._defaults | self._force).items():
            field = _FIELDS.get(name, name)
            target = conversation.sampling if name in SAMPLING else conversation
            if name not in self._force and getattr(target, field) not in (None, ()):
                continue
            if name in SAMPLING:
                sampling[name] = value
            elif name == "reasoning_effort":
                changed[field] = ThinkingWanted(effort=value)
            else:
                changed[field] = tuple(value) if isinstance(value, list) else value
        if sampling:
            changed["sampling"] = evolve(conversation.sampling, **sampling)
        return evolve(conversation, **changed)

    def _body(self, body: dict[str, Any]) -> dict[str, Any]:
        filled = dict(body)
        for name, value in self._defaults.items():
            if all(filled.get(each) is None for each in SAID_AS.get(name, (name,))):
                filled[self._names.get(name, name)] = value
        for name, value in self._force.items():
            for each in SAID_AS.get(name, ()):
                filled.pop(each, None)
            filled[self._names.get(name, name)] = value
        return filled


def _said(parameters: RequestParameters | None) -> dict[str, Any]:
    """The parameters that are given, as a body has them."""
    if parameters is None:
        return {}
    values = {
        a.name: getattr(parameters, a.name) for a in attrs.fields(RequestParameters) if a.name != "extra_body"
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    """`value` as JSON has it: words of the language are texts, tuples are lists."""
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Enum) else value
