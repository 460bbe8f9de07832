"""What runs somewhere else, as data: a gateway, a local model, and all that a platform must know of them."""

from __future__ import annotations

import math
import re
from hashlib import sha256

from attrs import field

from ...dsl.record import frozen
from ..plan import Plan
from .endpoints import Endpoint

STATE = "INFERC_STATE"
"""The variable that says where state is kept."""

PRE_STOP = 5
"""Seconds in which a platform hears that no more requests should come, before the process is told to stop."""

_TEMPORARY = "/tmp/inferc-state"
"""Where the processes of one container share what they count, as long as it lives."""

LOAD = 300
"""Seconds that the load of a model may take in any case."""


@frozen
class Setting:
    """A variable of the environment. needed: whether nothing starts without it."""

    name: str
    needed: bool


@frozen(kw_only=True)
class Range:
    """How many copies there may be.

    target: requests for each, those that wait included. up, down: seconds for which there is more or less to
    do before there are more or fewer.
    """

    least: int
    most: int
    target: int
    up: int = 0
    down: int = 300


@frozen
class TokenVolume:
    """A folder in which Kubernetes keeps tokens that say who the workload is, and renews them.

    tokens: the name of each file, and for whom its token is.
    """

    name: str
    folder: str
    tokens: tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Workload:
    """A process that runs in so many copies.

    name: of what is made for it. plan_name, plan_text: the plan that it runs, as a file. port: where it
    listens; outside: where others find it; grpc: where it listens for gRPC. start, grace, memory: seconds to
    start in and to stop in, and bytes. secrets: variables that hold keys; passed: those that it gets where
    there are any; secret_files: files with keys; tokens: those that Kubernetes itself makes. nodes: names of
    machines that the file gives it.
    is_stateful: whether it shares a store with others; has_workers: whether its own processes need one.
    """

    name: str
    deployment: str | None
    plan_name: str
    plan_text: str
    port: int
    outside: int
    grpc: int | None = None
    replicas: int
    range: Range | None = None
    gpus: int = 0
    nodes: tuple[str, ...] = ()
    cpu: int
    memory: int
    start: int
    grace: int
    secrets: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    secret_files: tuple[str, ...] = ()
    tokens: tuple[TokenVolume, ...] = ()
    settings: tuple[Setting, ...] = ()
    is_tls: bool = False
    asks_certificate: bool = False
    is_stateful: bool = False
    has_workers: bool = False
    is_launched: bool = False

    @property
    def is_gateway(self) -> bool:
        return self.deployment is None

    @property
    def secret_keys(self) -> dict[str, str]:
        """A short name for each file with a secret."""
        return {
            file: f"{number}-{re.sub('[^A-Za-z0-9._-]', '-', file.rsplit('/', 1)[-1])}"
            for number, file in enumerate(self.secret_files)
        }

    @property
    def digest(self) -> str:
        """Of the plan: another one means that the process has to start anew."""
        return sha256(self.plan_text.encode()).hexdigest()[:16]

    def arguments(self, where: str = f"$({STATE})") -> tuple[str, ...]:
        """Behind `inferc`; where: of the state, if it keeps any."""
        state: tuple[str, ...] = (f"--state={_TEMPORARY}",) if self.has_workers else ()
        if self.is_stateful:
            state = (f"--state={where}", "--shared")
        return (
            "run",
            self.plan_name,
            "--host=0.0.0.0",
            f"--port={self.port}",
            f"--grace={self.grace}s",
            f"--load-timeout={max(self.start, LOAD)}s",
            "--access-log=json",
            "--log-format=json",
            *state,
        )

    @property
    def mebibytes(self) -> int:
        """Memory, rounded up."""
        return math.ceil(self.memory / (1 << 20))


@frozen
class Project:
    """All that runs of one file. name: of the file, as platforms take it.

    endpoints: where requests go, and where keys are read. goes_anywhere: whether only the environment says
    where some of it is.
    """

    name: str
    plan: Plan
    gateway: Workload
    models: tuple[Workload, ...]
    endpoints: tuple[Endpoint, ...]
    goes_anywhere: bool
    options: Options = field(repr=False)

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return (self.gateway, *self.models)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Variables that hold secrets, of all."""
        state = (STATE,) if self.gateway.is_stateful else ()
        return tuple(sorted({*state, *(name for each in self.workloads for name in each.secrets)}))

    @property
    def settings(self) -> tuple[Setting, ...]:
        return tuple(dict.fromkeys(each for work in self.workloads for each in work.settings))


@frozen(kw_only=True)
class Options:
    """What a file does not say. gateways: how many; image: of the containers.

    code: files and folders of the user's modules that lie beside the file. For one machine: the directory
    of the file, its name there, and where inferc is.
    """

    image: str | None = None
    namespace: str = "default"
    gateways: int = 2
    scaler: str = "hpa"
    code: tuple[str, ...] = ()
    directory: str = "/srv/infer"
    source: str = "main.infer"
    program: str = "/usr/local/bin/inferc"
