"""What models can do, as far as it is known: facts by name, each with its source.

`models.json` is written by `scripts/build_catalogue.py` from the facts that a package ships. `rules.json` is
kept by hand: each rule holds for the models whose names match, and says where its facts are documented, and
the day on which it was written. A rule overrides what the package says, and the rules before it. What is
`inferred`, because no page and no answer of the provider says it, is told and never acted upon. `apis` in the
same file hold for all models of a provider, also where clients name them. `endpoints` there say what models
of each task have at a provider, in the words of OpenAI's API whatever its own protocol calls it, and which of
it its batches take.

The names of the facts are those of the plan's `capabilities`, and two more: `task`, which of the language's
tasks the model does; `reasons`, whether it may think for minutes.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
from attrs import field

from ...kinds import ProviderKind, RuntimeKind
from ...late_pattern import late_pattern
from ...patterns import fits_pattern
from ...record import frozen
from ..bedrock_names import id_of, name_at_vendor, vendor_of
from ..inference import WILDCARD, name_at
from ..models import find_model, without_date

REFUSED = frozenset({"refused_sampling", "lacking_fields"})
"""Facts that list what is not taken."""

BEYOND_THE_PLAN = ("task", "reasons")
"""Facts that only the compiler uses."""

_OF_THE_MODEL = frozenset({"task", "greatest_output", "tools", "reads", "writes", "reasons"})
"""Facts that hold in whatever protocol a model is asked."""

_OF_THE_PLACE = frozenset({"endpoints", "batches"})
"""Facts that say nothing of the same model elsewhere."""

_FOLDER = Path(__file__).parent
_TUNED = late_pattern(r"ft:([^:]+)(?::.*)?")


@frozen
class Facts:
    """What is known of one model. values: by name. sources: who says so, without repetition.

    inferred: values that nobody documents, and from what they are inferred, by name.
    """

    values: dict[str, Any] = field(factory=dict)
    sources: tuple[str, ...] = ()
    inferred: dict[str, tuple[Any, str]] = field(factory=dict)


@frozen
class Rule:
    """Facts of all models of a provider whose names match `models` and nothing of `without`.

    source, date: where it is documented, and the day on which the rule was written. service: the one of the
    provider's services that the rule is about, such as `vertex`; empty is all. inferred: from what, where the
    source does not say it of these models.
    """

    provider: ProviderKind
    models: tuple[str, ...]
    facts: dict[str, Any]
    source: str
    date: str
    without: tuple[str, ...] = ()
    service: str = ""
    inferred: str = ""

    def holds_for(self, name: str, service: str = "") -> bool:
        """Whether the rule is about the model `name`, in small letters, at that service of its provider."""
        return (
            self.service in ("", service)
            and any(fits_pattern(name, each) for each in self.models)
            and not any(fits_pattern(name, each) for each in self.without)
        )


@frozen(slots=False)
class Api:
    """Facts of all models of a provider, which is asked in its API: rules, and what a package says, override
    them, but for what is refused."""

    provider: ProviderKind
    facts: dict[str, Any]
    source: str
    date: str


@frozen(slots=False)
class ProviderEndpoints:
    """What a provider has, at one of its services, or at its own API.

    tasks: the endpoints of models by their task, as its reference lists them. batched: those that its batches
    take; empty is that it has no batches, None that nobody says. all_models: whether all models with these
    endpoints are taken. batches_at: where batches are sent.
    """

    provider: ProviderKind
    tasks: dict[str, tuple[str, ...]]
    source: str
    date: str
    service: str = ""
    batched: tuple[str, ...] | None = None
    all_models: bool = False
    batches_at: str = ""


@lru_cache(maxsize=4096)
def find_facts(model: str, runtime: RuntimeKind, service: str = "") -> Facts:
    """What is known of `model` behind `runtime`, at that service of it; where clients name it, what is true
    of all."""
    provider = runtime.provider
    if provider is None:
        return Facts()
    values: dict[str, Any] = {}
    by: list[str] = []
    for api in apis(provider):
        values.update(api.facts)
        by.append(f"{api.source} ({api.date})")
    of_api = dict(values)
    if WILDCARD in model:
        return Facts(values, tuple(by))
    name = name_at(runtime, model.lower())
    if provider is ProviderKind.ANTHROPIC:
        name = name.replace("@", "-")  # as Vertex writes the date
    if name.startswith("ft:") and (tuned := _TUNED.fullmatch(name)):
        name = tuned[1]
    told = _load("models.json")
    inferred: dict[str, tuple[Any, str]] = {}
    if provider is ProviderKind.BEDROCK:
        if vendor_of(name) == "anthropic":  # the model is the same, wherever it runs
            ground = find_facts(name_at_vendor(name), RuntimeKind.ANTHROPIC)
            values.update({k: v for k, v in ground.values.items() if k not in _OF_THE_PLACE})
            by += ground.sources
        name = id_of(name)
    for each in _names(name, provider):
        if row := told["models"].get(provider.value, {}).get(each):
            values.update({k: v for k, v in row.items() if k != "batches" or not service})
            by.append(f"{told['source']} {told['version']}")
            break
    for rule in rules(provider):
        if not rule.holds_for(name, service):
            continue
        if rule.inferred:
            inferred.update({each: (value, rule.inferred) for each, value in rule.facts.items()})
            continue
        values.update(rule.facts)
        by.append(f"{rule.source} ({rule.date})")
    for each in REFUSED & of_api.keys():  # what the API refuses, no model of it takes
        values[each] = list(dict.fromkeys([*of_api[each], *values[each]]))
    if (there := endpoints_at(provider, service)) is not None:
        found = _endpoints(values, there)
        if any(values.get(name) != value for name, value in found.items()):
            by.append(f"{there.source} ({there.date})")
        values.update(found)
    return Facts(values, tuple(dict.fromkeys(by)), inferred)


def facts_at(model: str, runtime: RuntimeKind, service: str = "") -> Facts:
    """What is known of `model` behind a runtime that has models of others: what its maker says of it, under
    what the runtime's provider says."""
    own, maker = find_facts(model, runtime, service), find_model(model)
    if maker is None or maker.provider is runtime.provider:
        return own
    ground = find_facts(model, RuntimeKind(maker.provider.value))
    speaks_alike = maker.provider is ProviderKind.OPENAI  # to others, what is asked is said in other words
    known = _OF_THE_MODEL if not speaks_alike else ground.values.keys() - {"batches"}
    values = {k: v for k, v in ground.values.items() if k in known}
    return Facts(values | own.values, tuple(dict.fromkeys([*ground.sources, *own.sources])))


