"""What programs do with `import inferc`: findings, plans, answers and servers."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

import inferc
from inferc.api import loop_thread
from inferc.api.loop_thread import LoopThread

from ..support.commands import SAMPLES

HELLO = SAMPLES / "hello.infer"
EVERYWHERE = """
deployment openai { model = "gpt-4o", runtime openai { api_key = env("NO_SUCH_KEY") } }
deployment claude { model = "claude-sonnet-4-5", runtime anthropic { api_key = file("no-such-file") } }
deployment gemini { model = "gemini-2.5-flash", runtime gemini { api_key = env("NO_SUCH_KEY") } }
deployment vertex { model = "gemini-2.5-flash", runtime gemini { project = "p", region = "europe-west1" } }
deployment bedrock {
  model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
  runtime bedrock { region = "eu-central-1" }
}
deployment azure {
  model = "gpt-4o"
  runtime openai {
    api_key = env("NO_SUCH_KEY")
    azure_resource = "here"
    azure_deployment = "prod"
    api_version = "2024-10-21"
  }
}
deployment groq { model = "llama-3.3-70b-versatile", runtime groq { api_key = env("NO_SUCH_KEY") } }
deployment late { model = "gpt-4o", runtime openai { api_key = env("NO_SUCH_KEY"), endpoint = env("URL") } }
deployment vllm {
  model = "some/model"
  runtime vllm { launch { command = ["no-such-server", "--port", "{port}"] } }
}
"""
CHAT = 'deployment gpt { model = "gpt-4o", runtime openai { api_key = env("OPENAI_API_KEY") } }'


def post(url: str, body: object) -> bytes:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer any"}
    with urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60
    ) as answer:
        given: bytes = answer.read()
        return given


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[inferc.MockProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with inferc.mock_provider() as running:
        yield running


@pytest.fixture
def hello(provider: inferc.MockProvider) -> inferc.Plan:
    return inferc.compile(HELLO, settings={"provider_url": f"{provider.url}/v1"})


@pytest.fixture
def chat(provider: inferc.MockProvider) -> inferc.Plan:
    return provider.behind(inferc.compile(text=CHAT))


def test_findings_are_data_and_print_as_the_command_does() -> None:
    found = inferc.check(text='deployment a { model = "x.onnx", replica = 2 }')
    assert not found.ok
    wrong = next(each for each in found if each.code == "E0204")
    assert (wrong.line, wrong.column, wrong.is_error, wrong.file) == (1, 34, True, "<text>")
    assert wrong.to_dict()["fixes"]
    assert "error[E0204]" in str(wrong)
    assert "replicas" in found._repr_html_()


def test_a_file_that_is_not_there_is_a_finding() -> None:
    assert [each.code for each in inferc.check("nowhere.infer")] == ["E0001"]


def test_text_in_place_of_a_path_is_told_apart() -> None:
    with pytest.raises(ValueError, match="text="):
        inferc.check('deployment a {\n  model = "gpt-4o"\n}\n')
    with pytest.raises(TypeError, match="text="):
        inferc.check()


def test_what_is_wrong_stands_in_the_error() -> None:
    with pytest.raises(inferc.CheckError, match="E0305") as raised:
        inferc.compile(text="deployment a { }")
    assert not raised.value.findings.ok


def test_a_plan_that_was_written_is_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    plan = inferc.compile(HELLO, base=tmp_path)
    written = tmp_path / "hello.plan.json"
    written.write_text(plan.to_json(), "utf-8")
    assert inferc.load(written) == plan
    assert plan.to_mermaid() in plan._repr_markdown_()
    with pytest.raises(KeyError, match="nobody"):
        plan.to_mermaid("nobody")
    written.write_text("{}")
    with pytest.raises(inferc.PlanError, match="schema"):
        inferc.load(written)


async def test_an_executor_answers_from_async_code(hello: inferc.Plan) -> None:
    async with inferc.Executor(hello) as executor:
        messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
        answer = await executor.chat("gpt", messages, max_tokens=50)
        assert (answer.text, answer.finish_reason, answer.tool_calls) == ("You said: Hi", "stop", [])
        assert answer.usage["total_tokens"] > 0
        (vector,) = await executor.embed("embedder", ["a sentence"])
        assert len(vector) == 384
        assert await executor.embed("embedder", []) == []
        with pytest.raises(TypeError, match=r"\[text\]"):
            await executor.embed("embedder", "a sentence")
        with pytest.raises(inferc.RequestError, match="does not chat") as refused:
            await executor.chat("embedder", "Hi")
        assert refused.value.status == 400
    with pytest.raises(RuntimeError, match="async with"):
        await executor.chat("gpt", "Hi")


def test_an_executor_answers_threads_and_leaves_none(
    provider: inferc.MockProvider, chat: inferc.Plan
) -> None:
    before = threading.active_count()
    executor = inferc.SyncExecutor(chat).start()
    assert executor.chat("gpt", "Hi").text == "You said: Hi"
    said = executor.stream("gpt", "one two three four")
    assert next(said) == "You"
    said.close()  # type: ignore[attr-defined]
    with pytest.raises(inferc.RequestError, match="no model `gtp`"):
        list(executor.stream("gtp", "Hi"))
    whole, cut = executor.stream("gpt", "one two"), executor.stream("gpt", "one " * 200)
    assert (next(whole), next(cut)) == ("You", "You")
    while provider.counts()["open"] > 1:  # until all of `whole` is on its way
        time.sleep(0.01)
    assert executor.chat("gpt", "Hi").text == "You said: Hi"
    executor.close()
    executor.close()
    with pytest.raises(inferc.RequestError, match="was closed"):
        list(cut)
    assert "".join(whole) == " said: one two"
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="start"):
        executor.chat("gpt", "Hi")


@pytest.mark.parametrize(
    "ask",
    [
        lambda executor: executor.chat("gpt", "Hi"),
        lambda executor: list(executor.stream("gpt", "Hi")),
        lambda executor: executor.run("say", question="Hi"),
    ],
    ids=["chat", "stream", "run"],
)
def test_who_asks_while_an_executor_is_closed_hears_that(
    ask: Callable[[inferc.SyncExecutor], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    say = "\npipeline say(question: text) -> text { return gpt(question) }\n"
    failed: Future[object] = Future()

    def asks() -> None:
        try:
            failed.set_result(ask(executor))
        except BaseException as error:
            failed.set_exception(error)

    with inferc.mock_provider({"faults": ["slow:seconds=60"]}) as provider:
        executor = inferc.SyncExecutor(provider.behind(inferc.compile(text=CHAT + say))).start()
        asking = threading.Thread(target=asks)
        asking.start()
        while not provider.requests:
            time.sleep(0.01)
        executor.close()
        with pytest.raises(inferc.RequestError, match="was closed before the answer") as caught:
            failed.result(30)
        asking.join(30)
    assert (caught.value.status, caught.value.code) == (503, "shutting_down")


def test_what_cannot_start_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    before = threading.active_count()
    plan = inferc.compile(text=CHAT)
    with pytest.raises(inferc.StartError, match="OPENAI_API_KEY"):
        inferc.SyncExecutor(plan).start()
    with pytest.raises(inferc.StartError, match="OPENAI_API_KEY"), inferc.serve(plan):
        pass
    with pytest.raises(inferc.StartError, match="70000"), inferc.serve(plan, port=70000):
        pass
    assert threading.active_count() == before


def test_a_server_answers_while_the_block_runs(chat: inferc.Plan) -> None:
    collecting = gc.get_threshold()
    with inferc.serve(chat) as one, inferc.serve(chat) as other:
        assert one.url != other.url
        body = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}]}
        for server in (one, other):
            answer = json.loads(post(f"{server.base_url}/chat/completions", body))
            assert answer["choices"][0]["message"]["content"] == "You said: Hi"
    assert gc.get_threshold() == collecting
    with pytest.raises(urllib.error.URLError, match="refused"):
        post(one.url, {})


def test_every_provider_of_a_plan_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "http://127.0.0.1:9/v1")
    plan = inferc.compile(text=EVERYWHERE)
    with (
        inferc.mock_provider(strict=True) as provider,
        inferc.SyncExecutor(provider.behind(plan)) as executor,
    ):
        for name in plan.deployments:
            assert executor.chat(name, "Hi").text == "You said: Hi", name
        assert provider.requests == len(plan.deployments)
        assert provider.counts()["statuses"] == {"200": len(plan.deployments)}


def test_a_provider_follows_its_script() -> None:
    with inferc.mock_provider({"faults": ["503:count=1"]}) as provider:
        sent = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        with pytest.raises(urllib.error.HTTPError, match="503") as failed:
            post(f"{provider.url}/v1/chat/completions", sent)
        failed.value.close()
        assert b"You said: Hi" in post(f"{provider.url}/v1/chat/completions", sent)
        assert provider.requests == 2
    with pytest.raises(ValueError, match="wrong"), inferc.mock_provider({"wrong": 1}):
        pass


def test_who_asks_while_the_loop_ends_does_not_wait_for_ever() -> None:
    began, ending, goes_on = (threading.Event() for _ in range(3))

    async def slow() -> None:
        began.set()
        try:
            await asyncio.sleep(600)
        finally:
            ending.set()
            goes_on.wait(30)

    thread = LoopThread("a test")
    thread.begin(slow())
    assert began.wait(30)
    closing = threading.Thread(target=thread.close)
    closing.start()
    assert ending.wait(30)
    late = thread.begin(asyncio.sleep(600))
    goes_on.set()
    with pytest.raises(CancelledError):
        late.result(30)
    closing.join(30)


def test_a_loop_that_cannot_be_made_is_an_error_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_files(work: Coroutine[Any, Any, None]) -> None:
        work.close()
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(loop_thread, "run_async", no_files)
    with pytest.raises(OSError, match="Too many open files"):
        LoopThread("a test")
