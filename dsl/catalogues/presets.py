"""Providers that speak OpenAI's protocol: where each is, how it is asked, and what its models are called.

One entry each, with its source; a new provider is one more entry, and its word in `kinds`.
"""

from __future__ import annotations

from ..kinds import AuthScheme, RuntimeKind, TaskKind
from ..record import frozen

_CHAT, _EMBED, _RERANK = TaskKind.CHAT, TaskKind.EMBED, TaskKind.RERANK


@frozen(slots=False)
class Preset:
    """What is known of one provider.

    title: as it calls itself. endpoint: what the paths of OpenAI's API follow; None where each customer has
    one of their own. retrieval: what the paths of embeddings and rankings follow, where that is another.
    key: the environment variable in which its key customarily is; None where it wants
    none. tasks: what it can be asked. prefixes: what LiteLLM writes before the names of its models.
    own_servers: whether its models also run on machines of its customers, behind an `endpoint`.
    source, as_of: the page that says so, and the day on which it did.
    """

    title: str
    endpoint: str | None
    key: str | None
    tasks: tuple[TaskKind, ...]
    prefixes: tuple[str, ...]
    source: str
    as_of: str = "2026-11-28"
    auth: AuthScheme = AuthScheme.BEARER
    retrieval: str | None = None
    own_servers: bool = False


PRESETS: dict[RuntimeKind, Preset] = {
    RuntimeKind.AZURE: Preset(
        "Azure OpenAI",
        None,
        "AZURE_OPENAI_API_KEY",
        (_CHAT, _EMBED),
        ("azure/", "azure_text/", "azure_ai/"),
        "Microsoft Learn: Azure OpenAI in Foundry Models, v1 API",
        auth=AuthScheme.API_KEY,
    ),
    RuntimeKind.CEREBRAS: Preset(
        "Cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        (_CHAT,),
        ("cerebras/",),
        "Cerebras Inference docs: OpenAI compatibility",
    ),
    RuntimeKind.COHERE: Preset(
        "Cohere",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
        (_CHAT, _EMBED, _RERANK),
        ("cohere/", "cohere_chat/"),
        "Cohere docs: Using Cohere models via the OpenAI SDK; API reference (v2, embed, rerank)",
        retrieval="https://api.cohere.com/v2",
    ),
    RuntimeKind.DEEPSEEK: Preset(
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        (_CHAT,),
        ("deepseek/",),
        "DeepSeek API docs: Your First API Call",
    ),
    RuntimeKind.FIREWORKS: Preset(
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        (_CHAT, _EMBED, _RERANK),
        ("fireworks_ai/", "fireworks/"),
        "Fireworks docs: OpenAI compatibility",
    ),
    RuntimeKind.GITHUB: Preset(
        "GitHub Models",
        "https://models.github.ai/inference",
        "GITHUB_TOKEN",
        (_CHAT, _EMBED),
        ("github/",),
        "GitHub docs: REST API endpoints for models inference",
    ),
    RuntimeKind.GROQ: Preset(
        "Groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        (_CHAT,),
        ("groq/",),
        "Groq docs: OpenAI compatibility",
    ),
    RuntimeKind.HUGGINGFACE: Preset(
        "Hugging Face",
        "https://router.huggingface.co/v1",
        "HF_TOKEN",
        (_CHAT,),
        ("huggingface/",),
        "Hugging Face docs: Inference Providers",
    ),
    RuntimeKind.MISTRAL: Preset(
        "Mistral AI",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        (_CHAT, _EMBED),
        ("mistral/",),
        "Mistral AI docs: API reference",
    ),
    RuntimeKind.NVIDIA: Preset(
        "NVIDIA NIM",
        "https://integrate.api.nvidia.com/v1",
        "NVIDIA_API_KEY",
        (_CHAT, _EMBED),
        ("nvidia_nim/",),
        "NVIDIA API catalogue: LLM APIs",
        own_servers=True,
    ),
    RuntimeKind.OLLAMA: Preset(
        "Ollama",
        "http://127.0.0.1:11434/v1",
        None,
        (_CHAT, _EMBED),
        ("ollama/", "ollama_chat/"),
        "Ollama docs: OpenAI compatibility",
    ),
    RuntimeKind.OPENROUTER: Preset(
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        (_CHAT, _EMBED, _RERANK),
        ("openrouter/",),
        "OpenRouter docs: API reference",
    ),
    RuntimeKind.PERPLEXITY: Preset(
        "Perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        (_CHAT, _EMBED),
        ("perplexity/",),
        "Perplexity docs: OpenAI compatibility; API reference (embeddings)",
        retrieval="https://api.perplexity.ai/v1",
    ),
    RuntimeKind.TOGETHER: Preset(
        "Together AI",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        (_CHAT, _EMBED, _RERANK),
        ("together_ai/", "together/"),
        "Together AI docs: OpenAI compatibility",
    ),
    RuntimeKind.XAI: Preset(
        "xAI",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        (_CHAT,),
        ("xai/",),
        "xAI docs: API reference",
    ),
}

HOSTED = {
    RuntimeKind.OPENAI: "OPENAI_API_KEY",
    RuntimeKind.ANTHROPIC: "ANTHROPIC_API_KEY",
    RuntimeKind.GEMINI: "GEMINI_API_KEY",
} | {kind: preset.key for kind, preset in PRESETS.items() if preset.key is not None}
"""Runtimes whose own endpoint takes nobody without a key, and the variable that usually holds it."""
