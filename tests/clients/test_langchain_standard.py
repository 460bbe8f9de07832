"""LangChain's own tests of chat models and embeddings, run against the gateway."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests


@pytest.fixture(autouse=True)
def everywhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests make models from parameters that stand in a class."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("ANTHROPIC_API_URL", url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")


NO_MODEL = "the mock provider does not understand questions: it makes arguments up, and calls what is named"


class Standard(ChatModelIntegrationTests):
    kind: type[BaseChatModel]
    name = ""
    more: ClassVar[dict[str, Any]] = {}

    @pytest.mark.xfail(reason=NO_MODEL)
    def test_tool_calling(self, model: BaseChatModel) -> None:
        super().test_tool_calling(model)

    @pytest.mark.xfail(reason=NO_MODEL)
    async def test_tool_calling_async(self, model: BaseChatModel) -> None:
        await super().test_tool_calling_async(model)

    @pytest.mark.xfail(reason=NO_MODEL)
    def test_agent_loop(self, model: BaseChatModel) -> None:
        super().test_agent_loop(model)

    @pytest.mark.xfail(reason=NO_MODEL)
    def test_unicode_tool_call_integration(self, model: BaseChatModel) -> None:  # type: ignore[override]
        super().test_unicode_tool_call_integration(model)

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return self.kind

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.name, "max_retries": 0, **self.more}


class TestOpenAI(Standard):
    kind, name, more = ChatOpenAI, "gpt", {"stream_usage": True}


class TestGeminiByResponses(Standard):
    kind, name, more = ChatOpenAI, "flash", {"use_responses_api": True}


class TestClaudeByOpenAI(Standard):
    kind, name, more = ChatOpenAI, "claude", {"stream_usage": True}


class TestAnthropic(Standard):
    kind, name = ChatAnthropic, "claude"


class TestGptByAnthropic(Standard):
    kind, name = ChatAnthropic, "gpt"


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[OpenAIEmbeddings]:
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "vectors", "check_embedding_ctx_length": False}
