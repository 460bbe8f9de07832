"""What Anthropic's clients say in blocks that no other provider has, in words that all have.

Sources: Anthropic Messages API reference (search results, documents, tool search). Claude Code's first system
block is about its bill, differs from request to request, and is refused by Bedrock:
https://github.com/anthropics/claude-code/issues/24168.
"""

from __future__ import annotations

from attrs import evolve

from ...requests.errors import BadRequest
from ...requests.parts import Part, Sealed, Text
from ..anthropic.blocks import read_content
from ..fields import cache_mark

BILLING = "x-anthropic-billing-header:"
"""How a line of a system prompt begins that is about who pays Anthropic."""


def without_billing(text: Text) -> Text | None:
    """`text`, which begins with such a line, without it; None where nothing else is said."""
    rest = text.text.partition("\n")[2]
    return evolve(text, text=rest) if rest.strip() else None


def as_words(part: Sealed) -> tuple[Part, ...]:
    """Texts, and pictures between them, for a block of Anthropic's; nothing where there is no word for it."""
    try:
        match part.value:
            case {"type": "tool_reference", "tool_name": str(name)}:
                said: tuple[Part, ...] = (Text(f"The tool `{name}` can be called.", at=part.at),)
            case {"type": "search_result", "source": str(source), "title": str(title), "content": content}:
                inner = read_content(content, (*part.at, "content"))
                said = (Text(f"{title}\n{source}", at=part.at), *inner)
            case {"type": "document", "source": {"type": "content", "content": content}}:
                inner = read_content(content, (*part.at, "source", "content"))
                named = part.value.get("title")
                said = (Text(named, at=part.at), *inner) if isinstance(named, str) else inner
            case _:
                return ()
    except BadRequest:
        return ()
    mark = cache_mark(dict(part.value), part.at)
    if mark is not None and isinstance(last := said[-1], Text):
        said = (*said[:-1], evolve(last, cache=mark))
    return said
