"""`GET /v1/models`: what requests may name as `model`, in the words of OpenAI, or of Anthropic's clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ....compiler.plan import RemotePoolPlan
from ....compiler.plan.abilities import Abilities
from ...requests.errors import BadRequest, RequestError
from ...serving.deployment import Deployment
from ...serving.model import Model
from ..auth.callers import shown_in
from ..exchange import Exchange
from ..outgoing.answers import json_answer
from .abilities import asked_anywhere, asked_by, where_asked

_EPOCH = "1970-01-01T00:00:00Z"
_MOST = 1000


class NotInGemini(RequestError):
    """Models are not described in the words of Gemini's clients."""

    status, type, code = 404, "invalid_request_error", "not_found"

    def __init__(self) -> None:
        super().__init__(
            "models are not listed in Gemini's words, nor asked by its protocol: use a client of OpenAI's or "
            "Anthropic's"
        )


async def list_models(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/models`. Raises RequestError."""
    _check_client(request)
    models, abilities = exchange.models, exchange.plan.abilities
    if _is_anthropics(request):
        return json_answer(_page(models, abilities, request))
    described = [_in_openais_words(name, model, abilities[model.name]) for name, model in models.items()]
    return json_answer({"object": "list", "data": described})


async def show_model(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/models/{name}`. Raises RequestError."""
    _check_client(request)
    name = request.match_info["name"].rstrip("/")
    model = exchange.model(name)
    describe = _in_anthropics_words if _is_anthropics(request) else _in_openais_words
    return json_answer(describe(name, model, exchange.plan.abilities[model.name]))


def _in_openais_words(name: str, model: Model, abilities: Abilities) -> dict[str, Any]:
    """With its task, where it is asked, and what may be asked of it."""
    plan = model.plan if isinstance(model, Deployment) else None
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": plan.provider.value if isinstance(plan, RemotePoolPlan) else "inferc",
        "task": model.task,
        **where_asked(model, abilities),
        **asked_anywhere(abilities),
    }


def _check_client(request: web.Request) -> None:
    """Raises NotInGemini."""
    if "x-goog-api-key" in request.headers and not (_is_anthropics(request) or shown_in(request.headers)):
        raise NotInGemini


def _is_anthropics(request: web.Request) -> bool:
    return "anthropic-version" in request.headers


def _in_anthropics_words(name: str, model: Model, abilities: Abilities) -> dict[str, Any]:
    """When it was made, and of which line it is, nobody knows."""
    asked = asked_by("messages", abilities)
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _EPOCH,
        "lifecycle": "active",
        "line": None,
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": None if abilities.features is None else abilities.features.context,
        "max_tokens": None if asked is None else abilities.most,
        "capabilities": None,
        **where_asked(model, abilities),
        **({} if asked is None else {"abilities": asked}),
    }


def _page(
    models: Mapping[str, Model], abilities: Mapping[str, Abilities], request: web.Request
) -> dict[str, Any]:
    """A page of the list, as Anthropic's clients turn them. Raises BadRequest."""
    names, query = list(models), request.query
    limit = _limit(query.get("limit"))
    after, before = query.get("after_id"), query.get("before_id")
    for name, value in (("after_id", after), ("before_id", before)):
        if value is not None and value not in models:
            raise BadRequest(f"`{name}`: there is no model `{value[:100]}`", param=name)
    if before is not None:
        rest = names[: names.index(before)]
        shown, has_more = rest[-limit:], len(rest) > limit
    else:
        rest = names[names.index(after) + 1 :] if after is not None else names
        shown, has_more = rest[:limit], len(rest) > limit
    return {
        "data": [_in_anthropics_words(name, models[name], abilities[models[name].name]) for name in shown],
        "has_more": has_more,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def _limit(value: str | None) -> int:
    if value is None:
        return 20
    if not (value.isascii() and value.isdigit() and len(value) < 5 and 1 <= int(value) <= _MOST):
        raise BadRequest(f"`limit` must be a whole number from 1 to {_MOST}", param="limit")
    return int(value)
