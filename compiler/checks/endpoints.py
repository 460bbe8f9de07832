"""Where a remote runtime is, and which settings say so together."""

from __future__ import annotations

import re

from ...dsl.catalogues.bedrock_names import region_in
from ...dsl.catalogues.inference import AZURE_AI, cloud_prefix
from ...dsl.catalogues.other_providers import find_other
from ...dsl.catalogues.presets import HOSTED
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ...dsl.kinds import RuntimeKind
from ...dsl.late_pattern import late_pattern
from ...dsl.late_text import is_unknown
from ...dsl.runtimes import (
    AnthropicConfig,
    AzureConfig,
    BedrockConfig,
    FederatedConfig,
    Launch,
    LaunchableConfig,
    LocalServerConfig,
    OpenAICompatibleConfig,
    OpenAIConfig,
    RemoteConfig,
    VertexConfig,
)
from ...dsl.urls import no_base_url
from ..declare import Declared
from .aws_access import AWS_KEYS, check_aws
from .together import needs, rule_out
from .ways_to_endpoints import check_headers, check_way
from .workload_identity import check_identity

_MEANT = late_pattern(r'write `endpoint = ("[^"$]*")`')


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """Endpoints, headers, certificates and proxies that cannot be used, or say the same thing twice."""
    config = deployment.effective_config
    is_guessed = not deployment.model and not declared.runtime_is_written
    if isinstance(config, RemoteConfig) and not is_guessed:
        _endpoint(declared, deployment, config, found)
        check_headers(declared, config, found)
        check_way(declared, config, found)
        _exclusive(declared, config, found)


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
    if isinstance(config, FederatedConfig) and config.aws is not None:
        check_aws(declared, config, config.aws, found)
    if isinstance(config, FederatedConfig) and config.identity is not None:
        check_identity(declared, config, found)
    if config.endpoint is not None:
        problem = None if is_unknown(config.endpoint) else no_base_url(config.endpoint)
        if problem is not None:
            span, meant = declared.span(*path), _MEANT.fullmatch(problem[2])
            is_told = meant is not None and meant[1] != '"https://host/v1"' and span.text.startswith('"')
            fixes = [Fix(problem[2], (Edit(span, meant[1]),), safe=False)] if meant and is_told else []
            found.error("E0313", problem[0], span, problem[1], help=() if fixes else problem[2], fixes=fixes)
        return
    if isinstance(config, OpenAIConfig) and config.azure_resource is not None:
        _resource(declared, "azure_resource", config.azure_resource, found)
        return
    if isinstance(config, FederatedConfig) and (
        declared.wrote("runtime_config", "aws") or declared.wrote("runtime_config", "identity")
    ):
        return
    if isinstance(config, VertexConfig) and (config.is_vertex or config.region is not None):
        return
    if isinstance(config, VertexConfig) and (prefix := cloud_prefix(deployment.known_model)) is not None:
        _cloud(declared, config, prefix, found)
        return
    if isinstance(config, AzureConfig) and config.resource is None:
        advice = 'add `resource = "…"`, the first part of `https://….openai.azure.com`'
        _missing(declared, "the name of a `resource`, or an `endpoint`", "resource", advice, config, found)
    elif isinstance(config, AzureConfig) and config.resource is not None:
        _resource(declared, "resource", config.resource, found)
    if config.kind in HOSTED and not config.api_key and not declared.wrote("runtime_config", "api_key"):
        _missing(declared, "an `api_key`", "api_key", _add_key(declared, config.kind), config, found)
    elif declared.wrote("runtime_config", "endpoint"):
        return
    elif declared.wrote("runtime_config", "launch") and getattr(config, "launch", None) is None:
        return  # what is wrong with it is said
    elif isinstance(config, OpenAICompatibleConfig) and config.launch is None:
        advice = 'add `endpoint = "https://host/v1"`, or `launch { command = […] }` to have it started'
        _missing(declared, "an `endpoint`", "endpoint", advice, config, found)
    elif isinstance(config, LaunchableConfig) and config.launch is not None:
        _launch(declared, config.launch, found)
    elif not declared.runtime_is_written and find_other(deployment.known_model) is not None:
        return  # no server of one's own is meant, and that is said
    elif isinstance(config, LocalServerConfig) and config.kind is not RuntimeKind.PYTHON:
        _no_server(declared, config, found)


def _missing(
    declared: Declared, needed: str, field: str, advice: str, config: RemoteConfig, found: Diagnostics
) -> None:
    """A field that the runtime needs."""
    message, label = f"`{config.kind}` needs {needed}", f"`{field}` is missing"
    found.error("E0305", message, declared.span("runtime_config"), label, help=advice)


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
    elif len(launch.command) == 1 and (line := launch.command[0]).partition("/")[0].count(" "):
        from ..blocks.mismatches import in_words

        span = declared.span(*path)
        found.error(
            "E0301",
            "a command is a list, in which each word is a text",
            span,
            "a whole line in one text",
            fixes=[in_words(line, span)] if span.text.startswith("[") else (),
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


_RULED_OUT = (
    ("endpoint", "azure_resource", "where the server is"),
    ("endpoint", "launch", "where the server is"),
    ("tls", "launch", "how the server is reached"),
    ("proxy", "launch", "how the server is reached"),
    ("api_key", "access_key_id", "who asks"),
    ("api_key", "profile", "who asks"),
    ("profile", "access_key_id", "who asks"),
)


def _exclusive(declared: Declared, config: RemoteConfig, found: Diagnostics) -> None:
    """Settings that need each other, or rule each other out."""
    here = "runtime_config"
    for one, other, why in _RULED_OUT:
        if (here, one) in declared.paths and (here, other) in declared.paths:
            rule_out(declared, (here, one), (here, other), why, found)
    pairs: tuple[tuple[str, str], ...] = (
        ("azure_resource", "azure_deployment"),
        ("azure_deployment", "azure_resource"),
    )
    if isinstance(config, VertexConfig):
        pairs = (("project", "region"), ("region", "project"))
    if isinstance(config, BedrockConfig):
        pairs = AWS_KEYS
    value = 'env("…")' if config.kind is RuntimeKind.BEDROCK else '"…"'
    for one, other in pairs:
        if (here, one) in declared.paths and not declared.wrote(here, other):
            needs(declared, (here, one), other, value, found)
    if (
        isinstance(config, AnthropicConfig)
        and (here, "workspace") in declared.paths
        and not (declared.wrote(here, "aws") or declared.wrote(here, "project"))
    ):
        needs(declared, (here, "workspace"), "project", '"…"', found, _OR_AWS)


_OR_AWS = ', or `aws { region = "…" }`: the workspace is one on Google Cloud, or on AWS'
