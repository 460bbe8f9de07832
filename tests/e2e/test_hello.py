"""`samples/hello.infer` as a client sees it: OpenAI's client, unchanged, and plain HTTP."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from typing import Any

import openai
import pytest
from openai import OpenAI

from ..support.commands import Running

RELATED = ("The invoice was charged twice.", "I paid the same bill two times.")
UNRELATED = "Penguins cannot fly, but they swim well."


def send(url: str, data: bytes | None = None) -> tuple[int, str, Any]:
    """Status, content type and JSON of the answer to a request, whatever it is."""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers.get_content_type(), json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), json.load(error)


def stats(mock: Running) -> Any:
    """What the provider counted."""
    return send(f"{mock.url}/__mock__/stats")[2]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_related_sentences_are_closer_than_unrelated_ones(client: OpenAI) -> None:
    answer = client.embeddings.create(model="embedder", input=[*RELATED, UNRELATED])
    assert [item.index for item in answer.data] == [0, 1, 2]
    first, second, other = (item.embedding for item in answer.data)
    assert len(first) == 384
    assert math.isclose(math.hypot(*first), 1, abs_tol=1e-3)
    assert cosine(first, second) > 0.4
    assert cosine(first, other) < 0.2
    assert cosine(second, other) < 0.2
    assert answer.usage.prompt_tokens > 10


def test_vectors_are_the_same_in_both_encodings(client: OpenAI, hello: Running) -> None:
    body = json.dumps({"model": "embedder", "input": RELATED[0]}).encode()
    _, _, plain = send(f"{hello.url}/v1/embeddings", body)
    [packed] = client.embeddings.create(model="embedder", input=RELATED[0]).data
    assert packed.embedding == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)


def test_a_chat_is_answered(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Good morning!"}]
    answer = client.chat.completions.create(model="gpt", messages=messages)
    assert answer.choices[0].message.content == "You said: Good morning!"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_a_streamed_chat_adds_up_to_the_answer_and_tells_its_usage(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Good morning!"}]
    stream: Any = client.chat.completions.create(
        model="gpt", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    with stream:
        chunks = list(stream)
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "You said: Good morning!"
    assert len([text for text in texts if text]) == 4
    assert chunks[-1].usage.completion_tokens == 4


def test_pieces_of_a_stream_arrive_while_the_provider_still_speaks(client: OpenAI, mock: Running) -> None:
    messages: Any = [{"role": "user", "content": " ".join(["word"] * 500)}]
    before = stats(mock)
    with client.chat.completions.create(model="gpt", messages=messages, stream=True) as stream:
        pieces = iter(stream)
        for _ in range(3):
            next(pieces)
        during = stats(mock)
    assert during["open"] == 1
    assert during["answered"] == before["answered"]
    for _ in range(2000):
        if stats(mock)["cancelled"] > before["cancelled"]:
            return
        time.sleep(0.005)
    pytest.fail("the client went away, and the provider was not told")


def test_the_models_are_the_deployments(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["embedder", "gpt"]


def test_an_unknown_model_is_answered_with_the_known_names(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gtp", messages=messages)
    assert refused.value.status_code == 404
    assert refused.value.code == "model_not_found"
    assert "`gpt`, `embedder`" in refused.value.message


def test_a_request_for_the_wrong_task_says_where_to_go(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="gpt", input="hello")
    assert "/v1/chat/completions" in refused.value.message


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/chat/completions"])
@pytest.mark.parametrize("body", [b"{", b'{"model": "gpt",}', b"\xff\xfe", b"[1]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(hello: Running, path: str, body: bytes) -> None:
    status, kind, answer = send(hello.url + path, body)
    assert (status, kind) == (400, "application/json")
    assert answer["error"]["type"] == "invalid_request_error"
    assert "JSON" in answer["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/images", "/v1/chat/completion", "/%00"])
def test_a_path_that_does_not_exist_is_answered_in_json(hello: Running, path: str) -> None:
    status, kind, answer = send(hello.url + path)
    assert (status, kind) == (404, "application/json")
    assert "/v1/chat/completions" in answer["error"]["message"]


def test_the_server_says_that_it_is_healthy(hello: Running) -> None:
    status, kind, answer = send(f"{hello.url}/healthz")
    assert (status, kind, answer["status"]) == (200, "application/json", "ok")
    ready = {each["name"]: each["ready"] for each in answer["deployments"]}
    assert ready == {"embedder": True, "gpt": True}
