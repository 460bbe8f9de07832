"""docs/performance.md, with the tables of one run."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from datetime import date
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "performance.md"

_TEXT = """\
# Performance

Written by `make bench-peers` on {day}: {machine}, Python {python}, {rounds} rounds. Each server had
one core to itself, the load and the upstream shared another; servers took turns, and medians are shown (in
brackets, the least and the most). Compare the servers of one table: on another machine all numbers are
others, and on one that does something else, too, they scatter.

## Gateways

The same chat through each, to the same upstream, which answers at once. What the gateways do besides differs:
TensorZero keeps no limits here, Portkey and LiteLLM count none of what a chat costs against a budget.

{gateways}

## A tiny model

Four numbers in, three out, as JSON, with ONNX Runtime on the CPU: what is left is the server.

{models}

`bench/scale.py` measures Ray Serve with all cores, beside replicas on Ray behind this gateway
([Scale](scale.md)).

## How cost grows

`inferc` alone, with every policy and a key, as `inferc run` starts it. Microseconds are those of the
processor.

{growth}

[`bench/README.md`](../bench/README.md) lists the other benchmarks, what was tried, and what it gave.
"""


def write(tables: Mapping[str, str], rounds: int) -> None:
    """Write the page. tables: `gateways`, `models` and `growth`, as Markdown."""
    cores = len(os.sched_getaffinity(0))
    machine = f"{_processor()}, {cores} cores"
    text = _TEXT.format(
        day=date.today().isoformat(),
        machine=machine,
        python=_python(),
        rounds=rounds,
        **tables,
    )
    PAGE.write_text(text, "utf-8")


def _python() -> str:
    """Its version, and who built it how: profiles make it faster by an eighth."""
    version = platform.python_version()
    if Path(sys.executable).resolve().parent == Path("/usr/bin"):
        return f"{version} as {platform.freedesktop_os_release()['PRETTY_NAME']} builds it"
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return f"{version} built {'with' if '--enable-optimizations' in options else 'without'} profiles"


def _processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
