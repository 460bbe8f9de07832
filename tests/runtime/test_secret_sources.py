"""Secrets that commands print, and that services keep: fakes that refuse what the real ones refuse."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.plan import SecretRef, SecretSource
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets import secret as secrets
from inferc.runtime.secrets.secret import LiveSecret, Secret, read_secret
from inferc.runtime.secrets.sources import ALLOW_EXEC, NotThere

from ..support.google import token_server
from ..support.projects import Project

Answer = tuple[int, Any]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@contextmanager
def service(answer: Callable[[str, str, dict[str, str], bytes], Answer]) -> Iterator[str]:
    """A service that answers a method, a path, headers and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = answer(self.command, self.path, headers, self.rfile.read(length))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(source: SecretSource, name: str, folder: Path) -> str:
    return read_secret(SecretRef(source, name), folder, "deployment `gpt`").reveal()


def refusal(source: SecretSource, name: str, folder: Path) -> str:
    with pytest.raises(StartError) as raised:
        read(source, name, folder)
    return str(raised.value)


# ---- what a file says


def test_a_file_names_them_and_the_plan_says_where_they_are(project: Project) -> None:
    sources = {
        'vault("secret/openai#api_key")': SecretRef(SecretSource.VAULT, "secret/openai#api_key"),
        'aws_secret("prod/openai")': SecretRef(SecretSource.AWS_SECRET, "prod/openai"),
        'gcp_secret("projects/p/secrets/s")': SecretRef(SecretSource.GCP_SECRET, "projects/p/secrets/s"),
        'exec("op read op://x")': SecretRef(SecretSource.EXEC, "op read op://x"),
    }
    for written, ref in sources.items():
        text = f'deployment g {{ model = "gpt-4o", runtime openai {{ api_key = {written} }} }}'
        assert project.remote(text).api_key == (ref,)
        assert project.codes(f"{text}\ngateway {{ auth = bearer({written}) }}") == []
        assert "write `bearer(" in str(project.findings(f"{text}\ngateway {{ auth = {written} }}")[0].fixes)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('vault("secret/openai")', "a path and a field"),
        ('gcp_secret("openai")', "projects/shop/secrets/openai"),
        ('aws_secret("")', "the name of a secret"),
        ('exec("")', "a command"),
        ("exec(op)", "its argument as a text"),
    ],
)
def test_names_that_are_none_are_said(project: Project, written: str, says: str) -> None:
    text = f'deployment g {{ model = "gpt-4o", runtime openai {{ api_key = {written} }} }}'
    [error] = project.findings(text)
    assert error.code == "E0301"
    assert says in f"{error.message} {error.primary} {error.help} {error.notes}"


# ---- commands


def test_a_command_runs_only_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW_EXEC, raising=False)
    (tmp_path / "key").write_text("s3cr3t-key\n")
    said = refusal(SecretSource.EXEC, "cat key", tmp_path)
    assert said.startswith("deployment `gpt`: the command `cat` may not be run: allow it with `--allow-exec`")
    monkeypatch.setenv(ALLOW_EXEC, "1")
    assert read(SecretSource.EXEC, "cat key", tmp_path) == "s3cr3t-key"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("cat missing s3cr3t", "`cat` ended with status 1"),
        ("no-such-program s3cr3t", "`no-such-program` cannot be run: No such file or directory"),
        ("cat 's3cr3t", "a quote is open"),
        ("true s3cr3t", "is empty"),
        ("head -c 70000 /dev/zero", "printed more than 64 KiB"),
        ("echo $HOME;echo s3cr3t", ""),
    ],
)
def test_a_command_that_fails_says_so_and_nothing_more(
    command: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOW_EXEC, "1")
    if not says:  # there is no shell
        assert read(SecretSource.EXEC, command, tmp_path) == "$HOME;echo s3cr3t"
        return
    said = refusal(SecretSource.EXEC, command, tmp_path)
    assert says in said
    assert "s3cr3t" not in said


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_EXEC, "1")
    monkeypatch.setattr("inferc.runtime.secrets.sources.PATIENCE", 0.05)
    assert "took longer than 0.05 s" in refusal(SecretSource.EXEC, "sleep 60", tmp_path)


# ---- services


