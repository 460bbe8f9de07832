"""Models of LiteLLM whose file names no provider, or an address that is none."""

from __future__ import annotations

from ...support.rows import each_row
from .conftest import Import


@each_row(
    ("params", "runtime", "key"),
    [
        ("model: gpt-4o", "openai", 'env("OPENAI_API_KEY")'),
        ("model: claude-sonnet-4-20250514", "anthropic", 'env("ANTHROPIC_API_KEY")'),
        ("model: us.anthropic.claude-sonnet-4-5-20250929-v1:0, aws_region_name: us-west-2", "bedrock", None),
        ("model: amazon.titan-embed-text-v2:0, aws_region_name: us-west-2", "bedrock", None),
        ("model: embed-english-v3.0", "cohere", 'env("COHERE_API_KEY")'),
        ("model: command-a-03-2025", "cohere", 'env("COHERE_API_KEY")'),
        ("model: gemini-2.5-flash, api_key: os.environ/GEMINI", "gemini", 'env("GEMINI")'),
    ],
)
def test_who_has_a_model_of_the_name_is_asked(
    bring: Import, params: str, runtime: str, key: str | None
) -> None:
    """Source: LiteLLM's `get_llm_provider`."""
    came = bring("c.yaml", f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]")
    assert came.values["m.runtime"] == runtime
    assert key is None or f"api_key = {key}" in came.text
    assert came.lost() == came.changed() == set()


def test_gemini_without_a_provider_and_a_key_is_that_of_vertex(bring: Import) -> None:
    came = bring("c.yaml", "model_list: [{model_name: m, litellm_params: {model: gemini-2.5-flash}}]")
    assert 'project = env("VERTEXAI_PROJECT")' in came.text
    assert "GEMINI_API_KEY" not in came.text


@each_row("base", ["", ", api_base: os.environ/AZURE_AI_API_BASE"])
def test_claude_at_azure_is_asked_there_also_where_the_address_is_in_the_environment(
    bring: Import, base: str
) -> None:
    came = bring(
        "c.yaml",
        f"model_list: [{{model_name: m, litellm_params: {{model: azure_ai/claude-opus-4-1{base}}}}}]",
    )
    assert came.values["m.runtime.endpoint"] == 'env("AZURE_AI_API_BASE")'
    assert "must end in `/anthropic`" in came.comments()
    assert came.lost() == set()


def test_a_model_whose_address_is_none_is_asked_of_nobody_else(bring: Import) -> None:
    """The key of a proxy does not go to the provider that the proxy stands before."""
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: here, litellm_params: {model: gpt-4o}}
          - model_name: proxied
            litellm_params: {model: groq/llama-3.3-70b-versatile, api_base: proxy:8000, api_key: os.environ/P}
        """,
    )
    assert 'env("P")' not in came.text
    assert "model_list[1].litellm_params.api_base" in came.lost()
    assert "`proxy:8000` is no URL" in came.comments()


def test_limits_beside_the_parameters_count(bring: Import) -> None:
    came = bring(
        "c.yaml",
        "model_list: [{model_name: m, rpm: 6, tpm: 7, litellm_params: {model: gpt-4o, rpm: 5}}]",
    )
    assert came.values["m.runtime.rate_limits.requests_per_minute"] == "5"
    assert came.values["m.runtime.rate_limits.tokens_per_minute"] == "7"
    assert came.lost() == {"model_list[0].rpm"}
