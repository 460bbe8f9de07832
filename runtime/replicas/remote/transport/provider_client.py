"""What sends the requests to the provider of one plan, and what has to be installed for it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from .....compiler.plan import RemotePoolPlan, TaskKind, WireFormat
from .....compiler.plan.installing import pip_install
from ....requests.errors import StartError
from .certificates import Certificates
from .http_client import ClientOptions, HttpClient
from .lean_client import open_client
from .proxy import Proxy

READ_AHEAD = 8 << 10
"""Bytes of a stream that are read before the client takes them."""

_KEEPALIVE = 55.0
"""Less than a minute, after which load balancers in front of providers close (AWS's by default): what is sent
at that moment is lost."""

_WINDOW = {TaskKind.CHAT: 32 << 10}
"""What the system keeps of an answer: text comes slowly, and many streams may wait for their clients."""

_HEADERS = {"User-Agent": "inferc", "Content-Type": "application/json", "Accept-Encoding": "identity"}


def check_packages(plan: RemotePoolPlan) -> None:
    """Raises StartError where something is missing that answers of `plan` need."""
    name = plan.deployment
    if plan.task_kind in (TaskKind.EMBED, TaskKind.RERANK) and find_spec("numpy") is None:
        raise StartError(
            f"deployment `{name}`: it needs numpy, which is not installed: {pip_install('pipelines')}"
        )
    streams_or_signs = plan.wire is WireFormat.BEDROCK or plan.aws is not None
    if streams_or_signs and find_spec("botocore") is None:
        raise StartError(
            f"deployment `{name}`: it needs botocore, which is not installed: {pip_install('bedrock')}"
        )


def client_of(
    plan: RemotePoolPlan, headers: Mapping[str, str], proxy: Proxy | None, certificates: Certificates | None
) -> HttpClient:
    """The client of one replica; call it in the event loop. headers: of its protocol."""
    return open_client(
        ClientOptions(
            headers={**_HEADERS, **headers, **plan.headers},
            read_ahead=READ_AHEAD,
            window=_WINDOW.get(plan.task_kind),
            keepalive=_KEEPALIVE,
            proxy=proxy,
            ssl=certificates.context if certificates is not None else None,
            is_plain=True,
            query=plan.query,
            as_written=plan.wire is WireFormat.BEDROCK or plan.aws is not None,  # each character is signed
        )
    )
