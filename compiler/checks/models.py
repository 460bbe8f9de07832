"""What the catalogue knows of a model, and what its name alone does not say."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...dsl.catalogues.inference import FALLBACK, WILDCARD, match_runtime, name_at, prefix_in
from ...dsl.catalogues.models import known_models
from ...dsl.catalogues.other_providers import OtherProvider, find_other
from ...dsl.catalogues.presets import PRESETS
from ...dsl.catalogues.retirements import find_retirement
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Edit, Fix
from ...dsl.kinds import ProviderKind
from ...dsl.late_text import is_unknown
from ...dsl.runtimes import OpenAICompatibleConfig, PresetConfig
from ...dsl.suggest import did_you_mean, offer
from ..capabilities import context_window_of, service_of
from ..declare import Declared

_CATALOGUED = (ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.GEMINI)


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """Models that are unknown, switched off, deprecated or only guessed; prefixes that are sent."""
    if not deployment.known_model:
        return
    _guessed(declared, deployment, found)
    _sent_prefix(declared, deployment, found)
    if _ended(declared, deployment, found):
        return
    if deployment.base_model and deployment.found is None and context_window_of(deployment) is None:
        _unknown_base(declared, deployment.base_model, found)
    provider = deployment.effective_runtime.provider
    if provider in _CATALOGUED and deployment.model_info is None and WILDCARD not in deployment.model:
        _catalogue(declared, deployment, found)


def _unknown_base(declared: Declared, base: str, found: Diagnostics) -> None:
    found.note(
        "N0415",
        f"the catalogue does not know `{base}`: its price and context window are not checked",
        declared.span("model_info", "base_model"),
        help=did_you_mean(base, known_models())
        or "add `context_window = …` and `price { … }` to have them checked",
    )


def _guessed(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    if declared.runtime_is_written or match_runtime(deployment.model):
        return
    if (other := find_other(deployment.model)) is not None:
        _elsewhere(declared, deployment, other, found)
        return
    found.note(
        "N0414",
        f"nothing in the name `{deployment.model}` says which runtime it is for: `{FALLBACK}` is taken",
        declared.span("model"),
        help=f"write `runtime {FALLBACK} {{ … }}`, or the runtime that you mean",
    )


def _elsewhere(declared: Declared, deployment: Deployment, other: OtherProvider, found: Diagnostics) -> None:
    """A prefix of LiteLLM's that no runtime here has: no server of one's own is meant."""
    span, block = declared.span("model"), other.block()
    name = deployment.model.removeprefix(f"{other.prefix}/")
    fix = Fix(f"ask `{other.endpoint}`", (Edit(span, f'"{name}"\n  {block}'),), safe=False)
    found.error(
        "E0441",
        f"`{other.prefix}/` is LiteLLM's prefix of a provider that has no runtime of its own here",
        span,
        help=f"{other.advice(deployment.model)}; for a server of yours that has a model of this name, write "
        f"`runtime {FALLBACK} {{ … }}`",
        fixes=[fix] if block is not None and not other.is_blank else [],
    )


def _sent_prefix(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A prefix that is sent to the very provider that it stands for, which does not know it."""
    config = deployment.effective_config
    if not isinstance(config, OpenAICompatibleConfig):
        return
    other = find_other(deployment.model)
    if other is None or other.endpoint is None:
        return
    host = urlsplit(other.endpoint).hostname
    endpoint = config.endpoint or ""
    if is_unknown(endpoint) or urlsplit(endpoint).hostname != host:
        return
    if host == "127.0.0.1":
        return
    span, name = declared.span("model"), deployment.model.removeprefix(f"{other.prefix}/")
    found.warning(
        "W0442",
        f"`{other.prefix}/` is sent as a part of the name, which its provider does not know",
        span,
        help=f'write `model = "{name}"`: here, the runtime says who is asked',
        fixes=[Fix(f"write `{name}`", (Edit(span, f'"{name}"'),), safe=False)],
    )


def _ended(declared: Declared, deployment: Deployment, found: Diagnostics) -> bool:
    """A model that its provider has switched off, or has said on which day it will."""
    model, runtime = deployment.base_model or deployment.known_model, deployment.effective_runtime
    preset, config = PRESETS.get(runtime), deployment.effective_config
    elsewhere = isinstance(config, PresetConfig) and config.endpoint is not None
    if elsewhere and preset is not None and preset.own_servers:
        return False  # nobody switches it off there
    end = find_retirement(model, runtime, service_of(deployment)) if model else None
    if end is None or not end.near:
        return False
    where = ("model",) if deployment.base_model is None else ("model_info", "base_model")
    span, successor = declared.span(*where), end.successor
    fixes = []
    if successor and model == deployment.model:
        prefix = model.removesuffix(name_at(runtime, model))
        fixes = [Fix(f"use `{successor}`", (Edit(span, f'"{prefix}{successor}"'),), safe=False)]
    help = None if fixes else f"use `{successor}`" if successor else "its provider names no other"
    what = f"`runtime {runtime}`" if end.is_of_all else f"`{model}`"
    if end.past:
        found.warning("W0445", f"{what} was switched off on {end.day}", span, help=help, fixes=fixes)
    else:
        found.note("N0416", f"{what} will be switched off on {end.day}", span, help=help, fixes=fixes)
    return True


def _catalogue(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    info = deployment.found
    if info is None:
        found.note(
            "N0415",
            f"the catalogue does not know `{deployment.model}`: its price and context window are not checked",
            declared.span("model"),
            help=_of_another(deployment)
            or offer(found.near(deployment.model, known_models()))
            or "add `model_info { context_window = … }` and `price { … }` to have them checked",
        )
    elif info.deprecated:
        replaced = info.replaced_by
        span = declared.span("model")
        found.note(
            "N0416",
            f"`{deployment.model}` is deprecated",
            span,
            help=f"use `{replaced}`" if replaced else "its provider will switch it off",
            fixes=[Fix(f"use `{replaced}`", (Edit(span, f'"{replaced}"'),), safe=False)] if replaced else [],
        )


def _of_another(deployment: Deployment) -> str | None:
    """What to write where the name begins with the prefix of a runtime that is not its own."""
    runtime, found = deployment.effective_runtime, prefix_in(deployment.model)
    if match_runtime(deployment.model) is None and (other := find_other(deployment.model)) is not None:
        return other.advice(deployment.model)
    meant = match_runtime(deployment.model)
    if found is None and meant not in (None, runtime) and deployment.model in known_models():
        return f"it is a model of another provider: write `runtime {meant} {{ … }}`"
    if found is None or found[0] is runtime:
        return None
    kind, prefix = found
    return (
        f"`{prefix}` stands for `runtime {kind}`: write that, or the name as `{runtime}` knows it, such as "
        f"`{deployment.model.removeprefix(prefix)}`"
    )
