"""Settings of LiteLLM's proxy that have no place in a file of the language, and what to do instead."""

from __future__ import annotations

from ...draft import Block, Draft
from ...foreign import Node
from ...tables import Lost, Table

_STATE = "inferc shares limits and spend with `inferc run --state redis://…`"
_TOLD = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
_DATABASE = "inferc keeps nothing in a database: models stand in the file, keys there or by `inferc key`"
_ALERTS = "inferc alerts nobody: let Prometheus watch `/metrics`"
_PROBES = "inferc learns from requests and circuits, and asks nobody in the background"
_JWT = "write `gateway { jwt { … } }` with the issuer, and the claim that names a key"
_GUARD = "inferc brings no guards: `gateway { guard name { … } }` calls code of your own"

_TOOLS = "inferc calls no tools by itself: clients and agents do"
_VERBOSE = "`inferc run --log-level debug` says more"
_MISPLACED = "LiteLLM reads it in `litellm_settings` alone: write `cache { … }` in a deployment"
_ASKERS = "`gateway { key name { models = [ … ], budget { … } } }` says who may ask what, and for how much"
_TAGS = "routes do not choose by tags: give each its own deployment, and name it"


def _cache_type(draft: Draft, block: Block, node: Node) -> None:
    """Where answers are kept: `local` is in memory, as here."""
    if node.value == "local":
        draft.kept(node)
    else:
        says = "inferc keeps answers in memory, and gives them to requests that are equal"
        draft.lost(node, says, block.remarks)


