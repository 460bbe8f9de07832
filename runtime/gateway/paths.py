"""What is served at which path, and the shape that errors have there.

Clients put their paths together from an address that somebody typed: with a slash too many, with `/v1` twice
or not at all. These are served, too, and so are Azure's paths, where the deployment stands for the model.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from aiohttp import web
from attrs import evolve, field

from ...compiler.plan import ClientProtocol
from ...compiler.plan.late_pattern import late_pattern
from ...compiler.plan.record import frozen
from ..requests.errors import RequestError
from .endpoints.batches import refuse_batches
from .endpoints.chat import answer_chat
from .endpoints.chat_protocols import answer_in, count_tokens
from .endpoints.classify import answer_classify
from .endpoints.completions import answer_completion
from .endpoints.conversations import (
    add_items,
    create_conversation,
    delete_conversation,
    delete_item,
    list_items,
    show_conversation,
    show_item,
    update_conversation,
)
from .endpoints.embeddings import (
    answer_cohere_embed,
    answer_cohere_embed_v2,
    answer_embeddings,
    answer_tei_embed,
    answer_tei_embed_all,
    answer_tei_embed_sparse,
)
from .endpoints.models import list_models, show_model
from .endpoints.open_inference import (
    answer_config,
    answer_index,
    answer_infer,
    answer_live,
    answer_load,
    answer_model,
    answer_model_ready,
    answer_ready,
    answer_server,
    answer_statistics,
    answer_unload,
)
from .endpoints.passthrough import passing
from .endpoints.pipelines import answer_pipeline, list_pipelines, show_pipeline
from .endpoints.rerank import answer_bare_rerank, answer_cohere_rerank, answer_rerank
from .endpoints.responses import (
    answer_response,
    cancel_response,
    compact_response,
    count_input,
    delete_response,
    list_input,
    show_response,
)
from .exchange import Exchange
from .outgoing.errors import (
    cohere_error_answer,
    error_answer,
    gemini_error_answer,
    inference_error_answer,
    messages_error_answer,
    tei_error_answer,
)

Answer = Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]
InError = Callable[[RequestError, Mapping[str, str]], web.Response]
Shape = Callable[[web.Request], tuple[InError, ClientProtocol]]
"""How errors look, and the protocol that a client speaks."""

_ERRORS: dict[ClientProtocol, InError] = {
    ClientProtocol.OPENAI: error_answer,
    ClientProtocol.ANTHROPIC: messages_error_answer,
    ClientProtocol.COHERE: cohere_error_answer,
    ClientProtocol.TEI: tei_error_answer,
    ClientProtocol.OPEN_INFERENCE: inference_error_answer,
}
_VERBS = r"(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict\w*)"
_COHERES = late_pattern(
    r"/v2/+(chat|embed|rerank|tokenize|detokenize|classify)\b|/v1/+chat/*$"
    r"|/v1/+(embed|tokenize|detokenize|generate|summarize|datasets|connectors|embed-jobs)\b"
)
_MESSAGES = late_pattern(r"/messages\b|/complete$")
_GEMINIS = late_pattern(rf"/v1(beta|alpha)\b|:{_VERBS}$")
_TEIS = late_pattern(r"/(embed\w*|predict|rerank|similarity|info|tokenize|decode)/*$")


def _always(protocol: ClientProtocol) -> Shape:
    shape = (_ERRORS[protocol], protocol)
    return lambda request: shape


def shape_meant(request: web.Request) -> tuple[InError, ClientProtocol]:
    """The shape of the protocol that a client probably speaks, by its headers and by the path."""
    path, headers = request.path, request.headers
    if "anthropic-version" in headers or _MESSAGES.search(path):
        protocol = ClientProtocol.ANTHROPIC
    elif _COHERES.match(path) or headers.get("x-fern-sdk-name", "").startswith("cohere"):
        protocol = ClientProtocol.COHERE
    elif path.startswith(("/v2", "/api/")):
        protocol = ClientProtocol.OPEN_INFERENCE
    elif "x-goog-api-key" in headers or is_geminis(path):
        return gemini_error_answer, ClientProtocol.OPENAI
    else:
        protocol = ClientProtocol.TEI if _TEIS.fullmatch(path) else ClientProtocol.OPENAI
    return _ERRORS[protocol], protocol


def is_geminis(path: str) -> bool:
    """Whether only clients of Gemini ask there, whose protocol nobody is served in."""
    return _GEMINIS.search(path) is not None


@frozen
class Path:
    """protocol: in which a model is asked; None where none is. shape: of errors; by default, that one's."""

    method: str
    path: str
    answer: Answer
    protocol: ClientProtocol | None
    shape: Shape = field()

    @shape.default
    def _default_shape(self) -> Shape:
        return _always(self.protocol or ClientProtocol.OPENAI)


