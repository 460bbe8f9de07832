"""Reading a text again after a change: the declarations around it stay as they were read."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ..diagnostics import Diagnostic
from ..lines import is_at_margin
from ..secrets.texts import SEEN_IN, may_give_keys
from ..source import Source, common_end, common_length
from ..tree import walk
from .parser import Parsed, parse_part

_LONGEST_WORD = len("deployment")


def reparse(source: Source, before: Parsed, *, move: bool = False) -> Parsed:
    """What `parse(source)` gives; `before` is what was read earlier, usually of nearly the same text.

    move: take the declarations behind the change over, too. They move to where they stand now, so that
    `before` is of no use any more.
    """
    old, new = before.source.text, source.text
    same, end = common_length(old, new), common_end(old, new)
    first = _first_to_read(before, new, same)
    begin = before.declarations[first].start if first else 0
    by = len(new) - len(old)
    sound = max(before.sound_from, len(old) - end + 1)
    behind = _behind(before, first, sound) if move else {}
    source.may_give_keys = may_give_keys(
        new if before.source.may_give_keys else new[max(0, same - SEEN_IN) : len(new) - end + SEEN_IN]
    )
    parsed, reached = parse_part(source, begin, {start + by for start in behind})
    following = before.declarations[behind[reached - by] :] if reached is not None else ()
    kept = before.declarations[:first]
    nodes = {id(each): before.nodes[id(each)] for each in (*kept, *following) if id(each) in before.nodes}
    for each in following if by else ():
        if id(each) not in nodes:
            nodes[id(each)] = tuple(walk((each,)))
        _move(nodes[id(each)], by)
    declarations = (*kept, *parsed.declarations, *following)
    return evolve(parsed, declarations=declarations, nodes=nodes)


def _first_to_read(before: Parsed, text: str, same: int) -> int:
    """The number of the declaration from which on the text, the same up to there, must be read again."""
    same = min([same, *(start for found in before.diagnostics for start in _starts(found))])
    kept = 0
    for number, declaration in enumerate(before.declarations):
        if declaration.start + _LONGEST_WORD >= same:
            break
        if is_at_margin(text, declaration.start):
            kept = number
    return kept


def _behind(before: Parsed, first: int, offset: int) -> dict[int, int]:
    """Where the declarations begin that stand at `offset` or later, at the margin, and their numbers."""
    text = before.source.text
    return {
        each.start: number
        for number, each in enumerate(before.declarations)
        if number >= first and each.start >= offset and is_at_margin(text, each.start)
    }


def _starts(found: Diagnostic) -> list[int]:
    """Where the places of a finding begin: what was wrong before may be right now, or the other way round."""
    spans = [label.span for label in (found.primary, *found.secondary) if label is not None]
    spans += [edit.span for fix in found.fixes for edit in fix.edits]
    return [span.start for span in spans]


def _move(nodes: tuple[Any, ...], by: int) -> None:
    """Let them stand `by` characters further on."""
    for node in nodes:  # quicker than maps of C functions: each kind of node has these in the same places
        node.start += by
        node.end += by
