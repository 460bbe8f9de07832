"""Ranges, and policies that contradict each other or the runtime they are given to."""

from __future__ import annotations

import re

from ...dsl.bedrock_names import region_in
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.inference import AZURE_AI, cloud_prefix
from ...dsl.kinds import RuntimeKind, SecretSource
from ...dsl.late_text import is_unknown
from ...dsl.other_providers import find_other
from ...dsl.presets import PRESETS
from ...dsl.ranges import Range
from ...dsl.runtimes import (
    AzureConfig,
    BedrockConfig,
    Launch,
    LaunchableConfig,
    LocalServerConfig,
    OpenAICompatibleConfig,
    OpenAIConfig,
    RemoteConfig,
    VertexConfig,
)
from ...dsl.source import Span
from ...dsl.units import Duration
from ...dsl.urls import no_base_url, no_proxy_url
from ..capabilities import config_of
from ..certificate_files import check_certificate
from ..declare import Declared
from ..program import Program

HOSTED = {
    RuntimeKind.OPENAI: "OPENAI_API_KEY",
    RuntimeKind.ANTHROPIC: "ANTHROPIC_API_KEY",
    RuntimeKind.GEMINI: "GEMINI_API_KEY",
} | {kind: preset.key for kind, preset in PRESETS.items() if preset.key is not None}
"""Runtimes whose own endpoint takes nobody without a key, and the variable that usually holds it."""


GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"
"""What tells a program which GPUs it may use."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")

TAKEN_HEADERS = frozenset(
    (*_KEYS, "host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding")
)
"""Headers that requests have anyway, in small letters."""


def check_values(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """What each deployment's own validation finds, at the place where it was written."""
    for problem in deployment.problems:
        if problem.path == ("model",) and declared.setting("model") is None:
            continue
        report = found.warning if problem.code.startswith("W") else found.error
        report(problem.code, problem.message, declared.span(*problem.path), help=problem.help)


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """Policies that do not fit their runtime, or each other."""
    config = deployment.effective_config()
    if deployment.effective_runtime() is RuntimeKind.CUDARC:
        _cudarc(declared, found)
    _scaling(declared, deployment, found)
    if isinstance(config, RemoteConfig):
        _remote(declared, deployment, config, found)


