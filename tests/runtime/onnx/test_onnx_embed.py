from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from inferc.compiler.plan import Batching, Duration, Pooling, ReplicaPlacement
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.runs.token_model import TokenModel
from inferc.runtime.replicas.onnx.sessions.shared import SharedSessions
from inferc.runtime.requests.errors import BadRequest, RequestTimeout, ShuttingDown

from ...support.forked import PATIENCE
from ...support.remote import until
from .plans import MODELS, PLACEMENT, embed, embed_spec, onnx_plan, plain_tokenizer, running
from .toys import small_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = (
    "A man is eating food.",
    "Somebody has a meal in the kitchen.",
    "The rocket left the orbit of the earth on its way to Mars.",
)


def states_of(text: str) -> NDArray[numpy.float32]:
    """The token vectors of one text, [tokens, dimensions], by plain tokenizers and ONNX Runtime."""
    ids = numpy.array([plain_tokenizer().encode(text).ids])
    feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    states: NDArray[numpy.float32] = _plain_session().run(None, feed)[0][0]
    return states


@cache
def _plain_session() -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(MODELS / "minilm.onnx", providers=["CPUExecutionProvider"])


def unit(vector: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
    scaled: NDArray[numpy.float32] = vector / numpy.linalg.norm(vector)
    return scaled


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replica() -> AsyncIterator[OnnxReplica]:
    """Of the large model, for all tests that want no other settings: its first runs take most of a test."""
    async with running(onnx_plan()) as started:
        yield started


async def test_embeddings_are_those_of_a_plain_computation(replica: OnnxReplica) -> None:
    for text in TEXTS:
        chunk = await embed(replica, text)
        states = states_of(text)
        assert chunk.vectors.dtype == numpy.float32
        assert chunk.vectors.shape == (1, 384)
        assert chunk.usage.prompt_tokens == len(states)
        numpy.testing.assert_allclose(chunk.vectors[0], unit(states.mean(axis=0)), atol=1e-5)


@pytest.mark.parametrize(("pooling", "index"), [(Pooling.CLS, 0), (Pooling.LAST, -1)])
async def test_other_poolings_take_one_token_and_lengths_stay_without_normalising(
    pooling: Pooling, index: int
) -> None:
    async with running(onnx_plan(task=embed_spec(pooling=pooling, normalize=False))) as replica:
        vectors = (await embed(replica, TEXTS[0])).vectors
    numpy.testing.assert_allclose(vectors[0], states_of(TEXTS[0])[index], atol=1e-4)


async def test_related_sentences_are_closer_than_unrelated_ones(replica: OnnxReplica) -> None:
    man, somebody, rocket = (await embed(replica, *TEXTS)).vectors
    assert man @ somebody > 0.4
    assert abs(man @ rocket) < 0.2


async def test_texts_of_all_lengths_come_back_in_their_order(replica: OnnxReplica) -> None:
    texts = [("word " * n).strip() or "x" for n in (90, 1, 30, 2, 60, 0, 30, 7)] * 2
    together = await embed(replica, *texts)
    alone = {text: await embed(replica, text) for text in set(texts)}
    assert together.usage.prompt_tokens == sum(alone[text].usage.prompt_tokens for text in texts)
    for text, vector in zip(texts, together.vectors, strict=True):
        # int8 activations are scaled by all rows of a run, so that neighbours change the last digits.
        assert vector @ alone[text].vectors[0] > 0.97


@pytest.mark.parametrize("batching", [None, Batching(max_size=8, max_delay=Duration(0.002))])
async def test_concurrent_callers_get_their_own_rows(batching: Batching | None, replica: OnnxReplica) -> None:
    texts = [
        f"{subject} {verb} number {n}"
        for n in range(3)
        for subject in ("A dog", "The bank", "Rain")
        for verb in ("chases", "refuses")
    ]
    alone = [(await embed(replica, text)).vectors[0] for text in texts]
    async with running(onnx_plan(batching=batching)) if batching else nullcontext(replica) as asked:
        assert asked.status().warnings == ()  # real texts share runs
        together = await asyncio.gather(*(embed(asked, text) for text in texts))
    for index, chunk in enumerate(together):
        closeness = [chunk.vectors[0] @ vector for vector in alone]
        assert int(numpy.argmax(closeness)) == index


async def test_a_longer_text_is_cut_to_max_length() -> None:
    async with running(onnx_plan(task=embed_spec(max_length=6))) as replica:
        cut = await embed(replica, "one two three four five six seven eight")
        short = await embed(replica, "one two three four")
    assert cut.usage.prompt_tokens == 6
    numpy.testing.assert_allclose(cut.vectors, short.vectors, atol=1e-6)


async def test_more_tokens_than_the_model_has_positions_is_the_callers_error() -> None:
    async with running(onnx_plan(task=embed_spec(max_length=2000))) as replica:
        with pytest.raises(BadRequest, match=r"cannot take 902 tokens.*max_length"):
            await embed(replica, "word " * 900)
        with pytest.raises(BadRequest, match=r"cannot take 902 tokens"):
            await embed(replica, "word " * 900, "word " * 899)
        assert (await embed(replica, "fine")).vectors.shape == (1, 384)


async def test_empty_and_odd_texts(replica: OnnxReplica) -> None:
    assert numpy.isfinite((await embed(replica, "", "\0", "🙂" * 50)).vectors).all()
    with pytest.raises(BadRequest, match="not valid Unicode"):
        await embed(replica, "half a pair: \ud83d")
    with pytest.raises(BadRequest, match="no text"):
        await embed(replica)


async def test_the_event_loop_stays_free_while_the_model_runs(
    monkeypatch: pytest.MonkeyPatch, replica: OnnxReplica
) -> None:
    began, go_on = threading.Event(), threading.Event()
    compute = TokenModel.run

    def run(*of: Any) -> Any:
        began.set()
        assert go_on.wait(PATIENCE), "the event loop waits for the model"
        return compute(*of)

    monkeypatch.setattr(TokenModel, "run", run)
    task = asyncio.create_task(embed(replica, "a text"))
    await until(began.is_set)
    assert not task.done()
    go_on.set()
    assert (await task).vectors.shape == (1, 384)


async def test_a_request_past_its_deadline_is_answered_in_time(replica: OnnxReplica) -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(RequestTimeout, match="deployment `embedder`"):
        await embed(replica, *["a sentence of some words " * 20] * 64, deadline=loop.time() + 0.01)
    assert (await embed(replica, "next")).vectors.shape == (1, 384)


async def test_a_cancelled_request_leaves_the_replica_working() -> None:
    async with running(onnx_plan(batching=Batching())) as replica:
        task = asyncio.create_task(embed(replica, *["a sentence of some words " * 20] * 64))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await embed(replica, "next")).vectors.shape == (1, 384)


