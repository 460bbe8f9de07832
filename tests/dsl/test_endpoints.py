"""Which endpoints models have: every row of the catalogue tells some, each kind is told of some family."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from inferc.compiler.capabilities import capabilities_from
from inferc.compiler.plan import Capabilities, TaskKind
from inferc.compiler.plan.endpoints import KINDS, by_kind, chats
from inferc.dsl.catalogues.capabilities import endpoints_at, facts_at, find_facts, rules
from inferc.dsl.kinds import ProviderKind, RuntimeKind

from ..support.rows import each_row

ROOT = Path(__file__).resolve().parents[2] / "dsl" / "catalogues"
ALL = {each for names in KINDS.values() for each in names}
PLACES = json.loads((ROOT / "capabilities" / "rules.json").read_bytes())["endpoints"]
LISTED = json.loads((ROOT / "capabilities" / "models.json").read_bytes())["models"]
CHAT = ("chat/completions", "responses")


def rows() -> Iterator[tuple[str, str]]:
    """All models that any table of the catalogue lists."""
    for file in ("model_prices", "preset_model_prices", "retrieval_prices"):
        for row in json.loads((ROOT / f"{file}.json").read_bytes())["models"]:
            yield row["provider"], row["name"]
    for provider, models in LISTED.items():
        yield from ((provider, name) for name in models)


def known(provider: str, model: str, service: str = "") -> Capabilities:
    return capabilities_from(find_facts(model, RuntimeKind(provider), service).values)


def test_each_row_of_the_catalogue_yields_endpoints() -> None:
    tasks = {"chat": TaskKind.CHAT, "embed": TaskKind.EMBED, "rerank": TaskKind.RERANK}
    for provider, name in dict.fromkeys(rows()):
        facts = find_facts(name, RuntimeKind(provider)).values
        found = by_kind(capabilities_from(facts), tasks[facts.get("task", "chat")])
        assert any(found.values()), (provider, name)
        assert set(facts.get("endpoints", ())) <= ALL, (provider, name)


@each_row("provider", sorted(LISTED))
def test_of_each_model_whose_task_is_listed_all_endpoints_are_known(provider: str) -> None:
    prefix = f"{provider}/"  # which some names begin with, once more
    names = [f"{prefix}{name}" if name.startswith(prefix) else name for name in LISTED[provider]]
    unknown = [name for name in names if not known(provider, name).endpoints]
    assert not unknown


@each_row("row", PLACES, ids=lambda row: f"{row['provider']}{row.get('service', '')}")
def test_what_a_provider_has_says_its_source_and_its_day(row: dict[str, object]) -> None:
    found = endpoints_at(ProviderKind(row["provider"]), str(row.get("service", "")))
    assert found is not None
    assert found.source.startswith("https://")
    assert date.fromisoformat(found.date) <= date.today()
    assert {name for names in found.tasks.values() for name in names} <= ALL
    assert set(found.batched or ()) <= ALL
    assert bool(found.batches_at) is (found.batched != ())


def test_rules_tell_endpoints_by_their_names() -> None:
    assert {
        name for kind in ProviderKind for rule in rules(kind) for name in rule.facts.get("endpoints", ())
    } <= ALL


FAMILIES: list[tuple[str, str, tuple[str, ...], bool | None]] = [
    ("openai", "gpt-5-mini", CHAT, True),
    ("openai", "gpt-5-pro", ("responses",), True),
    ("openai", "gpt-5-codex", ("responses",), None),
    ("openai", "gpt-3.5-turbo-instruct", ("completions",), None),
    ("openai", "text-embedding-3-small", ("embeddings",), True),
    ("openai", "tts-1-hd", ("audio/speech",), False),
    ("openai", "whisper-1", ("audio/transcriptions", "audio/translations"), False),
    ("openai", "gpt-4o-transcribe", ("audio/transcriptions",), False),
    ("openai", "gpt-image-1", ("images/generations", "images/edits"), None),
    ("openai", "dall-e-2", ("images/generations", "images/edits", "images/variations"), None),
    ("openai", "omni-moderation-latest", ("moderations",), None),
    ("anthropic", "claude-opus-4-5", ("chat/completions",), True),
    ("gemini", "gemini-2.5-flash", ("chat/completions",), True),
    ("gemini", "gemini-embedding-001", ("embeddings",), True),
    ("bedrock", "us.anthropic.claude-opus-4-5-20251101-v1:0", ("chat/completions",), None),
    ("bedrock", "amazon.nova-lite-v1:0", ("chat/completions",), True),
    ("bedrock", "amazon.titan-embed-text-v2:0", ("embeddings",), None),
    ("bedrock", "cohere.rerank-v3-5:0", ("rerank",), False),
    ("groq", "llama-3.3-70b-versatile", CHAT, True),
    ("groq", "whisper-large-v3", ("audio/transcriptions", "audio/translations"), True),
    ("groq", "playai-tts", ("audio/speech",), False),
    ("mistral", "mistral-large-latest", CHAT, None),
    ("mistral", "mistral-embed", ("embeddings",), None),
    ("mistral", "mistral-moderation-latest", ("moderations",), None),
    ("mistral", "voxtral-mini-2602", ("audio/transcriptions",), None),
    ("mistral", "voxtral-mini-tts-2603", ("audio/speech",), False),
    ("cohere", "rerank-v3.5", ("rerank",), None),
    ("cohere", "embed-v4.0", ("embeddings",), None),
    ("cohere", "command-a-03-2025", ("chat/completions",), None),
    ("deepseek", "deepseek-chat", ("chat/completions", "completions"), False),
    ("xai", "grok-4", CHAT, None),
    ("xai", "grok-4.3", CHAT, True),
    ("xai", "grok-imagine-image", ("images/generations",), None),
    ("perplexity", "sonar-pro", ("chat/completions",), None),
    ("perplexity", "openai/gpt-5.2", ("responses",), None),
    ("cerebras", "gpt-oss-120b", ("chat/completions", "completions"), None),
]


@each_row(("provider", "model", "endpoints", "batches"), FAMILIES)
def test_a_family_has_the_endpoints_that_its_provider_documents(
    provider: str, model: str, endpoints: tuple[str, ...], batches: bool | None
) -> None:
    can = known(provider, model)
    assert (can.endpoints, can.batches) == (endpoints, batches)
    assert chats(can) is any(each in CHAT for each in endpoints)


def test_each_kind_of_endpoint_is_told_of_some_family() -> None:
    assert {name for _, _, endpoints, _ in FAMILIES for name in endpoints} == ALL


def test_what_a_provider_takes_in_batches_is_not_said_of_the_same_model_elsewhere() -> None:
    assert known("anthropic", "claude-opus-4-5").batches
    assert known("anthropic", "claude-opus-4-5", "vertex").batches is None
    assert "batches" not in facts_at("gpt-5-mini", RuntimeKind.AZURE).values
    assert facts_at("gpt-5-mini", RuntimeKind.AZURE).values["endpoints"] == list(CHAT)


def test_nothing_is_known_of_a_model_that_nobody_lists() -> None:
    can = known("openai", "gpt-99")
    assert (can.endpoints, can.batches, chats(can)) == (None, None, None)
    assert by_kind(can, TaskKind.CHAT) == {
        kind: ("chat/completions",) if kind == "chat" else None for kind in KINDS
    }
