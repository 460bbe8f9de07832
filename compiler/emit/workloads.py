"""What runs somewhere else, as data: the gateway and each local model, with all that a platform must know."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from hashlib import sha256

from attrs import evolve, field

from ...dsl.kinds import BudgetAction, SecretSource
from ...dsl.late_text import LateText
from ...dsl.record import frozen
from ...dsl.runtimes import SecretRef
from ..plan import Plan, RemotePoolPlan
from ..plan.codec import dump_plan
from ..plan.reach import budgets_of, values_in
from ..plan.split import PORT, Part, split
from ..plan.tasks import FileRef
from .checks import GATEWAY, check_names, check_plan

STATE = "INFERC_STATE"
"""The variable that says where state is kept."""

PRE_STOP = 5
"""Seconds in which a platform hears that no more requests should come, before the process is told to stop."""

_START = 60
"""Seconds that a start takes at most, without models."""
_LAUNCH = 900
"""Seconds that a launched server may load for."""
_LOADED = 50 << 20
"""Bytes of a model that are loaded in a second, at least."""


@frozen
class Setting:
    """A variable of the environment. needed: whether nothing starts without it."""

    name: str
    needed: bool


@frozen(kw_only=True)
class Workload:
    """A process that runs in so many copies.

    name: of what is made for it. plan_name, plan_text: the plan that it runs, as a file. host: where others
    find it. start, grace, memory: seconds to start in and to stop in, and bytes. secrets: variables that hold
    keys; secret_files: files that do. nodes: names of machines that the file gives it. models: whether it
    needs the files of models.
    """

    name: str
    deployment: str | None
    plan_name: str
    plan_text: str
    port: int
    replicas: int
    gpus: int = 0
    nodes: tuple[str, ...] = ()
    cpu: int
    memory: int
    start: int
    grace: int
    secrets: tuple[str, ...] = ()
    secret_files: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    is_tls: bool = False
    asks_certificate: bool = False
    is_stateful: bool = False
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
        state = (f"--state={where}",) if self.is_stateful else ()
        return (
            "run",
            self.plan_name,
            "--host=0.0.0.0",
            f"--port={self.port}",
            f"--grace={self.grace}s",
            "--access-log=json",
            "--log-format=json",
            *state,
        )

    @property
    def mebibytes(self) -> int:
        """Memory, rounded up."""
        return math.ceil(self.memory / (1 << 20))


@frozen
class Endpoint:
    """A host and port that the gateway sends requests to."""

    host: str
    port: int


@frozen
class Project:
    """All that runs of one file. name: of the file, as platforms take it. endpoints: of providers."""

    name: str
    plan: Plan
    gateway: Workload
    models: tuple[Workload, ...]
    endpoints: tuple[Endpoint, ...]
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

    For one machine: the directory of the file, its name there, and where inferc is.
    """

    image: str | None = None
    namespace: str = "default"
    gateways: int = 2
    scaler: str = "hpa"
    directory: str = "/srv/infer"
    source: str = "main.infer"
    program: str = "/usr/local/bin/inferc"


def project(name: str, plan: Plan, options: Options, address: Callable[[str], str]) -> Project:
    """What runs of `plan`; address: the base URL of a workload by its name. Raises EmitError."""
    whose = check_names(name, plan)
    check_plan(plan)
    gateway, parts = split(plan, lambda deployment: address(whose[deployment]))
    is_stateful = needs_store(plan)
    models = tuple(_model(part, whose[part.name]) for part in parts)
    return Project(
        whose[""],
        plan,
        _gateway(whose[""], gateway, options, is_stateful),
        models,
        tuple(sorted(set(_endpoints(plan)), key=lambda each: (each.host, each.port))),
        options,
    )


def needs_store(plan: Plan) -> bool:
    """Whether several gateways must share what they count: money, and limits that are exact."""
    pools = [each for each in plan.deployments if isinstance(each, RemotePoolPlan)]
    return (
        any(budget.on_exceeded is not BudgetAction.WARN for _, _, budget in budgets_of(plan))
        or any(pool.rate_limits.strict for pool in pools)
        or any(key.rate_limits != type(key.rate_limits)() for key in plan.gateway.keys)
    )


