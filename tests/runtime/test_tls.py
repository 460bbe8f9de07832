"""Clients that connect by https: certificates, those that change, and those of clients."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from inferc.compiler.plan import GatewayPlan, SecretRef, Tls
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.tls import Certificate
from inferc.runtime.gateway.serve import Service
from inferc.runtime.http import server as http_server
from inferc.runtime.http.connection_rules import RULES, ConnectionRules
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.requests.errors import StartError

from ..support.remote import mock_provider, plan_of, remote_plan

TLS = Tls(SecretRef.file("tls.crt"), SecretRef.file("tls.key"))
CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}], "stream": True}


def issue(folder: Path, name: str = "tls", *, password: bytes | None = None, days: float = 0) -> int:
    """Writes a certificate for localhost that signs itself, and its key; gives its serial number.

    days: after which its time is, of which it has two; without them it began yesterday.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    serial, now = x509.random_serial_number(), datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption)
    )
    return serial


def other_kind(path: Path) -> None:
    """Writes a key of another algorithm than `issue` has."""
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    key = ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))


@asynccontextmanager
async def served(folder: Path, tls: Tls | None = TLS) -> AsyncIterator[tuple[Service, int]]:
    async with mock_provider() as mock:
        gateway = GatewayPlan(port=0, tls=tls)
        executor = Executor(
            plan_of(
                remote_plan("gpt", mock.endpoint, headers={"Authorization": "Bearer k"}), gateway=gateway
            ),
            folder,
        )
        await executor.start()
        certificate = Certificate(tls, folder) if tls is not None else None
        context = certificate.context if certificate is not None else None
        app = build_app(executor)
        server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=1, tls=context)
        await server.start()
        try:
            yield Service(executor, app, server, certificate=certificate), server.port
        finally:
            await server.stop()
            await executor.stop()


def trusting(folder: Path, name: str = "tls") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=folder / f"{name}.crt")


async def ask(port: int, context: ssl.SSLContext | None) -> int:
    """Streams an answer; gives the serial number of the certificate that was shown."""
    scheme = "http" if context is None else "https"
    connector = aiohttp.TCPConnector(ssl=context) if context is not None else None
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(f"{scheme}://localhost:{port}/v1/chat/completions", json=CHAT) as answer,
    ):
        assert answer.status == 200
        assert (await answer.text()).endswith("data: [DONE]\n\n")
    if context is None:
        return 0
    _, writer = await asyncio.open_connection("localhost", port, ssl=context)
    shown: Any = writer.get_extra_info("peercert")
    writer.close()
    return int(shown["serialNumber"], 16)


async def test_answers_are_encrypted_and_a_new_certificate_is_shown_once_it_is_there(tmp_path: Path) -> None:
    first = issue(tmp_path)
    async with served(tmp_path) as (service, port):
        assert await ask(port, trusting(tmp_path)) == first
        [certificate] = service.certificates
        assert not certificate.look()
        second = issue(tmp_path)
        assert certificate.look()
        assert await ask(port, trusting(tmp_path)) == second


async def test_a_certificate_that_cannot_be_used_leaves_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issue(tmp_path)
    trusted = trusting(tmp_path)
    async with served(tmp_path) as (service, port):
        (tmp_path / "tls.crt").write_text("no certificate")
        assert not service.certificates[0].look()
        assert "the certificate from before is shown" in caplog.text
        await ask(port, trusted)


