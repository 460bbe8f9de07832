"""What Converse has as Anthropic has it, in other words.

Sources: Amazon Bedrock API reference (DocumentBlock, SearchResultBlock); Anthropic Messages API reference.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...requests.parts import Media, Sealed, own


def as_converse_document(media: Media) -> Media:
    """`media` whose context, and whether it is cited, Converse is told."""
    said = own(media.extras, "anthropic")
    kept = {name: value for name, value in said.items() if name in ("context", "citations")}
    if media.kind != "document" or not kept:
        return media
    rest = {name: value for name, value in said.items() if name not in kept}
    extras: dict[str, Any] = {**media.extras, "anthropic": rest, "bedrock": kept}
    return evolve(media, extras=extras)


def as_converse_search_result(part: Sealed) -> Sealed:
    """Anthropic's block without its type and its mark."""
    block = part.value
    made: dict[str, Any] = {name: block[name] for name in ("source", "title", "citations") if name in block}
    content = block.get("content")
    texts = [each for each in (content if isinstance(content, list) else ()) if isinstance(each, dict)]
    made["content"] = [{"text": str(each.get("text", ""))} for each in texts]
    return Sealed("bedrock", {"searchResult": made}, part.at)
