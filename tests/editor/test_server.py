"""The language server end to end: a real client on its standard input and output."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp

from inferc.editor.documents import uri_of

from .conftest import Client

FINE = 'deployment gpt {\n  model = "gpt-4o-mini"\n  runtime openai { api_key = env("KEY") }\n}\n'


def named(uri: str) -> lsp.TextDocumentIdentifier:
    return lsp.TextDocumentIdentifier(uri)


async def test_a_session_from_the_first_word_to_the_last(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    result = await client.start(tmp_path)
    assert result.server_info is not None
    assert result.server_info.name == "inferc"
    client.open(uri, FINE.replace("model", "modle"))
    codes = [each.code for each in await client.findings(uri, 1)]
    assert "E0204" in codes
    client.change(uri, 2, FINE)
    assert await client.findings(uri, 2) == []
    symbols = await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(named(uri)))
    assert symbols is not None
    assert [each.name for each in symbols] == ["gpt"]
    edits = await client.text_document_formatting_async(
        lsp.DocumentFormattingParams(named(uri), lsp.FormattingOptions(2, True))
    )
    assert not edits
    assert await client.end() == 0
