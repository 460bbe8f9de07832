"""Ranges, and policies that contradict each other or the runtime they are given to."""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ...dsl.kinds import RuntimeKind
from ...dsl.late_pattern import late_pattern
from ...dsl.ranges import Range
from ...dsl.runtimes import (
    Launch,
    LaunchableConfig,
    RemoteConfig,
)
from ...dsl.source import Span
from ...dsl.units import Duration
from ..capabilities import config_of
from ..declare import Declared
from ..program import Program

_DIFFERENCE = late_pattern(r"(\d++)[ ]*+-[ ]*+(\d++)")

GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"
"""What tells a program which GPUs it may use."""


def check_values(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """What each deployment's own validation finds, at the place where it was written."""
    for problem in deployment.problems:
        if problem.path == ("model",) and declared.setting("model") is None:
            continue
        report = found.warning if problem.code.startswith("W") else found.error
        span = declared.span(*problem.path)
        if problem.path == ("replicas",) and (ends := _DIFFERENCE.fullmatch(span.text)) is not None:
            _range_meant(f"{ends[1]}..{ends[2]}", span, found)
            continue
        report(problem.code, problem.message, span, help=problem.help)


def _range_meant(meant: str, span: Span, found: Diagnostics) -> None:
    found.error(
        "E0304",
        "a range has two points between its numbers",
        span,
        f"`{span.text}` is a difference: write `{meant}`",
        fixes=[Fix(f"write `{meant}`", (Edit(span, meant),))],
    )


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """Policies that do not fit their runtime, or each other."""
    config = deployment.effective_config
    if deployment.effective_runtime is RuntimeKind.CUDARC:
        _cudarc(declared, found)
    _scaling(declared, deployment, found)
    if isinstance(config, RemoteConfig):
        _remote(declared, deployment, config, found)


def _scaling(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A number of replicas that follows the load, where nothing can follow it."""
    is_range = isinstance(deployment.replicas, Range)
    if is_range and not (deployment.uses_gpus or declared.wrote("runtime_config", "launch")):
        found.error(
            "E0308",
            f"`{deployment.name}` does not run on machines of yours: nothing starts or ends its replicas",
            declared.span("replicas"),
            "a range is for models and servers that run here",
            help="write one number: each is a pool of `max_concurrent` requests at once",
        )
    elif deployment.scaling is not None and not is_range:
        found.error(
            "E0308",
            "`scaling` needs a range of `replicas`",
            declared.span("scaling"),
            help="write from how many to how many: `replicas = 2..8`",
        )


def _cudarc(declared: Declared, found: Diagnostics) -> None:
    place = declared.section_at("runtime_config")
    span = place.label_span() if place is not None else declared.span("runtime")
    found.error(
        "E0405",
        "`cudarc` is a Rust crate, and this executor is written in Python",
        span,
        "cannot be served",
        help='put it behind a plugin and use `runtime custom("name") { … }`, or serve it over HTTP with '
        "`runtime openai_compatible { endpoint = … }`",
    )


def _remote(declared: Declared, deployment: Deployment, config: RemoteConfig, found: Diagnostics) -> None:
    kind = deployment.effective_runtime
    launched = deployment.uses_gpus or declared.wrote("runtime_config", "launch")
    if deployment.gpus is not None and not launched:
        own = isinstance(config, LaunchableConfig)
        found.error(
            "E0401",
            f"`{deployment.name}` runs {'where its `endpoint` is' if own else 'at a provider'}: it takes no "
            "`gpus` here",
            declared.span("gpus"),
            f"`{kind}` is not started here" if own else f"`{kind}` is remote",
            help="remove `gpus`, or have the server started with `launch { command = […] }`"
            if own
            else "remove `gpus`: they are for models and servers that run here",
        )
    elif deployment.gpus is not None and isinstance(config, LaunchableConfig) and config.launch is not None:
        _visible_devices(declared, config.launch, found)
    retry, path = config.retry, ("runtime_config", "retry")
    if retry.initial_backoff > retry.max_backoff:
        found.error(
            "E0407",
            f"the first wait ({retry.initial_backoff}) is longer than the longest ({retry.max_backoff})",
            declared.span(
                *path, "initial_backoff" if declared.setting(*path, "initial_backoff") else "max_backoff"
            ),
            secondary=[Label(declared.span(*path, "max_backoff"), "the longest wait")]
            if declared.setting(*path, "max_backoff") and declared.setting(*path, "initial_backoff")
            else [],
            help="`initial_backoff` must not be above `max_backoff`",
        )
    limit = config.rate_limits.concurrent_requests
    if limit is not None and deployment.serving.max_concurrent * deployment.least_replicas > limit:
        _too_many_at_once(declared, deployment, limit, found)
    if not deployment.idempotent and declared.setting(*path, "max_retries") and retry.max_retries > 0:
        found.error(
            "E0409",
            f"`{deployment.name}` is not idempotent, and is to be retried",
            declared.span(*path, "max_retries"),
            "never happens",
            secondary=[Label(declared.span("idempotent"), "never retried, says this")],
            help="remove `retry`, or set `max_retries = 0`, or remove `idempotent = false`",
        )
    _keys(declared, deployment, config, found)


def _visible_devices(declared: Declared, launch: Launch, found: Diagnostics) -> None:
    """The variable that tells a server its GPUs is set by `gpus`."""
    if GPUS_VARIABLE in launch.env:
        found.error(
            "E0308",
            f"`gpus` and `{GPUS_VARIABLE}` rule each other out: both say which GPUs the server sees",
            declared.span("runtime_config", "launch", "env", GPUS_VARIABLE),
            secondary=[Label(declared.span("gpus"), "the other one")],
            help="keep one of them",
        )


def _too_many_at_once(declared: Declared, deployment: Deployment, limit: int, found: Diagnostics) -> None:
    at_once, replicas = deployment.serving.max_concurrent, deployment.least_replicas
    product = f" ({at_once} × {replicas} replicas)" if replicas > 1 else ""
    where = ("serving", "max_concurrent")
    limit_path = ("runtime_config", "rate_limits", "concurrent_requests")
    fitting = max(1, limit // replicas)
    found.error(
        "E0408",
        f"{at_once * replicas} requests at once{product} are more than the {limit} that the account allows",
        declared.span(*where) if declared.setting(*where) else declared.span(*limit_path),
        secondary=[Label(declared.span(*limit_path), "the limit")] if declared.setting(*where) else [],
        help=f"set `serving {{ max_concurrent = {fitting} }}`, or raise `concurrent_requests`",
    )


def check_waits(program: Program, found: Diagnostics) -> None:
    """Retries that go on when the client is no longer waiting."""
    limit = program.gateway.timeout
    if limit is None:
        return
    for declared, deployment in program.deployments:
        config = config_of(declared, deployment)
        if not isinstance(config, RemoteConfig):
            continue
        wait = worst_case_wait(config, retried=deployment.idempotent)
        if wait > limit:
            retries = config.retry.max_retries if deployment.idempotent else 0
            found.warning(
                "W0418",
                f"`{deployment.name}` may take {wait}, and clients wait {limit}",
                declared.span("runtime_config", "retry"),
                f"{retries + 1} × {config.timeouts.request} and the waits between",
                secondary=[Label(program.gateway.timeout_span, "the gateway gives up earlier")]
                if program.gateway.timeout_span is not None
                else [],
                help="lower `timeouts { request = … }` or `max_retries`, or raise the gateway's `timeout`",
            )


def _keys(declared: Declared, deployment: Deployment, config: RemoteConfig, found: Diagnostics) -> None:
    count = len(config.api_key)
    is_known = declared.setting("replicas") is not None or not declared.wrote("replicas")
    replicas = deployment.least_replicas
    if count > 1 and count != replicas and is_known:
        found.error(
            "E0314",
            f"{count} keys for {replicas} replica{'s' if replicas > 1 else ''}",
            declared.span("runtime_config", "api_key"),
            help="give one key for all replicas, or exactly one for each",
        )


def worst_case_wait(config: RemoteConfig, *, retried: bool) -> Duration:
    """The longest that a caller may wait: every attempt times out, every backoff is the longest."""
    total, backoff = float(config.timeouts.request), float(config.retry.initial_backoff)
    for _ in range(config.retry.max_retries if retried else 0):
        total += min(backoff, config.retry.max_backoff) + config.timeouts.request
        backoff *= config.retry.backoff_multiplier
    return Duration(total)
