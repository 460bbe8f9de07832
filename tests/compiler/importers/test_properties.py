"""Whatever a file says: each setting is spoken of, what is written passes, and no key is repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from inferc.compiler.compile import check_file
from inferc.compiler.importers import ImportFailed, import_text
from inferc.compiler.importers.json_file import read_json

KEY = "sk-abcdefgh0123456789"

LITELLM = {
    "environment_variables": {"BASE": "https://a.example.com/v1"},
    "model_list": [
        {
            "model_name": "chat",
            "litellm_params": {
                "model": "openai/gpt-4o",
                "api_key": "os.environ/KEY",
                "rpm": 10,
                "timeout": 60,
                "weight": 2,
                "temperature": 0.5,
                "extra_body": {"tier": "flex"},
            },
            "model_info": {"id": "first", "input_cost_per_token": 1e-6, "max_input_tokens": 9000},
        },
        {
            "model_name": "chat",
            "litellm_params": {"model": "azure/x", "api_base": "os.environ/BASE", "weight": 1},
        },
        {
            "model_name": "vectors",
            "litellm_params": {"model": "ollama/n"},
            "model_info": {"mode": "embedding"},
        },
        {"model_name": "any/*", "litellm_params": {"model": "openrouter/*"}},
    ],
    "router_settings": {
        "fallbacks": [{"chat": ["any/*"]}],
        "model_group_alias": {"gpt": "chat", "old": {"model": "chat", "hidden": True}},
        "routing_strategy": "least-busy",
        "num_retries": 2,
        "allowed_fails": 3,
    },
    "litellm_settings": {"drop_params": True, "cache": True, "cache_params": {"ttl": 60}, "max_budget": 9},
    "general_settings": {"master_key": KEY},
}
ATOMR = [
    {
        "name": "a",
        "model": "gpt-4o",
        "runtime": "open_ai",
        "replicas": 2,
        "runtime_config": {
            "runtime": "open_ai",
            "kind": "direct",
            "api_key": {"from": "inline", "value": KEY},
            "timeouts": {"request_timeout": 1000, "read_timeout": 2000},
            "rate_limits": {"concurrent_requests": 9},
        },
        "serving": {"max_concurrent": 8, "on_capacity_exhausted": "reject"},
        "budget": {"max_spend_per_day_usd": 4, "on_exceeded": "reject"},
    },
    {"name": "b", "model": "m/x", "runtime": {"python": "a.b:c"}},
    {"name": "c", "model": "m/x", "runtime_config": {"runtime": "vllm", "max_model_len": 9}, "gpus": 1},
]
PORTKEY = {
    "retry": {"attempts": 3},
    "strategy": {"mode": "fallback"},
    "targets": [
        {
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {
                    "provider": "openai",
                    "api_key": KEY,
                    "weight": 3,
                    "override_params": {"model": "gpt-4o", "n": 1},
                },
                {
                    "provider": "anthropic",
                    "virtual_key": "v-1",
                    "weight": 1,
                    "override_params": {"model": "c"},
                },
            ],
        },
        {"provider": "azure-openai", "azure_resource_name": "r", "azure_deployment_id": "d", "api_key": "$K"},
    ],
}
BIFROST = {
    "client": {"drop_excess_requests": True},
    "providers": {
        "openai": {
            "keys": [{"value": "env.A", "models": ["gpt-4o"]}, {"value": KEY, "models": ["gpt-4o", "m"]}],
            "network_config": {"max_retries": 3, "extra_headers": {"x-a": "b"}},
        },
        "house": {
            "keys": [{"value": "env.H", "models": ["q"], "weight": 1}],
            "network_config": {"base_url": "https://h.example.com"},
            "custom_provider_config": {"base_provider_type": "openai"},
        },
    },
    "governance": {
        "routing_rules": [
            {
                "cel_expression": 'model == "g"',
                "targets": [{"provider": "openai", "model": "m", "weight": 1}],
                "fallbacks": ["house/q"],
            }
        ],
        "virtual_keys": [{"id": "v", "name": "web", "value": "env.V", "rate_limit_id": "r"}],
        "budgets": [{"id": "b", "max_limit": 3, "reset_duration": "1d", "virtual_key_id": "v"}],
        "rate_limits": [{"id": "r", "request_max_limit": 6, "request_reset_duration": "1m"}],
    },
}
FILES = {"litellm": LITELLM, "atomr": ATOMR, "portkey": PORTKEY, "bifrost": BIFROST}

_ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "os.environ/Y",
        "env.Z",
        KEY,
        "30s",
        "${x}",
        '"\n}',
        "*",
        "a/b",
    ),
    *([], {}, [1, "a"], {"a": {"b": 1}}, [{"a": 1}], [[1]], "größe"),
)
ODD = st.sampled_from(_ODD_VALUES)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def changed(draw: st.DrawFn, whole: Any) -> Any:
    """A file with a few values left out, replaced by odd ones, or put where others belong."""
    made = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(made))
        if not found:
            break
        *outer, key = draw(st.sampled_from(found))
        around = made
        for each in outer:
            around = around[each]
        if draw(st.booleans()):
            around[key] = copy.deepcopy(draw(ODD))
        else:
            del around[key]
    return made


@pytest.mark.parametrize("system", FILES)
@settings(max_examples=20)
@given(data=st.data())
def test_nothing_is_silent_and_what_is_written_passes(system: str, data: st.DataObject) -> None:
    text = json.dumps(data.draw(changed(FILES[system])))
    folder = Path("/nowhere")
    try:
        imported = import_text(text, "file.json", folder, folder / "out.infer", system)
    except ImportFailed:
        return  # a file without any model that can be here
    checked = check_file("out.infer", folder / "out.infer", text=imported.text)
    assert {each.code for each in checked.diagnostics if each.is_error} <= {"E0501"}, imported.text
    spoken = {entry.setting for entry in imported.report.entries()}
    assert {leaf.path for leaf in read_json(text).leaves()} <= spoken | imported.report.forms
    assert KEY not in imported.text + "".join(entry.says for entry in imported.report.entries())
