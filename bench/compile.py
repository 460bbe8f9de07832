"""How fast files are checked and compiled, against python-hcl2 merely parsing content of the same shape.

    python bench/compile.py [--lines 100,1000,10000,100000] [--rounds N]

Both are Lark grammars in Python. Each size runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LINES_PER_GROUP = 50

_INFER = """\
## Group {n}: shared settings.
let burst_{n} = {burst}

template production_{n} {{
  runtime openai {{
    api_key = env("OPENAI_API_KEY")   # never the key itself
    retry {{ max_retries = 3, initial_backoff = 500ms, max_backoff = 20s, jitter = full }}
    timeouts {{ request = 30s, read = 10s }}
    circuit_breaker {{
      failure_threshold = 10
      open_duration = 30s
    }}
  }}
  serving {{ max_concurrent = burst_{n} }}
}}

## The main model of group {n}.
deployment gpt_{n} from production_{n} {{
  model = "gpt-4o-mini"
  replicas = 2
  serving {{ on_capacity_exhausted = fallback(claude_{n}) }}
  idempotent = true
}}

deployment claude_{n} {{
  model = "claude-sonnet-4-0"
  runtime anthropic {{
    api_key = env("ANTHROPIC_API_KEY")
    timeouts {{
      request = 2 * 30s
      read = 10s
    }}
  }}
  serving {{
    max_concurrent = burst_{n} / 2
  }}
}}

deployment local_{n} {{
  model = "org/model-{n}"
  runtime vllm {{
    endpoint = "http://127.0.0.1:8000/v1"
    timeouts {{ request = 1m, read = 30s }}
  }}
  replicas = 4
}}

# Routes put several deployments behind one name.
route assistant_{n} = fallback [gpt_{n}, claude_{n}]

"""

_HCL = """\
# Group {n}: shared settings.
burst_{n} = {burst}

template "production_{n}" {{
  runtime "openai" {{
    api_key = env("OPENAI_API_KEY")   # never the key itself
    retry = {{ max_retries = 3, initial_backoff = "500ms", max_backoff = "20s", jitter = "full" }}
    timeouts = {{ request = "30s", read = "10s" }}
    circuit_breaker {{
      failure_threshold = 10
      open_duration = "30s"
    }}
  }}
  serving = {{ max_concurrent = burst_{n} }}
}}

# The main model of group {n}.
deployment "gpt_{n}" "production_{n}" {{
  model = "gpt-4o-mini"
  replicas = 2
  serving = {{ on_capacity_exhausted = fallback(claude_{n}) }}
  idempotent = true
}}

deployment "claude_{n}" {{
  model = "claude-sonnet-4-0"
  runtime "anthropic" {{
    api_key = env("ANTHROPIC_API_KEY")
    timeouts {{
      request = 2 * 30
      read = "10s"
    }}
  }}
  serving {{
    max_concurrent = burst_{n} / 2
  }}
}}

deployment "local_{n}" {{
  model = "org/model-{n}"
  runtime "vllm" {{
    endpoint = "http://127.0.0.1:8000/v1"
    timeouts = {{ request = "1m", read = "30s" }}
  }}
  replicas = 4
}}

# Routes put several deployments behind one name.
assistant_{n} = fallback([gpt_{n}, claude_{n}])

"""


def generate(template: str, lines: int) -> str:
    """Text of about `lines` lines, made of groups that differ in their names and numbers."""
    groups = max(1, lines // template.count("\n"))
    return "".join(template.format(n=n, burst=4 + 2 * (n % 30)) for n in range(groups))


def measure(kind: str, lines: int, rounds: int) -> dict[str, float]:
    """Median seconds of `kind` over `rounds`, with the lines and the memory it took, in bytes."""
    gc.disable()
    text = generate(_HCL if kind == "hcl2" else _INFER, lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.infer"
        path.write_text(text, "utf-8")
        action = _actions(path, text)[kind]
        if kind != "hcl2":
            _actions(_small(Path(folder)), "")[kind]()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            action()
            times.append(time.perf_counter() - started)
            gc.collect()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return {"seconds": statistics.median(times), "lines": text.count("\n"), "bytes": grown}


def _small(folder: Path) -> Path:
    path = folder / "small.infer"
    path.write_text(generate(_INFER, LINES_PER_GROUP), "utf-8")
    return path


def _actions(path: Path, text: str) -> dict[str, Callable[[], None]]:
    def check() -> None:
        from inferc.compiler.compile import check_file

        checked = check_file(path.name, path)
        assert checked.ok, checked.diagnostics[:3]

    def compile_() -> None:
        from inferc.compiler.compile import check_file, compile_checked
        from inferc.compiler.plan import dump_plan

        dump_plan(compile_checked(check_file(path.name, path), path.parent))

    def parse() -> None:
        from inferc.dsl.parsing.parser import parse as parse_source
        from inferc.dsl.source import Source

        parse_source(Source(path.name, path.read_text("utf-8"), path))

    def hcl2() -> None:
        import hcl2 as library

        library.load(io.StringIO(text))

    return {"check": check, "compile": compile_, "parse": parse, "hcl2": hcl2}


def in_process(kind: str, lines: int, rounds: int) -> dict[str, float]:
    """`measure` in a fresh process."""
    command = [sys.executable, __file__, "--one", kind, "--lines", str(lines), "--rounds", str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", default="100,1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.lines.split(",")]
    if arguments.one:
        print(json.dumps(measure(arguments.one, sizes[0], arguments.rounds)))
        return
    floor_lines = min(10_000, max(sizes))
    floor = in_process("hcl2", floor_lines, 1)
    floor_rate = floor["lines"] / floor["seconds"]
    print(f"{'python-hcl2, parse':24}{floor['lines']:>9,.0f} lines {floor_rate:>12,.0f} lines/s")
    for kind in ("parse", "check", "compile"):
        for size in sizes:
            result = in_process(kind, size, arguments.rounds if size <= 10_000 else 1)
            rate = result["lines"] / result["seconds"]
            print(
                f"{'inferc, ' + kind:24}{result['lines']:>9,.0f} lines {rate:>12,.0f} lines/s"
                f"  {rate / floor_rate:5.2f} × floor  {1e6 / rate:7.1f} µs/line"
                f"  {result['bytes'] / result['lines']:7.0f} B/line"
            )


if __name__ == "__main__":
    main()
