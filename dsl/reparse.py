"""Reading a text again after a change: the declarations before it stay as they were read."""

from __future__ import annotations

from attrs import evolve

from .diagnostics import Diagnostic
from .lines import is_at_margin
from .parser import Parsed, parse
from .source import Source, common_length

_LONGEST_WORD = len("deployment")


def reparse(source: Source, before: Parsed) -> Parsed:
    """What `parse(source)` gives; `before` is what was read earlier, usually of nearly the same text."""
    same = common_length(before.source.text, source.text)
    same = min([same, *(start for found in before.diagnostics for start in _starts(found))])
    kept = 0
    for number, declaration in enumerate(before.declarations):
        if declaration.start + _LONGEST_WORD >= same:
            break
        if is_at_margin(source.text, declaration.start):
            kept = number
    if kept == 0:
        return parse(source)
    rest = parse(source, before.declarations[kept].start)
    return evolve(rest, declarations=(*before.declarations[:kept], *rest.declarations))


def _starts(found: Diagnostic) -> list[int]:
    """Where the places of a finding begin: what was wrong before may be right now, or the other way round."""
    spans = [label.span for label in (found.primary, *found.secondary) if label is not None]
    spans += [edit.span for fix in found.fixes for edit in fix.edits]
    return [span.start for span in spans]
