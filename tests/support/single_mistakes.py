"""One mistake at a time: each token of the samples changed, dropped, or doubled.

    python -m tests.support.single_mistakes [--some N] [--show]

All of them say how many findings a single mistake leads to, and which ones lead to none although the file now
means something else.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from inferc.compiler.compile import Checked, check_file, compile_checked
from inferc.compiler.plan.codec import plan_converter
from inferc.dsl.diagnostics import Diagnostic
from inferc.dsl.parsing.tokens import Token, tokenize

SAMPLES = Path(__file__).parents[2] / "samples"

MISTAKEN = {
    "=": ":",
    ":": "=",
    ",": ";",
    ".": ",",
    "{": "(",
    "}": ")",
    "(": "{",
    ")": "]",
    "[": "(",
    "]": "}",
    "->": "=>",
    "=>": "->",
    "|": "/",
    "<": "[",
    ">": "]",
    "&&": "&",
    ">=": "=>",
    "==": "=",
    "*": "x",
    "/": "\\",
}
"""What is typed for a sign by mistake."""


@frozen
class Mistake:
    """A sample with one token that is not as it was."""

    path: Path
    line: int
    what: str
    text: str

    def check(self) -> Checked:
        return check_file(self.path.name, self.path, text=self.text)

    def __str__(self) -> str:
        return f"{self.path.relative_to(SAMPLES)}:{self.line}: {self.what}"


def single_mistakes() -> Iterator[Mistake]:
    """All of them, in the order of the files."""
    for path in sorted(SAMPLES.rglob("*.infer")):
        text = path.read_text("utf-8")
        for token in tokenize(text):
            if token.type == "$END":
                continue
            line = text.count("\n", 0, token.start) + 1
            for verb, instead in _instead(token):
                changed = text[: token.start] + instead + text[token.end :]
                yield Mistake(path, line, f"{verb} {token.text[:30]!r}", changed)


def _instead(token: Token) -> Iterator[tuple[str, str]]:
    yield "dropped", ""
    yield "doubled", f"{token.text} {token.text}"
    yield "changed", _changed(token)


def _changed(token: Token) -> str:
    """A slip: two letters that are swapped, a sign for another, a quote or a unit left out."""
    text = token.text
    if token.type == "STRING":
        return text[:-1]
    if token.type == "NUMBER":
        return text.rstrip("msk") if text.rstrip("msk") != text else f"{text}x"
    if text[0].isalpha() or text[0] == "_":
        return text[0] + text[2] + text[1] + text[3:] if len(text) > 2 and text[1] != text[2] else f"{text}x"
    return MISTAKEN.get(text, f"{text}{text}")


def findings(mistake: Mistake) -> tuple[Diagnostic, ...]:
    """What is said about it."""
    return mistake.check().diagnostics


def is_silent(mistake: Mistake) -> bool:
    """Whether nothing is said, and the plan is another one."""
    checked = mistake.check()
    return not checked.diagnostics and _meaning(checked, mistake.path) != _meaning(
        check_file(mistake.path.name, mistake.path), mistake.path
    )


def _meaning(checked: Checked, path: Path) -> Any:
    return _without_places(plan_converter().unstructure(compile_checked(checked, path.parent)))


_PLACES = ("source", "line", "column")


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_places(inner) for key, inner in value.items() if key not in _PLACES}
    return list(map(_without_places, value)) if isinstance(value, list) else value


def share(counts: Counter[int], most: int) -> float:
    """Of those about which something is said, the share with at most `most` findings."""
    said = {count: times for count, times in counts.items() if count}
    return sum(times for count, times in said.items() if count <= most) / sum(said.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--some", type=int, help="so many, picked at random")
    parser.add_argument("--show", type=int, default=5, help="print those with so many findings or more")
    arguments = parser.parse_args()
    mistakes: Iterable[Mistake] = list(single_mistakes())
    if arguments.some:
        mistakes = random.Random(1).sample(list(mistakes), arguments.some)
    counts: Counter[int] = Counter()
    for mistake in mistakes:
        found = findings(mistake)
        counts[len(found)] += 1
        if len(found) >= arguments.show:
            print(f"{len(found)} {mistake}")
            for item in found:
                where = item.primary.span if item.primary else None
                line = where.source.line_of(where.start) if where else 0
                print(f"      {line}: {item.code} {item.message}")
        elif not found and is_silent(mistake):
            print(f"0 {mistake}")
            counts[-1] += 1
    silent = counts.pop(-1, 0)
    for count, times in sorted(counts.items()):
        print(f"{count:3} findings: {times}")
    print(f"{share(counts, 1):.1%} with one, {share(counts, 2):.1%} with one or two, {silent} silent")


if __name__ == "__main__":
    main()
