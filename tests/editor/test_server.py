"""The language server end to end: a real client on its standard input and output."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidRequest
from pygls.io_ import StdoutWriter

from inferc.cli.main import main
from inferc.editor.bindings import bind
from inferc.editor.documents import uri_of
from inferc.editor.server import Server

from ..support.forked import Forked
from .conftest import PATIENCE, Client

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


async def test_what_the_server_says_that_it_can(client: Client, tmp_path: Path) -> None:
    result = await client.start(tmp_path)
    can = result.capabilities
    assert isinstance(can.text_document_sync, lsp.TextDocumentSyncOptions)
    assert can.text_document_sync.change is lsp.TextDocumentSyncKind.Incremental
    assert can.text_document_sync.open_close
    answers = {name for name in dir(can) if name.endswith("_provider") and getattr(can, name)}
    assert answers >= {
        *("completion_provider", "hover_provider", "signature_help_provider", "definition_provider"),
        *("declaration_provider", "references_provider", "document_highlight_provider", "rename_provider"),
        *("document_symbol_provider", "workspace_symbol_provider", "code_action_provider"),
        *("code_lens_provider", "document_link_provider", "document_formatting_provider"),
        *("document_range_formatting_provider", "document_on_type_formatting_provider"),
        *("folding_range_provider", "selection_range_provider", "semantic_tokens_provider"),
        *("inlay_hint_provider", "call_hierarchy_provider"),
    }
    assert can.execute_command_provider is not None
    assert can.execute_command_provider.commands == ("inferc.test",), "all others are the client's own"


async def test_ending_without_shutdown_is_a_failure(client: Client, tmp_path: Path) -> None:
    await client.start(tmp_path)
    client.exit(None)
    assert client._server is not None
    assert await asyncio.wait_for(client._server.wait(), PATIENCE) == 1


async def test_a_question_after_the_goodbye_is_refused(client: Client, tmp_path: Path) -> None:
    await client.start(tmp_path)
    await client.shutdown_async(None)
    with pytest.raises(JsonRpcException) as refused:
        await client.workspace_symbol_async(lsp.WorkspaceSymbolParams("a"))
    assert refused.value.code == JsonRpcInvalidRequest.CODE
    client.exit(None)
    assert client._server is not None
    assert await asyncio.wait_for(client._server.wait(), PATIENCE) == 0


async def test_a_client_that_is_gone_ends_the_server(client: Client, tmp_path: Path) -> None:
    await client.start(tmp_path)
    assert client._server is not None
    assert client._server.stdin is not None
    client._server.stdin.close()
    assert await asyncio.wait_for(client._server.wait(), PATIENCE) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_positions_in_the_unit_that_was_agreed_on(
    client: Client, tmp_path: Path, encoding: str
) -> None:
    uri = uri_of(tmp_path / "a.infer")
    result = await client.start(tmp_path, encoding)
    assert result.capabilities.position_encoding == encoding
    client.open(uri, 'let _a = "𝒳é" + 1s\n')
    [found] = await client.findings(uri, 1)
    width = len("𝒳é".encode(f"{encoding}-le" if encoding != "utf-8" else encoding))
    width //= {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    assert found.range.start.character == len('let _a = ""') + width + 1
    start = lsp.Position(0, len('let _a = "') + width)
    client.change(uri, 2, (lsp.Range(start, lsp.Position(0, start.character + len('" + 1s'))), '"'))
    assert await client.findings(uri, 2) == []


async def test_a_storm_of_changes_is_checked_once_it_is_over(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    await client.start(tmp_path)
    client.open(uri, "")
    await client.findings(uri, 1)
    text, version = "", 1
    for letter in "".join(f"let _region{number} = 1s + 2GiB\n" for number in range(20)):
        end = lsp.Position(text.count("\n"), len(text.rpartition("\n")[2]))
        text += letter
        version += 1
        client.change(uri, version, (lsp.Range(end, end), letter))
    found = await client.findings(uri, version)
    assert sum(each.code == "E0307" for each in found) == 20
    versions = [each.version or 0 for each in client.published if each.uri == uri]
    assert versions == sorted(versions)
    assert len(versions) < version / 4


async def test_a_cancelled_question_is_not_answered_and_nothing_breaks(
    client: Client, tmp_path: Path
) -> None:
    uri = uri_of(tmp_path / "a.infer")
    await client.start(tmp_path)
    client.open(uri, FINE * 200)
    place = lsp.CompletionParams(named(uri), lsp.Position(1, 3))
    asked = []
    for number in range(50):
        asked.append(client.protocol.send_request(lsp.TEXT_DOCUMENT_COMPLETION, place, msg_id=number))
        client.cancel_request(lsp.CancelParams(number))
    answers = await asyncio.wait_for(
        asyncio.gather(*map(asyncio.wrap_future, asked), return_exceptions=True), PATIENCE
    )
    refused = [each for each in answers if isinstance(each, Exception)]
    assert all("cancel" in str(each).lower() for each in refused)
    assert len(refused) > 25
    assert await client.text_document_completion_async(place) is not None
    assert await client.end() == 0


async def test_questions_are_about_the_text_as_it_was(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    await client.start(tmp_path)
    client.open(uri, "let one = 1\n")
    first = client.text_document_document_symbol_async(lsp.DocumentSymbolParams(named(uri)))
    task = asyncio.ensure_future(first)
    await asyncio.sleep(0)
    client.change(uri, 2, "let two = 2\n")
    second = await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(named(uri)))
    assert [each.name for each in await task or ()] == ["one"]
    assert [each.name for each in second or ()] == ["two"]


async def test_findings_of_imported_files_follow_what_is_open(client: Client, tmp_path: Path) -> None:
    (tmp_path / "lib.infer").write_text("template t { replica = 1 }\n")
    main, lib = uri_of(tmp_path / "main.infer"), uri_of(tmp_path / "lib.infer")
    await client.start(tmp_path)
    client.open(main, 'import "lib.infer" as lib\n' + FINE.replace("gpt {", "gpt from lib.t {"))
    assert [each.code for each in await client.findings(lib)] == ["E0204"]
    client.open(lib, "template t { replicas = 1 }\n")
    assert await client.findings(lib, 1) == []
    client.change(lib, 2, "template other { replicas = 1 }\n")
    async with asyncio.timeout(PATIENCE):
        while "E0201" not in [each.code for each in await client.findings(main)]:
            client.arrived.clear()
            await client.arrived.wait()
    client.text_document_did_close(lsp.DidCloseTextDocumentParams(named(lib)))
    async with asyncio.timeout(PATIENCE):
        while [each.code for each in await client.findings(lib)] != ["E0204"]:
            client.arrived.clear()
            await client.arrived.wait()


@pytest.mark.parametrize("on_disk", ["let one = 1\n", None], ids=["saved before", "never saved"])
async def test_closing_without_saving_leaves_what_is_on_disk(
    client: Client, tmp_path: Path, on_disk: str | None
) -> None:
    main, lib = uri_of(tmp_path / "main.infer"), uri_of(tmp_path / "lib.infer")
    middle = uri_of(tmp_path / "middle.infer")
    if on_disk is not None:
        (tmp_path / "lib.infer").write_text(on_disk)
    await client.start(tmp_path)
    client.open(lib, "let two = 2\n")
    client.open(middle, 'import { two } from "lib.infer"\nlet three = two + 1\n')
    client.open(main, 'import { three } from "middle.infer"\nlet _x = three\n')
    assert await client.findings(main, 1) == []
    assert await client.findings(middle, 1) == []
    client.change(lib, 2, "let two = 3\n")
    client.text_document_did_close(lsp.DidCloseTextDocumentParams(named(lib)))
    expected = ["E0201"] if on_disk is not None else ["E0206"]
    async with asyncio.timeout(PATIENCE):
        while [each.code for each in await client.findings(middle)] != expected:
            client.arrived.clear()
            await client.arrived.wait()


async def test_a_folder_with_odd_files_in_it_is_looked_through(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.infer")
    (tmp_path / "folder.infer").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "itself.infer").symlink_to("itself.infer")
    (tmp_path / "zero.infer").symlink_to("/dev/zero")
    with (tmp_path / "large.infer").open("wb") as large:
        large.truncate(1 << 30)
    (tmp_path / "secret.infer").write_text("let _hidden = 1\n")
    (tmp_path / "secret.infer").chmod(0)
    (tmp_path / "shared.infer").write_text("let one = 1\n")
    main = uri_of(tmp_path / "main.infer")
    await client.start(tmp_path)
    client.open(main, 'import "shared.infer" as s\nimport "pipe.infer" as p\nlet _x = s.one\n')
    assert [each.code for each in await client.findings(main, 1)] == ["E0206"]
    symbols = await client.workspace_symbol_async(lsp.WorkspaceSymbolParams("one"))
    assert symbols is not None
    assert [each.name for each in symbols] == ["one"]
    params = lsp.RenameParams(named(main), lsp.Position(2, 12), "zz")
    edit = await client.text_document_rename_async(params)
    assert edit is not None
    assert len(edit.document_changes or ()) == 2


async def test_a_file_that_changes_on_disk_is_checked_again(client: Client, tmp_path: Path) -> None:
    lib = tmp_path / "lib.infer"
    main = uri_of(tmp_path / "main.infer")
    await client.start(tmp_path)
    client.open(main, 'import "lib.infer" as lib\nlet _x = lib.one\n')
    assert [each.code for each in await client.findings(main, 1)] == ["E0206"]
    lib.write_text("let one = 1\n")
    client.published.clear()
    change = lsp.FileEvent(uri_of(lib), lsp.FileChangeType.Created)
    client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([change]))
    assert await client.findings(main) == []


async def test_a_new_name_that_is_refused_says_why(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    await client.start(tmp_path)
    client.open(uri, "let one = 1\nlet two = one\n")
    params = lsp.RenameParams(named(uri), lsp.Position(0, 5), "two")
    with pytest.raises(Exception, match="has a let called `two` already"):
        await client.text_document_rename_async(params)


async def test_a_refusal_is_answered_and_nothing_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    server, told = Server(), io.BytesIO()
    bind(server)
    server.protocol.set_writer(StdoutWriter(told))
    server.opened(lsp.TextDocumentItem("untitled:a", "infer", 1, "let one = 1\nlet two = one\n"))
    params = lsp.RenameParams(named("untitled:a"), lsp.Position(0, 5), "two")
    server.protocol.handle_message(lsp.RenameRequest(7, params))
    [asked] = server.protocol._request_futures.values()
    await asyncio.gather(asked, return_exceptions=True)
    assert b"has a let called `two` already" in told.getvalue()
    assert caplog.text == ""


async def test_colours_and_what_changed_in_them(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    await client.start(tmp_path)
    client.open(uri, FINE)
    whole = await client.text_document_semantic_tokens_full_async(lsp.SemanticTokensParams(named(uri)))
    assert whole is not None
    assert whole.result_id is not None
    client.change(uri, 2, f"let _x = 1\n{FINE}")
    delta = await client.text_document_semantic_tokens_full_delta_async(
        lsp.SemanticTokensDeltaParams(named(uri), whole.result_id)
    )
    assert isinstance(delta, lsp.SemanticTokensDelta)
    assert sum(len(edit.data or ()) for edit in delta.edits) < len(whole.data)


async def test_words_of_the_wrong_form_are_answered_with_an_error(client: Client, tmp_path: Path) -> None:
    await client.start(tmp_path)
    answer: Future[Any] = Future()
    client.protocol._request_futures["wrong"] = answer
    client.send({"id": "wrong", "method": "textDocument/hover", "params": {"nothing": 1}})
    with pytest.raises(Exception, match="Invalid Params"):
        await asyncio.wait_for(asyncio.wrap_future(answer), PATIENCE)
    client.send({"method": "textDocument/didChange", "params": 7})
    client.send({"method": "$/unknown", "params": None})
    assert await client.end() == 0


async def test_a_text_that_is_not_open_is_read_from_disk(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.infer").write_text(FINE)
    await client.start(tmp_path)
    params = lsp.DocumentSymbolParams(named(uri_of(tmp_path / "a.infer")))
    assert [each.name for each in await client.text_document_document_symbol_async(params) or ()] == ["gpt"]
    params = lsp.DocumentSymbolParams(named(uri_of(tmp_path / "none.infer")))
    assert await client.text_document_document_symbol_async(params) is None


async def test_the_explanation_of_a_code(client: Client, tmp_path: Path) -> None:
    await client.start(tmp_path)
    page = await asyncio.wait_for(
        client.protocol.send_request_async("inferc/explain", {"code": "E0302"}), PATIENCE
    )
    assert page.startswith("# E0302: ")


# ---- the command


async def test_a_port_of_this_machine(client: Client, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inferc.cli", "lsp", "--tcp", "127.0.0.1:0", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
    port = int(said.rpartition(":")[2])
    await client.start_tcp("127.0.0.1", port)
    result = await client.introduce(tmp_path)
    assert result.server_info is not None
    await asyncio.wait_for(client.shutdown_async(None), PATIENCE)
    client.exit(None)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("0.0.0.0:1", "not this machine"),
        ("nonsense", "no address and port"),
        ("127.0.0.1:99999", "no address"),
    ],
)
def test_a_port_that_others_could_reach_is_refused(
    address: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lsp", "--tcp", address])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("input", ["/dev/null", __file__])
def test_an_input_that_is_no_client_ends_the_command(input: str) -> None:
    with (
        open(input, "rb") as file,
        Forked("lsp", stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in said


def test_without_pygls_the_command_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['pygls'] = None; from inferc.cli.main import main; sys.exit(main(['lsp']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 1
    assert re.search(r"pip install (-e )?'[^']+\[lsp\]'", done.stderr)


async def test_changes_on_disk_are_asked_for_where_the_client_can_watch(
    client: Client, tmp_path: Path
) -> None:
    asked: asyncio.Queue[lsp.RegistrationParams] = asyncio.Queue()
    client.feature(lsp.CLIENT_REGISTER_CAPABILITY)(lambda params: asked.put_nowait(params))
    watch = lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
    workspace = lsp.WorkspaceClientCapabilities(did_change_watched_files=watch)
    await client.start(tmp_path, workspace=workspace)
    params = await asyncio.wait_for(asked.get(), PATIENCE)
    assert [each.method for each in params.registrations] == [lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES]
    assert await client.end() == 0


async def test_what_a_completion_replaces_is_said_once_where_the_client_knows_that(
    client: Client, tmp_path: Path
) -> None:
    known = lsp.ClientCompletionItemOptions(snippet_support=True)
    defaults = lsp.CompletionListCapabilities(item_defaults=["commitCharacters", "editRange"])
    capabilities = lsp.CompletionClientCapabilities(completion_item=known, completion_list=defaults)
    await client.start(tmp_path, text_document=lsp.TextDocumentClientCapabilities(completion=capabilities))
    uri = uri_of(tmp_path / "main.infer")
    client.open(uri, "let a = 1\nlet b = ")
    place = lsp.CompletionParams(named(uri), lsp.Position(1, 8))
    found = await client.text_document_completion_async(place)
    assert isinstance(found, lsp.CompletionList)
    assert found.item_defaults is not None
    assert found.item_defaults.edit_range == lsp.Range(lsp.Position(1, 8), lsp.Position(1, 8))
    assert {item.label: item.text_edit_text for item in found.items} == {
        "a": "a",
        "b": "b",
        "env": 'env("$1")',
        "file": 'file("$1")',
    }
    assert all(item.text_edit is None for item in found.items)


async def test_a_definition_in_the_form_that_the_client_knows(client: Client, tmp_path: Path) -> None:
    uri = uri_of(tmp_path / "a.infer")
    definition = lsp.DefinitionClientCapabilities(link_support=True)
    await client.start(tmp_path, text_document=lsp.TextDocumentClientCapabilities(definition=definition))
    client.open(uri, "let one = 1\nlet two = one\n")
    params = lsp.DefinitionParams(named(uri), lsp.Position(1, 11))
    found = await client.text_document_definition_async(params)
    assert isinstance(found, list | tuple)
    assert isinstance(found[0], lsp.LocationLink)
    assert found[0].target_selection_range == lsp.Range(lsp.Position(0, 4), lsp.Position(0, 7))