_PASSED = {
    "/moderations": False,
    "/audio/speech": False,
    "/audio/transcriptions": True,
    "/audio/translations": True,
    "/images/generations": False,
    "/images/edits": True,
    "/images/variations": True,
}
"""What OpenAI has beside tasks, and whether it is asked with files."""

_OPENAI = (
    ("POST", "/v1/chat/completions", answer_chat),
    ("POST", "/v1/responses", answer_response),
    ("POST", "/v1/responses/input_tokens", count_input),
    ("POST", "/v1/responses/compact", compact_response),
    ("GET", "/v1/responses/{id}", show_response),
    ("DELETE", "/v1/responses/{id}", delete_response),
    ("POST", "/v1/responses/{id}/cancel", cancel_response),
    ("GET", "/v1/responses/{id}/input_items", list_input),
    ("POST", "/v1/conversations", create_conversation),
    ("GET", "/v1/conversations/{id}", show_conversation),
    ("POST", "/v1/conversations/{id}", update_conversation),
    ("DELETE", "/v1/conversations/{id}", delete_conversation),
    ("POST", "/v1/conversations/{id}/items", add_items),
    ("GET", "/v1/conversations/{id}/items", list_items),
    ("GET", "/v1/conversations/{id}/items/{item}", show_item),
    ("DELETE", "/v1/conversations/{id}/items/{item}", delete_item),
    ("POST", "/v1/completions", answer_completion),
    ("POST", "/v1/embeddings", answer_embeddings),
    *(("POST", f"/v1{path}", passing(path, forms=forms)) for path, forms in _PASSED.items()),
    ("POST", "/v1/rerank", answer_rerank),
    ("POST", "/v1/classify", answer_classify),
    ("GET", "/v1/models", list_models),
    ("GET", "/v1/models/{name:.+}", show_model),
    ("GET", "/v1/pipelines", list_pipelines),
    ("GET", "/v1/pipelines/{name:.+}", show_pipeline),
    ("POST", "/v1/pipelines/{name:.+}", answer_pipeline),
)
_ANTHROPIC = (
    ("POST", "/v1/messages", answer_in("anthropic")),
    ("POST", "/v1/messages/count_tokens", count_tokens),
)
_COHERE = (
    ("POST", "/v1/embed", answer_cohere_embed),
    ("POST", "/v2/embed", answer_cohere_embed_v2),
    ("POST", "/v2/rerank", answer_cohere_rerank),
)
_TEI = (
    ("POST", "/embed", answer_tei_embed),
    ("POST", "/embed_sparse", answer_tei_embed_sparse),
    ("POST", "/embed_all", answer_tei_embed_all),
    ("POST", "/rerank", answer_bare_rerank),
)
_INFERENCE = (
    ("GET", "/v2", answer_server),
    ("GET", "/v2/health/live", answer_live),
    ("GET", "/v2/health/ready", answer_ready),
    ("GET", "/v2/models/stats", answer_statistics),
    ("GET", "/v2/models/{name:.+}/versions/{version}/stats", answer_statistics),
    ("GET", "/v2/models/{name:.+}/versions/{version}/config", answer_config),
    ("GET", "/v2/models/{name:.+}/stats", answer_statistics),
    ("GET", "/v2/models/{name:.+}/config", answer_config),
    ("POST", "/v2/repository/index", answer_index),
    ("POST", "/v2/models/{name:.+}/versions/{version}/infer", answer_infer),
    ("GET", "/v2/models/{name:.+}/versions/{version}/ready", answer_model_ready),
    ("GET", "/v2/models/{name:.+}/versions/{version}", answer_model),
    ("POST", "/v2/models/{name:.+}/infer", answer_infer),
    ("GET", "/v2/models/{name:.+}/ready", answer_model_ready),
    ("GET", "/v2/models/{name:.+}", answer_model),
)
OPEN = frozenset({"/v2/health/live", "/v2/health/ready", "/livez", "/readyz", "/healthz"})
"""What probes ask for: no token is needed."""

