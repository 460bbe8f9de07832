"""Secrets that somebody else keeps: a command prints them, or a service of secrets is asked.

Each function blocks. Packages are imported when they are needed, and a message never holds what was read.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from base64 import b64decode
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from ...compiler.plan import SecretSource
from ...compiler.plan.installing import pip_install

ALLOW_EXEC = "INFERC_ALLOW_EXEC"
"""The variable of the environment that lets files run commands, where it is 1."""

PATIENCE = 10.0
"""Seconds that a command or a service has to answer."""

_MOST = 64 << 10
_GCP = "https://secretmanager.googleapis.com"
_GCP_ELSEWHERE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
_GCP_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class NotThere(Exception):
    """A secret cannot be had; the message says why, and what to do."""


def origin_of(source: SecretSource, name: str) -> str:
    """As messages call it; of a command, which may hold anything, only its program."""
    match source:
        case SecretSource.EXEC:
            return f"the command `{_program(name)}`"
        case SecretSource.VAULT:
            return f"Vault's {name}"
        case SecretSource.AWS_SECRET:
            return f"the AWS secret {name}"
    return f"the Google secret {name}"


def fetch(source: SecretSource, name: str, base_dir: Path) -> str:
    """What is kept there. Raises NotThere."""
    if source is SecretSource.EXEC:
        return _run(name, base_dir)
    path, _, field = name.partition("#")
    if source is SecretSource.VAULT:
        return _from_vault(path, field)
    value = _from_aws(path) if source is SecretSource.AWS_SECRET else _from_google(path)
    return _field(value, field) if field else value


def _program(command: str) -> str:
    return command.split()[0]


def _run(command: str, base_dir: Path) -> str:
    if os.environ.get(ALLOW_EXEC) != "1":
        raise NotThere(f"may not be run: allow it with `--allow-exec`, or {ALLOW_EXEC}=1")
    try:
        done = subprocess.run(
            shlex.split(command),
            cwd=base_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except ValueError:
        raise NotThere("cannot be taken apart: a quote is open") from None
    except OSError as error:
        raise NotThere(f"cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise NotThere(f"took longer than {PATIENCE:g} s") from None
    if done.returncode != 0:
        raise NotThere(f"ended with status {done.returncode}")
    if len(done.stdout) > _MOST:
        raise NotThere(f"printed more than {_MOST >> 10} KiB")
    try:
        return done.stdout.decode()
    except UnicodeDecodeError:
        raise NotThere("printed no UTF-8 text") from None


def _from_vault(path: str, field: str) -> str:
    _needs("hvac", "vault")
    import hvac  # type: ignore[import-untyped]
    from hvac.exceptions import VaultError  # type: ignore[import-untyped]
    from requests.exceptions import RequestException

    mount, _, rest = path.partition("/")
    namespace = os.environ.get("VAULT_NAMESPACE") or None
    client = hvac.Client(timeout=PATIENCE, namespace=namespace)

    def ask() -> Any:
        return client.secrets.kv.v2.read_secret_version(
            path=rest, mount_point=mount, raise_on_deleted_version=True
        )

    answer = _asked(ask, (VaultError, RequestException), "VAULT_ADDR and VAULT_TOKEN say where, and who asks")
    return _named(answer["data"]["data"], field)


def _from_aws(name: str) -> str:
    _needs("botocore", "aws")
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import get_session

    settings = Config(connect_timeout=PATIENCE / 2, read_timeout=PATIENCE / 2, retries={"max_attempts": 1})

    def ask() -> Any:
        client = get_session().create_client("secretsmanager", config=settings)
        return client.get_secret_value(SecretId=name)

    answer = _asked(ask, (BotoCoreError, ClientError), "AWS's variables and files say where, and who asks")
    value = answer.get("SecretString")
    if not isinstance(value, str):
        raise NotThere("holds bytes, and no text")
    return value


def _from_google(name: str) -> str:
    _needs("google.auth", "gcp")
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession
    from requests.exceptions import RequestException

    endpoint = os.environ.get(_GCP_ELSEWHERE, _GCP).rstrip("/")
    version = name if "/versions/" in name else f"{name}/versions/latest"

    def ask() -> Any:
        credentials, _ = google.auth.default(scopes=[_GCP_SCOPE])
        session: Any = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        with session:
            return session.get(f"{endpoint}/v1/{version}:access", timeout=PATIENCE)

    answer = _asked(ask, (GoogleAuthError, RequestException), "application default credentials say who asks")
    if answer.status_code != 200:
        raise NotThere(f"is not told: Secret Manager answered {answer.status_code}")
    try:
        return b64decode(answer.json()["payload"]["data"]).decode()
    except (ValueError, KeyError, TypeError):
        raise NotThere("holds no text") from None


def _asked(ask: Callable[[], Any], errors: tuple[type[Exception], ...], advice: str) -> Any:
    try:
        return ask()
    except errors as error:
        raise NotThere(f"cannot be read: {type(error).__name__}; {advice}") from None


def _field(value: str, name: str) -> str:
    try:
        found = orjson.loads(value)
    except ValueError:
        raise NotThere(f"is no JSON, so that it has no field `{name}`") from None
    return _named(found, name)


def _named(found: Any, name: str) -> str:
    value = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(value, str):
        raise NotThere(f"has no text in the field `{name}`")
    return value


def _needs(module: str, extra: str) -> None:
    root = module.partition(".")[0]
    if find_spec(root) is None or find_spec(module) is None:
        raise NotThere(f"needs {module}, which is not installed: {pip_install(extra)}")