@cache
def apis(provider: ProviderKind) -> tuple[Api, ...]:
    """What is known of a provider, whatever the model."""
    return tuple(
        Api(provider, row["facts"], row["source"], row["date"])
        for row in _load("rules.json")["apis"]
        if row["provider"] == provider
    )


def endpoints_at(provider: ProviderKind, service: str = "") -> ProviderEndpoints | None:
    """What the provider has there; None where nobody has looked."""
    return next((each for each in _endpoints_of(provider) if each.service == service), None)


def all_endpoints() -> tuple[ProviderEndpoints, ...]:
    """Of all providers, in the order of the file."""
    names = dict.fromkeys(row["provider"] for row in _load("rules.json")["endpoints"])
    return tuple(each for name in names for each in _endpoints_of(ProviderKind(name)))


@cache
def _endpoints_of(provider: ProviderKind) -> tuple[ProviderEndpoints, ...]:
    return tuple(
        ProviderEndpoints(
            provider,
            {task: tuple(names) for task, names in row["tasks"].items()},
            row["source"],
            row["date"],
            row.get("service", ""),
            tuple(row["batched"]) if "batched" in row else None,
            row.get("all_models", False),
            row.get("batches_at", ""),
        )
        for row in _load("rules.json")["endpoints"]
        if row["provider"] == provider
    )


def _endpoints(values: dict[str, Any], there: ProviderEndpoints) -> dict[str, Any]:
    """The endpoints of a model that has these facts, and whether batches take it, as far as that is known."""
    has = values.get("endpoints", there.tasks.get(values.get("task", "")))
    if has is None:
        return {}
    if values.get("chat_endpoint") is False:
        has = ["responses", *(each for each in has if each not in ("chat/completions", "responses"))]
    found: dict[str, Any] = {"endpoints": list(has)}
    if there.batched is not None and not set(has) & set(there.batched):
        found["batches"] = False
    elif there.all_models:
        found["batches"] = True
    return found


@cache
def rules(provider: ProviderKind) -> tuple[Rule, ...]:
    """All rules for a provider, those that override others after them."""
    return tuple(
        Rule(
            provider,
            tuple(row["models"]),
            row["facts"],
            row["source"],
            row["date"],
            tuple(row.get("without", ())),
            row.get("service", ""),
            row.get("inferred", ""),
        )
        for row in _load("rules.json")["rules"]
        if row["provider"] == provider
    )


def _names(name: str, provider: ProviderKind) -> tuple[str, ...]:
    """What `name` may be listed under: itself, without its date, and as the catalogue calls it."""
    undated = without_date(name)
    info = find_model(name, provider)
    return (name, *([undated] if undated else []), *([info.name] if info else []))


@cache
def _load(file: str) -> Any:
    return orjson.loads((_FOLDER / file).read_bytes())
