"""The workloads that a plan becomes: what each runs and needs, and how long it may start and stop."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable

from attrs import evolve

from ...dsl.gateway import split_address
from ...dsl.kinds import ExecutionProvider, SecretSource
from ...dsl.late_text import LateText
from ...dsl.runtimes import Launch, SecretRef
from ..plan import OnnxServingPlan, Plan, RemotePoolPlan, ScalingPlan
from ..plan.codec import dump_plan
from ..plan.model import AwsAccess, WorkloadIdentity
from ..plan.reach import values_in
from ..plan.split import PORT, Part, split
from ..plan.state import keeps_state, shares_state
from ..plan.tasks import FileRef
from .checks import GATEWAY, check_containers, check_names, check_plan, check_ranges, check_size
from .endpoints import connections
from .workloads import Options, Project, Range, Setting, TokenVolume, Workload

_START = 60
"""Seconds that a start takes at most, without models."""
_LAUNCH = 900
"""Seconds that a launched server may load for, or TensorRT build an engine."""
_LOADED = 50 << 20
"""Bytes of a model that are loaded in a second, at least."""
_LOADS = 2
"""How often a model is loaded at a start: first by a process of its own, to see whether that goes well."""
BUSY = 0.7
"""The share of its places that a gateway has taken, on average, when another one is started."""
MOST_GATEWAYS = 5
"""How many times as many gateways as were asked for there may be under load."""
_STABLE = 3600
"""Seconds that an autoscaler of Kubernetes looks back at most."""
_LONGEST = 1800.0
"""Seconds that an answer of a model here may take, as of one elsewhere where the file says nothing else."""
_UNPRIVILEGED = 1024
"""The lowest port that a process without rights may listen at."""
_AWS = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_FETCHING = {
    SecretSource.VAULT: ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"),
    SecretSource.AWS_SECRET: _AWS,
}
"""Variables by which a process that fetches secrets finds who keeps them, where they are set."""


def project(name: str, plan: Plan, options: Options, address: Callable[[str], str]) -> Project:
    """What runs of `plan` in containers; address: the base URL of a workload. Raises EmitError."""
    whose = check_names(name, [part.name for part in split(plan, lambda each: f"http://{each}:{PORT}")[1]])
    check_plan(plan)
    check_containers(plan)
    if options.scaler == "none":
        check_ranges(plan)
    gateway, parts = split(plan, lambda deployment: address(whose[deployment]))
    places = dict.fromkeys(connections(plan))
    whole = Project(
        whose[""],
        plan,
        _gateway(whose[""], gateway, options, is_stateful=shares_state(plan)),
        tuple(_model(part, whose[part.name], _longest(plan)) for part in parts),
        tuple(sorted(filter(None, places), key=lambda each: (each.host, each.port))),
        None in places,
        options,
    )
    for work in whole.workloads:
        check_size(work.name, work.plan_text)
    return whole


def whole_workload(name: str, plan: Plan, options: Options) -> Workload:
    """All of `plan` in one process, with the models that it serves and starts. Raises EmitError."""
    check_names(name)
    check_plan(plan)
    parts = split(plan, lambda each: f"http://{each}:{PORT}")[1]
    local = [_model(part, part.name, _longest(plan)) for part in parts]
    alone = _gateway(name, plan, options, is_stateful=False)
    return evolve(
        alone,
        start=max([alone.start, *(each.start for each in local)]),
        gpus=sum(each.gpus * each.replicas for each in local),
        passed=tuple(sorted({*alone.passed, *(name for each in local for name in each.passed)})),
        has_workers=keeps_state(plan),
    )


def _longest(plan: Plan) -> float:
    """Seconds that the longest answer may take: of a whole request, where the gateway ends those itself."""
    if plan.gateway.timeout is not None:
        return float(plan.gateway.timeout)
    pools = [each for each in plan.deployments if isinstance(each, RemotePoolPlan)]
    return max([float(each.timeouts.total) for each in pools] or [_LONGEST])


def _gateway(name: str, plan: Plan, options: Options, *, is_stateful: bool) -> Workload:
    gateway = plan.gateway
    grpc = split_address(gateway.grpc) if gateway.grpc is not None else None
    opened = evolve(
        gateway,
        host="0.0.0.0",
        bind=None,
        grpc=None if grpc is None else f"0.0.0.0:{grpc[1] or PORT + 1}",
    )
    return _workload(
        evolve(plan, gateway=opened),
        name=f"{name}-{GATEWAY}",
        deployment=None,
        plan_name=f"{name}.plan.json",
        port=gateway.port if gateway.port >= _UNPRIVILEGED else PORT,
        outside=gateway.port or PORT,
        grpc=None if grpc is None else grpc[1] or PORT + 1,
        replicas=options.gateways,
        range=Range(
            least=options.gateways,
            most=options.gateways * MOST_GATEWAYS,
            target=max([1, *(int(BUSY * each.serving.max_concurrent) for each in plan.deployments)]),
        ),
        cpu=max(gateway.workers, 1),
        memory=(256 << 20) * max(gateway.workers, 1) + int(gateway.max_body_memory),
        start=_START,
        grace=math.ceil(_longest(plan)) + 5,
        is_tls=gateway.tls is not None,
        asks_certificate=gateway.tls is not None and gateway.tls.client_ca is not None,
        is_stateful=is_stateful,
        has_workers=gateway.workers != 1,
    )


def _model(part: Part, name: str, longest: float) -> Workload:
    plan = part.deployment
    sizes = [each.bytes for each in values_in(plan) if isinstance(each, FileRef)]
    is_launched = isinstance(plan, RemotePoolPlan)
    threads, seconds = 0, _LAUNCH
    if isinstance(plan, OnnxServingPlan):
        threads = plan.session.intra_op_threads
        builds = any(each.name is ExecutionProvider.TENSORRT for each in plan.providers)
        seconds = math.ceil(_LOADS * sum(sizes) / _LOADED) + (_LAUNCH if builds else 0)
    return _workload(
        part.plan,
        name=name,
        deployment=part.name,
        plan_name=f"{name}.plan.json",
        port=PORT,
        outside=PORT,
        replicas=part.replicas,
        range=_range(plan.scaling),
        gpus=part.gpus,
        nodes=tuple(dict.fromkeys(each.node for each in plan.replicas if each.node is not None)),
        cpu=threads or 2,
        memory=(4 << 30) + (8 << 30) * part.gpus if is_launched else (512 << 20) + 3 * sum(sizes),
        start=_START + seconds,
        grace=math.ceil(longest) + 5,
        is_launched=is_launched,
    )


def _range(scaling: ScalingPlan | None) -> Range | None:
    if scaling is None:
        return None
    return Range(
        least=scaling.min_replicas,
        most=scaling.max_replicas,
        target=scaling.target,
        up=min(math.ceil(scaling.upscale_delay), _STABLE),
        down=min(math.ceil(scaling.downscale_delay), _STABLE),
    )


def _workload(plan: Plan, **known: object) -> Workload:
    needed: dict[str, bool] = {}
    passed: set[str] = set()
    values = list(values_in(plan))
    refs = [each for each in values if isinstance(each, SecretRef)]
    for each in values:
        match each:
            case LateText():
                for variable in each.variables:
                    needed[variable.name] = needed.get(variable.name, False) or variable.default is None
            case Launch():
                passed |= {"HF_TOKEN", *each.pass_env}
            case SecretRef():
                passed |= set(_FETCHING.get(each.source, ()))
            case AwsAccess(access_key_id=None):
                passed |= set(_AWS)
    secrets = {each.name for each in refs if each.source is SecretSource.ENV}
    return Workload(
        plan_text=json.dumps(json.loads(dump_plan(plan)), indent=2) + "\n",
        secrets=tuple(sorted(secrets)),
        passed=tuple(sorted(passed - secrets - needed.keys())),
        secret_files=tuple(sorted({each.name for each in refs if each.source is SecretSource.FILE})),
        tokens=_token_volumes(each for each in values if isinstance(each, WorkloadIdentity)),
        settings=tuple(Setting(name, needed[name]) for name in sorted(needed) if name not in secrets),
        **known,  # type: ignore[arg-type]
    )


def _token_volumes(identities: Iterable[WorkloadIdentity]) -> tuple[TokenVolume, ...]:
    """The folders of tokens that files name; a relative one would hide what lies beside it."""
    folders: dict[str, dict[str, str]] = {}
    for each in identities:
        folder, slash, file = each.token.name.rpartition("/")
        if each.token.source is SecretSource.FILE and slash and folder.startswith("/"):
            folders.setdefault(folder, {})[file] = each.audience
    return tuple(
        TokenVolume(f"tokens-{number}", folder, tuple(sorted(folders[folder].items())))
        for number, folder in enumerate(sorted(folders))
    )
