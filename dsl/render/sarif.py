"""Diagnostics as a SARIF 2.1.0 log, for code scanning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ..diagnostics import Diagnostic, Edit, Fix, Label, Severity
from ..json_text import json_text
from ..source import Source, Span
from ..version import __version__
from .places import encodable, place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
NOT_FROM_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")

Json = dict[str, object]


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """All `diagnostics` as the results of one run."""
    rules = {code: index for index, code in enumerate(sorted({item.code for item in diagnostics}))}
    run: Json = {
        "tool": {
            "driver": {"name": "inferc", "version": __version__, "rules": [{"id": code} for code in rules]}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, rules[item.code]) for item in diagnostics],
    }
    document: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return encodable(json_text(document))


def _result(item: Diagnostic, rule: int) -> Json:
    result: Json = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": LEVELS[item.severity],
        "message": {"text": _text(item)},
        "locations": [_location(item.primary)] if item.primary else [],
    }
    if item.secondary:
        result["relatedLocations"] = [
            {"id": number, **_location(label)} for number, label in enumerate(item.secondary, 1)
        ]
    fixes = [_fix(fix) for fix in item.fixes if fix.edits]
    if fixes:
        result["fixes"] = fixes
    return result


def _text(item: Diagnostic) -> str:
    """The message, the notes and the help, one a line."""
    helps = (*item.help, *(fix.title for fix in item.fixes if not fix.edits))
    lines = [item.message, *(f"note: {note}" for note in item.notes), *(f"help: {text}" for text in helps)]
    return "\n".join(lines)


def _location(label: Label) -> Json:
    location: Json = {"physicalLocation": _physical_location(label.span)}
    if label.text:
        location["message"] = {"text": label.text}
    return location


def _physical_location(span: Span) -> Json:
    return {"artifactLocation": _artifact(span.source), "region": _region(span)}


def _artifact(source: Source) -> Json:
    """The file as a URI: relative to the root of the sources, unless its name is absolute."""
    uri = quote(NOT_FROM_BYTES.sub("\ufffd", source.name), errors="surrogateescape")
    if uri.startswith("/"):
        return {"uri": "file://" + uri}
    return {"uri": uri, "uriBaseId": ROOT}


def _region(span: Span) -> Json:
    found = place(span)
    return {
        "startLine": found.line,
        "startColumn": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
        "charOffset": found.start,
        "charLength": found.end - found.start,
    }


def _fix(fix: Fix) -> Json:
    by_source: dict[int, list[Edit]] = {}
    for edit in fix.edits:
        by_source.setdefault(id(edit.span.source), []).append(edit)
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": _artifact(edits[0].span.source), "replacements": _replacements(edits)}
            for edits in by_source.values()
        ],
    }


def _replacements(edits: Iterable[Edit]) -> list[Json]:
    return [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}} for edit in edits
    ]
