"""At which paths the gateway answers, and in which shape it says that there is nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anthropic
import openai
import pytest
from attrs import frozen

from inferc.compiler.plan import Cors, TaskKind
from inferc.runtime.http import server as http_server
from inferc.runtime.secrets.secret import Secret

from ..support.anthropic_client import anthropic_client
from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, mock_provider, remote_plan

MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]
CHAT = {"model": "gpt", "messages": MESSAGES}


@frozen
class Front:
    url: str
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any, Any]:
        async with self.http.request(method, self.url + path, **how) as answer:
            is_json = answer.content_type == "application/json" and method != "HEAD"
            return answer.status, await answer.json() if is_json else await answer.text(), answer.headers


@asynccontextmanager
async def front(token: str | None = None, **gateway: Any) -> AsyncIterator[Front]:
    async with (
        mock_provider() as mock,
        executor_of(
            remote_plan("gpt", mock.endpoint, headers={"Authorization": "Bearer k"}),
            remote_plan("claude", mock.endpoint),
            remote_plan("e", mock.endpoint, headers={"Authorization": "Bearer k"}, task=TaskKind.EMBED),
        ) as executor,
        gateway_of(executor, Secret(token, "it") if token else None, **gateway) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Front(url, http)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/",
        "/v1/v1/chat/completions",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/v1/chat/completions/",
        "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
    ],
)
async def test_a_path_that_is_put_together_oddly_is_served(path: str) -> None:
    async with front() as it:
        body = {"messages": MESSAGES} if "deployments" in path else CHAT
        status, answer, _ = await it.ask("POST", path, json=body)
        assert status == 200
        assert answer["choices"][0]["message"]["content"] == "You said: hello"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("//v2/embed", {"texts": ["a"]}),
        ("/v1/v2/embed", {"texts": ["a"]}),
        ("//embed", {"inputs": "a"}),
        ("//v2/models/e", None),
    ],
)
async def test_clients_of_other_protocols_put_paths_together_oddly_too(path: str, body: Any) -> None:
    async with front() as it:
        if body is None:
            status, answer, _ = await it.ask("GET", path)
            assert (status, "takes no tensors" in answer["error"]) == (501, True)
        else:
            status, _, _ = await it.ask("POST", path, json={"model": "e", **body})
            assert status == 200


async def test_a_probe_with_a_slash_too_many_needs_no_token() -> None:
    async with front("secret") as it:
        assert (await it.ask("GET", "//v2/health/ready"))[0] == 200
        assert (await it.ask("GET", "//v2/models/e"))[0] == 401


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt"])
async def test_clients_of_gemini_are_told_that_they_find_nothing_here(path: str) -> None:
    async with front() as it:
        status, answer, _ = await it.ask("GET", path, headers={"x-goog-api-key": "k"})
        assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
        status, _, _ = await it.ask("GET", path, headers={"x-goog-api-key": "k", "Authorization": "Bearer k"})
        assert status == 200


async def test_coheres_client_reads_errors_of_reranking_in_its_shape() -> None:
    async with front() as it:
        body = {"model": "nobody", "query": "q", "documents": ["a"]}
        for headers, shape in (({"X-Fern-SDK-Name": "cohere"}, "message"), ({}, "error")):
            status, answer, _ = await it.ask("POST", "/v1/rerank", json=body, headers=headers)
            assert (status, list(answer)) == (404, [shape])


@pytest.mark.parametrize(
    "path", ["/models", "/v1/models/", "/openai/v1/models", "/openai/models?api-version=1"]
)
async def test_models_are_listed_wherever_clients_look_for_them(path: str) -> None:
    async with front() as it:
        _, answer, _ = await it.ask("GET", path)
        assert [each["id"] for each in answer["data"]] == ["gpt", "claude", "e"]


async def test_azures_client_is_answered_by_the_deployment_in_its_path() -> None:
    http = openai.DefaultAsyncHttpxClient(verify=False)
    async with (
        front("secret") as it,
        openai.AsyncAzureOpenAI(
            azure_endpoint=it.url, api_key="secret", api_version="2024-10-21", max_retries=0, http_client=http
        ) as azure,
    ):
        answer = await azure.chat.completions.create(model="gpt", messages=MESSAGES)
        assert answer.choices[0].message.content == "You said: hello"
        vectors = await azure.embeddings.create(model="e", input="a")
        assert len(vectors.data) == 1
        with pytest.raises(openai.NotFoundError):
            await azure.chat.completions.create(model="nobody", messages=MESSAGES)


async def test_anthropics_client_lists_and_shows_models() -> None:
    async with front() as it, anthropic_client(it.url) as api:
        page = await api.models.list(limit=2)
        assert [each.id async for each in page] == ["gpt", "claude", "e"]
        assert [each.id for each in page.data] == ["gpt", "claude"]
        assert page.has_more
        before = await api.models.list(before_id="e", limit=1)
        assert [each.id for each in before.data] == ["claude"]
        assert (await api.models.retrieve("gpt")).display_name == "gpt"
        with pytest.raises(anthropic.NotFoundError) as failed:
            await api.models.retrieve("nobody")
        assert failed.value.body["type"] == "error"  # type: ignore[index]
        for wrong in ({"limit": 0}, {"after_id": "nobody"}):
            with pytest.raises(anthropic.BadRequestError):
                await api.models.list(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "headers", "shown"),
    [
        ("/v1/chat/completion", {}, lambda said: said["error"]["code"] == "not_found"),
        ("/v1/nothing", {"anthropic-version": "1"}, lambda said: said["error"]["type"] == "not_found_error"),
        ("/v1/messages/batches", {}, lambda said: said["type"] == "error"),
        ("/v2/chat", {}, lambda said: isinstance(said["message"], str)),
        ("/v2/nothing", {}, lambda said: isinstance(said["error"], str)),
        ("/api/chat", {}, lambda said: isinstance(said["error"], str)),
        ("/v1beta/models/x:generateContent", {}, lambda said: said["error"]["status"] == "NOT_FOUND"),
        ("/predict", {}, lambda said: said["error_type"] == "Validation"),
        ("/v1/models/gpt:generateContent", {}, lambda said: said["error"]["status"] == "NOT_FOUND"),
        ("/v1/tunedModels", {"x-goog-api-key": "k"}, lambda said: said["error"]["status"] == "NOT_FOUND"),
        ("/v1/files", {"anthropic-version": "1"}, lambda said: said["type"] == "error"),
        ("/v1/uploads", {}, lambda said: said["error"]["code"] == "batches_not_supported"),
        ("/v1/chat", {}, lambda said: isinstance(said["message"], str)),
        ("/v1/finetuning", {"X-Fern-SDK-Name": "cohere"}, lambda said: isinstance(said["message"], str)),
    ],
)
async def test_there_is_nothing_in_the_shape_of_the_protocol_that_was_meant(
    path: str, headers: dict[str, str], shown: Any
) -> None:
    async with front() as it:
        status, answer, _ = await it.ask("POST", path, json={}, headers=headers)
        assert status == 404
        assert shown(answer)


async def test_what_is_served_is_told_without_patterns_and_the_nearest_first() -> None:
    async with front() as it:
        _, answer, _ = await it.ask("POST", "/v1/chat/completion", json=CHAT)
        message = answer["error"]["message"]
        assert "did you mean /v1/chat/completions?" in message
        assert "/v1/models/{name}," in message
        assert ":.+" not in message
        for far in ("threads", "assistants", "vector_stores", "videos", "evals"):
            _, answer, _ = await it.ask("POST", f"/v1/{far}", json={})
            assert "did you mean" not in answer["error"]["message"]
        _, answer, _ = await it.ask("POST", "/v1/" + "x" * 9000, json=CHAT)
        assert len(answer["error"]["message"]) < 2000


async def test_clients_of_protocols_that_are_not_served_are_told_which_are() -> None:
    async with front() as it:
        for path, whose in (
            ("/v1beta/models/gpt:generateContent", "Gemini's protocol is not served"),
            ("/v1beta/models/gpt:streamGenerateContent", "Gemini's protocol is not served"),
            ("/v1beta/models/gpt:batchEmbedContents", "Gemini's protocol is not served"),
            ("/api/chat", "Ollama's protocol is not served"),
            ("/v1/fim/completions", "what stands between two texts"),
        ):
            status, answer, _ = await it.ask("POST", path, json={})
            assert status == 404
            assert whose in str(answer)
            assert "served here" not in str(answer)


async def test_options_says_what_may_be_asked_and_head_is_get_without_a_body() -> None:
    async with front() as it:
        status, _, headers = await it.ask("OPTIONS", "/v1/chat/completions")
        assert (status, headers["Allow"]) == (204, "OPTIONS, POST")
        status, _, headers = await it.ask("OPTIONS", "/v1/models")
        assert (status, headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
        for path in ("/v1/models", "/v1/models/gpt", "/healthz", "/metrics", "/v2"):
            status, text, headers = await it.ask("HEAD", path)
            assert (status, text) == (200, "")
            assert int(headers["Content-Length"]) > 0


async def test_a_page_that_is_named_may_read_all_that_is_told_beside_an_answer() -> None:
    page = {"Origin": "https://a.example"}
    async with front(cors=Cors(("https://a.example",))) as it:
        wanted = {
            **page,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-a, api-key",
        }
        status, _, headers = await it.ask("OPTIONS", "/openai/v1/chat/completions/", headers=wanted)
        assert status == 204
        assert headers["Access-Control-Allow-Headers"] == "x-a, api-key"
        status, _, headers = await it.ask("POST", "/v1/chat/completions", json=CHAT, headers=page)
        assert status == 200
        exposed = headers["Access-Control-Expose-Headers"]
        for name in ("x-request-id", "x-inferc-cost", "x-ratelimit-remaining-requests", "request-id"):
            assert name in exposed


async def test_names_with_slashes_are_found_below_v2() -> None:
    async with (
        executor_of(remote_plan("any", model="openrouter/*")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        it = Front(url, http)
        for path in ("/v2/models/any/some/model/ready", "/v2/models/any/some/model/versions/1/ready"):
            status, answer, _ = await it.ask("GET", path)
            assert (status, answer["name"]) == (200, "any")
        status, answer, _ = await it.ask("GET", "/v2/models/none/such/ready")
        assert status == 404
        assert "there is no model `none/such`" in answer["error"]


async def test_a_client_without_v1_in_its_address_is_answered() -> None:
    async with front() as it, openai_client(it.url) as api:
        bare = api.with_options(base_url=it.url)
        answer = await bare.chat.completions.create(model="gpt", messages=MESSAGES)
        assert answer.choices[0].message.content == "You said: hello"


async def test_what_a_path_means_is_the_same_however_often_and_with_whatever_else_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "_KNOWN_PATHS", 3)
    async with front() as gateway:
        for _ in range(3):
            for name in ("gpt", "claude", "e", "nobody"):
                status, found, _ = await gateway.ask("GET", f"/v1/models/{name}")
                assert (status, found.get("id")) == ((404, None) if name == "nobody" else (200, name))
                status, found, _ = await gateway.ask("GET", f"/v1/models/{name}?as=client")
                assert status == (404 if name == "nobody" else 200)
                assert (await gateway.ask("DELETE", f"/v1/models/{name}"))[0] == 405
                assert (await gateway.ask("GET", f"/nowhere/{name}"))[0] == 404
