"""Vectors and ranks from Amazon Bedrock, before a fake that holds each model to its own bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import botocore.session
import pytest
from attrs import evolve
from botocore.validate import ParamValidator

from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import EmbedRequest, RerankRequest

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, mock_provider

TITAN, TITAN_1 = "amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v1"
COHERE, COHERE_3 = "eu.cohere.embed-v4:0", "cohere.embed-english-v3"
RERANKERS = ("cohere.rerank-v3-5:0", "amazon.rerank-v1:0")
ARN = "arn:aws:bedrock:eu-central-1::foundation-model/cohere.rerank-v3-5:0"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "AKIDEXAMPLE")
    monkeypatch.setenv("A_SECRET", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def checked_of(folder: Path, model: str, task: str, endpoint: str = "http://127.0.0.1:9") -> Any:
    source = folder / "it.infer"
    source.write_text(
        f'deployment it {{\n  model = "{model}"\n  task = {task}\n  runtime bedrock {{\n'
        f'    region = "eu-central-1"\n    endpoint = "{endpoint}"\n    retry {{ max_retries = 0 }}\n'
        '    access_key_id = env("A_KEY")\n    secret_access_key = env("A_SECRET")\n  }\n}\n'
    )
    return check_file(source.name, source)


def plan_of(folder: Path, model: str, task: str, endpoint: str = "http://127.0.0.1:9") -> Any:
    checked = checked_of(folder, model, task, endpoint)
    assert checked.ok, checked.diagnostics
    (plan,) = compile_checked(checked, folder).deployments
    return plan


@pytest.mark.parametrize("model", [TITAN, TITAN_1, COHERE, COHERE_3])
async def test_texts_are_embedded_in_their_order(tmp_path: Path, model: str) -> None:
    texts = [f"text {index}" for index in range(100)]
    async with (
        mock_provider(MockOptions(strict=True)) as mock,
        executor_of(plan_of(tmp_path, model, "embed", mock.url), base_dir=tmp_path) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        many = await client.embeddings.create(model="it", input=texts)
        alone = await client.embeddings.create(model="it", input=texts[73])
    assert [each.index for each in many.data] == list(range(100))
    assert many.data[73].embedding == alone.data[0].embedding
    assert many.usage.prompt_tokens >= 100


@pytest.mark.parametrize("model", [*RERANKERS, ARN])
async def test_documents_are_ranked(tmp_path: Path, model: str) -> None:
    async with (
        mock_provider(MockOptions(strict=True)) as mock,
        executor_of(plan_of(tmp_path, model, "rerank", mock.url), base_dir=tmp_path) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):
        asked = {"model": "it", "query": "red fox", "documents": ["a dog", "a red fox", "red"], "top_n": 2}
        ranked: Any = await client.post("/rerank", body=asked, cast_to=object)
    assert [each["index"] for each in ranked["results"]] == [1, 2]


@pytest.mark.parametrize(
    ("model", "request_", "body"),
    [
        (TITAN, EmbedRequest(("x",), 512), {"inputText": "x", "dimensions": 512}),
        (TITAN_1, EmbedRequest(("x",)), {"inputText": "x"}),
        (COHERE_3, EmbedRequest(("x",)), {"texts": ["x"], "input_type": "search_document"}),
        (
            COHERE,
            EmbedRequest(("x",), 256, options={"input_type": "query", "truncate": "END"}),
            {
                "texts": ["x"],
                "input_type": "search_query",
                "truncate": "RIGHT",
                "embedding_types": ["float"],
                "output_dimension": 256,
            },
        ),
        (RERANKERS[0], RerankRequest("q", ("d",)), {"query": "q", "documents": ["d"], "api_version": 2}),
        (RERANKERS[1], RerankRequest("q", ("d",)), {"query": "q", "documents": ["d"]}),
    ],
)
def test_each_model_gets_a_body_of_its_own_where_aws_wants_it(
    tmp_path: Path, model: str, request_: Any, body: Any
) -> None:
    task = "rerank" if isinstance(request_, RerankRequest) else "embed"
    sent = retrieval_of(plan_of(tmp_path, model, task)).request(request_)
    assert json.loads(sent.body) == body
    invoke: Any = (
        botocore.session.Session().get_service_model("bedrock-runtime").operation_model("InvokeModel")
    )
    assert sent.path == invoke.http["requestUri"].replace("{modelId}", model.replace(":", "%3A"))
    report = ParamValidator().validate({"modelId": model, "body": sent.body}, invoke.input_shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize(
    ("model", "asked", "field"),
    [
        (TITAN_1, EmbedRequest(("x",), 256), "dimensions"),
        (TITAN, EmbedRequest(("x",), 2048), "dimensions"),
        (TITAN, EmbedRequest(("x",), 999), "dimensions"),
        (COHERE, EmbedRequest(("x",), 300), "dimensions"),
        (TITAN, EmbedRequest(token_ids=((1, 2),)), "input[0]"),
        (COHERE, EmbedRequest(("x",), options={"input_type": "poem"}), "input_type"),
        (COHERE, EmbedRequest(("x",), options={"late_chunking": True}), "late_chunking"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(
    tmp_path: Path, model: str, asked: EmbedRequest, field: str
) -> None:
    with pytest.raises(BadRequest) as told:
        retrieval_of(plan_of(tmp_path, model, "embed")).request(asked)
    assert told.value.param == field


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", "embed"),
        ("amazon.titan-embed-image-v1", "embed"),
        (TITAN, "rerank"),
        (RERANKERS[0], "embed"),
    ],
)
def test_a_model_that_does_not_do_the_task_is_an_error_when_checked(
    tmp_path: Path, model: str, task: str
) -> None:
    checked = checked_of(tmp_path, model, task)
    assert "E0419" in {each.code for each in checked.diagnostics}


@pytest.mark.parametrize(
    ("documents", "cost"),
    [(["a", "b"], 0.002), (["a"] * 101, 0.004), (["word " * 1000] * 60, 0.004)],
)
async def test_a_ranking_is_paid_for_by_searches_of_a_hundred_documents(
    tmp_path: Path, documents: list[str], cost: float
) -> None:
    plan = plan_of(tmp_path, RERANKERS[0], "rerank")
    async with (
        mock_provider(MockOptions(strict=True)) as mock,
        executor_of(evolve(plan, endpoint=mock.url), base_dir=tmp_path) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as client,
        client.post(f"{url}/v1/rerank", json={"model": "it", "query": "q", "documents": documents}) as answer,
    ):
        assert answer.status == 200
        assert float(answer.headers["x-inferc-cost"]) == pytest.approx(cost)
