"""Tests that are played from the editor, and what is shown of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from inferc.editor.documents import uri_of

from .conftest import PATIENCE, Client

FILE = """\
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("NO_SUCH_KEY") } }
test "it answers" {
  ask gpt "hello"
  expect ok
}
test "it costs nothing" {
  ask gpt "hello"
  expect cost <= $0
}
"""
EVERYWHERE = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))


async def hints(client: Client, uri: str) -> list[str]:
    asked = lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), EVERYWHERE)
    found = await client.text_document_inlay_hint_async(asked)
    return [str(each.label) for each in found or () if str(each.label)[:1] in "✓✗"]


async def play(client: Client, uri: str, *title: str) -> list[str]:
    """Play, and give what the server says then."""
    said: list[str] = []
    client.protocol.fm.features.pop(lsp.WINDOW_SHOW_MESSAGE, None)
    client.feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: said.append(params.message))
    asked = lsp.ExecuteCommandParams("inferc.test", [uri, *title])
    await asyncio.wait_for(client.workspace_execute_command_async(asked), PATIENCE)
    return said


async def test_what_does_not_hold_is_shown_where_it_stands_until_the_text_changes(
    client: Client, tmp_path: Path
) -> None:
    uri = uri_of(tmp_path / "shop.infer")
    await client.start(tmp_path)
    client.open(uri, FILE)  # it is on no disk
    assert [each.severity for each in await client.findings(uri, 1)] == []
    await play(client, uri)
    [found] = client.published[-1].diagnostics
    assert (found.source, found.code, found.range.start.line) == ("inferc test", "E0710", 7)
    assert "cost is $" in found.message
    assert "asks `gpt`" in found.message
    assert [each.partition(" ")[0] for each in await hints(client, uri)] == ["✓", "✗"]
    client.change(uri, 2, FILE.replace("<= $0", "<= $1"))
    assert await client.findings(uri, 2) == []
    assert await hints(client, uri) == []
    await play(client, uri, "it costs nothing")
    assert [each.partition(" ")[0] for each in await hints(client, uri)] == ["✓"]
    assert await client.end() == 0


@pytest.mark.parametrize(
    ("text", "title", "said"),
    [
        (FILE, "no such test", "no test"),
        ("deployment gpt { }\n", "", "no test"),
        ('test "it" { ask gpd "x" }\n', "", "no test was played: line 1 has a mistake"),
    ],
)
async def test_what_cannot_be_played_is_said(
    client: Client, tmp_path: Path, text: str, title: str, said: str
) -> None:
    uri = uri_of(tmp_path / "shop.infer")
    await client.start(tmp_path)
    client.open(uri, text)
    await client.findings(uri, 1)
    told = await play(client, uri, *([title] if title else []))
    found = [each.code for each in client.published[-1].diagnostics]
    assert said in found or any(said in each for each in told), (told, found)
    assert await client.end() == 0