def whole_workload(name: str, plan: Plan, options: Options) -> Workload:
    """All of `plan` in one process, with the models that it serves and starts. Raises EmitError."""
    check_names(name, plan)
    local = [_model(part, part.name) for part in split(plan, lambda each: f"http://{each}:{PORT}")[1]]
    alone = _gateway(name, plan, options, is_stateful=False)
    return evolve(
        alone,
        start=max([alone.start, *(each.start for each in local)]),
        gpus=sum(each.gpus * each.replicas for each in local),
    )


def _gateway(name: str, plan: Plan, options: Options, is_stateful: bool) -> Workload:
    longest = max(
        (float(each.timeouts.total) for each in plan.deployments if isinstance(each, RemotePoolPlan)),
        default=60.0,
    )
    if plan.gateway.timeout is not None:
        longest = min(longest, float(plan.gateway.timeout))
    opened = evolve(plan.gateway, host="0.0.0.0", bind=None)
    served = evolve(plan, gateway=opened)
    return _workload(
        served,
        name=f"{name}-{GATEWAY}",
        deployment=None,
        plan_name=f"{name}.plan.json",
        port=plan.gateway.port,
        replicas=options.gateways,
        cpu=1,
        memory=(256 << 20) + int(plan.gateway.max_body_memory),
        start=_START,
        grace=math.ceil(longest) + 5,
        is_tls=plan.gateway.tls is not None,
        asks_certificate=plan.gateway.tls is not None and plan.gateway.tls.client_ca is not None,
        is_stateful=is_stateful,
    )


def _model(part: Part, name: str) -> Workload:
    plan = part.deployment
    sizes = [each.bytes for each in values_in(plan) if isinstance(each, FileRef)]
    is_launched = isinstance(plan, RemotePoolPlan)
    threads = 0 if isinstance(plan, RemotePoolPlan) else plan.session.intra_op_threads
    return _workload(
        part.plan,
        name=name,
        deployment=part.name,
        plan_name=f"{name}.plan.json",
        port=PORT,
        replicas=part.replicas,
        gpus=part.gpus,
        nodes=tuple(dict.fromkeys(each.node for each in plan.replicas if each.node is not None)),
        cpu=threads or 2,
        memory=(4 << 30) if is_launched else (512 << 20) + 3 * sum(sizes),
        start=_LAUNCH if is_launched else _START + math.ceil(sum(sizes) / _LOADED),
        grace=120,
        is_launched=is_launched,
    )


def _workload(plan: Plan, **known: object) -> Workload:
    needed: dict[str, bool] = {}
    refs = [each for each in values_in(plan) if isinstance(each, SecretRef)]
    for each in values_in(plan):
        if isinstance(each, LateText):
            for variable in each.variables:
                needed[variable.name] = needed.get(variable.name, False) or variable.default is None
    secrets = {each.name for each in refs if each.source is SecretSource.ENV}
    return Workload(
        plan_text=json.dumps(json.loads(dump_plan(plan)), indent=2) + "\n",
        secrets=tuple(sorted(secrets)),
        secret_files=tuple(sorted({each.name for each in refs if each.source is SecretSource.FILE})),
        settings=tuple(Setting(name, needed[name]) for name in sorted(needed) if name not in secrets),
        **known,  # type: ignore[arg-type]
    )


def _endpoints(plan: Plan) -> Iterator[Endpoint]:
    """Where requests go: those that are known before the environment is read."""
    for each in plan.deployments:
        if isinstance(each, RemotePoolPlan) and (found := _address(each.endpoint)):
            yield found


def _address(url: str) -> Endpoint | None:
    from urllib.parse import urlsplit

    if isinstance(url, LateText) and not url.is_complete:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return Endpoint(parts.hostname, port or (443 if parts.scheme == "https" else 80))
