"""Who asks at AWS, and where, for APIs that are not Bedrock's own."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ...dsl.late_pattern import late_pattern
from ...dsl.late_text import is_unknown
from ...dsl.runtimes import AnthropicConfig, Aws, FederatedConfig
from ..declare import Declared
from .together import needs, rule_out

AWS_KEYS: tuple[tuple[str, str], ...] = (
    ("access_key_id", "secret_access_key"),
    ("secret_access_key", "access_key_id"),
    ("session_token", "access_key_id"),
)
"""Settings that are nothing without another one."""

_REGION = late_pattern(r"[a-z]{2,8}(?:-[a-z0-9]+)+-\d+")
"""Source: openai 3.57.0, providers/bedrock.py (2026-11-29)."""


def check_aws(declared: Declared, config: FederatedConfig, aws: Aws, found: Diagnostics) -> None:
    """An API behind AWS's own access: where it is, and whose it is."""
    here = ("runtime_config", "aws")
    region = aws.region
    if not is_unknown(region) and _REGION.fullmatch(region) is None:
        found.error(
            "E0313",
            f"`{region}` is no region of AWS",
            declared.span(*here, "region"),
            "a region ends in a number",
            help='write `region = "us-west-2"`, or the one that you use',
        )
    is_claude = isinstance(config, AnthropicConfig)
    if isinstance(config, AnthropicConfig) and not config.workspace:
        found.error(
            "E0305",
            "Claude Platform on AWS needs a `workspace`",
            declared.span("runtime_config", "workspace" if config.workspace is not None else "aws"),
            "`workspace` is missing",
            help='add `workspace = "wrkspc_…"` beside `aws`; Claude on Amazon Bedrock is '
            '`runtime bedrock { region = "…" }`',
        )
    for one, other in AWS_KEYS:
        if (*here, one) in declared.paths and not declared.wrote(*here, other):
            needs(declared, (*here, one), other, 'env("…")', found)
    for name in ("access_key_id", "profile"):
        if config.api_key and (*here, name) in declared.paths:
            rule_out(declared, ("runtime_config", "api_key"), (*here, name), "who asks", found)
    if {(*here, "access_key_id"), (*here, "profile")} <= set(declared.paths):
        rule_out(declared, (*here, "profile"), (*here, "access_key_id"), "who asks", found)
    for name in ("project", "credentials") if is_claude else ("azure_resource",):
        if ("runtime_config", name) in declared.paths:
            rule_out(declared, here, ("runtime_config", name), "where the server is", found)