ELSEWHERE: Table = {
    "access_groups": Lost(_ASKERS),
    "model_access_groups": Lost(_ASKERS),
    "policies.**": Lost(_GUARD),
    "policy_attachments": Lost(_GUARD),
    "prompts": Lost("a pipeline has prompts"),
    "router_settings.enable_tag_filtering": Lost(_TAGS),
    "router_settings.tag_filtering_match_any": Lost(_TAGS),
    "router_settings.deployment_affinity": Lost(
        "`balance [a, b] by user`, or `by conversation`, keeps to a member"
    ),
    "litellm_settings.guardrails": Lost(_GUARD),
    "litellm_settings.default_internal_user_params.**": Lost(_ASKERS),
    "litellm_settings.default_team_*": Lost(_ASKERS),
    "litellm_settings.upperbound_key_generate_params.**": Lost(_ASKERS),
    "litellm_settings.public_model_groups": Lost("`/v1/models` lists what a key may ask"),
    "litellm_settings.forward_client_headers_to_llm_api": Lost("headers of clients are not passed on"),
    "general_settings.key_management_*": Lost("`vault(…)` and `aws_secret(…)` name a secret where it is"),
    "general_settings.allowed_routes": Lost("a key asks models, at any path"),
    "general_settings.enforce_user_param": Lost("whoever asks has a key: `gateway { key name { … } }`"),
    "general_settings.maximum_spend_logs_retention_*": Lost(_DATABASE),
    "general_settings.use_redis_transaction_buffer": Lost(_STATE),
    "general_settings.alert_to_webhook_url.**": Lost(_ALERTS),
    "guardrails": Lost(_GUARD),
    "mcp_servers": Lost(_TOOLS),
    "mcp_tools": Lost(_TOOLS),
    "environment_variables.*": Lost("inferc sets no variables: put it into the environment"),
    "credential_list": Lost("no model names it"),
    "vector_store_registry": Lost("inferc has no vector store"),
    "search_tools": Lost("inferc searches nothing by itself"),
    "agent_list": Lost("inferc has pipelines in place of agents"),
    "router_settings.routing_strategy_args.*": Lost("the rules of `balance` have no settings"),
    "router_settings.redis_*": Lost(_STATE),
    "router_settings.cache_responses": Lost("write `cache { … }` in the deployments that it is meant for"),
    "router_settings.cache_kwargs": Lost(_STATE),
    "router_settings.context_window_fallbacks": Lost("a route passes over members whose window is too small"),
    "router_settings.content_policy_fallbacks": Lost(
        "refused content is refused: no route goes on after that"
    ),
    "router_settings.enable_pre_call_checks": Lost("a route passes over members that cannot take a request"),
    "router_settings.optional_pre_call_checks": Lost(
        "a route passes over members that cannot take a request"
    ),
    "router_settings.retry_policy": Lost("`retry` is one for all kinds of errors that another try may help"),
    "router_settings.model_group_retry_policy": Lost("write `retry { … }` in the deployments"),
    "router_settings.allowed_fails_policy": Lost("`circuit_breaker` counts all failures of a server alike"),
    "router_settings.disable_cooldowns": Lost("a circuit that never opens: `failure_threshold = 1000000`"),
    "router_settings.provider_budget_config": Lost("write `budget { … }` in the deployments of the provider"),
    "router_settings.model_group_alias.*.hidden": Lost("every name is listed"),
    "litellm_settings.json_logs": Lost("`inferc run --log-format json` writes JSON"),
    "litellm_settings.telemetry": Lost("inferc reports to nobody"),
    "litellm_settings.turn_off_message_logging": Lost("inferc logs no messages"),
    "litellm_settings.redact_user_api_key_info": Lost("inferc logs no keys"),
    "litellm_settings.success_callback": Lost(_TOLD),
    "litellm_settings.failure_callback": Lost(_TOLD),
    "litellm_settings.callbacks": Lost(_TOLD),
    "litellm_settings.service_callback": Lost(_TOLD),
    "litellm_settings.callback_settings": Lost(_TOLD),
    "litellm_settings.cache_params.host": Lost(_STATE),
    "litellm_settings.cache_params.port": Lost(_STATE),
    "litellm_settings.cache_params.password": Lost(_STATE),
    "litellm_settings.cache_params.url": Lost(_STATE),
    "litellm_settings.cache_params.type": _cache_type,
    "litellm_settings.cache_params.namespace": Lost("answers belong to the plan that gave them"),
    "litellm_settings.cache_params.redis_url": Lost(_STATE),
    **{
        f"litellm_settings.cache_params.{name}": Lost("only a request that is equal is answered again")
        for name in ("similarity_threshold", "*semantic*")
    },
    "litellm_settings.cache_params.*": Lost("a cache here has a time and a size"),
    "litellm_settings.content_policy_fallbacks": Lost(
        "refused content is refused: no route goes on after that"
    ),
    "litellm_settings.context_window_fallbacks": Lost(
        "a route passes over members whose window is too small"
    ),
    "litellm_settings.modify_params": Lost(
        "requests that a provider would refuse are refused, with a reason"
    ),
    "litellm_settings.ssl_verify": Lost(
        "certificates are always checked: `tls { ca = file(…) }` of a runtime names your own"
    ),
    "general_settings.database_*": Lost(_DATABASE),
    "general_settings.store_model_in_db": Lost(_DATABASE),
    "general_settings.store_prompts_in_spend_logs": Lost(_DATABASE),
    "general_settings.proxy_batch_write_at": Lost(_DATABASE),
    "general_settings.disable_spend_logs": Lost(_DATABASE),
    "general_settings.alerting": Lost(_ALERTS),
    "general_settings.alerting_threshold": Lost(_ALERTS),
    "general_settings.alert_types": Lost(_ALERTS),
    "general_settings.alerting_args": Lost(_ALERTS),
    "general_settings.background_health_checks": Lost(_PROBES),
    "general_settings.health_check_interval": Lost(_PROBES),
    "general_settings.health_check_details": Lost(_PROBES),
    "general_settings.custom_auth": Lost("no code looks at keys: put a proxy that does in front"),
    "general_settings.global_max_parallel_requests": Lost("each deployment has its own `max_concurrent`"),
    "general_settings.enable_jwt_auth": Lost(_JWT),
    "general_settings.litellm_jwtauth": Lost(_JWT),
    "general_settings.ui_access_mode": Lost("the page of inferc is `/ui`, and has no such modes"),
    "general_settings.pass_through_endpoints": Lost("inferc serves models, no other paths"),
    "litellm_settings.master_key": Lost(
        "LiteLLM reads it in `general_settings` alone: write `gateway { auth = bearer(env(…)) }`"
    ),
    **{
        f"{section}.{name}": Lost(_ASKERS)
        for section in ("general_settings", "litellm_settings")
        for name in (
            "max_internal_user_budget",
            "internal_user_budget_duration",
            "max_end_user_budget",
            "max_end_user_budget_duration",
            "default_end_user_params.**",
            "default_key_generate_params.**",
            "default_internal_user_params.**",
            "key_generation_settings.**",
            "allow_user_auth",
            "user_header_name",
            "user_header_mappings",
        )
    },
    "litellm_settings.tag_budget_config.**": Lost("`gateway { key name { budget { … } } }`: a key for each"),
    "litellm_settings.priority_reservation*.**": Lost("requests of a key wait by its `priority`"),
    "litellm_settings.custom_provider_map": Lost("`runtime custom(…)` is code of your own"),
    "litellm_settings.model_group_settings.**": Lost("headers of clients are not passed on"),
    "litellm_settings.prompt_injection_params.**": Lost(_GUARD),
    "litellm_settings.azure_content_safety_params.**": Lost(_GUARD),
    "litellm_settings.mcp_aliases.**": Lost(_TOOLS),
    "general_settings.mcp_*": Lost(_TOOLS),
    "general_settings.forward_*": Lost("headers of clients are not passed on"),
    "general_settings.disable_error_logs": Lost(_DATABASE),
    "general_settings.otel": Lost(_TOLD),
    "general_settings.json_logs": Lost("`inferc run --log-format json` writes JSON"),
    "general_settings.num_workers": Lost("write `gateway { workers = … }`"),
    **{
        f"{section}.{name}": Lost(_VERBOSE)
        for section in ("general_settings", "litellm_settings", "router_settings")
        for name in ("set_verbose", "debug", "detailed_debug", "log_level", "debug_level")
    },
    **{
        f"{section}.**": Lost("inferc serves models, and keeps no files and no jobs")
        for section in ("files_settings", "finetune_settings")
    },
    **{f"general_settings.{name}": Lost(_MISPLACED) for name in ("cache", "cache_params.**", "ttl")},
}
"""What has no place here, and what to do; those that have one are read by `files`."""