async def test_stopping_frees_session_and_threads_and_may_be_repeated(tmp_path: Path) -> None:
    sessions = SharedSessions()
    before = set(threading.enumerate())
    replica = OnnxReplica(small_plan(tmp_path), PLACEMENT, MODELS, sessions)
    await replica.start()
    await embed(replica, "text")
    names = [thread.name for thread in threading.enumerate()]
    assert any(name.startswith("onnx-embedder") for name in names)
    await asyncio.gather(replica.stop(), replica.stop())
    await replica.stop()
    assert len(sessions) == 0
    left = {thread.name for thread in threading.enumerate() if thread not in before}
    assert {name for name in left if not name.startswith("asyncio_")} == set()  # the loop keeps its helpers
    with pytest.raises(ShuttingDown):
        await embed(replica, "text")


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    sessions = SharedSessions()
    replica = OnnxReplica(onnx_plan(), PLACEMENT, MODELS, sessions)
    starting = asyncio.create_task(replica.start())
    await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await replica.stop()
    assert len(sessions) == 0


async def test_replicas_of_one_device_share_a_session(tmp_path: Path) -> None:
    sessions = SharedSessions()
    plan = small_plan(tmp_path)
    replicas = [OnnxReplica(plan, ReplicaPlacement(i, None, ()), MODELS, sessions) for i in range(3)]
    other = OnnxReplica(plan, ReplicaPlacement(3, None, (1,)), MODELS, sessions)
    await asyncio.gather(*(replica.start() for replica in [*replicas, other]))
    assert len(sessions) == 2
    await replicas[0].stop()
    await embed(replicas[1], "the session is still there")
    await asyncio.gather(*(replica.stop() for replica in [*replicas, other]))
    assert len(sessions) == 0
