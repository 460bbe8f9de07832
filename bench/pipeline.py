"""What pipelines cost: checking their types, against parsing them.

    python bench/pipeline.py [--pipelines N] [--rounds N]

The file holds pipelines of ten steps: calls of models and externs, a `match`, loops, texts,
fields and arithmetic, as people write them.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable

_HEAD = """\
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("OPENAI_API_KEY") } }
deployment large { model = "gpt-4o", runtime openai { api_key = env("OPENAI_API_KEY") } }
route assistant = fallback [gpt, large]
type Verdict = { label: "refund" | "return" | "other", confidence: float }
extern intent(message: text) -> Verdict = python("shop.intents:classify")

"""

_PIPELINE = """\
pipeline reply_{n}(message: text, customer: text) -> text {{
  verdict = intent(message)
  sure = verdict.confidence >= 0.8 && verdict.label != "other"
  summary = gpt("Summarise: ${{message}}") with {{ timeout = 2s }}
  question = "${{customer}} asks: ${{summary}}"
  first = assistant(question, system = "Be polite.")
  second = large(question) else first
  both = [first, second]
  ratings = [intent(each) for each in both]
  answer = match verdict.label {{
    "refund" => large(message)
    "return" => if sure {{ first }} else {{ second }}
    _ => join(both, " ")
  }}
  signed = answer + " (" + text(len(ratings)) + ")"
  return signed
}}

"""


def generate(pipelines: int) -> str:
    """The text of a file with so many pipelines."""
    return _HEAD + "".join(_PIPELINE.format(n=n) for n in range(pipelines))


def median(action: Callable[[], object], rounds: int) -> float:
    """Median seconds of `action`."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def check_types(pipelines: int, rounds: int) -> None:
    """Print how long parsing and checking take, and their ratio."""
    from inferc.compiler.compile import check_file
    from inferc.dsl.parsing.parser import parse
    from inferc.dsl.source import Source

    text = generate(pipelines)
    checked = check_file("bench.infer", None, text=text)
    assert checked.ok, checked.diagnostics[:3]
    gc.disable()
    parsing = median(lambda: parse(Source("bench.infer", text)), rounds)
    whole = median(lambda: check_file("bench.infer", None, text=text), rounds)
    checking = whole - parsing
    print(f"{pipelines:,} pipelines of 10 steps, {text.count(chr(10)):,} lines")
    print(f"parse            {parsing * 1000:8.1f} ms")
    print(f"check all else   {checking * 1000:8.1f} ms   {checking / parsing:.2f} × parsing")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    check_types(arguments.pipelines, arguments.rounds)


if __name__ == "__main__":
    main()
