"""Endpoints behind certificates of one's own, and behind proxies that a file names: real TLS on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from inferc.compiler.plan import EndpointTls, RetryPolicy, SecretRef
from inferc.runtime.replicas.remote.transport.certificates import Certificates
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import NetworkError, RequestError, StartError
from inferc.runtime.requests.request import ChatRequest

from ..support.remote import executor_of, remote_plan
from .test_tls import issue

CHAT = ChatRequest({"model": "gpt", "messages": [{"role": "user", "content": "Hello."}]}, stream=False)
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
BODY = json.dumps({"choices": [CHOICE]}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
ONCE = RetryPolicy(max_retries=0)


@define
class Provider:
    """peers: who showed which certificate, by its common name. pieces: of each answer, as they are sent."""

    port: int = 0
    peers: list[str] = field(factory=list)
    pieces: list[bytes] = field(factory=lambda: [ANSWER])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")
                )
                await reader.readexactly(length)
                shown: Any = writer.get_extra_info("peercert") or {}
                self.peers.append(
                    str(dict(part[0] for part in shown.get("subject", ())).get("commonName", ""))
                )
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.02)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()


@asynccontextmanager
async def provider(
    folder: Path, *, wants: str | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> AsyncIterator[Provider]:
    """A provider with the certificate `tls`. wants: clients show one that this authority has signed.

    newest: of the versions of TLS that it speaks; before 1.3, it says in the handshake what it wants.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    if wants is not None:
        context.load_verify_locations(folder / f"{wants}.crt")
        context.verify_mode = ssl.CERT_REQUIRED
    made = Provider()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


def plan_of(port: int, **fields: Any) -> Any:
    return remote_plan(endpoint=f"https://localhost:{port}/v1", retry=ONCE, **fields)


def tls(**names: str) -> EndpointTls:
    return EndpointTls(**{name: SecretRef.file(file) for name, file in names.items()})


async def ask(plan: Any, folder: Path) -> bytes:
    async with executor_of(plan, base_dir=folder) as executor:
        answer = await executor.answer("gpt", CHAT)
        assert isinstance(answer, ChatChunk)
        return answer.data


async def test_an_authority_of_one_s_own_is_trusted(tmp_path: Path) -> None:
    issue(tmp_path)
    issue(tmp_path, "other")
    async with provider(tmp_path) as it:
        assert b"Hi." in await ask(plan_of(it.port, tls=tls(ca="tls.crt")), tmp_path)
        for trusted in (None, tls(ca="other.crt")):
            with pytest.raises(NetworkError, match=r"cannot be trusted at localhost.*tls \{ ca = file"):
                await ask(plan_of(it.port, tls=trusted), tmp_path)


async def test_a_long_answer_comes_in_pieces(tmp_path: Path) -> None:
    issue(tmp_path)
    long = {"choices": [{**CHOICE, "message": {"role": "assistant", "content": "x" * 300_000}}]}
    body = json.dumps(long).encode()
    head = ANSWER[: -len(BODY)].replace(b"%d" % len(BODY), b"%d" % len(body))
    async with provider(tmp_path) as it:
        it.pieces = [head + body[:10], body[10:100_000], body[100_000:]]
        assert json.loads(await ask(plan_of(it.port, tls=tls(ca="tls.crt")), tmp_path)) == long


async def test_a_certificate_is_shown_to_who_wants_one(tmp_path: Path) -> None:
    for name in ("tls", "me", "stranger"):
        issue(tmp_path, name)
    async with provider(tmp_path, wants="me") as it:
        mine = tls(ca="tls.crt", cert="me.crt", key="me.key")
        assert b"Hi." in await ask(plan_of(it.port, tls=mine), tmp_path)
        assert it.peers == ["me"]
        for shown in (tls(ca="tls.crt"), tls(ca="tls.crt", cert="stranger.crt", key="stranger.key")):
            with pytest.raises(RequestError) as caught:
                await ask(plan_of(it.port, tls=shown), tmp_path)
            assert caught.value.code == "network_error"
        assert it.peers == ["me"]


async def test_who_wants_a_certificate_and_says_so_is_understood(tmp_path: Path) -> None:
    for name in ("tls", "me"):
        issue(tmp_path, name)
    async with provider(tmp_path, wants="me", newest=ssl.TLSVersion.TLSv1_2) as it:
        with pytest.raises(NetworkError, match=r"TLS failed .*it may want a certificate: name one with"):
            await ask(plan_of(it.port, tls=tls(ca="tls.crt")), tmp_path)


