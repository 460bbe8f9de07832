"""Pipelines over the sample models, compiled from a file and run in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from inferc.runtime.executor import Executor
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.serving.pipelines.pipeline import Result

from ..support.commands import SAMPLES
from ..support.projects import Project

FILE = f"""
deployment embedder {{
  model = "{SAMPLES}/models/minilm.onnx"
  runtime ort {{ outside_project = true }}
  task embed {{ tokenizer = "{SAMPLES}/models/tokenizer.json" }}
}}
deployment kinds {{
  model = "{SAMPLES}/models/magika.onnx"
  runtime ort {{ outside_project = true }}
}}
deployment labels {{
  model = "{SAMPLES}/models/magika.onnx"
  runtime ort {{ outside_project = true }}
  task classify {{ labels = [{", ".join(f'"kind {n}"' for n in range(214))}], activation = none }}
}}
route vectors = balance [embedder] by round_robin

type Hit = {{ item: text, index: int, score: float }}

pipeline closest(question: text, passages: list<text>) -> list<Hit> {{
  known = embedder(passages)
  asked = vectors(question)
  return top_k(cosine(asked, known), 2, of = passages)
}}

pipeline scores(data: tensor<i32, [1, 2048]>) -> tensor<f32> {{
  return softmax(kinds(data))
}}

pipeline label(data: tensor<i32, [1, 2048]>) -> text {{
  found = labels(data)
  return found.label
}}
"""

PASSAGES = [
    "A cat sleeps on the sofa.",
    "Interest rates rose again this spring.",
    "The kitten plays with a ball of wool.",
]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Executor]:
    project = Project(tmp_path_factory.mktemp("project"))
    it = Executor(project.plan(FILE), project.folder)
    await it.start()
    try:
        yield it
    finally:
        await it.stop()


async def run(executor: Executor, name: str, **given: Any) -> Result:
    pipeline = executor.pipeline(name)
    return await pipeline.run(PipelineCall(pipeline.read(given)))


async def test_the_closest_passages_are_found_with_a_local_model(executor: Executor) -> None:
    result = await run(executor, "closest", question="Where is the cat?", passages=PASSAGES)
    best, second = result.value
    assert (best["item"], best["index"]) == (PASSAGES[0], 0)
    assert second["index"] == 2
    assert best["score"] > second["score"] > 0.2
    assert sorted((span.step, span.deployment) for span in result.spans) == [
        ("asked", "embedder"),
        ("known", "embedder"),
    ]
    assert result.spent.tokens > 10
    assert result.spent.cost == 0
    assert (await run(executor, "closest", question="?", passages=[])).value == []


async def test_tensors_go_in_and_come_out_as_a_model_has_them(executor: Executor) -> None:
    text = [*b"import os\nprint(os.getcwd())\n"]
    data = [text + [256] * (2048 - len(text))]
    scores = (await run(executor, "scores", data=data)).value
    assert scores.shape == (1, 214)
    assert scores.sum() == pytest.approx(1, abs=1e-3)
    label = (await run(executor, "label", data=data)).value
    assert label == f"kind {int(scores.argmax())}"


async def test_a_tensor_of_another_shape_is_refused_before_anything_runs(executor: Executor) -> None:
    with pytest.raises(RequestError, match=r"`data`: expected tensor<i32, \[1, 2048\]>, found int32\[1, 3\]"):
        await run(executor, "scores", data=[[1, 2, 3]])
