"""Write into samples/README.md what the samples cost a month: a working day is played, and counts 30 times.

python scripts/build_costs.py [--check]
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from _written import ROOT, only_check, put, status

from inferc.cli.main import main as inferc

PAGE = ROOT / "samples" / "README.md"
MARKED = re.compile(r"(<!-- costs -->\n)(.*?)(<!-- end -->)", re.DOTALL)
LOAD = ("--day", "--prompt", "500", "--answer", "200", "--format", "json")
PEAK = "2/m"
DAYS = 30
ASKED = (
    ("hello.infer", "gpt"),
    ("onnx.infer", "embedder"),
    ("remote.infer", "chat"),
    ("team.infer", "thorough"),
    ("support/support.infer", "support"),
    ("assistant/assistant.infer", "assistant"),
    ("assistant/assistant.infer", "translate"),
)
"""What takes a text: others, such as pictures, cannot be made up."""


def main() -> int:
    check = only_check(__doc__)
    text = PAGE.read_text("utf-8")
    table = "\n".join(_rows())
    return status(
        list(put([(PAGE, MARKED.sub(rf"\g<1>\n{table}\n\n\g<3>", text))], check)), check, "reference"
    )


def _rows() -> Iterator[str]:
    yield "| sample | asked | requests a month | calls of models | costs a month |"
    yield "| --- | --- | --- | --- | --- |"
    for file, name in ASKED:
        day = _played(file, name)
        asked = ", ".join(f"`{each}` {count * DAYS:,}" for each, count in day["calls"].items() if count)
        cost = f"${day['cost'] * DAYS:,.2f}"
        yield f"| [{file}]({file}) | `{name}` | {day['requests'] * DAYS:,} | {asked} | {cost} |"


def _played(file: str, name: str) -> dict[str, Any]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = inferc(["simulate", str(ROOT / "samples" / file), "--load", f"{name}={PEAK}", *LOAD])
    if code != 0:
        raise SystemExit(f"error: samples/{file}: `inferc simulate` ended with {code}")
    day: dict[str, Any] = json.loads(said.getvalue())
    return day


if __name__ == "__main__":
    sys.exit(main())
