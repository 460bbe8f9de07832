"""Diagnostics as one JSON document, for programs.

The document has these keys, in this order; later versions may add keys at the end of an object:

- `schema`: `inferc.diagnostics/1`
- `diagnostics`: a list of objects with
    - `code`, `severity` (`error`, `warning` or `note`), `message`
    - `file`, `range`: where to look first; both null when there is no source
    - `label`: what is to be seen there
    - `labels`: other places, each with `file`, `range`, `text`
    - `notes`, `help`: lists of texts
    - `fixes`: each with `title`, `safe`, `edits`, and each edit with `file`, `range`, `replacement`
- `summary`: the counts `errors`, `warnings`, `notes`

A range is `{"start": {"line", "column", "offset"}, "end": {…}}`. Lines and columns count from 1, offsets
from 0, all in characters (Unicode code points); the end is not included.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Diagnostic, Edit, Fix, Label, count
from ..json_text import json_text
from ..source import Span
from .places import encodable, place

SCHEMA = "inferc.diagnostics/1"

Json = dict[str, object]


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """All `diagnostics` as the document described above."""
    document: Json = {
        "schema": SCHEMA,
        "diagnostics": [diagnostic_as_json(item) for item in diagnostics],
        "summary": {f"{severity}s": number for severity, number in count(diagnostics).items()},
    }
    return encodable(json_text(document))


def diagnostic_as_json(item: Diagnostic) -> Json:
    """One of them, as the document holds it."""
    where: Json = _where(item.primary.span) if item.primary else {"file": None, "range": None}
    return {
        "code": item.code,
        "severity": item.severity,
        "message": item.message,
        **where,
        "label": item.primary.text if item.primary else "",
        "labels": [_label(label) for label in item.secondary],
        "notes": item.notes,
        "help": item.help,
        "fixes": [_fix(fix) for fix in item.fixes],
    }


def _where(span: Span) -> Json:
    found = place(span)
    return {
        "file": span.source.name,
        "range": {
            "start": {"line": found.line, "column": found.column, "offset": found.start},
            "end": {"line": found.end_line, "column": found.end_column, "offset": found.end},
        },
    }


def _label(label: Label) -> Json:
    return {**_where(label.span), "text": label.text}


def _fix(fix: Fix) -> Json:
    return {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> Json:
    return {**_where(edit.span), "replacement": edit.replacement}
