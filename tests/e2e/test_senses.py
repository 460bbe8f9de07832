"""The samples that see and hear, held against the same models run by ONNX Runtime alone."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import numpy
import onnxruntime
import pytest
from PIL import Image, ImageDraw, ImageFont

from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.executor import Executor
from inferc.runtime.requests.errors import StepFailed
from inferc.runtime.requests.pipeline_call import PipelineCall

from ..support.commands import ROOT, SAMPLES
from ..support.remote import running
from ..support.sounds import RATE, silence, vowel, wav

pytestmark = pytest.mark.usefixtures("workers_are_forked")

MODELS = SAMPLES / "models"


async def executor(name: str) -> AsyncIterator[Executor]:
    path = SAMPLES / name / f"{name}.infer"
    checked = check_file(path.name, path)
    async with running(compile_checked(checked, ROOT), ROOT) as started:
        yield started


@pytest.fixture
async def reading() -> AsyncIterator[Executor]:
    async for each in executor("ocr"):
        yield each


@pytest.fixture
async def hearing() -> AsyncIterator[Executor]:
    async for each in executor("voice"):
        yield each


async def result(executor: Executor, name: str, **given: bytes) -> Any:
    pipeline = executor.pipelines[name]
    sent = {name: b64encode(value).decode() for name, value in given.items()}
    return (await pipeline.run(PipelineCall(pipeline.read(sent)))).value


@cache
def model(name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(MODELS / name, providers=["CPUExecutionProvider"])


# ---- reading


def page() -> Image.Image:
    """Two lines, the second on its head."""
    font = ImageFont.load_default(size=40)
    whole = Image.new("RGB", (480, 192), "white")
    ImageDraw.Draw(whole).text((30, 20), "Invoice 1042", fill="black", font=font)
    line = Image.new("RGB", (360, 60), "white")
    ImageDraw.Draw(line).text((10, 5), "Total 99.50 EUR", fill="black", font=font)
    whole.paste(line.rotate(180), (100, 110))
    return whole


def png(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def as_input(picture: Image.Image, width: int, height: int) -> Any:
    values = numpy.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), numpy.float32)
    return ((values[:, :, ::-1] / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None].astype(numpy.float32)


def read_alone(picture: Image.Image, box: list[float]) -> tuple[str, float]:
    """One line, by ONNX Runtime and nothing else."""
    part = picture.crop(tuple(round(each) for each in box))  # type: ignore[arg-type]
    [scores] = model("ocr.direction.onnx").run(None, {"x": as_input(part, 192, 48)})
    if scores[0, 1] > 0.9:
        part = part.rotate(180)
    width = max(int(numpy.ceil(48 * (box[2] - box[0]) / (box[3] - box[1]))), 48)
    [[steps]] = model("ocr.read.onnx").run(None, {"x": as_input(part, width, 48)})
    characters = json.loads((MODELS / "ocr.characters.json").read_text())
    text, sure, last = "", [], 0
    for step in steps:
        best = int(step.argmax())
        if best not in (0, last):
            text += characters[best]
            sure.append(step[best])
        last = best
    return text, float(numpy.mean(sure))


async def test_lines_are_found_turned_and_read_where_there_are_any(reading: Executor) -> None:
    picture = page()
    lines = await result(reading, "ocr", photo=png(picture))
    assert [each["text"] for each in lines] == ["Invoice 1042", "Total 99.50 EUR"]
    [seen] = model("ocr.detect.onnx").run(None, {"x": as_input(picture, 480, 192)})
    for line in lines:
        text, sure = read_alone(picture, line["box"])
        assert (line["text"], line["confidence"]) == (text, pytest.approx(sure, abs=1e-4))
        left, top, right, bottom = map(round, line["box"])
        large = seen[0, 0] > 0.3
        assert large[top:bottom, left:right].any()
        large[top:bottom, left:right] = False
        seen[0, 0][~large] = 0
    assert not (seen > 0.3).any()  # nothing is left outside of the boxes
    assert await result(reading, "ocr", photo=png(Image.new("RGB", (64, 64), "white"))) == []
    with pytest.raises(StepFailed, match="no image that can be read"):
        await result(reading, "ocr", photo=b"no picture")


# ---- hearing


def spoken() -> Any:
    return numpy.concatenate([vowel("a", 0.4), vowel("i", 0.5, 140), vowel("o", 0.5, 110)])


async def test_speech_is_found_where_a_model_alone_finds_it(hearing: Executor) -> None:
    samples = numpy.concatenate([silence(1), spoken(), silence(1)])
    found = await result(hearing, "speech", sound_file=wav(samples))
    [one] = found
    assert one["start"] == pytest.approx(1, abs=0.1)
    assert one["end"] == pytest.approx(2.4, abs=0.1)
    voice = model("voice.onnx")
    exact = (samples * 32767).astype("<i2") / numpy.float32(32768)
    padded = numpy.concatenate([numpy.zeros(64), exact, numpy.zeros(511)]).astype(numpy.float32)
    h = c = numpy.zeros((1, 1, 128), numpy.float32)
    sure = []
    for start in range(0, len(padded) - 575, 512):  # as a microphone gives it, step by step
        chunk = padded[None, start : start + 576]
        [step], h, c = voice.run(None, {"input": chunk, "h": h, "c": c})
        sure.append(float(step))
    inside = sure[round(one["start"] / 0.032) : round(one["end"] / 0.032)]
    assert one["confidence"] == pytest.approx(numpy.mean(inside), abs=1e-3)
    assert await result(hearing, "speech", sound_file=wav(silence(1))) == []


async def test_what_is_heard_is_what_the_models_give(hearing: Executor) -> None:
    samples = spoken()
    vectors = await result(hearing, "heard_as", sound_file=wav(samples))
    exact = (samples * 32767).astype("<i2") / numpy.float32(32768) * numpy.float32(32767)
    [pitches] = model("sound.mel.onnx").run(None, {"input": exact[None].astype(numpy.float32)})
    pitches = pitches.reshape(-1, 32) / 10 + 2
    listener = model("sound.embed.onnx")
    alone = [
        listener.run(None, {"input_1": pitches[None, start : start + 76, :, None]})[0].reshape(96)
        for start in range(0, len(pitches) - 75, 8)
    ]
    assert vectors.shape == (len(alone), 96)
    assert numpy.allclose(vectors, alone, atol=1e-3)


async def test_a_word_is_heard_again_and_others_are_not(hearing: Executor) -> None:
    word, other = spoken(), numpy.concatenate([vowel("i", 0.7, 200), vowel("o", 0.7, 90)])
    example = wav(word)
    there = wav(numpy.concatenate([other, word, silence(0.5)]))
    woken = await result(hearing, "wake", sound_file=there, example=example)
    assert woken["heard"]
    assert woken["second"] == pytest.approx(len(other) / RATE, abs=0.1)
    absent = wav(numpy.concatenate([other, silence(1)]))
    asleep = await result(hearing, "wake", sound_file=absent, example=example)
    assert not asleep["heard"]
    assert asleep["similarity"] < woken["similarity"]