def _scaling(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A number of replicas that follows the load, where nothing can follow it."""
    is_range = isinstance(deployment.replicas, Range)
    if is_range and not deployment.uses_gpus:
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
    kind = deployment.effective_runtime()
    if deployment.gpus is not None and not deployment.uses_gpus:
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
        _too_many_workers(declared, deployment, limit, found)
    if not deployment.idempotent and declared.setting(*path, "max_retries") and retry.max_retries > 0:
        found.error(
            "E0409",
            f"`{deployment.name}` is not idempotent, and is to be retried",
            declared.span(*path, "max_retries"),
            "never happens",
            secondary=[Label(declared.span("idempotent"), "never retried, says this")],
            help="remove `retry`, or set `max_retries = 0`, or remove `idempotent = false`",
        )
    _endpoint(declared, deployment, config, found)
    _headers(declared, config, found)
    _connection(declared, config, found)
    _exclusive(declared, config, found)
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


def _too_many_workers(declared: Declared, deployment: Deployment, limit: int, found: Diagnostics) -> None:
    workers, replicas = deployment.serving.max_concurrent, deployment.least_replicas
    product = f" ({workers} × {replicas} replicas)" if replicas > 1 else ""
    where = ("serving", "max_concurrent")
    limit_path = ("runtime_config", "rate_limits", "concurrent_requests")
    fitting = max(1, limit // replicas)
    found.error(
        "E0408",
        f"{workers * replicas} requests at once{product} are more than the {limit} that the account allows",
        declared.span(*where) if declared.setting(*where) else declared.span(*limit_path),
        secondary=[Label(declared.span(*limit_path), "the limit")] if declared.setting(*where) else [],
        help=f"set `serving {{ max_concurrent = {fitting} }}`, or raise `concurrent_requests`",
    )


def _endpoint(declared: Declared, deployment: Deployment, config: RemoteConfig, found: Diagnostics) -> None:
    path = ("runtime_config", "endpoint")
    named = region_in(deployment.known_model) if isinstance(config, BedrockConfig) else None
    if (
        isinstance(config, BedrockConfig)
        and not config.region
        and not declared.wrote("runtime_config", "region")
    ):
        has_block = declared.section_at("runtime_config") is not None
        found.error(
            "E0305",
            "`bedrock` needs a `region`",
            declared.span("runtime_config" if declared.runtime_is_written else "model"),
            "`region` is missing",
            help=f'add `region = "{named or "eu-central-1"}"` to the block, or the region that you use'
            if has_block
            else f'add `runtime bedrock {{ region = "{named or "eu-central-1"}" }}`, with the region that '
            "you use",
        )
    elif named is not None and isinstance(config, BedrockConfig) and config.region != named:
        found.error(
            "E0308",
            f"the name says `{named}`, and `region` says another one",
            declared.span("model"),
            secondary=[Label(declared.span("runtime_config", "region"), "asked there")],
            help=f"take `{named}/` out of the name",
        )
    if config.endpoint is not None:
        problem = None if is_unknown(config.endpoint) else no_base_url(config.endpoint)
        if problem is not None:
            found.error("E0313", problem[0], declared.span(*path), problem[1], help=problem[2])
        return
    if isinstance(config, OpenAIConfig) and config.azure_resource is not None:
        _resource(declared, "azure_resource", config.azure_resource, found)
        return
    if isinstance(config, VertexConfig) and (config.is_vertex or config.region is not None):
        return
    if isinstance(config, VertexConfig) and (prefix := cloud_prefix(deployment.known_model)) is not None:
        _cloud(declared, config, prefix, found)
        return
    if isinstance(config, AzureConfig) and config.resource is None:
        found.error(
            "E0305",
            "`azure` needs the name of a `resource`, or an `endpoint`",
            declared.span("runtime_config"),
            "`resource` is missing",
            help='add `resource = "…"`, the first part of `https://….openai.azure.com`',
        )
    elif isinstance(config, AzureConfig) and config.resource is not None:
        _resource(declared, "resource", config.resource, found)
    if config.kind in HOSTED and not config.api_key and not declared.wrote("runtime_config", "api_key"):
        found.error(
            "E0305",
            f"`{config.kind}` needs an `api_key`",
            declared.span("runtime_config"),
            "`api_key` is missing",
            help=_add_key(declared, config.kind),
        )
    elif declared.wrote("runtime_config", "endpoint"):
        return
    elif isinstance(config, OpenAICompatibleConfig) and config.launch is None:
        found.error(
            "E0305",
            "`openai_compatible` needs an `endpoint`",
            declared.span("runtime_config"),
            "`endpoint` is missing",
            help='add `endpoint = "https://host/v1"`, or `launch { command = […] }` to have it started',
        )
    elif isinstance(config, LaunchableConfig) and config.launch is not None:
        _launch(declared, config.launch, found)
    elif not declared.runtime_is_written and find_other(deployment.known_model) is not None:
        return  # no server of one's own is meant, and that is said
    elif isinstance(config, LocalServerConfig) and config.kind is not RuntimeKind.PYTHON:
        _no_server(declared, config, found)


def _cloud(declared: Declared, config: VertexConfig, prefix: str, found: Diagnostics) -> None:
    """A model that its name says to be in another cloud than its maker's."""
    is_azure = prefix == AZURE_AI
    needed = "an `endpoint`" if is_azure else "a `project` and a `region`"
    written = (
        'endpoint = "https://….services.ai.azure.com/anthropic", api_key = env("AZURE_AI_API_KEY")'
        if is_azure
        else 'project = "…", region = "global"'
    )
    found.error(
        "E0305",
        f"`{prefix}` means {'Azure' if is_azure else 'Vertex AI'}, which needs {needed}",
        declared.span("runtime_config" if declared.runtime_is_written else "model"),
        help=f"write `runtime {config.kind} {{ {written} }}`; without `{prefix}`, the maker of the model "
        "is asked",
    )


def _resource(declared: Declared, name: str, resource: str, found: Diagnostics) -> None:
    if is_unknown(resource) or re.fullmatch(r"[A-Za-z0-9-]+", resource):
        return
    found.error(
        "E0313",
        f"`{name}` is no name of an Azure resource",
        declared.span("runtime_config", name),
        "expected letters, digits and `-`",
        help=f'write `{name} = "…"`, the first part of `https://….openai.azure.com`; a whole address is '
        "an `endpoint`",
    )


def _add_key(declared: Declared, kind: RuntimeKind) -> str:
    key = f'api_key = env("{HOSTED[kind]}")'
    has_block = declared.section_at("runtime_config") is not None
    return f"add `{key}` to the block" if has_block else f"add `runtime {kind} {{ {key} }}`"


def _no_server(declared: Declared, config: LocalServerConfig, found: Diagnostics) -> None:
    found.error(
        "E0305",
        f"`{config.kind}` needs an `endpoint` or a `launch`",
        declared.span("runtime_config") if declared.runtime_is_written else declared.span("model"),
        "where is the server?",
        help=f'add `runtime {config.kind} {{ endpoint = "http://127.0.0.1:8000/v1" }}`, '
        "or `launch { command = […] }` to have it started",
    )


def _launch(declared: Declared, launch: Launch, found: Diagnostics) -> None:
    """A launched server must have a program, and be told the port that is picked for it."""
    path = ("runtime_config", "launch", "command")
    if not launch.command:
        found.error(
            "E0305",
            "`command` names no program",
            declared.span(*path),
            "is empty",
            help='write a program and its arguments: `command = ["vllm", "serve", "…"]`',
        )
    elif not any("{port}" in text or is_unknown(text) for text in (*launch.command, *launch.env.values())):
        found.error(
            "E0305",
            f"`{launch.command[0]}` is not told which port to listen on",
            declared.span(*path),
            "`{port}` is missing",
            help='a free port is picked at each start: add `"--port", "{port}"` to `command`, '
            "or however the program takes it, or put `{port}` into `env`",
        )


def _headers(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """What becomes a header must be one line of plain characters, and none that requests have anyway."""
    path = ("runtime_config", "headers")
    for name, value in config.headers.items():
        if _HEADER.fullmatch(name) is None:
            found.error(
                "E0316",
                f"`{name}` is no name of a header",
                declared.span(*path, name),
                help="names have letters, digits and `-`, such as `X-Team`",
            )
        elif name.lower() in TAKEN_HEADERS:
            found.error(
                "E0316",
                f"`{name}` is set with each request already",
                declared.span(*path, name),
                help='give a key with `api_key = env("…")`' if name.lower() in _KEYS else "remove it",
            )
        else:
            _header(declared.span(*path, name), name, value, "write it in one line, without umlauts", found)
    for name in ("organization", "project") if isinstance(config, OpenAIConfig) else ():
        value = getattr(config, name)
        if value is not None:
            advice = "copy the id from the provider's settings"
            _header(declared.span("runtime_config", name), name, value, advice, found)


def _header(span: Span, name: str, value: str, advice: str, found: Diagnostics) -> None:
    if not is_unknown(value) and not (value.isascii() and value.isprintable() and value.strip()):
        message = f"`{name}` is sent as a header: one line of plain ASCII characters"
        found.error("E0316", message, span, "cannot be sent", help=advice)


def _connection(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """Certificates and proxies on the way to the endpoint."""
    here, tls = "runtime_config", config.tls
    for name in ("ca", "cert", "key") if tls is not None else ():
        ref = getattr(tls, name)
        if ref is None:
            continue
        check_certificate(ref, name, declared.span(here, "tls", name), found)
        if ref.source is not SecretSource.FILE:
            found.error(
                "E0301",
                f"`{name}` is a file",
                declared.span(here, "tls", name),
                "not a file",
                help=f'write `{name} = file("path.pem")`',
            )
    for one, other in (("cert", "key"), ("key", "cert")):
        if declared.wrote(here, "tls", one) and not declared.wrote(here, "tls", other):
            found.error(
                "E0308",
                f"`{one}` needs `{other}` beside it",
                declared.span(here, "tls", one),
                f"`{other}` is missing",
                help=f'add `{other} = file("…")`: the key without a password',
            )
    plain = config.endpoint is not None and not is_unknown(config.endpoint)
    if tls is not None and plain and str(config.endpoint).startswith("http://"):
        found.error(
            "E0308",
            "`tls` means nothing for an endpoint that begins with `http://`",
            declared.span(here, "tls"),
            secondary=[Label(declared.span(here, "endpoint"), "is asked without TLS")],
            help="write the endpoint with `https://`, or remove `tls`",
        )
    proxy = config.proxy
    if proxy is not None and not is_unknown(proxy) and (problem := no_proxy_url(proxy)) is not None:
        found.error("E0313", problem[0], declared.span(here, "proxy"), problem[1], help=problem[2])
    if config.proxy_login is not None and proxy is None:
        found.error(
            "E0308",
            "`proxy_login` needs `proxy` beside it",
            declared.span(here, "proxy_login"),
            "`proxy` is missing",
            help='add `proxy = "http://…"`',
        )


_RULED_OUT = (
    ("endpoint", "azure_resource", "where the server is"),
    ("endpoint", "launch", "where the server is"),
    ("tls", "launch", "how the server is reached"),
    ("proxy", "launch", "how the server is reached"),
    ("api_key", "access_key_id", "who asks"),
    ("api_key", "profile", "who asks"),
    ("profile", "access_key_id", "who asks"),
)
_AWS_KEYS: tuple[tuple[str, str], ...] = (
    ("access_key_id", "secret_access_key"),
    ("secret_access_key", "access_key_id"),
    ("session_token", "access_key_id"),
)


def _exclusive(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """Settings that need each other, or rule each other out."""
    here = "runtime_config"
    for one, other, why in _RULED_OUT:
        if (here, one) in declared.paths and (here, other) in declared.paths:
            found.error(
                "E0308",
                f"`{one}` and `{other}` rule each other out: both say {why}",
                declared.span(here, other),
                secondary=[Label(declared.span(here, one), "the other one")],
                help="keep one of them",
            )
    pairs: tuple[tuple[str, str], ...] = (
        ("azure_resource", "azure_deployment"),
        ("azure_deployment", "azure_resource"),
    )
    if isinstance(config, VertexConfig):
        pairs = (("project", "region"), ("region", "project"))
    if isinstance(config, BedrockConfig):
        pairs = _AWS_KEYS
    for one, other in pairs:
        if (here, one) in declared.paths and not declared.wrote(here, other):
            found.error(
                "E0308",
                f"`{one}` needs `{other}` beside it",
                declared.span(here, one),
                f"`{other}` is missing",
                help=f"add `{other} = {'env(' if config.kind is RuntimeKind.BEDROCK else ''}"
                f'"…"{")" if config.kind is RuntimeKind.BEDROCK else ""}`',
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
