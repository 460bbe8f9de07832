"""Tests that are played when somebody asks for it: by `inferc test`, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterable
from typing import Any

from attrs import field
from lsprotocol import types as lsp

from ..dsl.record import frozen
from ..dsl.secrets.texts import masked
from .documents import Document

LONGEST = 300.0
"""Seconds that the tests of a file may take."""

LARGEST = 32 << 20
"""Bytes of what is said about them."""

SOURCE = "inferc test"


class CannotPlay(Exception):
    """The tests cannot be played; the message says why."""


@frozen
class Played:
    """What became of the tests of one text. results: by title, in a few words."""

    text: str
    results: dict[str, str] = field(factory=dict)
    findings: tuple[lsp.Diagnostic, ...] = ()
    failed: int = 0

    def said(self) -> str:
        count = len(self.results)
        tests = f"{count} {'test' if count == 1 else 'tests'} played"
        return f"{tests}, {self.failed} failed" if self.failed else f"{tests}, all passed"


async def play(document: Document, title: str | None, before: Played | None) -> Played:
    """Play the tests of a text as it is in the editor, or the one called `title`. Raises CannotPlay.

    before: what is known of the tests of the same text, which is kept for those that are not played.
    """
    if document.path is None:
        raise CannotPlay("save the file first: its imports are looked for beside it")
    said = await _run(document, title)
    tests: list[dict[str, Any]] = [each for each in said.get("tests", ()) if title in (None, each["title"])]
    findings = [_finding(each, document) for each in said.get("diagnostics", ())]
    results = {each["title"]: _result(each) for each in tests}
    failed = sum(not each["passed"] for each in tests)
    if not tests and not findings:
        raise CannotPlay(f"there is no test `{title}`" if title else "there is no test in this file")
    if not tests:  # the check shows it where it stands
        line = findings[0].range.start.line + 1
        raise CannotPlay(f"no test was played: line {line} has a mistake")
    if before is not None and before.text == document.text:
        others = [each for each in before.findings if each.data not in results]
        return Played(document.text, before.results | results, (*others, *findings), failed)
    return Played(document.text, results, tuple(findings), failed)


async def _run(document: Document, title: str | None) -> dict[str, Any]:
    assert document.path is not None
    only = ["--only", title] if title else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inferc.cli", "test", "-", *only, "--format", "json"),
        cwd=document.path.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LARGEST,
    )
    try:
        async with asyncio.timeout(LONGEST):
            out, err = await process.communicate(document.text.encode("utf-8", "replace"))
    except TimeoutError:
        raise CannotPlay(f"the tests took longer than {LONGEST:g} seconds") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        said = json.loads(out)
    except ValueError:
        lines = err.decode(errors="replace").strip().splitlines()
        raise CannotPlay(lines[-1] if lines else "`inferc test` ended without a word") from None
    assert isinstance(said, dict)
    return said


def _result(test: dict[str, Any]) -> str:
    mark = "✓" if test["passed"] else "✗ failed,"
    requests = f"{test['requests']:,} {'request' if test['requests'] == 1 else 'requests'}"
    return f"{mark} {requests}, {test['seconds']:.3g} s"


def _finding(found: dict[str, Any], document: Document) -> lsp.Diagnostic:
    """What does not hold, where it stands: offsets are those of the text that was sent."""
    at = found.get("range")
    start = end = 0
    if at is not None and found.get("file") == "<stdin>":
        start, end = at["start"]["offset"], at["end"]["offset"]
    lines: Iterable[str] = [found["message"], found["label"], *found["notes"], *found["help"]]
    return lsp.Diagnostic(
        range=document.lines.range(start, end),
        message=masked("\n".join(each for each in lines if each)),
        severity=lsp.DiagnosticSeverity.Error,
        code=found["code"],
        source=SOURCE,
        data=found["message"].split("`")[1] if "`" in found["message"] else None,
    )
