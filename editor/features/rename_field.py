"""When the field of a record must keep its name: where it is meant and cannot be followed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from ...compiler.compile import Checked
from ...compiler.modules import key_of
from ...dsl.source import Span
from ..new_names import RenameRefused, written
from ..record_fields import RecordField, blind_spots, confused, programs_with
from ..view import View


def refuse_field(view: View, field: RecordField, new: str, places: Iterable[Span]) -> None:
    """Raise RenameRefused where a new name at `places` would leave others behind, or mean something else."""
    old = field.name
    if new in field.others:
        raise RenameRefused(f"the record has a field `{new}` already")
    programs = list(programs_with(view, field))
    for scope, checked in programs:
        source = scope.module.source
        for place in _mistakes(checked, old):
            raise RenameRefused(f"{_line(place)} has a mistake beside `{old}`: put that right first")
        for span, why in blind_spots(checked, source, field):
            raise RenameRefused(f"{_line(span)} may mean `{old}`: {why}; rename it by hand")
        reason = confused(checked, field, new)
        if reason is not None:
            raise RenameRefused(f"in `{source.name}` {reason}")
    texts = _renamed(places, new)
    for scope, checked in programs:
        known = Counter(each.code for each in checked.diagnostics if each.is_error)
        after = view.workspace.check_together(view.document_of(scope.module.source), texts)
        for each in after.diagnostics:
            known[each.code] -= each.is_error
            if each.is_error and known[each.code] < 0:
                where = f"{_line(each.primary.span)}: " if each.primary is not None else ""
                raise RenameRefused(f"it would be a mistake: {where}{each.message}")


def _mistakes(checked: Checked, name: str) -> Iterator[Span]:
    """Errors in what says the name, where it may be meant and not be understood."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    for each in checked.diagnostics:
        if not each.is_error or each.primary is None:
            continue
        span = each.primary.span
        declarations = next((m.declarations for m in checked.modules if m.source is span.source), ())
        around = next((d for d in declarations if d.start <= span.start <= d.end), None)
        start, end = (around.start, around.end) if around is not None else (0, len(span.source.text))
        if word.search(span.source.text, start, end):
            yield span


def unread_texts(view: View, field: RecordField) -> Iterator[str]:
    """Files with texts that have the name in quotes, as JSON does, and are left as they are."""
    word = re.compile(rf'\\?"{re.escape(field.name)}\\?"\s*:')
    for scope in view.workspace.everything(view.document):
        source = scope.module.source
        found = word.search(source.text)
        if found is not None:
            where = f"line {source.line_of(found.start())} of `{source.name}`"
            yield f"renamed, but not in JSON that stands in a text, as in {where}"
            return
    if view.workspace.unseen:
        yield f"renamed, but not in what could not be looked through: {view.workspace.unseen}"


def _line(span: Span) -> str:
    return f"line {span.source.line_of(span.start)} of `{span.source.name}`"


def _renamed(places: Iterable[Span], new: str) -> dict[str, str]:
    """The texts of the files with the new name, by the keys of their sources."""
    texts: dict[str, str] = {}
    for span in sorted(places, key=lambda each: -each.start):
        text = texts.get(key_of(span.source), span.source.text)
        name = written(span.source.text, span.start, new)
        texts[key_of(span.source)] = text[: span.start] + name + text[span.end :]
    return texts
