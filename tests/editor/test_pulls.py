"""Findings for a client that asks for them: what is new, and what it has already."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from inferc.editor.documents import uri_of

from .conftest import PATIENCE, Client
from .test_playing import FILE, play

PULLING: dict[str, Any] = {
    "text_document": lsp.TextDocumentClientCapabilities(
        diagnostic=lsp.DiagnosticClientCapabilities(related_document_support=True)
    )
}
SHARED = "let patience = 30s\n"
MAIN = """\
import "shared.infer" as shared
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("KEY"), timeouts { request = shared.patience } }
}
"""


async def pull(client: Client, uri: str, before: str | None = None) -> Any:
    asked = lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri), previous_result_id=before)
    return await asyncio.wait_for(client.text_document_diagnostic_async(asked), PATIENCE)


async def pull_all(client: Client, **before: str) -> dict[str, Any]:
    """The reports by the names of their files."""
    asked = lsp.WorkspaceDiagnosticParams([lsp.PreviousResultId(*each) for each in before.items()])
    report = await asyncio.wait_for(client.workspace_diagnostic_async(asked), PATIENCE)
    return {each.uri.rpartition("/")[2]: each for each in report.items}


def codes(report: Any) -> list[str]:
    return [each.code for each in report.items]


async def test_what_was_told_already_is_not_told_again(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "main.infer")
    result = await client.start(tmp_path, **PULLING)
    provider = result.capabilities.diagnostic_provider
    assert isinstance(provider, lsp.DiagnosticOptions)
    assert (provider.inter_file_dependencies, provider.workspace_diagnostics) == (True, True)
    client.open(uri, "let _a = 1s + 1GiB\n")
    first = await pull(client, uri)
    assert codes(first) == ["E0307"]
    again = await pull(client, uri, first.result_id)
    assert (again.kind, again.result_id) == ("unchanged", first.result_id)
    client.change(uri, 2, "let _a = 1s + 1s\n")
    changed = await pull(client, uri, first.result_id)
    assert (changed.kind, changed.items) == ("full", ())
    assert client.published == [], "who asks is not told besides"
    assert await client.end() == 0


async def test_a_change_of_what_is_imported_changes_what_is_found(client: Client, tmp_path: Path) -> None:
    (tmp_path / "shared.infer").write_text(SHARED, "utf-8")
    main, shared = (uri_of(tmp_path / f"{name}.infer") for name in ("main", "shared"))
    await client.start(tmp_path, **PULLING)
    client.open(main, MAIN)
    fine = await pull(client, main)
    assert codes(fine) == []
    assert {uri: report.items for uri, report in fine.related_documents.items()} == {shared: ()}
    client.open(shared, "let patience = 30GiB\n")
    wrong = await pull(client, main, fine.result_id)
    assert wrong.kind == "full"
    assert len(wrong.items) == 1
    assert wrong.related_documents is None, "who has a file open asks about it"


async def test_all_files_of_the_folder_open_or_not(client: Client, tmp_path: Path) -> None:
    (tmp_path / "closed.infer").write_text("let _a = 1s + 1GiB\n", "utf-8")
    (tmp_path / "gone.infer").write_text("let _a = 1s + $1\n", "utf-8")
    await client.start(tmp_path, **PULLING)
    client.open(uri_of(tmp_path / "new.infer"), "let _a = 1s + $1\n")
    first = await pull_all(client)
    assert {name: codes(each) for name, each in first.items()} == {
        "closed.infer": ["E0307"],
        "gone.infer": ["E0307"],
        "new.infer": ["E0307"],
    }
    known = {each.uri: each.result_id for each in first.values()}
    assert {each.kind for each in (await pull_all(client, **known)).values()} == {"unchanged"}
    (tmp_path / "closed.infer").write_text("let _a = 1s + 1s\n", "utf-8")
    (tmp_path / "gone.infer").unlink()
    second = await pull_all(client, **known)
    assert {name: each.kind for name, each in second.items()} == {
        "closed.infer": "full",
        "gone.infer": "full",
        "new.infer": "unchanged",
    }
    assert (second["closed.infer"].items, second["gone.infer"].items) == ((), ())


async def test_what_tests_find_is_published_and_goes_with_the_text(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "shop.infer")
    await client.start(tmp_path, **PULLING)
    client.open(uri, FILE)
    assert codes(await pull(client, uri)) == []
    await play(client, uri)
    assert [each.code for each in client.published[-1].diagnostics] == ["E0710"]
    client.change(uri, 2, FILE.replace("<= $0", "<= $1"))
    await pull(client, uri)
    assert client.published[-1].diagnostics == ()
