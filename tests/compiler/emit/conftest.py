"""A file with everything that platforms must be told of, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml

from inferc.compiler.emit import Options, emit

from ...support import onnx_models
from ...support.projects import Project

FILE = """\
cluster {
  node a { gpus = 2 }
  node b { gpus = 2 }
}

deployment gpt {
  model = "gpt-4o-mini"
  replicas = 2
  runtime openai {
    api_key = [env("OPENAI_API_KEY"), file("/run/secrets/second key")]
    endpoint = env("MODELS_URL", "https://api.openai.com/v1")
  }
  price { input = $0.15, output = $0.60 }
  budget { max_spend_per_day = $5, on_exceeded = reject }
}

deployment llama {
  model = "meta-llama/Llama-3.1-8B-Instruct"
  gpus = 1
  replicas = 3
  price { input = $0, output = $0 }
  runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}"] } }
}

deployment digits_model {
  model = "digits.onnx"
}

route chat = fallback [llama, gpt] with {
  budget { max_spend_per_month = $100, on_exceeded = reject }
}

gateway {
  bind = "0.0.0.0:8080"
  auth = bearer(env("TOKEN"))
}
"""

RANGE = FILE.replace("replicas = 3", "replicas = 2..4\n  scaling { target = 16, downscale_delay = 10m }")
HOSTILE = "a\"b'c: {{ x }} $HOME $(HOME) %h #d\\ \u2028é\U0001f600 - [] | > & !x"

Emit = Callable[..., dict[str, str]]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml, as most platforms have it, and many times as quick."""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder with a model in it, to which no test adds anything."""
    folder = tmp_path_factory.mktemp("emitted")
    onnx_models.save(onnx_models.digits(), folder / "digits.onnx")
    return Project(folder)


@pytest.fixture(scope="session")
def emitted(project: Project) -> Emit:
    """The files for a target; of FILE, unless another text is given. The plan of a text is made once."""
    plan_of = cache(project.plan)

    def made(target: str, text: str = FILE, name: str = "prod", **options: object) -> dict[str, str]:
        return emit(target, name, plan_of(text), Options(**options))  # type: ignore[arg-type]

    return made


def written(value: str) -> str:
    """`value` as a file of ours writes it."""
    return json.dumps(value, ensure_ascii=False).replace("\u2028", r"\u{2028}")


def yaml_of(text: str) -> list[Any]:
    """The documents in a file of YAML."""
    return list(yaml.load_all(text, _LOADER))
