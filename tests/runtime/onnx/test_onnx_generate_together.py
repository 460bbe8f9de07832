"""Texts that are written at the same time and share the steps of the model, as `batching` lets them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from attrs import evolve

from inferc.compiler.plan import Batching, Duration, OnnxServingPlan
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.generate.decoder import Answer, Decoder
from inferc.runtime.replicas.onnx.generate.kv_cache import Past, Row
from inferc.runtime.replicas.onnx.generate.sampling import GREEDY, Sampler
from inferc.runtime.replicas.onnx.generate.signature import read_generate_signature
from inferc.runtime.replicas.onnx.queue.runner import Stopper
from inferc.runtime.requests.errors import ContextLengthExceeded

from .plans import running
from .test_onnx_generate import PROMPT, lm_plan, text_of
from .toys import byte_tokenizer, causal_lm

PROMPTS = ("A", "Once", "It was a dark", "Sing", "Call me Ishmael", "Two")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    causal_lm(folder / "pads.onnx", can_pad=True)
    causal_lm(folder / "half.onnx", can_pad=True, fp16=True)
    causal_lm(folder / "never_pads.onnx")
    byte_tokenizer(folder / "tokenizer.json")
    return folder


def together(folder: Path, model: str = "pads.onnx", most: int = 8, **task: Any) -> OnnxServingPlan:
    return evolve(lm_plan(folder, model, **task), batching=Batching(max_size=most, max_delay=Duration(0)))


async def alone(folder: Path, model: str, prompts: tuple[str, ...], **body: Any) -> list[str]:
    async with running(lm_plan(folder, model)) as replica:
        return [await text_of(replica, prompt, **body) for prompt in prompts]


def runs(replica: OnnxReplica) -> Counter[int]:
    return Counter(dict(replica.status().run_sizes))


def hold_until_all_are_there(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no text be read before so many of them stand in the queue of the model.

    The runner has had `step` since the model was loaded: what that calls is held.
    """
    came: set[int] = set()
    all_are_there = threading.Event()
    run, company = Decoder._run, Decoder.company

    def counted(self: Decoder, answer: Answer, *, padded: bool) -> Hashable:
        came.add(id(answer))
        if len(came) == number:  # this one will be there when its task waits
            asyncio.get_running_loop().call_soon(all_are_there.set)
        return company(self, answer, padded=padded)

    def held(self: Decoder, answers: Sequence[Answer], stopper: Stopper) -> Any:
        assert all_are_there.wait(60)
        return run(self, answers, stopper)

    monkeypatch.setattr(Decoder, "company", counted)
    monkeypatch.setattr(Decoder, "_run", held)


@pytest.mark.parametrize("model", ["pads.onnx", "half.onnx"])
async def test_texts_of_any_length_share_steps_and_are_as_if_each_were_alone(
    model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(together(folder, model)) as replica:
        with monkeypatch.context() as held:
            hold_until_all_are_there(held, len(PROMPTS))
            got = await asyncio.gather(*(text_of(replica, prompt) for prompt in PROMPTS))
        sizes = runs(replica)
    assert got == await alone(folder, model, PROMPTS)
    assert len(set(got)) == len(PROMPTS)
    # 6 prompts, each of which is read alone, and 11 further tokens of each.
    assert sum(size * count for size, count in sizes.items()) == 6 * 12
    assert sizes[6] >= 1
    assert sum(sizes.values()) < 36


async def test_texts_that_come_and_go_leave_the_others_alone(folder: Path) -> None:
    lengths = {"A": 30, "Once": 3, "It was a dark": 20, "Sing": 8, "Call me Ishmael": 1, "Two": 14}

    async def one(replica: OnnxReplica, prompt: str, wait: int) -> str:
        for _ in range(wait):
            await asyncio.sleep(0.002)
        return await text_of(replica, prompt, max_tokens=lengths[prompt])

    async with running(together(folder)) as replica:
        got = await asyncio.gather(*(one(replica, prompt, at) for at, prompt in enumerate(lengths)))
    async with running(lm_plan(folder, "pads.onnx")) as replica:
        assert got == [await text_of(replica, text, max_tokens=most) for text, most in lengths.items()]


async def test_no_more_texts_share_a_step_than_the_plan_allows(folder: Path) -> None:
    async with running(together(folder, most=2)) as replica:
        got = await asyncio.gather(*(text_of(replica, prompt) for prompt in PROMPTS))
        assert max(runs(replica)) == 2
    assert got == await alone(folder, "pads.onnx", PROMPTS)


async def test_a_model_that_cannot_pass_over_padding_shares_steps_of_texts_of_one_length_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twelve tokens are written of each: no one ever becomes as long as another one was, whoever comes first.
    same, different = (
        ("Once", "Sing", "Call"),
        ("A", "A lamp burned late", "It was a dark and stormy night on the sea"),
    )
    async with running(together(folder, "never_pads.onnx")) as replica:
        with monkeypatch.context() as held:
            hold_until_all_are_there(held, len(same))
            got = await asyncio.gather(*(text_of(replica, prompt) for prompt in same))
        assert runs(replica)[3] >= 5
        before = runs(replica)
        got += await asyncio.gather(*(text_of(replica, prompt) for prompt in different))
        assert set(runs(replica) - before) == {1}
    assert got == await alone(folder, "never_pads.onnx", same + different)


async def test_a_text_that_the_model_cannot_go_on_with_fails_alone(folder: Path) -> None:
    too_long = "x" * 56
    async with running(together(folder)) as replica:
        *good, bad = await asyncio.gather(
            *(text_of(replica, prompt, max_tokens=20) for prompt in (*PROMPTS, too_long)),
            return_exceptions=True,
        )
    assert isinstance(bad, ContextLengthExceeded)
    assert good == await alone(folder, "pads.onnx", PROMPTS, max_tokens=20)


def test_short_texts_go_with_all_short_ones_and_long_texts_with_those_of_about_their_length(
    folder: Path,
) -> None:
    session = onnxruntime.InferenceSession(folder / "pads.onnx", providers=["CPUExecutionProvider"])
    decoder = Decoder(session, read_generate_signature(session, "lm"), ("cpu", 0), "lm")

    def company(length: int) -> object:
        row = Row(Past((), 1, length), 0, length)
        return decoder.company(Answer(Sampler(GREEDY), (0,), row), padded=True)

    assert company(1) == company(700) == company(1024)
    assert company(1025) == company(1500) != company(1024)
    assert company(4000) != company(1500)


async def test_each_text_is_drawn_with_its_own_seed(folder: Path) -> None:
    body = {"temperature": 1.5, "max_tokens": 20}
    async with running(together(folder)) as replica:
        got = await asyncio.gather(*(text_of(replica, PROMPT, seed=seed, **body) for seed in (1, 2, 1)))
    async with running(lm_plan(folder, "pads.onnx")) as replica:
        assert got == [await text_of(replica, PROMPT, seed=seed, **body) for seed in (1, 2, 1)]
    assert got[0] == got[2] != got[1]