_AZURES = ("/chat/completions", "/completions", "/embeddings", *_PASSED)
"""What Azure serves below a deployment."""


_SHARED = ("/v1/models", "/v1/rerank")
"""Where clients of several protocols ask."""


def _declared() -> Iterator[Path]:
    for protocol, each in (
        (ClientProtocol.OPENAI, _OPENAI),
        (ClientProtocol.ANTHROPIC, _ANTHROPIC),
        (ClientProtocol.COHERE, _COHERE),
        (ClientProtocol.TEI, _TEI),
        (ClientProtocol.OPEN_INFERENCE, _INFERENCE),
    ):
        for method, path, answer in each:
            if path.startswith(_SHARED):
                yield Path(method, path, answer, protocol, shape_meant)
            else:
                yield Path(method, path, answer, protocol)


def _also_at(path: Path) -> Iterator[str]:
    """Where else `path` is served."""
    at = path.path
    if at.startswith("/v1/") and path.protocol in (ClientProtocol.OPENAI, ClientProtocol.ANTHROPIC):
        bare = at.removeprefix("/v1")
        yield from (f"/v1{at}", bare, f"/v1/{bare}", f"/{at}")
        yield f"/{path.protocol}{at}"
        if bare in _AZURES:
            yield f"/openai/deployments/{{deployment:.+}}{bare}"
        if bare == "/models":
            yield f"/openai{bare}"
    else:
        yield f"/{at}"
        if path.protocol is ClientProtocol.COHERE and at.startswith("/v2/"):
            yield f"/v1{at}"


def by_path(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """What is served at each path, with and without a slash at its end."""
    found: dict[str, list[Path]] = {}
    for each in paths:
        found.setdefault(each.path, []).append(each)
        if not each.path.endswith(":.+}"):
            found.setdefault(f"{each.path}/", []).append(each)
    return found


DECLARED = tuple(_declared())
"""What is served, without the odd ways to it."""

_OPEN_INFERENCE = _always(ClientProtocol.OPEN_INFERENCE)
_OPERATED = (
    Path("POST", "/v2/repository/models/{name:.+}/load", answer_load, None, _OPEN_INFERENCE),
    Path("POST", "/v2/repository/models/{name:.+}/unload", answer_unload, None, _OPEN_INFERENCE),
)
"""What changes what is served: for who may see the requests of all keys."""

_NOT_PASSED_ON = tuple(
    Path(method, path, refuse_batches, protocol, shape_meant)
    for protocol, at in (
        (ClientProtocol.OPENAI, ("/v1/batches", "/v1/batch", "/v1/files", "/v1/uploads")),
        (ClientProtocol.ANTHROPIC, ("/v1/messages/batches",)),
    )
    for each in at
    for method, path in (
        ("GET", each),
        ("POST", each),
        ("GET", f"{each}/{{id:.+}}"),
        ("POST", f"{each}/{{id:.+}}"),
        ("DELETE", f"{each}/{{id:.+}}"),
    )
)
"""What clients of providers ask for, and are told where it is."""

_TAKEN = {each.path for each in DECLARED}
PATHS: tuple[Path, ...] = (
    *DECLARED,
    *_OPERATED,
    *_NOT_PASSED_ON,
    *(
        evolve(each, path=at)
        for each in (*DECLARED, *_NOT_PASSED_ON)
        for at in _also_at(each)
        if at not in _TAKEN
    ),
)
"""The first of those that fit is the one that answers."""

SERVED: tuple[str, ...] = (
    *dict.fromkeys(re.sub(r":[^}]*}", "}", each.path) for each in DECLARED),
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/ui",
)
"""The paths, as they are told to clients."""
