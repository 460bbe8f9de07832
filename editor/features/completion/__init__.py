"""What may stand at a place: asked of the text before it, so that half a line is enough."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import attrs
from lsprotocol import types as lsp

from ...cursor import Where, cursor_at
from ...view import View
from .code import in_code
from .context import Context, Offer
from .texts import in_text

COMPLETION_TRIGGERS = ('"', "/", ".", "=", "{", "(", "[", "$")
MOST = 100
"""Offers given at once; of more, those that fit what is typed."""


def completion(
    view: View, position: lsp.Position, *, snippets: bool = True, range_once: bool = False
) -> lsp.CompletionList:
    """What fits at `position`.

    snippets: whether the client fills in templates with stops. range_once: whether it takes what is replaced
    from the list, where no offer says it.
    """
    context = Context(view, cursor_at(view.text, view.offset(position)))
    match context.cursor.where:
        case Where.COMMENT:
            offers: list[Offer] = []
        case Where.TEXT:
            offers = list(in_text(context))
        case Where.CODE:
            offers = list(in_code(context))
    offers = list({(offer.label, offer.kind): offer for offer in offers}.values())
    is_incomplete = len(offers) > MOST
    if is_incomplete:
        offers = sorted(offers, key=lambda offer: _rank(context.typed, offer.label))
        offers = [offer for offer in offers if _rank(context.typed, offer.label)[0] < 2][:MOST]
    where = view.range(context.start, context.end)
    if not range_once:
        return lsp.CompletionList(is_incomplete, _items(offers, where, snippets))
    defaults = lsp.CompletionItemDefaults(edit_range=where)
    return lsp.CompletionList(is_incomplete, _items(offers, None, snippets), item_defaults=defaults)


def _rank(typed: str, label: str) -> tuple[int, str]:
    """First what begins with the typed text, then what holds its letters in their order, then the rest."""
    wanted, letters = typed.casefold(), iter(label.casefold())
    if label.casefold().startswith(wanted):
        return 0, label
    return (1 if all(letter in letters for letter in wanted) else 2), label


def _items(offers: Iterable[Offer], where: lsp.Range | None, snippets: bool) -> list[lsp.CompletionItem]:
    with attrs.validators.disabled():  # all of it is made here
        items = [_item(number, offer, snippets) for number, offer in enumerate(offers)]
        return items if where is None else [_replacing(where, each) for each in items]


@lru_cache(maxsize=1024)
def _item(number: int, offer: Offer, snippets: bool) -> lsp.CompletionItem:
    """The same ones are offered after each key of a word: whoever is given one leaves it as it is."""
    is_snippet = snippets and offer.snippet is not None
    text = offer.snippet if is_snippet and offer.snippet is not None else offer.text
    return lsp.CompletionItem(
        label=offer.label,
        kind=offer.kind,
        detail=offer.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, offer.doc) if offer.doc else None,
        tags=[lsp.CompletionItemTag.Deprecated] if offer.deprecated else None,
        sort_text=f"{offer.order}{number:04}",
        filter_text=offer.filter or None,
        insert_text_format=lsp.InsertTextFormat.Snippet if is_snippet else None,
        text_edit_text=text,  # some clients do not take the label instead
    )


def _replacing(where: lsp.Range, item: lsp.CompletionItem) -> lsp.CompletionItem:
    """The same for clients that want to be told in each what is replaced."""
    edit = lsp.TextEdit(where, item.text_edit_text or "")
    return attrs.evolve(item, text_edit=edit, text_edit_text=None)