async def test_who_wants_a_certificate_only_afterwards_is_understood_too(tmp_path: Path) -> None:
    """As TLS 1.3 has it: the handshake is over for a client when the server refuses it."""
    for name in ("tls", "me"):
        issue(tmp_path, name)
    async with provider(tmp_path, wants="me") as it:
        with pytest.raises(NetworkError) as caught:
            await ask(plan_of(it.port, tls=tls(ca="tls.crt")), tmp_path)
    assert "Operation not permitted" not in str(caught.value)


async def test_a_certificate_that_the_other_side_refuses_today_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issue(tmp_path)
    issue(tmp_path, "me", days=-30)
    Certificates(tls(ca="tls.crt", cert="me.crt", key="me.key"), tmp_path, "deployment `gpt`")
    assert "deployment `gpt`: the other side refuses the certificate me.crt: it has expired on" in caplog.text


async def test_a_certificate_that_is_replaced_is_shown_from_the_next_connection_on(tmp_path: Path) -> None:
    issue(tmp_path)
    issue(tmp_path, "me")
    certificates = Certificates(tls(ca="tls.crt", cert="me.crt", key="me.key"), tmp_path, "it")
    certificates.look(0.0)
    issue(tmp_path, "new")
    (tmp_path / "me.key").write_bytes((tmp_path / "new.key").read_bytes())
    certificates.look(20.0)  # the key is not that of the certificate: both from before stay
    (tmp_path / "me.crt").write_bytes((tmp_path / "new.crt").read_bytes())
    certificates.look(40.0)
    async with provider(tmp_path, wants="new") as it:
        reader, writer = await asyncio.open_connection(
            "localhost", it.port, ssl=certificates.context, server_hostname="localhost"
        )
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert await reader.readexactly(len(ANSWER)) == ANSWER
        assert it.peers == ["new"]
        writer.close()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"ca": "none.crt"}, "the authorities in none.crt cannot be used: No such file"),
        ({"ca": "me.key"}, "the authorities in me.key cannot be used"),
        ({"ca": "cut.crt"}, "the authorities in cut.crt cannot be used: it has no certificate in PEM"),
        ({"ca": "a\0b"}, "cannot be used: embedded null byte"),
        ({"cert": "me.crt", "key": "tls.key"}, "the certificate me.crt with the key tls.key cannot be used"),
        ({"cert": "locked.crt", "key": "locked.key"}, "the key is encrypted"),
    ],
)
async def test_files_that_cannot_be_used_are_an_error_of_the_start(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    for name in ("tls", "me"):
        issue(tmp_path, name)
    issue(tmp_path, "locked", password=b"secret")
    (tmp_path / "cut.crt").write_bytes((tmp_path / "me.crt").read_bytes()[:90])
    with pytest.raises(StartError, match=says):
        await ask(plan_of(9, tls=tls(**files)), tmp_path)


@asynccontextmanager
async def tunnel(seen: list[bytes]) -> AsyncIterator[int]:
    """A proxy that connects to wherever it is asked to, with a password."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # who only looks whether somebody listens
            writer.close()
            return
        seen.append(head)
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_proxy_that_the_file_names_is_on_the_way_and_sees_no_more_than_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGIN", "ann:s3cret")
    issue(tmp_path)
    seen: list[bytes] = []
    async with provider(tmp_path) as it, tunnel(seen) as port:
        plan = plan_of(
            it.port,
            tls=tls(ca="tls.crt"),
            proxy=f"http://127.0.0.1:{port}",
            proxy_login=SecretRef.env("LOGIN"),
        )
        assert b"Hi." in await ask(plan, tmp_path)
        connects = [head for head in seen if head.startswith(b"CONNECT localhost:%d " % it.port)]
        assert connects
        assert base64.b64encode(b"ann:s3cret") in connects[0]
        assert b"Hello." not in b"".join(seen)


async def test_a_proxy_with_a_password_in_its_address_is_an_error_of_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="holds a user name or a password") as caught:
        await ask(plan_of(9, proxy="http://ann:s3cret@127.0.0.1:9"), tmp_path)
    assert "s3cret" not in str(caught.value)
