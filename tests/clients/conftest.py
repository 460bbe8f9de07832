"""`inferc run` in front of `inferc mock-provider`, both as users start them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INFERC = os.environ.get("INFERC", str(ROOT / ".venv/bin/inferc"))
FILE = """
deployment gpt {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
}}
deployment claude {{
  model = "claude-sonnet-4-5"
  runtime anthropic {{ api_key = env("KEY"), endpoint = "{url}" }}
}}
deployment flash {{
  model = "gemini-2.5-flash"
  runtime gemini {{ api_key = env("KEY"), endpoint = "{url}" }}
}}
deployment vectors {{
  model = "text-embedding-3-small"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
  task = embed
}}
deployment ranker {{
  model = "some-reranker"
  runtime openai_compatible {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
  task = rerank
}}
deployment minilm {{
  model = "minilm.onnx"
  task embed {{ tokenizer = "tokenizer.json" }}
}}
route assistant = fallback [claude, gpt]
route "claude-sonnet-4-5" = fallback [gpt, claude]
route "claude-haiku-4-5" = fallback [flash, claude]
pipeline echo(message: text) -> text {{ return gpt(message) }}
"""


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[str]:
    """A command that serves, until the block ends; gives its address."""
    env = {**os.environ, "KEY": "k", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [INFERC, *arguments], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail("".join(said))
        yield found[0]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with deployments of every kind."""
    folder = tmp_path_factory.mktemp("served")
    with started(folder, "mock-provider", "--port", "0") as provider:
        (folder / "served.infer").write_text(FILE.format(url=provider))
        for name in ("minilm.onnx", "tokenizer.json"):
            shutil.copy(ROOT / "samples/models" / name, folder)
        with started(folder, "run", "served.infer", "--port", "0") as gateway:
            yield gateway