def test_vault_tells_a_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("x-vault-token") != "root" or headers.get("x-vault-namespace") != "team":
            return 403, {"errors": ["permission denied"]}
        if (method, path) != ("GET", "/v1/kv/data/prod/openai"):
            return 404, {"errors": []}
        return 200, {"data": {"data": {"key": "from-vault", "number": 3}, "metadata": {"version": 2}}}

    with service(answer) as url:
        monkeypatch.setenv("VAULT_ADDR", url)
        monkeypatch.setenv("VAULT_TOKEN", "root")
        monkeypatch.setenv("VAULT_NAMESPACE", "team")
        assert read(SecretSource.VAULT, "kv/prod/openai#key", tmp_path) == "from-vault"
        assert "has no text in the field `number`" in refusal(
            SecretSource.VAULT, "kv/prod/openai#number", tmp_path
        )
        assert "cannot be read: InvalidPath" in refusal(SecretSource.VAULT, "kv/other#key", tmp_path)
        monkeypatch.setenv("VAULT_TOKEN", "wrong-token")
        said = refusal(SecretSource.VAULT, "kv/prod/openai#key", tmp_path)
        assert "cannot be read: Forbidden; VAULT_ADDR and VAULT_TOKEN" in said
        assert "wrong-token" not in said
    assert "cannot be read: ConnectionError" in refusal(SecretSource.VAULT, "kv/prod/openai#key", tmp_path)


def test_aws_tells_a_secret_to_who_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        scope = "/eu-central-1/secretsmanager/aws4_request"
        if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=AKID/"):
            return 400, {"__type": "UnrecognizedClientException", "message": "no"}
        if scope not in headers["authorization"]:
            return 400, {"__type": "InvalidSignatureException", "message": "no"}
        if headers.get("x-amz-target") != "secretsmanager.GetSecretValue" or method != "POST":
            return 400, {"__type": "InvalidRequestException", "message": "no"}
        match json.loads(body)["SecretId"]:
            case "prod/openai":
                return 200, {"Name": "prod/openai", "SecretString": '{"api_key": "from-aws"}'}
            case "bytes":
                return 200, {"Name": "bytes", "SecretBinary": "aGk="}
        return 400, {"__type": "ResourceNotFoundException", "message": "Secrets Manager can't find it"}

    with service(answer) as url:
        for name, value in {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": "signing-key",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        assert read(SecretSource.AWS_SECRET, "prod/openai#api_key", tmp_path) == "from-aws"
        assert read(SecretSource.AWS_SECRET, "prod/openai", tmp_path) == '{"api_key": "from-aws"}'
        assert "holds bytes" in refusal(SecretSource.AWS_SECRET, "bytes", tmp_path)
        assert "cannot be read: ResourceNotFound" in refusal(SecretSource.AWS_SECRET, "gone", tmp_path)


async def test_google_tells_a_secret_to_a_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if headers.get("authorization") not in ("Bearer token-1", "Bearer token-2"):
            return 401, {"error": {"code": 401}}
        if path != "/v1/projects/shop/secrets/openai/versions/latest:access":
            return 404, {"error": {"code": 404}}
        return 200, {"name": path, "payload": {"data": b64encode(b"from-google").decode()}}

    async with token_server() as tokens:
        with service(answer) as url:
            account = tmp_path / "account.json"
            account.write_text(tokens.account())
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
            monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", url)
            name = "projects/shop/secrets/openai"
            assert await asyncio.to_thread(read, SecretSource.GCP_SECRET, name, tmp_path) == "from-google"
            said = await asyncio.to_thread(refusal, SecretSource.GCP_SECRET, f"{name}2", tmp_path)
            assert "Secret Manager answered 404" in said


# ---- exchanged secrets


def test_an_exchanged_secret_is_used_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "FETCH_EVERY", 300.0)
    values: list[str | Exception] = ["first"]

    def read_it() -> Secret:
        value = values[-1]
        if isinstance(value, Exception):
            raise StartError(str(value))
        return Secret(value, "a test")

    live = LiveSecret(SecretRef(SecretSource.VAULT, "a/b#c"), Path(), read_it)

    def settled(now: float) -> bool:
        changed = live.look(now)
        if live._reading is not None:
            live._reading.join()
        return live.look(now) or changed

    assert live.may_change
    values.append("second")
    assert not settled(1.0)
    assert settled(400.0)
    assert live.secret.reveal() == "second"
    values.append(NotThere("it is sealed"))
    assert not settled(800.0)
    assert live.secret.reveal() == "second"
    values.append("third")
    assert not live.read_again()  # which only begins
    assert settled(801.0)
    assert live.secret.reveal() == "third"