@asynccontextmanager
async def encrypting(
    folder: Path, grace: float = 1, at_once: asyncio.Event | None = None, **rules: Any
) -> AsyncIterator[int]:
    """A server that says `ok` to everybody; gives its port. at_once: ends its grace."""
    issue(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")

    async def ok(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", ok)
    app[RULES] = ConnectionRules(**rules)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=grace, tls=context)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop(at_once)


async def says_ok(port: int, trusted: ssl.SSLContext) -> bool:
    """Asks with the bytes that end the handshake, as fast clients do."""
    reader, writer = await asyncio.open_connection("localhost", port)
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusted.wrap_bio(coming, going, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(going.read())
            coming.write(await asyncio.wait_for(reader.read(1 << 14), 20))
    tls.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    writer.write(going.read())
    said = b""
    while not said.endswith(b"ok"):
        coming.write(await asyncio.wait_for(reader.read(1 << 14), 20))
        with suppress(ssl.SSLWantReadError):
            said += tls.read(1 << 14)
    writer.close()
    return said.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_who_does_not_begin_to_encrypt_is_let_go_as_is_who_sends_no_request(tmp_path: Path) -> None:
    async with encrypting(tmp_path, header=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


async def too_many_shake_hands(folder: Path) -> None:
    async with encrypting(folder, most=8) as port:
        trusted = trusting(folder)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        for reader, _ in silent[:4]:  # those that have said nothing for the longest
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 20) == b""
        assert await says_ok(port, trusted)
        assert not any(reader.at_eof() for reader, _ in silent[5:])
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_handshakes_that_do_not_go_on_shut_nobody_out(
    loop: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with asyncio.Runner(
        loop_factory=pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
    ) as runner:
        runner.run(too_many_shake_hands(tmp_path))
    assert "8 TLS handshakes are under way, and there is no room for more: the oldest" in caplog.text


async def test_a_server_that_stops_waits_for_no_handshake_beyond_its_grace(tmp_path: Path) -> None:
    async with encrypting(tmp_path, grace=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_nor_for_any_once_it_is_told_to_stop_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_HANDSHAKES", 3600)
    at_once = asyncio.Event()
    async with asyncio.timeout(20), encrypting(tmp_path, 3600, at_once, header=3600) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        asyncio.get_running_loop().call_later(0.05, at_once.set)
    writer.close()


async def test_a_reload_turns_it_on_and_off_at_the_same_port(tmp_path: Path) -> None:
    issue(tmp_path)
    async with served(tmp_path, None) as (service, port):
        await ask(port, None)
        plan = service.executor.plan
        await service.take_over(evolve(plan, gateway=evolve(plan.gateway, tls=TLS)))
        await ask(port, trusting(tmp_path))
        with pytest.raises(aiohttp.ClientError):
            await ask(port, None)
        await service.take_over(plan)
        await ask(port, None)


async def test_only_clients_with_a_certificate_of_the_authority_may_connect(tmp_path: Path) -> None:
    issue(tmp_path)
    issue(tmp_path, "client")
    tls = evolve(TLS, client_ca=SecretRef.file("client.crt"))
    async with served(tmp_path, tls) as (_, port):
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(port, trusting(tmp_path))
        context = trusting(tmp_path)
        context.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
        await ask(port, context)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda folder: None, "tls.crt with the key tls.key cannot be used: No such file"),
        (lambda folder: issue(folder, password=b"secret"), "the key is encrypted"),
        (
            lambda folder: (issue(folder), issue(folder, "x"), (folder / "x.key").rename(folder / "tls.key")),
            "the key belongs to another certificate",
        ),
        (lambda folder: (issue(folder), other_kind(folder / "tls.key")), "belongs to another certificate"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(prepare: Any, says: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    with pytest.raises(StartError, match=f"(?i){says}"):
        Certificate(TLS, tmp_path)


@pytest.mark.parametrize(("days", "said"), [(-2, "it has expired on"), (2, "it is not valid before")])
async def test_a_certificate_that_clients_refuse_is_shown_and_said(
    days: float, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issue(tmp_path, days=days)
    async with served(tmp_path) as (_, port):
        assert f"gateway: the other side refuses the certificate tls.crt: {said} 2" in caplog.text
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(port, trusting(tmp_path))


async def test_requests_that_come_at_once_are_all_answered(tmp_path: Path) -> None:
    issue(tmp_path)
    request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n"
    async with served(tmp_path) as (_, port):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting(tmp_path))
        writer.write((request + b"\r\n") * 5 + request + b"Connection: close\r\n\r\n")
        answers = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 6
