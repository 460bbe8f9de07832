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
from functools import cache
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
"""What takes a text, which can be made up."""

SHOWN = (
    ("retrieval/retrieval.infer", "ask", "an answer with the places that it comes from"),
    ("triage/triage.infer", "triage", "a table is described by a provider, and asked about once"),
    ("ocr/ocr.infer", "ocr", "a receipt is read, from its top to its bottom"),
    ("voice/voice.infer", "wake", "a word that was spoken once wakes, others do not"),
)
"""What takes more, such as a picture, and the test that shows which models one request calls."""

OWN = "no price per request: a machine"


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
        yield _row(file, name, day["requests"], day["calls"], day["cost"])
    for file, name, title in SHOWN:
        calls = _called(file, title)
        provider = "gpt" if "gpt" in calls else None
        day = _played(file, provider) if provider is not None else {"requests": _requests(), "cost": 0.0}
        requests = day["requests"]
        yield _row(
            file, name, requests, {each: count * requests for each, count in calls.items()}, day["cost"]
        )


def _row(file: str, name: str, requests: int, calls: dict[str, float], cost: float) -> str:
    asked = ", ".join(f"`{each}` {round(count * DAYS):,}" for each, count in calls.items() if count)
    shown = f"${cost * DAYS:,.2f}" if cost else OWN
    return f"| [{file}]({file}) | `{name}` | {requests * DAYS:,} | {asked} | {shown} |"


@cache
def _requests() -> int:
    """Of a working day, whatever is asked."""
    requests: int = _played(*ASKED[0])["requests"]
    return requests


def _called(file: str, title: str) -> dict[str, float]:
    """The calls that a request of the test takes, by the names of the deployments."""
    path = ROOT / "samples" / file.replace(".infer", "_test.infer")
    test = _said("test", str(path), "--format", "json", "--only", title)["tests"][0]
    return {each.rpartition(".")[2]: count / test["requests"] for each, count in test["calls"].items()}


def _said(*arguments: str) -> dict[str, Any]:
    """What a command says in JSON."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = inferc(list(arguments))
    if code != 0:
        raise SystemExit(f"error: `inferc {' '.join(arguments)}` ended with {code}")
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


@cache
def _played(file: str, name: str) -> dict[str, Any]:
    return _said("simulate", str(ROOT / "samples" / file), "--load", f"{name}={PEAK}", *LOAD)


if __name__ == "__main__":
    sys.exit(main())
