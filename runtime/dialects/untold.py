"""What of an answer the protocol of its client has no word for: named, so that it is not lost in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..requests import events as e
from .adapt.dialects import SEALS
from .openai_chat.write_answer import citation
from .openai_responses.output_items import note_of

OF_THE_SERVER = frozenset(
    {
        *("system_fingerprint", "service_tier", "provider", "native_finish_reason", "stop_reason", "x_groq"),
        *("prompt_filter_results", "content_filter_results", "content_filter_offsets", "role", "type"),
        *("kv_transfer_params", "warnings", "metadata", "seed", "token_ids", "prompt"),
        *("createTime", "avgLogprobs", "tokenCount", "metrics", "performanceConfig", "serviceTier"),
    }
)
"""Fields that tell of the server, or repeat what the client said, and nothing of what the model says."""


_SAYING_MORE = frozenset({e.FieldsMade, e.SealedMade, e.Cited, e.MediaMade})
"""Events of which a client may not be told all, beside those that begin and end an answer."""


def untold(event: e.Event, client: str) -> Iterable[str]:
    """Names of what `event` holds and no client of the dialect `client` is told."""
    if type(event) is e.TextDelta:  # nearly all are
        return ("logprobs",) if event.logprobs and client == "anthropic" else ()
    if type(event) is e.Finished or type(event) is e.Started:
        return _sealed(event.extras, client) if event.extras else ()
    if type(event) not in _SAYING_MORE:
        return ()
    match event:
        case e.FieldsMade(dialect=dialect, fields=fields):
            return _sealed({dialect: fields}, client)
        case e.SealedMade(part=part) if part.dialect not in SEALS[client]:
            kind = str(part.value.get("type") or next(iter(part.value), "part"))
            return () if kind == "reasoning" else (kind,)  # its words are told as thoughts
        case e.Cited() if not _is_cited(event, client):
            return ("citation",)
        case e.MediaMade(media=media) if client == "openai_responses" or (
            client == "anthropic" and not media.url
        ):
            return (media.kind,)
    return ()


def _is_cited(cited: e.Cited, client: str) -> bool:
    if client == "anthropic":
        return cited.dialect == client
    return note_of(cited) is not None if client == "openai_responses" else citation(cited) is not None


def _sealed(extras: Mapping[str, Mapping[str, Any]], client: str) -> Iterator[str]:
    for dialect, values in extras.items():
        if dialect not in SEALS[client]:
            yield from (name for name in values if name not in OF_THE_SERVER)
