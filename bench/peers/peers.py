"""Servers that others wrote: how each is started, asked, and what it was set to.

Each gets a core of its own, one process that answers, no log of requests and no store, and passes chats to
the upstream of `_upstream.py` or runs the tiny model of `scale.py` with ONNX Runtime on the CPU.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from _proxy import KEY, SCRIPT as PROXY
from _upstream import PATH as CHAT
from attrs import field, frozen
from scale import FILE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENVS = ROOT / ".venv-peers"
FORWARDER, HANDLER, INFERC = "aiohttp, a forwarder", "aiohttp, a handler", "**inferc**"
TINY = "/v2/models/tiny/infer"


@frozen
class Started:
    """A command line, where it is asked once it serves, and what it needs."""

    argv: list[str]
    url: str
    """Empty where the command prints it, or its port, as its first line."""
    path: str
    headers: Mapping[str, str] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    model: str = "gpt"


@frozen
class Peer:
    """Somebody's server. start: from the upstream's URL, or the model's path, and a folder for its files."""

    name: str
    settings: str
    needs: Path
    start: Callable[[str, Path], Started]


def _own(*arguments: str) -> Started:
    """One of the servers of `_proxy.py` or `_onnx_servers.py`, which print their port."""
    return Started([sys.executable, *arguments], "", CHAT if arguments[0] == PROXY else TINY)


def _file(model: str, folder: Path) -> Started:
    (folder / "tiny.infer").write_text(FILE)
    (folder / "tiny.onnx").symlink_to(model)
    port = free_port()
    command = [sys.executable, "-m", "inferc.cli", "run", str(folder / "tiny.infer"), "--port", str(port)]
    return Started(command, f"http://127.0.0.1:{port}", TINY)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tensorzero(upstream: str, folder: Path) -> Started:
    config = folder / "tensorzero.toml"
    config.write_text(
        "[gateway]\nobservability.enabled = false\n\n"
        '[models.gpt]\nrouting = ["upstream"]\n\n'
        '[models.gpt.providers.upstream]\ntype = "openai"\nmodel_name = "gpt-4o-mini"\n'
        f'api_base = "{upstream}/v1/"\napi_key_location = "env::BENCH_KEY"\n'
    )
    python = VENVS / "gateways/bin/python"
    argv = [str(python), "-W", "ignore", str(HERE / "tensorzero_gateway.py"), str(config)]
    return Started(argv, "", "/chat/completions", model="tensorzero::model_name::gpt", env=_QUIET)


def _portkey(upstream: str, folder: Path) -> Started:
    port = free_port()
    script = HERE / "node_modules/@portkey-ai/gateway/build/start-server.js"
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
    argv = ["node", str(script), "--headless", f"--port={port}"]
    trusted = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
    return Started(argv, f"http://127.0.0.1:{port}", "/v1/chat/completions", headers, trusted)


def _litellm(upstream: str, folder: Path) -> Started:
    port = free_port()
    model = {"model": "openai/gpt-4o-mini", "api_base": f"{upstream}/v1", "api_key": KEY}
    config = {
        "model_list": [{"model_name": "gpt", "litellm_params": model}],
        "general_settings": {"master_key": KEY},
    }
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config))
    command = str(VENVS / "gateways/bin/litellm")
    argv = [command, "--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    offline = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Started(argv, f"http://127.0.0.1:{port}", "/v1/chat/completions", env=offline)


def _mlserver(model: str, folder: Path) -> Started:
    http, grpc, metrics = free_port(), free_port(), free_port()
    ports = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    files: dict[str, dict[str, Any]] = {
        "settings.json": {**ports, "parallel_workers": 0, "debug": False, "use_structured_logging": False},
        "model-settings.json": {
            "name": "tiny",
            "implementation": "mlserver_model.Tiny",
            "parameters": {"uri": model},
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    argv = [str(VENVS / "models/bin/mlserver"), "start", str(folder)]
    return Started(argv, f"http://127.0.0.1:{http}", "/v2/models/tiny/infer", env={"PYTHONPATH": str(HERE)})


def _litserve(model: str, folder: Path) -> Started:
    port = free_port()
    argv = [str(VENVS / "models/bin/python"), str(HERE / "litserve_model.py"), model, str(port)]
    return Started(argv, f"http://127.0.0.1:{port}", "/predict")


def _pytriton(model: str, folder: Path) -> Started:
    http, *others = free_port(), free_port(), free_port()
    argv = [str(VENVS / "pytriton/bin/python"), str(HERE / "pytriton_model.py"), model, str(http)]
    return Started(
        [*argv, *map(str, others)],
        f"http://127.0.0.1:{http}",
        "/v2/models/tiny/infer",
        env={"HOME": str(folder), "PYTRITON_HOME": str(folder)},
    )


def _ray(model: str, folder: Path) -> Started:
    port = free_port()
    argv = [str(VENVS / "ray/bin/python"), str(HERE / "ray_model.py"), model, str(port)]
    return Started(argv, f"http://127.0.0.1:{port}", "/tiny")


_QUIET = {"RUST_LOG": "error", "BENCH_KEY": KEY, "OPENAI_API_KEY": KEY}

GATEWAYS = (
    Peer(
        FORWARDER,
        "what one writes in twenty lines with `web.Application` and `ClientSession`; looks at nothing",
        Path(PROXY),
        lambda upstream, _: _own(PROXY, "forwarder", upstream, CHAT),
    ),
    Peer(
        "aiohttp, lean",
        "all of aiohttp left out that can be: `web.Server`, and its connections without a session",
        Path(PROXY),
        lambda upstream, _: _own(PROXY, "lean", upstream, CHAT),
    ),
    Peer(
        INFERC,
        "a key with limits and a budget, access log, retries, circuit, rate limits, budget, metrics, records",
        Path(PROXY),
        lambda upstream, _: _own(PROXY, "gateway", upstream, "operated"),
    ),
    Peer(
        "TensorZero",
        "the gateway that its Python package embeds, in Rust; `observability.enabled = false`",
        VENVS / "gateways/bin/python",
        _tensorzero,
    ),
    Peer(
        "Portkey",
        "one process of Node.js, `--headless`, provider and host by headers",
        HERE / "node_modules/@portkey-ai/gateway/build/start-server.js",
        _portkey,
    ),
    Peer("LiteLLM", "`--num_workers 1`, a master key, no database", VENVS / "gateways/bin/litellm", _litellm),
)

MODELS = (
    Peer(
        HANDLER,
        "what one writes in thirty lines: orjson, and ONNX Runtime in a thread",
        Path(PROXY),
        lambda model, _: _own(str(ROOT / "bench/_onnx_servers.py"), "floor", str(Path(model).parent)),
    ),
    Peer(INFERC, "`inferc run` with a file of six lines", Path(PROXY), _file),
    Peer(
        "MLServer",
        "`parallel_workers` 0: the model is in the process that answers",
        VENVS / "models/bin/mlserver",
        _mlserver,
    ),
    Peer(
        "LitServe",
        "one worker, one server of its API, no batching",
        VENVS / "models/bin/litserve",
        _litserve,
    ),
    Peer(
        "PyTriton",
        "batches of up to 64, as its own batcher makes them",
        VENVS / "pytriton/bin/python",
        _pytriton,
    ),
    Peer(
        "Ray Serve",
        "its HTTP ingress and one replica, on a cluster of their own, which shares the core",
        VENVS / "ray/bin/python",
        _ray,
    ),
)


def environment(started: Started) -> dict[str, str]:
    """The variables that `started` gets: few of those of this process."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(started.env)
