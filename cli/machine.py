"""What this machine can do: Python, the extras that are installed, ONNX Runtime, GPUs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ..compiler.plan import ExecutionProvider
from ..compiler.plan.installing import pip_install
from ..dsl.record import frozen

State = Literal["ok", "note", "missing"]

_DEVELOPMENT = "dev"
_ONNX = {"cpu", "gpu"}
"""Extras of which one is enough: both bring ONNX Runtime."""
_REQUIREMENT = re.compile(r"^([\w.-]+).*\bextra\s*==\s*[\"']([\w-]+)[\"']")
_PATIENCE = 5
"""Seconds that the driver of a GPU has to answer."""


@frozen
class Seen:
    """One thing that was looked at. state: `missing` stands in the way; a `note` does not."""

    what: str
    state: State
    text: str


def machine() -> Iterator[Seen]:
    """What there is, whatever file is served."""
    from ..dsl.version import __version__

    yield Seen("inferc", "ok", f"{__version__}, in {Path(__file__).parents[1]}")
    system = f"{platform.system()} {platform.machine()}"
    yield Seen("Python", "ok", f"{platform.python_version()} at {sys.executable}, on {system}")
    yield from _extras()
    yield from _onnxruntime()
    yield _gpus()


def _extras() -> Iterator[Seen]:
    """What `pip install 'inferc[…]'` would bring, and what of it is here."""
    try:
        lines = metadata.requires("inferc") or []
    except metadata.PackageNotFoundError:
        yield Seen("extras", "note", "not known: inferc runs from a folder, without having been installed")
        return
    extras: dict[str, list[str]] = {}
    for found in filter(None, map(_REQUIREMENT.match, lines)):
        in_its_place = found[2] in _ONNX and found[2] in extras  # where a platform has no wheel with CUDA
        if found[2] != _DEVELOPMENT and not in_its_place:
            extras.setdefault(found[2], []).append(found[1])
    for name, packages in extras.items():
        versions = {each: _version(each) for each in packages}
        if all(versions.values()):
            have = ", ".join(f"{each} {version}" for each, version in versions.items())
            yield Seen(f"extra {name}", "ok", have)
        else:
            if name in _ONNX and find_spec("onnxruntime") is not None:
                continue
            lacks = ", ".join(each for each, version in versions.items() if version is None)
            yield Seen(f"extra {name}", "note", f"without {lacks}: {pip_install(name)}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _onnxruntime() -> Iterator[Seen]:
    """The execution providers, each tried: what ONNX Runtime lists is only what it was built with."""
    if find_spec("onnxruntime") is None:
        yield Seen("ONNX Runtime", "note", "not here, and so no model runs on this machine: extra cpu or gpu")
        return
    from ..runtime.replicas.onnx.sessions.providers import ORT_NAMES, TITLES, why_missing
    from ..runtime.replicas.onnx.sessions.session import import_onnxruntime, preload_libraries
    from ..runtime.requests.errors import StartError

    try:
        ort = import_onnxruntime("inferc")
    except StartError as error:
        yield Seen("ONNX Runtime", "note", str(error))
        return
    yield Seen("ONNX Runtime", "ok", ort.__version__)
    installed = ort.get_available_providers()
    libraries = preload_libraries() if ORT_NAMES[ExecutionProvider.CUDA] in installed else ""
    for provider in (ExecutionProvider.CPU, ExecutionProvider.CUDA, ExecutionProvider.TENSORRT):
        name = f"  {TITLES[provider]}"
        works, printed = _tried(ort, ORT_NAMES[provider], installed)
        if works:
            yield Seen(name, "ok", "works: a small model loads on it")
        else:
            yield Seen(name, "note", why_missing(provider, installed, libraries + printed))


def _tried(ort: Any, provider: str, installed: list[str]) -> tuple[bool, str]:
    """Whether a session gets `provider`, and what was printed meanwhile."""
    if provider not in installed:
        return False, ""
    from ..runtime.replicas.onnx.sessions.native_output import captured_native_output

    small = Path(ort.__file__).parent / "datasets" / "sigmoid.onnx"
    with captured_native_output() as printed:
        try:
            names = ort.InferenceSession(str(small), providers=[provider]).get_providers()
        except Exception as error:  # whatever it is, it is why the provider does not work
            print(f"{provider}: {error}")
            names = []
    return provider in names, printed.text


def _gpus() -> Seen:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except FileNotFoundError:
        return Seen("GPUs", "note", "none of NVIDIA: nvidia-smi is not here")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Seen("GPUs", "note", f"not known: nvidia-smi does not answer ({type(error).__name__})")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 or not lines:
        return Seen("GPUs", "note", "none: nvidia-smi finds no GPU that it can use")
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    limited = "" if seen is None else f" (CUDA_VISIBLE_DEVICES={seen})"
    return Seen("GPUs", "ok", "; ".join(lines) + limited)
