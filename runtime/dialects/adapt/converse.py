"""What Converse has as Anthropic has it, in other words.

Sources: Amazon Bedrock API reference (DocumentBlock, SearchResultBlock); Anthropic Messages API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ...requests.parts import Media, Sealed, own


def as_converse_document(media: Media) -> Media:
    """`media` whose context, and whether it is cited, Converse is told."""
    said = own(media.extras, "anthropic")
    kept = {name: value for name, value in said.items() if name == "context"} | _citations(said)
    if media.kind != "document" or not kept:
        return media
    rest = {name: value for name, value in said.items() if name not in ("context", "citations")}
    extras: dict[str, Any] = {**media.extras, "anthropic": rest, "bedrock": kept}
    return evolve(media, extras=extras)


def _citations(said: Mapping[str, Any]) -> dict[str, Any]:
    """Whether it is cited, which Converse always wants to be said."""
    citations = said.get("citations")
    if not isinstance(citations, Mapping):
        return {}
    return {"citations": {"enabled": citations.get("enabled") is True}}


def as_converse_search_result(part: Sealed) -> Sealed:
    """Anthropic's block without its type and its mark."""
    block = part.value
    made: dict[str, Any] = {name: block[name] for name in ("source", "title") if name in block}
    made |= _citations(block)
    content = block.get("content")
    texts = [each for each in (content if isinstance(content, list) else ()) if isinstance(each, dict)]
    made["content"] = [{"text": str(each.get("text", ""))} for each in texts]
    return Sealed("bedrock", {"searchResult": made}, part.at)
